//! Shells, and whether they wait for a foreground child: they run the trap for a signal only when that child has exited.

use crate::family::Family;
use crate::signal::Signal;
use crate::sys::procfs::{Procfs, Stat};
use crate::sys::{Pid, clock};

/// Whether a process is a shell, by its arguments: the process name of a script with a `#!` line is the script's.
pub fn is_shell(procfs: Procfs, pid: Pid) -> bool {
    let arguments = procfs.arguments(pid);
    let mut names = arguments.iter().map(|path| path.rsplit_once('/').map_or(path.as_str(), |(_, name)| name));
    match names.next() {
        Some("busybox") => matches!(names.next(), Some("sh" | "ash")),
        // `-bash` is a login shell.
        Some(name) => matches!(name.trim_start_matches('-'), "sh" | "bash" | "dash" | "ash" | "zsh"),
        None => false,
    }
}

/// The foreground child that a shell waits for. None unless that is certain: a shell that waits for a background child
/// with the `wait` builtin passes the signal on in its trap, and the child must not get it twice.
pub fn blocked_on(procfs: Procfs, shell: Pid, mut children: impl Iterator<Item = Pid>) -> Option<Pid> {
    // For a background child dash and BusyBox wait in sigsuspend(2). bash waits in waitpid(2) for both kinds.
    if procfs.sleeps_in(shell)? != "do_wait" || !is_shell(procfs, shell) {
        return None;
    }
    let shell_stat = procfs.stat(shell)?;
    children.find(|child| is_foreground(procfs, shell, &shell_stat, *child).unwrap_or(false))
}

/// Whether a child was started in the foreground. A shell without job control has a background child ignore INT and
/// QUIT, with /dev/null as its stdin (POSIX, "Asynchronous Lists"); one with job control gives it a group of its own.
fn is_foreground(procfs: Procfs, shell: Pid, shell_stat: &Stat, child: Pid) -> Option<bool> {
    let (stat, status) = (procfs.stat(child)?, procfs.status(child)?);
    let can_be = stat.parent == shell
        && !stat.is_dead()
        && (stat.group == shell_stat.group || stat.session != shell_stat.session)
        && ![Signal::INT, Signal::QUIT].into_iter().any(|signal| status.ignored.contains(signal));
    // A program that handles one of them may have inherited both as ignored: Node.js sets all signals to the default action
    // first. Then only its stdin shows whether it is in the background.
    let untouched = ![Signal::INT, Signal::QUIT].into_iter().any(|signal| status.caught.contains(signal));
    Some(can_be && (untouched || procfs.shares_stdin(child, shell)?))
}

/// The foreground child of a main that is a shell. A stop signal for main is sent to this child too: a shell with a
/// trap for the signal acts on it only when the child has exited.
#[derive(Debug, Default)]
pub struct ForegroundChild {
    /// The child that the last stop signal was sent to.
    pub child: Option<Pid>,
    /// When main was first sent a stop signal that it handles, in clock ticks since boot.
    handling_since: Option<u64>,
}

impl ForegroundChild {
    /// The child that has to get `signal` as well, which is about to be sent to main.
    pub fn child_for(&mut self, main: Pid, signal: Signal) -> Option<Pid> {
        let procfs = Procfs::of_our_namespace().filter(|_| signal.requests_termination())?;
        if !procfs.status(main)?.caught.contains(signal) {
            return None;
        }
        // A child that was started after the first stop signal was started by the trap itself.
        let before = self.child;
        let is_older = |pid: &Pid| {
            let started_before = |since| procfs.stat(*pid).is_some_and(|stat| stat.started < since);
            before == Some(*pid) || self.handling_since.is_none_or(started_before)
        };
        // Lazy: the process list is read only if main is a shell.
        let children = [main].into_iter().flat_map(|main| Family::read(procfs).children(main).collect::<Vec<_>>());
        self.child = blocked_on(procfs, main, children.filter(is_older));
        self.handling_since = self.handling_since.or(Some(clock::ticks_since_boot()));
        self.child
    }
}
