//! Whom rinit answers for, and how a signal reaches these and nobody else.

use crate::family::Family;
use crate::signal::Signal;
use crate::sys::everyone::Everyone;
use crate::sys::pidfd::Pidfd;
use crate::sys::procfs::Procfs;
use crate::sys::{Errno, Pid, Result, signals};

/// How far rinit's answer goes.
#[derive(Clone, Copy)]
pub(super) enum Reach {
    /// As PID 1: all processes of the namespace.
    Namespace(Everyone),
    /// Else: descendants only.
    Descendants,
}

impl Reach {
    /// All of the namespace for its init, which alone has an `everyone`; descendants for any other process.
    pub(super) fn of(everyone: Option<Everyone>) -> Reach {
        everyone.map_or(Reach::Descendants, Reach::Namespace)
    }

    /// Everybody in reach, as /proc shows them; descendants come after their parents.
    pub(super) fn members(self, procfs: Procfs) -> impl Iterator<Item = Pid> {
        let (everyone, family) = match self {
            Reach::Namespace(_) => (Some(procfs.processes()), Vec::new()),
            Reach::Descendants => (None, descendants(procfs)),
        };
        everyone.into_iter().flatten().chain(family)
    }

    /// Sends to all. ESRCH where there is nobody, ENOENT where /proc does not show who they are.
    pub(super) fn send(self, signal: Signal) -> Result<()> {
        match self {
            Reach::Namespace(everyone) => everyone.send(signal),
            Reach::Descendants => {
                let procfs = Procfs::of_our_namespace().ok_or(Errno::ENOENT)?;
                let family = descendants(procfs);
                let sent = family.iter().filter(|pid| send_to_descendant(procfs, **pid, signal).is_ok()).count();
                if sent == 0 { Err(Errno::ESRCH) } else { Ok(()) }
            }
        }
    }

    /// Sends to one member.
    pub(super) fn send_to(self, procfs: Procfs, pid: Pid, signal: Signal) -> Result<()> {
        match self {
            // Should the PID be another's by now, that one is in the namespace too, and to be asked as well.
            Reach::Namespace(_) => signals::send(pid, signal),
            Reach::Descendants => send_to_descendant(procfs, pid, signal),
        }
    }
}

/// All descendants of this process, parents before children.
fn descendants(procfs: Procfs) -> Vec<Pid> {
    let mut family = Family::read(procfs).from(nix::unistd::getpid());
    family.remove(0);
    family
}

/// Signals a process that is our descendant, and no other, even if its PID has become another's since it was found. The
/// pidfd holds on to one process; what is read after it was opened is about that process, or that process is dead and the
/// signal fails.
fn send_to_descendant(procfs: Procfs, pid: Pid, signal: Signal) -> Result<()> {
    let sent = Pidfd::open(pid).and_then(|pidfd| match is_descendant(procfs, pid) {
        true => pidfd.send(signal),
        false => Err(Errno::ESRCH),
    });
    match sent {
        // No pidfds here: a child's PID is its own until we reap it, and nobody else's is safe.
        Err(Errno::ENOSYS | Errno::EPERM | Errno::EACCES) => {
            let is_child = procfs.stat(pid).is_some_and(|stat| stat.parent == nix::unistd::getpid());
            if is_child { signals::send(pid, signal) } else { Err(Errno::EPERM) }
        }
        sent => sent,
    }
}

/// Whether a process descends from us. Where an ancestor ends meanwhile, its children have another parent: asked again.
fn is_descendant(procfs: Procfs, pid: Pid) -> bool {
    (0..100).find_map(|_| leads_to_us(procfs, pid)).unwrap_or(false)
}

/// Follows the parents up to us. A link counts only if the child still has that parent after the parent's own entry was
/// read: then the PID was the parent's all the while. None where the chain changed while it was read.
fn leads_to_us(procfs: Procfs, pid: Pid) -> Option<bool> {
    let us = nix::unistd::getpid();
    let mut child = pid;
    let Some(mut parent) = procfs.stat(child).map(|stat| stat.parent) else {
        return Some(false);
    };
    for _ in 0..100_000 {
        if parent == us {
            return Some(true);
        }
        if parent.as_raw() <= 1 {
            return Some(false);
        }
        let above = procfs.stat(parent)?.parent;
        if procfs.stat(child)?.parent != parent {
            return None;
        }
        (child, parent) = (parent, above);
    }
    Some(false)
}
