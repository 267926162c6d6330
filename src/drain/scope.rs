//! The processes that rinit is responsible for, and how to signal these and no others.

use crate::signal::Signal;
use crate::sys::all_processes::AllProcesses;
use crate::sys::pidfd::Pidfd;
use crate::sys::procfs::Procfs;
use crate::sys::{Errno, Pid, Result, signals};

/// The processes that rinit is responsible for.
pub(super) enum Scope {
    /// As PID 1: all processes of the namespace.
    Namespace(AllProcesses),
    /// Otherwise: its descendants.
    Descendants(Descendants),
}

impl Scope {
    /// `all_processes`: the processes of the PID namespace, if rinit is its init.
    pub(super) fn of(all_processes: Option<AllProcesses>) -> Scope {
        all_processes.map_or_else(|| Scope::Descendants(Descendants::default()), Scope::Namespace)
    }

    /// The processes in scope that /proc shows, sorted by PID. `anew`: does not rely on what an earlier call has found.
    pub(super) fn list(&mut self, procfs: Procfs, anew: bool) -> Vec<Pid> {
        match self {
            Scope::Namespace(_) => sorted(procfs),
            Scope::Descendants(descendants) => {
                if anew {
                    *descendants = Descendants::default();
                }
                descendants.update(procfs);
                descendants.known.iter().map(|(pid, _)| *pid).collect()
            }
        }
    }

    /// Sends to all. ESRCH where there is no process, ENOENT where /proc does not show them, EPERM where rinit may
    /// signal none of them. `anew`: as for `list`.
    pub(super) fn send(&mut self, signal: Signal, anew: bool) -> Result<()> {
        if let Scope::Namespace(all_processes) = self {
            return all_processes.send(signal);
        }
        let procfs = Procfs::of_our_namespace().ok_or(Errno::ENOENT)?;
        let mut result = Err(Errno::ESRCH);
        for pid in self.list(procfs, anew) {
            match self.send_to(procfs, pid, signal) {
                Ok(()) => result = Ok(()),
                Err(Errno::EPERM) => result = result.or(Err(Errno::EPERM)),
                Err(_) => {}
            }
        }
        result
    }

    /// Sends to one process. ESRCH where it is gone, EPERM where rinit may not signal it, ENOSYS where the signal might hit
    /// another process.
    pub(super) fn send_to(&mut self, procfs: Procfs, pid: Pid, signal: Signal) -> Result<()> {
        match self {
            // Even if the PID has been used again, the new process is in the namespace too.
            Scope::Namespace(_) => signals::send(pid, signal),
            Scope::Descendants(descendants) => descendants.send_to(procfs, pid, signal),
        }
    }
}

fn sorted(procfs: Procfs) -> Vec<Pid> {
    let mut pids: Vec<Pid> = procfs.processes().collect();
    pids.sort_unstable();
    pids
}

/// rinit's descendants. A descendant stays one until it exits: rinit is a subreaper, so orphans become children of rinit or
/// of a subreaper below it.
#[derive(Default)]
pub(super) struct Descendants {
    /// Each with its start time, as a later process may have the same PID; sorted.
    known: Vec<(Pid, u64)>,
    /// Processes that are not descendants; sorted.
    unrelated: Vec<Pid>,
}

impl Descendants {
    fn started(&self, pid: Pid) -> Option<u64> {
        let place = self.known.binary_search_by_key(&pid, |(known, _)| *known).ok()?;
        self.known.get(place).map(|(_, started)| *started)
    }

    /// Adds new descendants and forgets those that are gone. Reads files of new processes and of their parents only.
    fn update(&mut self, procfs: Procfs) {
        let us = nix::unistd::getpid();
        let present = sorted(procfs);
        let is_present = |pid: &Pid| present.binary_search(pid).is_ok();
        self.known.retain(|(pid, _)| is_present(pid));
        self.unrelated.retain(is_present);
        let is_new = |pid: &&Pid| self.started(**pid).is_none() && self.unrelated.binary_search(pid).is_err();
        let mut new: Vec<(Pid, Pid, u64)> = present
            .iter()
            .filter(is_new)
            .filter_map(|pid| procfs.stat(*pid).map(|stat| (*pid, stat.parent, stat.started)))
            .collect();
        // Repeat while descendants are found: a parent can have a higher PID than its child.
        loop {
            let before = new.len();
            new.retain(|(pid, parent, started)| {
                // The child's stat has only the parent's PID. If the known process still has it, that is the parent.
                let is_same = |since| procfs.stat(*parent).is_some_and(|stat| stat.started == since);
                let is_ours = *parent == us || self.started(*parent).is_some_and(is_same);
                if is_ours && let Err(place) = self.known.binary_search_by_key(pid, |(known, _)| *known) {
                    self.known.insert(place, (*pid, *started));
                }
                !is_ours
            });
            if new.len() == before {
                break;
            }
        }
        // Certainly unrelated: its parent is PID 1, is outside, or is present and not a descendant. Otherwise the parent has
        // just exited, and the next call examines the process again with its new parent.
        new.retain(|(_, parent, _)| parent.as_raw() <= 1 || is_present(parent) && self.started(*parent).is_none());
        self.unrelated.extend(new.iter().map(|(pid, ..)| *pid));
        self.unrelated.sort_unstable();
    }

    /// Signals a descendant, and no later process with the same PID. The start time is read after the pidfd was opened: if
    /// the PID is still the descendant's then, it was so when the pidfd was opened.
    fn send_to(&mut self, procfs: Procfs, pid: Pid, signal: Signal) -> Result<()> {
        let started = self.started(pid);
        let is_same = || started.is_some() && procfs.stat(pid).map(|stat| stat.started) == started;
        let sent = Pidfd::open(pid).and_then(|pidfd| if is_same() { pidfd.send(signal) } else { Err(Errno::ESRCH) });
        match sent {
            // The next update finds out what has the PID now.
            Err(Errno::ESRCH) => {
                self.known.retain(|(known, _)| *known != pid);
                sent
            }
            // Without pidfds only the PIDs of children are certain: they stay reserved until rinit reaps them.
            Err(Errno::ENOSYS | Errno::EPERM | Errno::EACCES) => {
                let is_child = procfs.stat(pid).is_some_and(|stat| stat.parent == nix::unistd::getpid());
                match is_child {
                    true => signals::send(pid, signal),
                    // Not even rinit's own can be opened: there are no pidfds here.
                    false if Pidfd::open(nix::unistd::getpid()).is_err() => Err(Errno::ENOSYS),
                    false => sent,
                }
            }
            sent => sent,
        }
    }
}
