//! What holds up a stop: who still lives, and what each does with the signal.

use super::processes::{self, Process};
use crate::options::Target;
use crate::signal::Signal;
use crate::sys::Pid;
use crate::sys::procfs::Procfs;
use log::warn;
use std::collections::BTreeMap;
use std::time::Duration;

/// What was asked, of whom, and how long ago.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// The first stop signal, or the drain's own TERM.
    pub signal: Signal,
    /// When, before now.
    pub ago: Duration,
    /// Who got it.
    pub target: Target,
    /// main, as long as it lives.
    pub main: Option<Pid>,
}

/// Why a process has not ended, as far as /proc tells; the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// The signal is pending: it is stopped and does not see it.
    Stopped,
    /// The signal is pending: it hangs in the kernel.
    Uninterruptible,
    /// It is ignored.
    Ignores,
    /// The signal is pending, and blocked.
    Blocks,
    /// The default action does not end the init of a PID namespace.
    NestedInit,
    /// It was not sent to this one.
    NotSignalled,
    /// A shell that runs its trap only when its foreground child has ended.
    ShellWaits(Pid),
    /// Whatever it does is its own affair.
    Handles,
    /// Takes blocked signals from a signalfd or sigwait(3).
    Waits,
    /// Should be dying.
    Default,
    /// Dead; its parent does not wait for it.
    Zombie,
}

/// Processes that are shown.
const SHOWN: usize = 20;

/// Shells whose traps wait for the foreground child, by the name of their process.
const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "busybox"];

/// Reports, a line a process.
pub fn report(stop: Stop) {
    let (signal, ago) = (stop.signal, rounded(stop.ago));
    let Some(procfs) = Procfs::of_our_namespace() else {
        warn!("{ago:?} after {signal} not all have ended; who, /proc does not show here");
        return;
    };
    let table = processes::all(procfs);
    let us = nix::unistd::getpid();
    // As long as main lives, nobody else can hold up its end but those that it may wait for.
    let concerned = |process: &Process| match stop.main {
        Some(main) => process.pid == main || descends_from(&table, process.pid, main),
        None => us.as_raw() == 1 || descends_from(&table, process.pid, us),
    };
    let mut reasons: Vec<(Pid, Reason)> = table
        .values()
        .filter(|process| concerned(process))
        .filter_map(|process| Some((process.pid, reason(procfs, &table, process, stop)?)))
        .collect();
    if reasons.is_empty() {
        return;
    }
    reasons.sort_by_key(|(pid, reason)| (*reason, *pid));
    let dead = reasons.iter().filter(|(_, reason)| *reason == Reason::Zombie).count();
    let alive = reasons.len() - dead;
    warn!(
        "{ago:?} after {signal}: {alive} not ended{}",
        if dead > 0 { format!(", {dead} not reaped") } else { String::new() }
    );
    let hint = hint(&reasons, &table, stop);
    let hidden = reasons.len().saturating_sub(SHOWN);
    reasons.truncate(SHOWN);
    show(procfs, &table, &reasons, stop);
    if hidden > 0 {
        warn!("  and {hidden} more");
    }
    if let Some(hint) = hint {
        warn!("hint: {hint}");
    }
}

/// Milliseconds say enough.
pub fn rounded(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn show(procfs: Procfs, table: &BTreeMap<Pid, Process>, reasons: &[(Pid, Reason)], stop: Stop) {
    // In the order of guilt; the tree keeps it among brothers.
    let family: Vec<(Pid, Pid)> =
        reasons.iter().filter_map(|(pid, _)| Some((*pid, shown_parent(table, *pid, reasons)?))).collect();
    let by_pid: BTreeMap<Pid, Reason> = reasons.iter().copied().collect();
    let branches = processes::tree(&family);
    let described: Vec<(String, String, String)> = branches
        .iter()
        .filter_map(|branch| {
            let reason = by_pid.get(&branch.pid)?;
            let main = if stop.main == Some(branch.pid) { " (main)" } else { "" };
            let command = shortened(procfs.command(branch.pid));
            Some((
                branch.pid.to_string(),
                reason.in_words(stop, table.get(&branch.pid)),
                format!("{}{command}{main}", branch.lines),
            ))
        })
        .collect();
    let width = |column: fn(&(String, String, String)) -> &String| described.iter().map(|row| column(row).len()).max();
    let (pids, words) = (width(|row| &row.0).unwrap_or(0), width(|row| &row.1).unwrap_or(0));
    for (pid, treatment, command) in &described {
        warn!("  PID {pid:>pids$}  {treatment:words$}  {command}");
    }
}

/// Enough of a command line to know it by.
fn shortened(command: String) -> String {
    const LONGEST: usize = 80;
    match command.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", command.get(..end).unwrap_or_default()),
        None => command,
    }
}

/// The nearest ancestor that is shown, or nobody's PID.
fn shown_parent(table: &BTreeMap<Pid, Process>, pid: Pid, reasons: &[(Pid, Reason)]) -> Option<Pid> {
    let mut parent = table.get(&pid)?.stat.parent;
    for _ in 0..table.len() {
        if reasons.iter().any(|(shown, _)| *shown == parent) {
            break;
        }
        let Some(process) = table.get(&parent) else { break };
        parent = process.stat.parent;
    }
    Some(parent)
}

fn descends_from(table: &BTreeMap<Pid, Process>, pid: Pid, ancestor: Pid) -> bool {
    let mut pid = pid;
    for _ in 0..=table.len() {
        match table.get(&pid) {
            Some(process) if process.stat.parent == ancestor => return true,
            Some(process) => pid = process.stat.parent,
            None => return false,
        }
    }
    false
}

/// Why this one is still there. None for a zombie that is about to be reaped.
fn reason(procfs: Procfs, table: &BTreeMap<Pid, Process>, process: &Process, stop: Stop) -> Option<Reason> {
    let status = &process.status;
    if process.stat.is_dead() {
        // Ours we reap ourselves, and somebody outside reaps his own.
        let parent = table.get(&process.stat.parent)?;
        return (!parent.stat.is_dead()).then_some(Reason::Zombie);
    }
    let pending = status.pending.contains(stop.signal);
    Some(if !was_sent(process, stop) {
        Reason::NotSignalled
    } else if pending && matches!(process.stat.state, b'T' | b't') {
        Reason::Stopped
    } else if pending && process.stat.state == b'D' {
        Reason::Uninterruptible
    } else if status.ignored.contains(stop.signal) {
        Reason::Ignores
    } else if status.blocked.contains(stop.signal) {
        if pending { Reason::Blocks } else { Reason::Waits }
    } else if status.caught.contains(stop.signal) {
        waits_for(procfs, table, process, stop).map_or(Reason::Handles, Reason::ShellWaits)
    } else if status.is_nested_init() {
        Reason::NestedInit
    } else {
        Reason::Default
    })
}

/// While main lives only the target has the signal; afterwards everybody has been asked.
fn was_sent(process: &Process, stop: Stop) -> bool {
    match (stop.main, stop.target) {
        (None, _) | (_, Target::All) => true,
        (Some(main), Target::Group) => process.stat.group == main || process.pid == main,
        (Some(main), Target::Main) => process.pid == main,
    }
}

/// The child for which a shell waits in the foreground, if that is what it does.
fn waits_for(procfs: Procfs, table: &BTreeMap<Pid, Process>, shell: &Process, stop: Stop) -> Option<Pid> {
    let name = procfs.name(shell.pid)?;
    if !SHELLS.contains(&name.as_str()) || procfs.sleeps_in(shell.pid)? != "do_wait" {
        return None;
    }
    let children = || table.values().filter(|child| child.stat.parent == shell.pid && !child.stat.is_dead());
    let unsent = children().find(|child| !was_sent(child, stop));
    unsent.or_else(|| children().next()).map(|child| child.pid)
}

impl Reason {
    fn in_words(self, stop: Stop, process: Option<&Process>) -> String {
        let signal = stop.signal;
        match self {
            Reason::Stopped => format!("is stopped, {signal} is pending"),
            Reason::Uninterruptible => format!("is in uninterruptible sleep, {signal} is pending"),
            Reason::Ignores => format!("ignores {signal}"),
            Reason::Blocks => format!("blocks {signal}"),
            Reason::NestedInit => format!("is PID 1 of a namespace: {signal} has no default action"),
            Reason::NotSignalled => match stop.target {
                Target::Main => "was not signalled: is not main".to_owned(),
                Target::Group | Target::All => "was not signalled: not in main's group".to_owned(),
            },
            Reason::ShellWaits(child) => format!("handles {signal} when PID {child} has ended"),
            Reason::Handles => format!("handles {signal}"),
            Reason::Waits => format!("takes {signal} from a queue"),
            Reason::Default => format!("has the default action for {signal}"),
            Reason::Zombie => {
                format!("is dead, not reaped by PID {}", process.map_or(0, |process| process.stat.parent.as_raw()))
            }
        }
    }
}

/// One line of advice, where the cause is certain.
fn hint(reasons: &[(Pid, Reason)], table: &BTreeMap<Pid, Process>, stop: Stop) -> Option<String> {
    let of = |pid: Pid| reasons.iter().find(|(other, _)| *other == pid).copied();
    let advice = |pid: Pid, reason: Reason| reason.hint(pid, stop, table);
    if let Some((main, reason)) = stop.main.and_then(of) {
        if let Reason::ShellWaits(child) = reason {
            // The shell itself does nothing wrong where the child had the signal too, and stays all the same.
            return match of(child) {
                Some((_, Reason::NotSignalled)) | None => advice(main, reason),
                Some((child, cause)) => advice(child, cause),
            };
        }
        // unshare(1) blocks signals while it waits for the init that it made.
        let child_init = reasons.iter().find(|(pid, reason)| {
            *reason == Reason::NestedInit && table.get(pid).is_some_and(|child| child.stat.parent == main)
        });
        let (pid, reason) = child_init.copied().unwrap_or((main, reason));
        if let Some(hint) = advice(pid, reason) {
            return Some(hint);
        }
    }
    reasons.iter().find_map(|(pid, reason)| advice(*pid, *reason))
}

impl Reason {
    fn hint(self, pid: Pid, stop: Stop, table: &BTreeMap<Pid, Process>) -> Option<String> {
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
                    "PID {pid} is PID 1 of a namespace of its own, and {signal} without a handler does not end that; start it through rinit"
                )
            }
            Reason::NotSignalled => format!("PID {pid} did not get {signal}; --target all would reach it"),
            Reason::ShellWaits(child) => {
                format!(
                    "the shell PID {pid} acts on {signal} only when its foreground child PID {child} has ended: use exec or --target all"
                )
            }
            Reason::Zombie => {
                let parent = table.get(&pid)?.stat.parent;
                format!("PID {pid} is dead, and its parent, PID {parent}, does not wait for it")
            }
            Reason::Handles | Reason::Waits | Reason::Default => return None,
        })
    }
}
