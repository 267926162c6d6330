//! The drain: main has exited, and the remaining processes are asked to exit, waited for, and killed when their time is
//! over. Reads /proc and carries out what `rules` decides.

use crate::lifecycle::{Alive, Moment};
use crate::options::Target;
use crate::signal::{Signal, Treatment};
use crate::sys::all_processes::AllProcesses;
use crate::sys::procfs::{Procfs, Status};
use crate::sys::{Errno, Pid, Result, clock, signals};
use history::{Recipients, StopHistory};
use log::{Level, debug, info, log_enabled, warn};
use rules::{Facts, Order, Processes, Rules, Terminal};
use scope::Scope;
use std::path::PathBuf;
use std::time::Duration;

pub mod facts;
pub mod history;
pub mod rules;
mod scope;

/// The processes besides main, and what rinit has asked of them.
pub struct Drain {
    scope: Scope,
    history: StopHistory,
    /// None until main has exited.
    running: Option<Running>,
}

struct Running {
    rules: Rules,
    began: Moment,
    grace: Option<Duration>,
    /// Whether there was a main that has exited.
    had_main: bool,
    /// rinit's own stdin, if it is a pipe.
    stdin: Option<PathBuf>,
    first: bool,
    /// How many were not asked when that was logged last.
    deferred: Option<usize>,
    killed: Option<Moment>,
}

/// A killed process is gone at once, unless it hangs in the kernel. PID 1's own exit takes such a process along.
const KILL_TAKES: Duration = Duration::from_millis(500);

/// A first scan of more processes than this asks them in batches of so many: those asked exit on other processors meanwhile.
const BATCH: usize = 256;

/// Survivors that are named one by one.
const NAMED: usize = 10;

/// More survivors than this are stopped before they are named.
const CROWD: usize = 50;

/// With more survivors than this (a fork bomb) the rest is counted without a look whether some are dead already: the KILL
/// is due, and a thousand processes that want to run leave little time for rinit.
const EXAMINED: usize = 1000;

impl Drain {
    /// All processes of the namespace for its init, which alone has `all_processes`; descendants for any other process.
    pub fn new(all_processes: Option<AllProcesses>) -> Drain {
        Drain { scope: Scope::of(all_processes), history: StopHistory::default(), running: None }
    }

    /// Notes a stop signal that is about to be forwarded, so that the processes that receive it are not asked again.
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

    /// The same for a signal that one other process receives as well.
    pub fn note_process(&mut self, signal: Signal, pid: Pid) {
        self.history.note(signal, Recipients::Process(pid), clock::ticks_since_boot(), false);
    }

    /// Sends a signal to all processes, and to main too as long as it runs. ESRCH where there is none, ENOENT where /proc
    /// does not show which there are.
    pub fn send(&mut self, signal: Signal) -> Result<()> {
        self.scope.send(signal, true)
    }

    /// Which kind of process is left. `children`: whether rinit has a living child, by its last waitpid(2).
    pub fn look(&self, children: bool) -> Alive {
        if children {
            return Alive::Children;
        }
        let Scope::Namespace(all_processes) = self.scope else {
            // Every descendant hangs on a living child, or is one.
            return Alive::Nobody;
        };
        if !all_processes.exist() {
            return Alive::Nobody;
        }
        let Some(procfs) = Procfs::of_our_namespace() else {
            return Alive::Strangers;
        };
        // Ignore zombies: only their parent can reap them, and it is counted separately, or is outside. A process that
        // /proc hides (hidepid) lives as far as we know.
        let mut nothing_is_shown = !procfs.shows_the_kernel();
        let lives = |pid| {
            nothing_is_shown = false;
            procfs.stat(pid).is_some_and(|stat| !stat.is_dead())
        };
        if procfs.processes().any(lives) || nothing_is_shown { Alive::Strangers } else { Alive::Nobody }
    }

    /// The drain begins. Main, if there was one, has exited.
    pub fn begin(&mut self, now: Moment, grace: Option<Duration>, main: Option<Pid>) {
        let tick = clock::ticks_since_boot();
        self.history.forget_survived(tick, grace);
        let stdin = Procfs::of_our_namespace().and_then(|procfs| procfs.stdin(nix::unistd::getpid()));
        self.running = Some(Running {
            rules: Rules::new(nix::unistd::getpid(), main, grace, now, tick),
            began: now,
            grace,
            had_main: main.is_some(),
            stdin,
            first: true,
            deferred: None,
            killed: None,
        });
    }

    /// One scan: asks and kills the processes whose turn has come. When to scan again; None when no process is left that
    /// rinit could wait for.
    pub fn step(&mut self, now: Moment, children: bool) -> Option<Moment> {
        let alive = self.look(children);
        let Drain { scope, history, running } = self;
        let running = running.as_mut()?;
        if alive == Alive::Nobody {
            return None;
        }
        let procfs = Procfs::of_our_namespace();
        let present = procfs.map(|procfs| scope.list(procfs, running.first)).unwrap_or_default();
        // Not mounted, another namespace's, or mounted with hidepid (proc(5)).
        let unseen = procfs.is_none() || present.is_empty() && matches!(scope, Scope::Namespace(_));
        if unseen && running.first {
            ask_unseen(scope);
        }
        // Without a /proc no process is present, and the rules look none up.
        let mut lookup = Lookup { procfs, stdin: running.stdin.clone() };
        // The log names them all in one line.
        let in_batches = running.first && present.len() > BATCH && !log_enabled!(Level::Info);
        for batch in present.chunks(BATCH).take_while(|_| in_batches) {
            let orders = running.rules.begin(clock::now().max(now), batch, history, &mut lookup);
            if let Some(procfs) = procfs {
                running.carry_out(now, scope, procfs, &orders);
            }
        }
        let orders = running.rules.step(now, &present, history, &mut lookup);
        match procfs.filter(|_| !unseen) {
            Some(procfs) => running.carry_out(now, scope, procfs, &orders),
            None if orders.contains(&Order::KillAll) && running.killed.is_none() => {
                warn_of_unseen_survivors(running.grace.unwrap_or_default());
            }
            None => {}
        }
        if orders.contains(&Order::KillAll) {
            let killed = *running.killed.get_or_insert(now);
            // Looked up anew when the survivors were named.
            let _ = scope.send(Signal::KILL, false);
            if now >= killed.saturating_add(KILL_TAKES) || !is_killable(scope, procfs) {
                return None;
            }
        }
        running.first = false;
        // From the end of the scan on: with thousands of processes it takes longer than the shortest interval.
        Some(running.rules.next(clock::now().max(now)))
    }

    /// Whether there is a drain in which no process is still to be asked.
    pub fn has_asked_all(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.rules.has_asked_all())
    }

    /// The remaining processes that have not been asked yet.
    pub fn deferred(&self) -> Vec<Pid> {
        self.running.iter().flat_map(|running| running.rules.deferred()).collect()
    }

    /// Logs that the drain is over. Whether there was one.
    pub fn log_end(&self, now: Moment) -> bool {
        let Some(running) = self.running.as_ref().filter(|running| !running.first) else { return false };
        let since = if running.had_main { "the main process exited" } else { "the stop began" };
        info!("all remaining processes are gone, {} after {since}", Took(now.saturating_sub(running.began)));
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
                Order::Ask(pid) | Order::AskInVain(pid) | Order::HangUp(pid) => {
                    let signal = if matches!(order, Order::HangUp(_)) { Signal::HUP } else { Signal::TERM };
                    match scope.send_to(procfs, pid, signal) {
                        Err(Errno::EPERM) => refused.note(pid),
                        Err(Errno::ENOSYS) => self.rules.not_sent(pid),
                        Ok(()) | Err(_) => {}
                    }
                    let _ = scope.send_to(procfs, pid, Signal::CONT);
                    if let (Order::AskInVain(_), Some(status)) = (order, procfs.status(pid)) {
                        self.rules.may_have_counted(pid, status.treatment(Signal::TERM));
                    }
                }
                Order::Continue(pid) => drop(scope.send_to(procfs, pid, Signal::CONT)),
                Order::Kill(pid) => {
                    killed += 1;
                    if killed <= NAMED {
                        self.name_killed(now, procfs, pid);
                    }
                    let _ = scope.send_to(procfs, pid, Signal::KILL);
                }
                Order::KillAll if self.killed.is_none() => self.name_survivors(scope, procfs),
                Order::KillAll => {}
            }
        }
        if killed > NAMED {
            warn!("{}: {} more", self.why_killed(now), killed - NAMED);
        }
        refused.report(procfs);
    }

    /// At info the beginning of the drain, at debug each further request.
    fn log_asked(&self, procfs: Procfs, orders: &[Order]) {
        let level = if self.first { Level::Info } else { Level::Debug };
        if !log_enabled!(level) {
            return;
        }
        let asked: Vec<Pid> = orders.iter().filter_map(|order| order.asks()).collect();
        if !asked.is_empty() {
            log::log!(level, "sending SIGTERM to {}", Listed(procfs, &asked));
        } else if self.first {
            let left: Vec<Pid> = self.rules.left().collect();
            info!("waiting for {}", Listed(procfs, &left));
        }
    }

    /// At debug how many have not been asked, whenever that changes.
    fn log_deferred(&mut self) {
        if log_enabled!(Level::Debug) {
            let (left, deferred) = self.rules.counts();
            if self.deferred.replace(deferred) != Some(deferred) {
                debug!("{deferred} of {left} remaining processes have not been asked yet");
            }
        }
    }

    fn why_killed(&self, now: Moment) -> String {
        match self.grace {
            Some(grace) if now >= self.began.saturating_add(grace) => over(grace),
            _ => format!("killed {:?} after it was asked to exit", rules::PATIENCE),
        }
    }

    fn name_killed(&self, now: Moment, procfs: Procfs, pid: Pid) {
        if let Some(status) = procfs.status(pid).filter(|status| !status.is_dead()) {
            warn!("{}: PID {pid}, {}{}", self.why_killed(now), procfs.command(pid), condition(&status, false));
        }
    }

    /// Names the processes that are left when the grace period is over: at most ten, then a count.
    fn name_survivors(&self, scope: &mut Scope, procfs: Procfs) {
        let grace = self.grace.unwrap_or_default();
        let survivors: Vec<Pid> = scope.list(procfs, true);
        // Otherwise they take all the time that naming them needs. A fork bomb above all.
        let stopped = match scope {
            Scope::Namespace(all) if survivors.len() > CROWD => all.send(Signal::STOP).is_ok(),
            _ => false,
        };
        let mut named = 0;
        let mut more = survivors.len().saturating_sub(EXAMINED);
        for pid in survivors.into_iter().take(EXAMINED) {
            let Some(status) = procfs.status(pid).filter(|status| !status.is_dead()) else { continue };
            if named == NAMED {
                more += 1;
                continue;
            }
            named += 1;
            warn!("{}: PID {pid}, {}{}", over(grace), procfs.command(pid), condition(&status, stopped));
        }
        if more > 0 {
            warn!("{}: {more} more", over(grace));
        }
    }
}

fn over(grace: Duration) -> String {
    format!("killed after the grace period of {grace:?}")
}

/// Why a process has not exited, as far as its status shows. `stopped_by_us`: it is stopped because rinit did that.
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

/// Where the rules look processes up.
struct Lookup {
    procfs: Option<Procfs>,
    /// rinit's own stdin.
    stdin: Option<PathBuf>,
}

impl Processes for Lookup {
    fn facts(&mut self, pid: Pid) -> Option<Facts> {
        let procfs = self.procfs?;
        let (stat, status) = (procfs.stat(pid)?, procfs.status(pid)?);
        // The leader of a session that is led from outside of the namespace shows as 0.
        let leads_session = stat.session == pid || stat.session.as_raw() == 0;
        let terminal = match (leads_session, stat.has_terminal, status.shows_signals) {
            (true, true, true) if status.ignored.contains(Signal::TERM) => Terminal::Leads,
            (true, false, false) if is_terminal(procfs, pid) => Terminal::Unknown,
            _ => Terminal::No,
        };
        let mut treatment = status.treatment(Signal::TERM);
        // While it waits in sigwait(3), as tini does, a signal shows as not blocked. What matters little for others decides
        // whether the init of a namespace receives it.
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
            terminal,
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

/// Whether a process is left that a KILL from us can end.
fn is_killable(scope: &mut Scope, procfs: Option<Procfs>) -> bool {
    let Some(procfs) = procfs else { return true };
    let us = nix::unistd::getpid();
    // A dead child is still to be reaped.
    scope.list(procfs, false).into_iter().any(|pid| {
        let stat = procfs.stat(pid);
        stat.is_some_and(|stat| if stat.is_dead() { stat.parent == us } else { signals::may_send(pid) })
    })
}

/// Without a /proc that shows it, it is not known which processes are left.
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
                "may not signal {count} of the remaining processes (EPERM; no CAP_KILL?), the first is PID {pid}, {command}"
            );
        }
    }
}

/// How long something took, in milliseconds: a finer unit says nothing here.
pub struct Took(pub Duration);

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_millis() {
            millis @ 0..1000 => write!(f, "{millis}ms"),
            millis => write!(f, "{:?}", Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))),
        }
    }
}

/// Processes for people: three with their names, then a count.
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
