//! What rinit does about each event. Pure decisions without system calls, clock or I/O: the time comes in as a value, so all
//! of this is tested without a process.

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
    /// A signal arrived for rinit; CHLD is none of these.
    Signal(Signal),
    /// main was stopped by this signal.
    MainStopped {
        /// The signal.
        signal: Signal,
        /// Which group has the terminal's foreground at this moment.
        foreground: Foreground,
        /// Whether main handles, blocks or ignores TSTP, the signal of Ctrl-Z.
        by_itself: bool,
    },
    /// The kernel discarded the signal by which rinit wanted to stop itself: no process could continue it.
    StopDiscarded(Signal),
    /// main has exited, and has been reaped.
    MainEnded(WaitStatus),
    /// Another child has exited, and has been reaped.
    Reaped,
    /// The answer to `Action::Look`.
    Seen(Alive),
    /// The answer to `Action::Drain`: when to scan again, or None when no process is left to wait for.
    Scanned(Option<Moment>),
    /// The deadline may be over.
    Tick,
}

/// Which kind of process is left besides rinit and main.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alive {
    /// None.
    Nobody,
    /// At least one child of rinit's: SIGCHLD reports its exit.
    Children,
    /// Only processes that were started from outside, as `docker exec` does: no exit notification arrives for these.
    Strangers,
}

/// What rinit is to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Forward a signal. `Target::Group` means main's group even after main's exit: processes may be left in it.
    Forward(Signal, Target),
    /// Continue the target if main is stopped: a stopped process does not act on TERM.
    ContinueIfStopped(Target),
    /// Make main's group the terminal's foreground again, if rinit's own is and no other process needs it.
    LendTerminal,
    /// Make main's group the terminal's foreground, which it needs.
    GiveTerminal,
    /// Make rinit's own group the terminal's foreground.
    TakeTerminal,
    /// Stop as main did, so that the shell that started rinit sees a stopped job.
    StopSelf(Signal),
    /// Send KILL to main and its group: the stop sequence has come to it.
    KillMain,
    /// main is still alive after KILL: give up waiting for it, and go on with `Event::MainEnded`.
    AbandonMain,
    /// Main has exited: begin to drain the remaining processes, with the first scan.
    BeginDrain,
    /// Scan the remaining processes, ask and kill those whose turn has come, and answer by `Event::Scanned`.
    Drain,
    /// See which processes are left, and report it as `Event::Seen`.
    Look,
    /// The stop takes long: report what delays it.
    ReportSlowStop,
    /// Exit with this status.
    Exit(u8),
}

/// One event leads to at most this many actions.
const MOST: usize = 3;

/// What to do about one event, first things first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actions([Option<Action>; MOST]);

impl Actions {
    const NONE: Actions = Actions([None; MOST]);

    const fn one(action: Action) -> Actions {
        Actions([Some(action), None, None])
    }

    const fn two(first: Action, second: Action) -> Actions {
        Actions([Some(first), Some(second), None])
    }
}

impl IntoIterator for Actions {
    type Item = Action;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Action>, MOST>>;

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
    /// main has exited, and it is not known yet whether other processes are left.
    Ended,
    /// `--wait-all`: the remaining processes run on until they exit by themselves.
    Waiting(PollBackoff),
    /// The remaining processes are asked to exit, and killed when their time is over.
    Draining {
        /// When the last scan was.
        last: Moment,
        /// When the next one is due.
        next: Moment,
    },
    /// There is nothing left to do.
    Gone,
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

/// Rate-limits scans: thousands of orphans may exit at once, and each could make another process due.
const SCANS_APART: Duration = Duration::from_millis(10);

/// How long main may take to die of KILL: it may have much memory to free. A tracer can hold a dead one for ever.
const KILL_TAKES_MAIN: Duration = Duration::from_secs(2);

const REPORTS_APART: Duration = Duration::from_secs(1);

/// The state, and the options.
#[derive(Debug)]
pub struct Lifecycle {
    options: Options,
    job_control: JobControl,
    phase: Phase,
    /// The first stop signal, or else the drain's TERM, and when it was sent.
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

    /// Whether rinit reacts when main is stopped.
    pub fn watches_stops(&self) -> bool {
        self.job_control != JobControl::None && self.main_runs()
    }

    /// Whether main has not exited yet.
    pub fn main_runs(&self) -> bool {
        matches!(self.phase, Phase::Running { .. })
    }

    /// The first stop signal, or else the drain's TERM, and when it was sent.
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
            Phase::Pausing | Phase::Ended | Phase::Gone => return None,
        };
        of_phase.into_iter().chain([self.report]).flatten().min()
    }

    /// Returns what to do about an event.
    pub fn on(&mut self, now: Moment, event: Event) -> Actions {
        match event {
            Event::Signal(signal) => self.on_signal(now, signal),
            Event::MainStopped { signal, foreground, by_itself } => self.on_stop(signal, foreground, by_itself),
            Event::StopDiscarded(signal) => {
                self.job_control = JobControl::Nobody;
                if self.main_runs() { self.on_stop(signal, Foreground::Another, false) } else { self.stop_after_main() }
            }
            Event::MainEnded(status) => self.on_main_ended(status),
            Event::Reaped => self.on_reaped(),
            Event::Seen(alive) => self.on_seen(now, alive),
            Event::Scanned(next) => self.on_scanned(now, next),
            Event::Tick => self.on_tick(now),
        }
    }

    fn on_signal(&mut self, now: Moment, received: Signal) -> Actions {
        if received == Signal::CHLD {
            return Actions::NONE;
        }
        // Whatever it is rewritten to: dumb-init stops itself all the same.
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
                    if let Some(sent) = progress.take(&self.options.stop_sequence, now, signal) {
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
                let [then, ..] = self.stop_after_main().0;
                Actions([Some(to_others), then, None])
            }
            Phase::Waiting(_) | Phase::Draining { .. } => Actions::one(to_others),
            Phase::Pausing if matches!(signal, Signal::TERM | Signal::INT) => {
                self.note_stop(now, signal);
                // A pause with --wait-all is over at the stop signal: the drain follows.
                self.options.wait_all = false;
                self.end()
            }
            Phase::Pausing | Phase::Ended | Phase::Gone => Actions::NONE,
        }
    }

    /// A step of the stop sequence sends this signal, or only waits.
    fn on_step(&mut self, now: Moment, sent: Option<Signal>) -> Actions {
        let Some(signal) = sent else { return Actions::NONE };
        self.note_stop(now, signal);
        let target = self.options.target;
        match &mut self.phase {
            Phase::Running { abandon_main, .. } if signal == Signal::KILL => {
                *abandon_main = Some(now.saturating_add(KILL_TAKES_MAIN));
                Actions::one(Action::KillMain)
            }
            _ => Actions::two(Action::Forward(signal, target), Action::ContinueIfStopped(target)),
        }
    }

    /// Ctrl-Z has stopped the remaining processes. rinit stops too, as the shell that started it sees no other of them.
    fn stop_after_main(&self) -> Actions {
        match (self.phase, self.job_control) {
            (Phase::Waiting(_) | Phase::Draining { .. }, JobControl::Shell) => {
                Actions::one(Action::StopSelf(Signal::TSTP))
            }
            (Phase::Waiting(_) | Phase::Draining { .. }, JobControl::Nobody) => {
                Actions::one(Action::Forward(Signal::CONT, Target::All))
            }
            _ => Actions::NONE,
        }
    }

    fn on_stop(&self, signal: Signal, foreground: Foreground, by_itself: bool) -> Actions {
        if !self.main_runs() {
            return Actions::NONE;
        }
        // The terminal stops the whole group, so the whole group is continued, whatever the target of other signals is.
        let go_on = Action::Forward(Signal::CONT, Target::Group);
        match self.job_control.main_stopped(signal, foreground, by_itself) {
            Reaction::None => Actions::NONE,
            Reaction::Continue => Actions::one(go_on),
            Reaction::ContinueInForeground => Actions::two(Action::GiveTerminal, go_on),
            Reaction::TakeForeground => Actions::one(Action::TakeTerminal),
            Reaction::StopToo => Actions::one(Action::StopSelf(signal)),
        }
    }

    fn on_main_ended(&mut self, status: WaitStatus) -> Actions {
        if !self.main_runs() {
            return Actions::NONE;
        }
        let is_held_back = matches!(self.phase, Phase::Running { progress, .. } if progress.holds_back());
        self.status = self.status_for(status);
        let actions = self.end();
        // A stop that was held back is for the remaining processes as well: --wait-all does not exempt them.
        self.options.wait_all &= !is_held_back;
        actions
    }

    /// main has exited, or there was none.
    fn end(&mut self) -> Actions {
        if self.options.grace == Some(Duration::ZERO) && !self.options.wait_all {
            let parting = self.options.parting.map(|signal| Action::Forward(signal, Target::Group));
            let [exit, ..] = self.exit().0;
            return Actions([parting, exit, None]);
        }
        self.phase = Phase::Ended;
        Actions::one(Action::Look)
    }

    fn on_reaped(&self) -> Actions {
        match self.phase {
            Phase::Waiting(_) | Phase::Draining { .. } => Actions::one(Action::Look),
            Phase::Pausing | Phase::Running { .. } | Phase::Ended | Phase::Gone => Actions::NONE,
        }
    }

    fn on_seen(&mut self, now: Moment, alive: Alive) -> Actions {
        if self.main_runs() || matches!(self.phase, Phase::Pausing | Phase::Gone) {
            return Actions::NONE;
        }
        if alive == Alive::Nobody {
            return self.exit();
        }
        match &mut self.phase {
            Phase::Ended if self.options.wait_all => {
                self.phase = Phase::Waiting(PollBackoff::new());
                return self.on_seen(now, alive);
            }
            Phase::Ended => return Actions::one(self.start_drain(now)),
            Phase::Waiting(poll) => match alive {
                Alive::Strangers => poll.schedule(now),
                Alive::Children | Alive::Nobody => poll.next = None,
            },
            // The exit that was just seen may have made another process due.
            Phase::Draining { last, next } => *next = (*next).min(last.saturating_add(SCANS_APART)),
            Phase::Pausing | Phase::Running { .. } | Phase::Gone => {}
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
        // Survivors are named when the grace period is over. A report within a second of that would repeat it.
        if kill.is_some_and(|kill| self.report.is_some_and(|report| kill <= report.saturating_add(REPORTS_APART))) {
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
            Phase::Waiting(poll) if poll.is_due(now) => Actions::one(Action::Look),
            Phase::Draining { next, .. } if next <= now => Actions::one(Action::Drain),
            _ => Actions::NONE,
        }
    }

    fn exit(&mut self) -> Actions {
        self.phase = Phase::Gone;
        self.report = None;
        Actions::one(Action::Exit(self.status))
    }
}

#[cfg(any(test, fuzzing))]
pub mod history;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
