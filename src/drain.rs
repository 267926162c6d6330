//! The drain: after main's exit, the remaining processes are asked to exit, waited for, and killed if they do not exit in
//! time. This file reads /proc and carries out what `rules` decides.

use crate::lifecycle::{Moment, Remaining};
use crate::options::Target;
use crate::signal::{Signal, Treatment};
use crate::sys::all_processes::AllProcesses;
use crate::sys::procfs::{Procfs, Status};
use crate::sys::{Errno, Pid, Result, clock, signals};
use history::{Recipients, StopHistory};
use log::{Level, debug, info, log_enabled, warn};
use rules::{Facts, InteractiveShell, Order, Processes, Rules};
use scope::Scope;
use std::path::PathBuf;
use std::time::Duration;

pub mod facts;
pub mod history;
pub mod rules;
mod scope;

/// The processes that rinit is responsible for, the stop signals they have received, and the drain once it has begun.
pub struct Drain {
    scope: Scope,
    history: StopHistory,
    /// None until the drain begins.
    running: Option<Running>,
}

struct Running {
    rules: Rules,
    /// What rinit's own stdin is, as /proc shows it.
    stdin: Option<PathBuf>,
    /// Whether the first scan is not over yet.
    first: bool,
    /// The number of processes not asked yet, as logged last.
    deferred: Option<usize>,
    /// When SIGKILL was first sent to all remaining processes.
    killed: Option<Moment>,
}

/// How long to wait after SIGKILL. A process that takes longer hangs in the kernel, and rinit exits without it.
const KILL_TIMEOUT: Duration = Duration::from_millis(500);

/// A first scan of more processes than this examines and asks them in batches of this size. Processes of one batch exit on
/// other processors while rinit examines the next.
const BATCH: usize = 256;

/// The log names at most this many killed processes.
const MAX_NAMED: usize = 10;

/// If more processes than this survive the grace period, rinit stops them before it looks up their names: otherwise a fork
/// bomb leaves it no CPU time.
const STOP_ABOVE: usize = 50;

/// At most this many survivors are examined before SIGKILL is sent to all. The others are counted, zombies included.
const MAX_EXAMINED: usize = 1000;

impl Drain {
    /// rinit manages all processes of the namespace as its init (`all_processes`), and its descendants otherwise.
    pub fn new(all_processes: Option<AllProcesses>) -> Drain {
        Drain { scope: Scope::of(all_processes), history: StopHistory::default(), running: None }
    }

    /// Notes a stop signal that is about to be forwarded: the processes that receive it are not asked again.
    pub fn note(&mut self, signal: Signal, target: Target, main: Option<Pid>, main_runs: bool) {
        let recipients = match (target, main) {
            (Target::All, _) => Recipients::All,
            (Target::Group, Some(main)) => Recipients::Group(main),
            (Target::Main, Some(main)) => Recipients::Process(main),
            (Target::Group | Target::Main, None) => return,
        };
        if !signal.requests_termination() {
            return;
        }
        let status = main.filter(|_| main_runs).and_then(|pid| Procfs::of_our_namespace()?.status(pid));
        let handles = |status: Status| matches!(status.treatment(signal), Treatment::Handles | Treatment::Blocks);
        self.history.note(signal, recipients, clock::ticks_since_boot(), status.is_some_and(handles));
        if let (Some(running), Recipients::All) = (&mut self.running, recipients) {
            running.rules.note_to_all(signal, clock::now());
        }
    }

    /// Notes a stop signal that is about to be sent to one process besides the target.
    pub fn note_process(&mut self, signal: Signal, pid: Pid) {
        self.history.note(signal, Recipients::Process(pid), clock::ticks_since_boot(), false);
    }

    /// Sends a signal to all processes, main included. ESRCH where there is none, ENOENT where /proc does not show them.
    pub fn send(&mut self, signal: Signal) -> Result<()> {
        self.scope.send(signal, true)
    }

    /// Which processes remain. `children`: whether rinit had a living child at its last waitpid(2).
    pub fn remaining(&self, children: bool) -> Remaining {
        if children {
            return Remaining::Children;
        }
        let Scope::Namespace(all_processes) = self.scope else {
            // A remaining descendant would be a living child of rinit, or have an ancestor that is one.
            return Remaining::None;
        };
        if !all_processes.exist() {
            return Remaining::None;
        }
        let Some(procfs) = Procfs::of_our_namespace() else {
            return Remaining::Unrelated;
        };
        // Ignore zombies: only their parent can reap them, and it is counted separately, or is outside. If /proc shows
        // no process, it hides them all (hidepid), and they count as alive. Not so in the first PID namespace:
        // the processes that exist may all be kernel threads, which are not listed.
        let mut nothing_is_shown = !procfs.shows_the_kernel();
        let lives = |pid| {
            nothing_is_shown = false;
            procfs.stat(pid).is_some_and(|stat| !stat.is_dead())
        };
        if procfs.processes().any(lives) || nothing_is_shown { Remaining::Unrelated } else { Remaining::None }
    }

    /// The drain begins. Main, if there was one, has exited.
    pub fn begin(&mut self, now: Moment, grace: Option<Duration>, main: Option<Pid>) {
        let tick = clock::ticks_since_boot();
        self.history.forget_old(tick, grace);
        let stdin = Procfs::of_our_namespace().and_then(|procfs| procfs.stdin(nix::unistd::getpid()));
        self.running = Some(Running {
            rules: Rules::new(nix::unistd::getpid(), main, grace, now, tick),
            stdin,
            first: true,
            deferred: None,
            killed: None,
        });
    }

    /// One scan: asks and kills the processes that are due. Returns when to scan again, or None when no process is left to
    /// wait for.
    pub fn step(&mut self, now: Moment, children: bool) -> Option<Moment> {
        let remaining = self.remaining(children);
        let Drain { scope, history, running } = self;
        let running = running.as_mut()?;
        if remaining == Remaining::None {
            return None;
        }
        let procfs = Procfs::of_our_namespace();
        let present = procfs.map(|procfs| scope.list(procfs, running.first)).unwrap_or_default();
        // /proc is not mounted, belongs to another PID namespace, or hides processes (hidepid, proc(5)).
        let unseen = procfs.is_none() || present.is_empty() && matches!(scope, Scope::Namespace(_));
        if unseen && running.first {
            ask_unseen(scope);
        }
        // Without /proc the list is empty, and the rules look up no process.
        let mut lookup = Lookup { procfs, stdin: running.stdin.clone(), shell_lookups: 0 };
        // The info log reports all processes that are asked in one line, so that needs a single scan.
        let in_batches = running.first && present.len() > BATCH && !log_enabled!(Level::Info);
        if let Some(procfs) = procfs.filter(|_| in_batches) {
            for batch in present.chunks(BATCH) {
                let orders = running.rules.scan_batch(clock::now().max(now), batch, history, &mut lookup);
                running.carry_out(now, scope, procfs, &orders);
            }
        }
        let orders = running.rules.step(now, &present, history, &mut lookup);
        match procfs.filter(|_| !unseen) {
            Some(procfs) => running.carry_out(now, scope, procfs, &orders),
            None if orders.contains(&Order::KillAll) && running.killed.is_none() => {
                warn_of_unseen_survivors(running.rules.grace.unwrap_or_default());
            }
            None => {}
        }
        if orders.contains(&Order::KillAll) {
            let killed = *running.killed.get_or_insert(now);
            // Not anew: `log_survivors` made the list before the first SIGKILL.
            let _ = scope.send(Signal::KILL, false);
            if now >= killed.saturating_add(KILL_TIMEOUT) || !any_killable(scope, procfs) {
                return None;
            }
        }
        running.first = false;
        // Counted from the end of the scan: with thousands of processes a scan takes longer than the shortest interval.
        Some(running.rules.next(clock::now().max(now)))
    }

    /// Whether the drain has begun, and has no process left to ask.
    pub fn has_asked_all(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.rules.has_asked_all())
    }

    /// The remaining processes that have not been asked yet.
    pub fn deferred(&self) -> Vec<Pid> {
        self.running.iter().flat_map(|running| running.rules.deferred()).collect()
    }

    /// Logs that the drain is over. Returns false if there was none, or no process to drain.
    pub fn log_end(&self, now: Moment) -> bool {
        let Some(running) = self.running.as_ref().filter(|running| !running.first) else { return false };
        info!(
            "all remaining processes are gone, {} after the shutdown began",
            Took(now.saturating_sub(running.rules.began))
        );
        true
    }
}

impl Running {
    fn carry_out(&mut self, now: Moment, scope: &mut Scope, procfs: Procfs, orders: &[Order]) {
        self.log_asked(procfs, orders);
        self.log_deferred();
        let mut refused = Refused::default();
        let mut killed = 0;
        for order in orders {
            match *order {
                Order::Ask(pid) | Order::AskIgnoring(pid) | Order::HangUp(pid) => {
                    let signal = if matches!(order, Order::HangUp(_)) { Signal::HUP } else { Signal::TERM };
                    match scope.send_to(procfs, pid, signal) {
                        Err(Errno::EPERM) => refused.note(pid),
                        Err(Errno::ENOSYS) => self.rules.not_sent(pid),
                        Ok(()) | Err(_) => {}
                    }
                    let _ = scope.send_to(procfs, pid, Signal::CONT);
                    if let (Order::AskIgnoring(_), Some(status)) = (order, procfs.status(pid)) {
                        self.rules.treatment_after(pid, status.treatment(Signal::TERM));
                    }
                }
                Order::Continue(pid) => drop(scope.send_to(procfs, pid, Signal::CONT)),
                Order::Kill(pid) => {
                    killed += 1;
                    if killed <= MAX_NAMED {
                        self.log_killed(now, procfs, pid);
                    }
                    let _ = scope.send_to(procfs, pid, Signal::KILL);
                }
                Order::KillAll if self.killed.is_none() => self.log_survivors(scope, procfs),
                Order::KillAll => {}
            }
        }
        if killed > MAX_NAMED {
            warn!("{}: {} more", self.why_killed(now), killed - MAX_NAMED);
        }
        refused.report(procfs);
    }

    /// Logs the requests: those of the first scan at level info, later ones at level debug.
    fn log_asked(&self, procfs: Procfs, orders: &[Order]) {
        let level = if self.first { Level::Info } else { Level::Debug };
        if !log_enabled!(level) {
            return;
        }
        for signal in [Signal::TERM, Signal::HUP] {
            let asked = orders.iter().filter_map(Order::asks).filter(|(_, sent)| *sent == signal);
            let asked: Vec<Pid> = asked.map(|(pid, _)| pid).collect();
            if !asked.is_empty() {
                log::log!(level, "sending {signal} to {}", Listed(procfs, &asked));
            }
        }
        if self.first && orders.iter().all(|order| order.asks().is_none()) {
            let left: Vec<Pid> = self.rules.left().collect();
            info!("waiting for {}", Listed(procfs, &left));
        }
    }

    /// Logs at level debug how many processes have not been asked yet, whenever that changes.
    fn log_deferred(&mut self) {
        if log_enabled!(Level::Debug) {
            let (left, deferred) = self.rules.counts();
            if self.deferred.replace(deferred) != Some(deferred) {
                debug!("{deferred} of {left} remaining processes have not been asked yet");
            }
        }
    }

    fn why_killed(&self, now: Moment) -> String {
        match self.rules.grace {
            Some(grace) if now >= self.rules.began.saturating_add(grace) => killed_after(grace),
            _ => format!("killed {:?} after it was asked to exit", rules::RESPONSE_TIME),
        }
    }

    fn log_killed(&self, now: Moment, procfs: Procfs, pid: Pid) {
        if let Some(status) = procfs.status(pid).filter(|status| !status.is_dead()) {
            warn!("{}: PID {pid}, {}{}", self.why_killed(now), procfs.command(pid), condition(&status, false));
        }
    }

    /// The grace period is over: logs the names of at most ten remaining processes, and a count of the others.
    fn log_survivors(&self, scope: &mut Scope, procfs: Procfs) {
        let grace = self.rules.grace.unwrap_or_default();
        let survivors: Vec<Pid> = scope.list(procfs, true);
        let stopped = match scope {
            Scope::Namespace(all_processes) if survivors.len() > STOP_ABOVE => all_processes.send(Signal::STOP).is_ok(),
            _ => false,
        };
        let mut named = 0;
        let mut more = survivors.len().saturating_sub(MAX_EXAMINED);
        for pid in survivors.into_iter().take(MAX_EXAMINED) {
            let Some(status) = procfs.status(pid).filter(|status| !status.is_dead()) else { continue };
            if named == MAX_NAMED {
                more += 1;
                continue;
            }
            named += 1;
            warn!("{}: PID {pid}, {}{}", killed_after(grace), procfs.command(pid), condition(&status, stopped));
        }
        if more > 0 {
            warn!("{}: {more} more", killed_after(grace));
        }
    }
}

fn killed_after(grace: Duration) -> String {
    format!("killed after the grace period of {grace:?}")
}

/// Why a process has not exited, as far as its status shows. `stopped_by_us`: rinit has stopped it.
fn condition(status: &Status, stopped_by_us: bool) -> String {
    let mut text = match status.treatment(Signal::TERM) {
        Treatment::Unknown => String::new(),
        Treatment::Ignores => ", ignores SIGTERM".to_owned(),
        Treatment::Blocks => ", blocks SIGTERM".to_owned(),
        Treatment::Handles => ", handles SIGTERM".to_owned(),
        Treatment::Default if status.is_nested_init() => {
            ", as init of a PID namespace is not terminated by SIGTERM".to_owned()
        }
        Treatment::Default => ", has the default action for SIGTERM".to_owned(),
    };
    text.push_str(match status.state {
        b'T' | b't' if !stopped_by_us => ", is stopped",
        b'D' => ", is in uninterruptible sleep",
        _ => "",
    });
    text
}

/// Looks processes up in /proc.
struct Lookup {
    procfs: Option<Procfs>,
    /// What rinit's own stdin is.
    stdin: Option<PathBuf>,
    /// How often `is_shell` was called in this scan.
    shell_lookups: usize,
}

/// One scan looks up at most this many young forks, as each takes time. A shell forks only a few for `>(tee log)`.
const MAX_SHELL_LOOKUPS: usize = 64;

impl Processes for Lookup {
    fn facts(&mut self, pid: Pid) -> Option<Facts> {
        let procfs = self.procfs?;
        let (stat, status) = (procfs.stat(pid)?, procfs.status(pid)?);
        // A session whose leader is outside of the namespace shows as 0. Then any of its processes may be the shell.
        let leads_session = stat.session == pid || stat.session.as_raw() == 0;
        let interactive_shell = match (leads_session, stat.has_terminal, status.shows_signals) {
            (true, true, true) if status.ignored.contains(Signal::TERM) => InteractiveShell::Yes,
            (true, false, false) if is_terminal(procfs, pid) => InteractiveShell::Maybe,
            _ => InteractiveShell::No,
        };
        let mut treatment = status.treatment(Signal::TERM);
        // The init of a nested namespace receives SIGTERM only if it handles or blocks it. While it waits for signals in
        // sigwait(3), as tini does, /proc shows these as not blocked.
        if treatment == Treatment::Default && status.is_nested_init() && waits_for_signals(procfs, pid) {
            treatment = Treatment::Blocks;
        }
        Some(Facts {
            parent: stat.parent,
            group: stat.group,
            started: stat.started,
            dead: stat.is_dead(),
            stopped: matches!(stat.state, b'T' | b't'),
            treatment,
            pending: status.pending.contains(Signal::TERM),
            ignored: status.ignored,
            nested_init: status.is_nested_init(),
            is_fork: stat.is_fork,
            interactive_shell,
        })
    }

    fn reads_pipe(&mut self, pid: Pid) -> bool {
        let stdin = self.procfs.and_then(|procfs| procfs.stdin(pid));
        stdin.is_some_and(|stdin| {
            stdin.as_os_str().as_encoded_bytes().starts_with(b"pipe:") && Some(&stdin) != self.stdin.as_ref()
        })
    }

    fn group_exists(&mut self, group: Pid) -> bool {
        signals::group_exists(group)
    }

    fn is_shell(&mut self, pid: Pid) -> bool {
        self.shell_lookups += 1;
        self.shell_lookups <= MAX_SHELL_LOOKUPS && self.procfs.is_some_and(|procfs| crate::shell::is_shell(procfs, pid))
    }

    fn waits_for(&mut self, shell: Pid, child: Pid) -> bool {
        self.procfs.is_some_and(|procfs| crate::shell::blocked_on(procfs, shell, [child].into_iter()).is_some())
    }
}

fn waits_for_signals(procfs: Procfs, pid: Pid) -> bool {
    procfs.sleeps_in(pid).is_some_and(|function| function.contains("sigtimedwait"))
}

/// Whether a process under gVisor has a terminal as stdin.
fn is_terminal(procfs: Procfs, pid: Pid) -> bool {
    let stdin = procfs.stdin(pid);
    stdin.is_some_and(|stdin| {
        [b"host:".as_slice(), b"/dev/pts/"].iter().any(|start| stdin.as_os_str().as_encoded_bytes().starts_with(start))
    })
}

/// Whether any remaining process can be killed by rinit.
fn any_killable(scope: &mut Scope, procfs: Option<Procfs>) -> bool {
    let Some(procfs) = procfs else { return true };
    let us = nix::unistd::getpid();
    // A zombie that is our child still has to be reaped.
    scope.list(procfs, false).into_iter().any(|pid| {
        let stat = procfs.stat(pid);
        stat.is_some_and(|stat| if stat.is_dead() { stat.parent == us } else { signals::may_send(pid) })
    })
}

/// Without a usable /proc the processes are not known. PID 1 can still ask all at once; a subreaper can ask none.
fn ask_unseen(scope: &mut Scope) {
    match scope {
        Scope::Namespace(all_processes) => {
            info!("/proc does not show this namespace: sending SIGTERM to all remaining processes");
            let _ = all_processes.send(Signal::TERM);
            let _ = all_processes.send(Signal::CONT);
        }
        Scope::Descendants(_) => {
            warn!("/proc does not show this namespace, so descendants cannot be asked to exit, only waited for");
        }
    }
}

fn warn_of_unseen_survivors(grace: Duration) {
    warn!("the grace period of {grace:?} is over: killing the remaining processes, which /proc does not show");
}

/// Processes that rinit may not signal.
#[derive(Default)]
struct Refused {
    first: Option<Pid>,
    count: usize,
}

impl Refused {
    fn note(&mut self, pid: Pid) {
        self.first = self.first.or(Some(pid));
        self.count += 1;
    }

    fn report(&self, procfs: Procfs) {
        if let Some(pid) = self.first {
            let count = self.count;
            let command = procfs.command(pid);
            warn!(
                "may not signal {count} of the remaining processes (EPERM: no CAP_KILL?); the first is PID {pid}, {command}"
            );
        }
    }
}

/// A duration in milliseconds for the log.
pub struct Took(pub Duration);

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_millis() {
            millis @ 0..1000 => write!(f, "{millis}ms"),
            millis => write!(f, "{:?}", Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))),
        }
    }
}

/// Processes for the log: three with their names, then a count.
struct Listed<'a>(Procfs, &'a [Pid]);

impl std::fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 3;
        let count = self.1.len();
        write!(f, "{count} remaining process{}", if count == 1 { "" } else { "es" })?;
        for (index, pid) in self.1.iter().take(SHOWN).enumerate() {
            f.write_str(if index == 0 { ": " } else { ", " })?;
            write!(f, "{pid} ({})", self.0.name(*pid).unwrap_or_default())?;
        }
        if count > SHOWN { write!(f, " and {} more", count - SHOWN) } else { Ok(()) }
    }
}
