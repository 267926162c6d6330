//! What the rules need to know about the terminal and processes, and the changes rinit makes to the terminal.

use super::{Foreground, OwnGroup, Sent};
use crate::signal::{Signal, SignalSet, Treatment};
use crate::sys::procfs::{Procfs, Stat, Status};
use crate::sys::signals::Received;
use crate::sys::terminal::Terminal;
use crate::sys::{Pid, clock, descriptors, signals};

/// The process group that rinit was started in; `mask`: the signal mask at that time.
pub fn own_group(mask: SignalSet) -> OwnGroup {
    let us = nix::unistd::getpid();
    OwnGroup {
        leads_session: nix::unistd::getsid(None) == Ok(us),
        leads_group: nix::unistd::getpgrp() == us,
        has_pipe: (0..=2).any(descriptors::is_pipe),
        ignores_ttin: mask.contains(Signal::TTIN) || signals::is_ignored(Signal::TTIN),
    }
}

/// Which group has the foreground of our terminal.
pub fn foreground(main: Pid) -> Foreground {
    match Terminal::open().map(|terminal| terminal.foreground()) {
        Some(Ok(group)) if group == nix::unistd::getpgrp() => Foreground::Ours,
        Some(Ok(group)) if group == main => Foreground::Mains,
        Some(Ok(group)) if !lives(group) => Foreground::Gone,
        _ => Foreground::Another,
    }
}

/// Whether a group has a living process. If its leader is a zombie, the group is taken for dead: most likely the leader's
/// parent is stopped, and therefore does not reap it.
fn lives(group: Pid) -> bool {
    let is_zombie = || stat(group).is_some_and(|stat| stat.group == group && stat.is_dead());
    // 0 is a group outside our PID namespace.
    group.as_raw() <= 1 || signals::group_exists(group) && !is_zombie()
}

/// Makes a group the foreground group.
pub fn give_foreground(group: Pid) {
    if let Some(terminal) = Terminal::open() {
        let _ = terminal.set_foreground(group);
    }
}

/// Makes our own group the foreground group.
pub fn take_foreground() {
    give_foreground(nix::unistd::getpgrp());
}

/// Whether main is an interactive shell.
pub fn is_interactive_shell(main: Pid) -> bool {
    let leads = stat(main).is_some_and(|stat| stat.has_terminal && (stat.session == main || stat.group == main));
    status(main).is_some_and(|status| super::hangs_up(status.ignored, leads))
}

/// Whether main handles, blocks or ignores TSTP.
pub fn handles_ctrl_z(main: Pid) -> bool {
    status(main)
        .is_some_and(|status| SignalSet(status.ignored.0 | status.caught.0 | status.blocked.0).contains(Signal::TSTP))
}

/// Whether a signal kills main: main has the default action for it. Also true if main is gone already.
pub fn is_fatal(signal: Signal, main: Pid) -> bool {
    let kills = |status: Status| status.treatment(signal) == Treatment::Default;
    Procfs::of_our_namespace().is_some_and(|procfs| procfs.status(main).is_none_or(kills))
}

/// Details of a signal that a process of our own group has sent by kill(2). None for any other signal, and for a sender
/// with several threads, as any of them may have sent it.
pub fn sent_within_group(received: Received) -> Option<Sent> {
    let sender = Pid::from_raw(received.sender);
    let is_standard = received.signal.number() < libc::SIGRTMIN();
    // 0 is a sender outside our PID namespace; to getpgid(2) it would mean ourselves.
    if !received.by_kill
        || received.sender <= 0
        || !is_standard
        || nix::unistd::getpgid(Some(sender)) != Ok(nix::unistd::getpgrp())
    {
        return None;
    }
    // If the sender sleeps now, it has gone to sleep after it sent the signal.
    let sleeps_before = |status: Status| status.sleeps.saturating_sub(u64::from(status.state != b'R'));
    let read = || status(sender).filter(|status| status.threads == 1).map(sleeps_before);
    // Read until it is stable: the sender may go to sleep while the kernel writes the state and the number.
    let mut sleeps = read()?;
    for _ in 0..10 {
        let before = std::mem::replace(&mut sleeps, read()?);
        if sleeps == before {
            break;
        }
    }
    Some(Sent { signal: received.signal, sender: received.sender, sleeps, at: clock::now() })
}

fn stat(pid: Pid) -> Option<Stat> {
    Procfs::of_our_namespace()?.stat(pid)
}

fn status(pid: Pid) -> Option<Status> {
    Procfs::of_our_namespace()?.status(pid)
}
