//! What rinit does about each event. Pure decisions without system calls, clock or I/O. The time is an argument, so the
//! tests need no processes.

pub use crate::duration::Moment;
pub use crate::jobs::JobControl;
use crate::jobs::{Foreground, Reaction};
use crate::options::{Options, Target};
use crate::signal::Signal;
use crate::status::WaitStatus;
use crate::stop_sequence::StopSequence;
use sequence::Progress;
use std::time::Duration;

mod sequence;

/// What can happen to rinit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A signal other than CHLD arrived for rinit.
    Signal(Signal),
    /// main was stopped by this signal.
    MainStopped {
        /// The signal.
        signal: Signal,
        /// Which group has the terminal's foreground at this moment.
        foreground: Foreground,
        /// Whether main handles, blocks or ignores TSTP, the signal of Ctrl-Z.
        handles_ctrl_z: bool,
    },
    /// The kernel discarded the signal by which rinit wanted to stop itself: its process group is orphaned, so no shell could
    /// continue it.
    StopDiscarded(Signal),
    /// main has exited and has been reaped, or rinit has given up waiting for it (`Action::AbandonMain`).
    MainExited(WaitStatus),
    /// Another child has exited, and has been reaped.
    Reaped,
    /// The answer to `Action::Poll`.
    Polled(Remaining),
    /// The answer to `Action::Scan`: when to scan again, or None when no process is left to wait for.
    Scanned(Option<Moment>),
    /// The deadline may have passed.
    Tick,
}

/// Which processes remain besides rinit and main.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// None.
    None,
    /// At least one child of rinit's: SIGCHLD reports its exit.
    Children,
    /// Only processes that were started from outside, as `docker exec` does: no exit notification arrives for these.
    Unrelated,
}

/// What rinit does about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Forward a signal. After main's exit `Target::Group` still means main's group: it may have other members.
    Forward(Signal, Target),
    /// Continue the target if main is stopped: a stopped process does not act on TERM.
    ContinueIfStopped(Target),
    /// Make main's group the terminal's foreground again, if rinit's own is and no other process needs it.
    LendTerminal,
    /// Make main's group the terminal's foreground: main needs it.
    GiveTerminal,
    /// Make rinit's own group the terminal's foreground.
    TakeTerminal,
    /// Stop rinit by this signal, so that the shell that started it sees a stopped job.
    StopSelf(Signal),
    /// Send KILL to main and its group: the last step of the stop sequence.
    KillMain,
    /// main is still alive after KILL: stop waiting for it, and continue with `Event::MainExited`.
    AbandonMain,
    /// Main has exited: begin the drain with its first scan.
    BeginDrain,
    /// Scan the remaining processes, ask and kill those that are due, and answer by `Event::Scanned`.
    Scan,
    /// Find out which processes remain, and answer by `Event::Polled`.
    Poll,
    /// The stop takes long: report what delays it.
    ReportSlowStop,
    /// Exit with this status.
    Exit(u8),
}

/// One event leads to at most this many actions.
const MAX_ACTIONS: usize = 3;

/// What to do about one event, in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actions([Option<Action>; MAX_ACTIONS]);

impl Actions {
    const NONE: Actions = Actions([None; MAX_ACTIONS]);

    const fn one(action: Action) -> Actions {
        Actions([Some(action), None, None])
    }

    const fn two(first: Action, second: Action) -> Actions {
        Actions([Some(first), Some(second), None])
    }
}

impl IntoIterator for Actions {
    type Item = Action;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Action>, MAX_ACTIONS>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}

/// What rinit is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// `--pause`: there is no main. Lasts until TERM or INT.
    Pausing,
    /// main runs.
    Running {
        /// How far the stop sequence has come.
        progress: Progress,
        /// When to give up waiting for main, which was killed.
        abandon_main: Option<Moment>,
    },
    /// main has exited, and rinit does not know yet whether other processes remain.
    MainExited,
    /// `--wait-all`: the remaining processes run on until they exit by themselves.
    Waiting(PollBackoff),
    /// rinit asks the remaining processes to exit, and kills those that do not exit in time.
    Draining {
        /// When the last scan was.
        last: Moment,
        /// When the next one is due.
        next: Moment,
    },
    /// Nothing is left to do.
    Exiting,
}

/// Polls at growing intervals for processes whose exit no signal reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PollBackoff {
    next: Option<Moment>,
    interval: Duration,
}

impl PollBackoff {
    const SHORTEST: Duration = Duration::from_millis(1);
    const LONGEST: Duration = Duration::from_secs(1);

    fn new() -> PollBackoff {
        PollBackoff { next: None, interval: PollBackoff::SHORTEST }
    }

    fn schedule(&mut self, now: Moment) {
        self.next = Some(now.saturating_add(self.interval));
        self.interval = self.interval.saturating_mul(2).min(PollBackoff::LONGEST);
    }

    fn is_due(&self, now: Moment) -> bool {
        self.next.is_some_and(|next| next <= now)
    }
}

/// Rate-limits scans: thousands of orphans may exit at once, and each exit may make another process due.
const SCANS_APART: Duration = Duration::from_millis(10);

/// How long main may take to exit after KILL, as it may have much memory to free. A tracer can keep it for ever.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

/// No slow stop is reported this soon before the end of the grace period: the log names the survivors then anyway.
const LAST_REPORT_BEFORE: Duration = Duration::from_secs(1);

/// The state, and the options.
#[derive(Debug)]
pub struct Lifecycle {
    options: Options,
    job_control: JobControl,
    phase: Phase,
    /// The first stop signal that was sent, or the drain's TERM if there was none, and when.
    stop: Option<(Signal, Moment)>,
    /// When a slow stop is reported.
    report: Option<Moment>,
    /// rinit's exit status.
    status: u8,
}

impl Lifecycle {
    /// main has just been started, or there is none.
    pub fn new(mut options: Options, job_control: JobControl) -> Lifecycle {
        if let Some(limit) = options.kill_after {
            options.stop_sequence = StopSequence::kill_after(limit);
        }
        let running = Phase::Running { progress: Progress::default(), abandon_main: None };
        let phase = if options.pause { Phase::Pausing } else { running };
        Lifecycle { options, job_control, phase, stop: None, report: None, status: 0 }
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Whether rinit reacts when main is stopped.
    pub fn watches_stops(&self) -> bool {
        self.job_control != JobControl::None && self.main_runs()
    }

    /// Whether main has not exited yet.
    pub fn main_runs(&self) -> bool {
        matches!(self.phase, Phase::Running { .. })
    }

    /// The first stop signal that was sent, or the drain's TERM if there was none, and when.
    pub fn stop(&self) -> Option<(Signal, Moment)> {
        self.stop
    }

    /// rinit's exit status if main exits with this one.
    pub fn status_for(&self, status: WaitStatus) -> u8 {
        self.options.exit_map.apply(status.shell_code())
    }

    /// When to call `on` with `Event::Tick` at the latest. None: only other events matter.
    pub fn deadline(&self) -> Option<Moment> {
        let of_phase = match self.phase {
            Phase::Running { progress, abandon_main } => [progress.due(), abandon_main],
            Phase::Waiting(poll) => [None, poll.next],
            Phase::Draining { next, .. } => [None, Some(next)],
            Phase::Pausing | Phase::MainExited | Phase::Exiting => return None,
        };
        of_phase.into_iter().chain([self.report]).flatten().min()
    }

    /// Returns what to do about an event.
    pub fn on(&mut self, now: Moment, event: Event) -> Actions {
        match event {
            Event::Signal(signal) => self.on_signal(now, signal),
            Event::MainStopped { signal, foreground, handles_ctrl_z } => {
                self.on_main_stopped(signal, foreground, handles_ctrl_z)
            }
            Event::StopDiscarded(signal) => {
                self.job_control = JobControl::Orphaned;
                if !self.main_runs() {
                    return self.suspend_without_main();
                }
                // With `Another`, rinit continues main after TSTP, and leaves it stopped after TTIN and TTOU.
                self.on_main_stopped(signal, Foreground::Another, false)
            }
            Event::MainExited(status) => self.on_main_exited(status),
            Event::Reaped => self.on_reaped(),
            Event::Polled(remaining) => self.on_polled(now, remaining),
            Event::Scanned(next) => self.on_scanned(now, next),
            Event::Tick => self.on_tick(now),
        }
    }

    fn on_signal(&mut self, now: Moment, received: Signal) -> Actions {
        if received == Signal::CHLD {
            return Actions::NONE;
        }
        // Decided by the received signal, not by what it is rewritten to, as dumb-init does.
        let stop_self =
            (self.main_runs() && self.options.suspending.contains(received)).then_some(Action::StopSelf(Signal::STOP));
        let Some(signal) = self.options.rewrites.apply(received) else {
            return Actions([stop_self, None, None]);
        };
        let target = self.options.target;
        let to_others = Action::Forward(signal, Target::All);
        match self.phase {
            Phase::Running { mut progress, abandon_main } => {
                let forward = Action::Forward(signal, target);
                if signal.requests_termination() {
                    if let Some(sent) = progress.on_stop_signal(&self.options.stop_sequence, now, signal) {
                        self.phase = Phase::Running { progress, abandon_main };
                        let [first, second, _] = self.on_step(now, sent).0;
                        return Actions([first, second, stop_self]);
                    }
                    self.note_stop(now, signal);
                }
                if signal.is_stop() {
                    Actions([Some(forward), Some(Action::ContinueIfStopped(target)), stop_self])
                } else if stop_self.is_some() {
                    Actions([Some(forward), stop_self, None])
                } else if signal == Signal::CONT && self.job_control == JobControl::Shell {
                    Actions::two(Action::LendTerminal, Action::Forward(signal, Target::Group.or_wider(target)))
                } else {
                    Actions::one(forward)
                }
            }
            Phase::Waiting(_) if signal.requests_termination() => {
                self.note_stop(now, signal);
                Actions([Some(to_others), Some(self.start_drain(now)), None])
            }
            Phase::Draining { .. } if signal.is_stop() => {
                Actions::two(to_others, Action::Forward(Signal::CONT, Target::All))
            }
            Phase::Waiting(_) | Phase::Draining { .. } if signal == Signal::TSTP => {
                let [then, ..] = self.suspend_without_main().0;
                Actions([Some(to_others), then, None])
            }
            Phase::Waiting(_) | Phase::Draining { .. } => Actions::one(to_others),
            Phase::Pausing if matches!(signal, Signal::TERM | Signal::INT) => {
                self.note_stop(now, signal);
                // The stop signal ends the pause, and --wait-all with it: the drain follows.
                self.options.wait_all = false;
                self.after_main()
            }
            Phase::Pausing | Phase::MainExited | Phase::Exiting => Actions::NONE,
        }
    }

    /// A step of the stop sequence: sends a signal, or only waits.
    fn on_step(&mut self, now: Moment, sent: Option<Signal>) -> Actions {
        let Some(signal) = sent else { return Actions::NONE };
        self.note_stop(now, signal);
        let target = self.options.target;
        match &mut self.phase {
            Phase::Running { abandon_main, .. } if signal == Signal::KILL => {
                *abandon_main = Some(now.saturating_add(KILL_TIMEOUT));
                Actions::one(Action::KillMain)
            }
            _ => Actions::two(Action::Forward(signal, target), Action::ContinueIfStopped(target)),
        }
    }

    /// Ctrl-Z has stopped the remaining processes. rinit stops too: the shell that started it watches rinit alone. Without
    /// a shell that could continue them, the remaining processes are continued at once.
    fn suspend_without_main(&self) -> Actions {
        match (self.phase, self.job_control) {
            (Phase::Waiting(_) | Phase::Draining { .. }, JobControl::Shell) => {
                Actions::one(Action::StopSelf(Signal::TSTP))
            }
            (Phase::Waiting(_) | Phase::Draining { .. }, JobControl::Orphaned) => {
                Actions::one(Action::Forward(Signal::CONT, Target::All))
            }
            _ => Actions::NONE,
        }
    }

    fn on_main_stopped(&self, signal: Signal, foreground: Foreground, handles_ctrl_z: bool) -> Actions {
        if !self.main_runs() {
            return Actions::NONE;
        }
        // The terminal stops the whole group, so the whole group is continued, whatever the target of other signals is.
        let go_on = Action::Forward(Signal::CONT, Target::Group);
        match self.job_control.main_stopped(signal, foreground, handles_ctrl_z) {
            Reaction::None => Actions::NONE,
            Reaction::Continue => Actions::one(go_on),
            Reaction::ContinueInForeground => Actions::two(Action::GiveTerminal, go_on),
            Reaction::TakeForeground => Actions::one(Action::TakeTerminal),
            Reaction::StopToo => Actions::one(Action::StopSelf(signal)),
        }
    }

    fn on_main_exited(&mut self, status: WaitStatus) -> Actions {
        if !self.main_runs() {
            return Actions::NONE;
        }
        let is_held_back = matches!(self.phase, Phase::Running { progress, .. } if progress.holds_back());
        self.status = self.status_for(status);
        let actions = self.after_main();
        // A stop signal ends --wait-all, and one that the stop sequence holds back has arrived already. `after_main`
        // must not see that yet: with `--grace 0` it would exit at once, and not ask the remaining processes.
        self.options.wait_all &= !is_held_back;
        actions
    }

    /// main has exited, or there was none.
    fn after_main(&mut self) -> Actions {
        if self.options.grace == Some(Duration::ZERO) && !self.options.wait_all {
            let parting = self.options.parting.map(|signal| Action::Forward(signal, Target::Group));
            let [exit, ..] = self.exit().0;
            return Actions([parting, exit, None]);
        }
        self.phase = Phase::MainExited;
        Actions::one(Action::Poll)
    }

    fn on_reaped(&self) -> Actions {
        match self.phase {
            Phase::Waiting(_) | Phase::Draining { .. } => Actions::one(Action::Poll),
            Phase::Pausing | Phase::Running { .. } | Phase::MainExited | Phase::Exiting => Actions::NONE,
        }
    }

    fn on_polled(&mut self, now: Moment, remaining: Remaining) -> Actions {
        if self.main_runs() || matches!(self.phase, Phase::Pausing | Phase::Exiting) {
            return Actions::NONE;
        }
        if remaining == Remaining::None {
            return self.exit();
        }
        match &mut self.phase {
            Phase::MainExited if self.options.wait_all => {
                self.phase = Phase::Waiting(PollBackoff::new());
                return self.on_polled(now, remaining);
            }
            Phase::MainExited => return Actions::one(self.start_drain(now)),
            Phase::Waiting(poll) => match remaining {
                Remaining::Unrelated => poll.schedule(now),
                Remaining::Children | Remaining::None => poll.next = None,
            },
            // The exit may have made another process due.
            Phase::Draining { last, next } => *next = (*next).min(last.saturating_add(SCANS_APART)),
            Phase::Pausing | Phase::Running { .. } | Phase::Exiting => {}
        }
        Actions::NONE
    }

    fn on_scanned(&mut self, now: Moment, scan: Option<Moment>) -> Actions {
        match (&mut self.phase, scan) {
            (Phase::Draining { last, next }, Some(scan)) => {
                (*last, *next) = (now, scan);
                Actions::NONE
            }
            (Phase::Draining { .. }, None) => self.exit(),
            _ => Actions::NONE,
        }
    }

    fn note_stop(&mut self, now: Moment, signal: Signal) {
        if self.stop.is_none() {
            self.stop = Some((signal, now));
            self.report = self.options.report_after.map(|limit| now.saturating_add(limit));
        }
    }

    fn start_drain(&mut self, now: Moment) -> Action {
        self.note_stop(now, Signal::TERM);
        let kill = self.options.grace.map(|grace| now.saturating_add(grace));
        if kill.is_some_and(|kill| self.report.is_some_and(|report| kill <= report.saturating_add(LAST_REPORT_BEFORE)))
        {
            self.report = None;
        }
        self.phase = Phase::Draining { last: now, next: now };
        Action::BeginDrain
    }

    fn on_tick(&mut self, now: Moment) -> Actions {
        let over = |moment: Option<Moment>| moment.is_some_and(|moment| moment <= now);
        if over(self.report) {
            self.report = None;
            return Actions::one(Action::ReportSlowStop);
        }
        match self.phase {
            Phase::Running { mut progress, abandon_main } if over(progress.due()) => {
                let sent = progress.advance(&self.options.stop_sequence, now);
                self.phase = Phase::Running { progress, abandon_main };
                self.on_step(now, sent)
            }
            Phase::Running { progress, abandon_main } if over(abandon_main) => {
                self.phase = Phase::Running { progress, abandon_main: None };
                Actions::one(Action::AbandonMain)
            }
            Phase::Waiting(poll) if poll.is_due(now) => Actions::one(Action::Poll),
            Phase::Draining { next, .. } if next <= now => Actions::one(Action::Scan),
            _ => Actions::NONE,
        }
    }

    fn exit(&mut self) -> Actions {
        self.phase = Phase::Exiting;
        self.report = None;
        Actions::one(Action::Exit(self.status))
    }
}

#[cfg(test)]
mod properties;
#[cfg(any(test, fuzzing))]
pub mod simulation;
#[cfg(test)]
mod tests;
