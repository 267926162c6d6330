//! Why a stop is slow: which processes are still alive, and what each of them does with the signal.

use super::processes;
use crate::family::Family;
use crate::options::Target;
use crate::shell;
use crate::signal::Signal;
use crate::sys::procfs::{Procfs, Status};
use crate::sys::{Pid, clock};
use log::warn;
use std::time::Duration;

/// What was sent, where to, and how long ago.
#[derive(Clone, Copy, Debug)]
pub struct Stop<'a> {
    /// The first stop signal, or the drain's own TERM.
    pub signal: Signal,
    /// The time since then.
    pub ago: Duration,
    /// Where it was sent to while main was alive.
    pub target: Target,
    /// main, if it is still alive.
    pub main: Option<Pid>,
    /// The child of main that was sent it too, if main is a shell that waits for that child.
    pub foreground: Option<Pid>,
    /// Remaining processes that the drain has not asked yet.
    pub deferred: &'a [Pid],
}

/// Why a process has not exited, as far as /proc shows; the most useful reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// The signal is pending: it is stopped and does not see it.
    Stopped,
    /// The signal is pending: it hangs in the kernel.
    Uninterruptible,
    /// It ignores the signal.
    Ignores,
    /// The signal is pending, and blocked.
    Blocks,
    /// It is the init of a PID namespace, which the default action does not kill.
    NestedInit,
    /// The signal was not sent to it.
    NotSignalled,
    /// A shell that runs its trap only when its foreground child has exited.
    ShellWaits(Pid),
    /// It has a handler.
    Handles,
    /// Takes blocked signals from a signalfd or sigwait(3).
    Waits,
    /// /proc does not show what it does with signals (gVisor).
    Unknown,
    /// It has the default action, so it should be exiting.
    Default,
    /// Dead; its parent does not wait for it.
    Zombie(Pid),
}

/// How many processes are shown.
const SHOWN: usize = 20;

/// A line of the report: why, and the process.
type Row = (Reason, Pid);

/// What the report shows. Its size does not depend on the number of processes: rinit would keep that memory.
#[derive(Default)]
struct Found {
    alive: usize,
    dead: usize,
    /// The most useful lines, sorted.
    shown: Vec<Row>,
    /// main, if it has not exited.
    main: Option<Row>,
    /// The first child of main that is the init of a PID namespace.
    child_init: Option<Row>,
    /// The first zombie.
    zombie: Option<Row>,
}

impl Found {
    fn add(&mut self, row: Row, parent: Option<Pid>, stop: Stop<'_>) {
        match row.0 {
            Reason::Zombie(_) => {
                self.dead += 1;
                self.zombie = Some(self.zombie.map_or(row, |first| first.min(row)));
            }
            _ => self.alive += 1,
        }
        if stop.main == Some(row.1) {
            self.main = Some(row);
        }
        if stop.main.is_some() && stop.main == parent && row.0 == Reason::NestedInit {
            self.child_init = Some(self.child_init.map_or(row, |first| first.min(row)));
        }
        let place = self.shown.partition_point(|other| *other < row);
        if place < SHOWN {
            self.shown.truncate(SHOWN - 1);
            self.shown.insert(place, row);
        }
    }
}

/// Prints the report, one line for each process.
pub fn report(stop: Stop<'_>) {
    let (signal, ago) = (stop.signal, rounded(stop.ago));
    let Some(procfs) = Procfs::of_our_namespace() else {
        warn!("{ago:?} after {signal}: not all processes have exited; /proc does not show which");
        return;
    };
    let family = Family::read(procfs);
    let us = nix::unistd::getpid();
    // While main is alive, only its descendants can delay its exit: it may wait for them.
    let concerned = match stop.main {
        Some(main) => family.with_descendants(main),
        None if us.as_raw() == 1 => family.members(),
        None => family.with_descendants(us),
    };
    let mut found = Found::default();
    for pid in concerned.into_iter().filter(|pid| *pid != us) {
        let Some(status) = procfs.status(pid) else { continue };
        if let Some(reason) = reason(procfs, &family, (pid, &status), stop) {
            found.add((reason, pid), status.parent, stop);
        }
    }
    let Found { alive, dead, .. } = found;
    if alive + dead == 0 {
        return;
    }
    warn!(
        "{ago:?} after {signal}: {alive} still running{}",
        if dead > 0 { format!(", {dead} not reaped") } else { String::new() }
    );
    show(procfs, &found.shown, stop);
    let hidden = (alive + dead).saturating_sub(SHOWN);
    if hidden > 0 {
        warn!("  and {hidden} more");
    }
    if let Some(hint) = hint(procfs, &family, &found, stop) {
        warn!("hint: {hint}");
    }
}

/// Why a stop by TERM would be slow because of this process, as far as that is known beforehand: it ignores TERM, does not
/// get it, or is a shell that waits for another process.
pub fn foresee(
    procfs: Procfs,
    family: &Family,
    (main, target): (Pid, Target),
    (pid, status): (Pid, &Status),
) -> Option<String> {
    let stop =
        Stop { signal: Signal::TERM, ago: Duration::ZERO, target, main: Some(main), foreground: None, deferred: &[] };
    Some(match reason(procfs, family, (pid, status), stop)? {
        Reason::Ignores => "ignores SIGTERM".to_owned(),
        Reason::NotSignalled => "gets SIGTERM only after main has exited".to_owned(),
        Reason::ShellWaits(child) => format!("acts on SIGTERM only after PID {child} has exited"),
        _ => return None,
    })
}

/// Rounded down to milliseconds.
pub fn rounded(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn show(procfs: Procfs, rows: &[Row], stop: Stop<'_>) {
    // Sorted by reason; the tree keeps that order among the children of one parent.
    let family: Vec<(Pid, Pid)> =
        rows.iter().filter_map(|(_, pid)| Some((*pid, shown_parent(procfs, *pid, rows)?))).collect();
    let described: Vec<(String, String, String)> = processes::tree(&family)
        .iter()
        .filter_map(|branch| {
            let (reason, pid) = rows.iter().find(|(_, pid)| *pid == branch.pid)?;
            let main = if stop.main == Some(*pid) { " (main)" } else { "" };
            let command = shortened(procfs.command(*pid));
            Some((pid.to_string(), reason.in_words(stop), format!("{}{command}{main}", branch.lines)))
        })
        .collect();
    let width = |column: fn(&(String, String, String)) -> &String| described.iter().map(|row| column(row).len()).max();
    let (pids, words) = (width(|row| &row.0).unwrap_or(0), width(|row| &row.1).unwrap_or(0));
    for (pid, treatment, command) in &described {
        warn!("  PID {pid:>pids$}  {treatment:words$}  {command}");
    }
}

/// The beginning of a long command line.
fn shortened(command: String) -> String {
    const LONGEST: usize = 80;
    match command.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", command.get(..end).unwrap_or_default()),
        None => command,
    }
}

/// The nearest ancestor that is shown, or else a PID that is not shown. None if the process is gone by now.
fn shown_parent(procfs: Procfs, pid: Pid, rows: &[Row]) -> Option<Pid> {
    let mut parent = procfs.stat(pid)?.parent;
    // The chain of parents ends outside. The bound is for a chain that changes while it is read.
    for _ in 0..1000 {
        if rows.iter().any(|(_, shown)| *shown == parent) {
            break;
        }
        let Some(stat) = procfs.stat(parent) else { break };
        parent = stat.parent;
    }
    Some(parent)
}

/// Why a process is still there. None for a zombie that is about to be reaped.
fn reason(procfs: Procfs, family: &Family, (pid, status): (Pid, &Status), stop: Stop<'_>) -> Option<Reason> {
    if status.is_dead() {
        // rinit reaps its own children, and a parent outside of the namespace reaps its own.
        let parent = status.parent.filter(|parent| *parent != nix::unistd::getpid())?;
        return procfs.stat(parent).is_some_and(|stat| !stat.is_dead()).then_some(Reason::Zombie(parent));
    }
    let pending = status.pending.contains(stop.signal);
    Some(if !was_sent(procfs, pid, status, stop) {
        Reason::NotSignalled
    } else if pending && matches!(status.state, b'T' | b't') {
        Reason::Stopped
    } else if pending && status.state == b'D' {
        Reason::Uninterruptible
    } else if status.ignored.contains(stop.signal) {
        Reason::Ignores
    } else if status.blocked.contains(stop.signal) {
        if pending { Reason::Blocks } else { Reason::Waits }
    } else if status.caught.contains(stop.signal) {
        waits_for(procfs, family, pid, stop).map_or(Reason::Handles, Reason::ShellWaits)
    } else if !status.shows_signals {
        Reason::Unknown
    } else if status.is_nested_init() {
        Reason::NestedInit
    } else {
        Reason::Default
    })
}

/// Whether a process was sent the signal: while main is alive the target, afterwards what the drain has asked.
fn was_sent(procfs: Procfs, pid: Pid, status: &Status, stop: Stop<'_>) -> bool {
    match (stop.main, stop.target) {
        // A process that ignores the signal is reported as such, asked or not.
        (None, _) => !stop.deferred.contains(&pid) || status.ignored.contains(stop.signal),
        (_, Target::All) => true,
        (Some(main), Target::Group) => {
            pid == main || status.group.or_else(|| Some(procfs.stat(pid)?.group)) == Some(main)
        }
        (Some(main), Target::Main) => pid == main || stop.foreground == Some(pid),
    }
}

/// The child that a shell waits for in the foreground. One that did not get the signal is preferred.
fn waits_for(procfs: Procfs, family: &Family, shell: Pid, stop: Stop<'_>) -> Option<Pid> {
    let unsent = |pid: &Pid| procfs.status(*pid).is_some_and(|status| !was_sent(procfs, *pid, &status, stop));
    let children = family.children(shell).filter(unsent).chain(family.children(shell));
    shell::blocked_on(procfs, shell, children)
}

impl Reason {
    fn in_words(self, stop: Stop<'_>) -> String {
        let signal = stop.signal;
        match self {
            Reason::Stopped => format!("is stopped, {signal} is pending"),
            Reason::Uninterruptible => format!("is in uninterruptible sleep, {signal} is pending"),
            Reason::Ignores => format!("ignores {signal}"),
            Reason::Blocks => format!("blocks {signal}"),
            Reason::NestedInit => format!("is PID 1 of a namespace: {signal} has no default action"),
            Reason::NotSignalled => match stop.target {
                _ if stop.main.is_none() => "has not been asked to exit yet".to_owned(),
                Target::Main => "was not signalled: is not main".to_owned(),
                Target::Group | Target::All => "was not signalled: not in main's group".to_owned(),
            },
            Reason::ShellWaits(child) => format!("handles {signal} once PID {child} has exited"),
            Reason::Handles => format!("handles {signal}"),
            Reason::Waits => format!("takes {signal} from a queue"),
            Reason::Unknown => format!("was sent {signal}"),
            Reason::Default => format!("has the default action for {signal}"),
            Reason::Zombie(parent) => format!("is a zombie, not reaped by PID {parent}"),
        }
    }
}

/// One line of advice, if the cause is certain.
fn hint(procfs: Procfs, family: &Family, found: &Found, stop: Stop<'_>) -> Option<String> {
    if let Some((reason, main)) = found.main {
        if reason == Reason::Handles && restarts_its_children(procfs, family, main, stop) {
            return Some(format!(
                "main restarts its workers on {0}; -r {1}:QUIT or -r {1}:INT is usual",
                stop.signal,
                stop.signal.to_string().trim_start_matches("SIG")
            ));
        }
        if let Reason::ShellWaits(child) = reason {
            // If the child got the signal too and stays, the child is the cause, and not the shell.
            let cause = procfs.status(child);
            let cause = cause.and_then(|status| self::reason(procfs, family, (child, &status), stop));
            return match cause {
                Some(Reason::NotSignalled) | None => reason.hint(main, stop),
                Some(cause) => cause.hint(child, stop),
            };
        }
        // unshare(1) blocks signals while it waits for the init that it has started, so that init is the cause.
        let (reason, pid) = found.child_init.unwrap_or((reason, main));
        if let Some(hint) = reason.hint(pid, stop) {
            return Some(hint);
        }
    }
    found.shown.iter().chain(&found.zombie).find_map(|(reason, pid)| reason.hint(*pid, stop))
}

/// Whether main has children, and all were started after the stop signal.
fn restarts_its_children(procfs: Procfs, family: &Family, main: Pid, stop: Stop<'_>) -> bool {
    let since = clock::ticks_since_boot().saturating_sub(u64::try_from(stop.ago.as_millis() / 10).unwrap_or(u64::MAX));
    let mut children =
        family.children(main).filter_map(|pid| procfs.stat(pid)).filter(|stat| !stat.is_dead()).peekable();
    children.peek().is_some() && children.all(|stat| stat.started > since)
}

impl Reason {
    fn hint(self, pid: Pid, stop: Stop<'_>) -> Option<String> {
        let signal = stop.signal;
        Some(match self {
            Reason::Stopped => {
                format!("PID {pid} is stopped and cannot act on {signal}; continue it with kill -CONT {pid}")
            }
            Reason::Uninterruptible => {
                format!("PID {pid} is in uninterruptible sleep: it waits for a disk, a network file system or a driver")
            }
            Reason::Ignores => {
                format!("PID {pid} ignores {signal}; STOPSIGNAL can choose another, --kill-after a limit")
            }
            Reason::Blocks => {
                format!("PID {pid} blocks {signal} and does not take it; it inherited that, or forgot to unblock it")
            }
            Reason::NestedInit => {
                format!(
                    "PID {pid} is PID 1 of a namespace of its own, and {signal} without a handler does not end that; \
                     start it through rinit"
                )
            }
            // A main that handles the signal stops its workers itself, and many workers take a second one as "now, without
            // saving". For a main that does not handle it, another hint fits better.
            Reason::NotSignalled if stop.target == Target::Main || stop.main.is_none() => return None,
            Reason::NotSignalled => format!("PID {pid} did not get {signal}; --target all would reach it"),
            Reason::ShellWaits(child) => {
                format!(
                    "the shell PID {pid} acts on {signal} only when its foreground child PID {child} has exited: use exec or \
                     --target all"
                )
            }
            Reason::Zombie(parent) => format!("PID {pid} is a zombie: its parent, PID {parent}, does not wait for it"),
            Reason::Handles | Reason::Waits | Reason::Unknown | Reason::Default => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_claimed_of_signals_that_proc_does_not_show() {
        let procfs = Procfs::of_our_namespace().unwrap();
        let (family, main) = (Family::read(procfs), nix::unistd::getpid());
        let stop = Stop {
            signal: Signal::TERM,
            ago: Duration::ZERO,
            target: Target::Main,
            main: Some(main),
            foreground: None,
            deferred: &[],
        };
        let mut status = Status::default();
        let words = |status: &Status| reason(procfs, &family, (main, status), stop).unwrap().in_words(stop);
        assert_eq!(words(&status), "was sent SIGTERM");
        status.shows_signals = true;
        assert_eq!(words(&status), "has the default action for SIGTERM");
    }
}
