//! The decisions: what an event means, given what happened before. No system call, no clock, no I/O: time comes in as a
//! value, and all of it can be tested without a process.

use crate::options::{Options, Target};
use crate::signal::Signal;
use crate::stop_sequence::StopSequence;
use crate::sys::wait::WaitStatus;
use sequence::Progress;
use std::time::Duration;

mod sequence;

/// A point in time, counted from any fixed one.
pub type Moment = Duration;

/// What can happen to rinit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A signal arrived for rinit; CHLD is none of these.
    Signal(Signal),
    /// main was stopped by this signal.
    MainStopped {
        /// Which one.
        signal: Signal,
        /// Whether rinit's own group has the terminal's foreground at this moment.
        in_foreground: bool,
    },
    /// The kernel did not let rinit be stopped by this signal: nobody could continue it.
    StopDiscarded(Signal),
    /// main ended, and has been reaped.
    MainEnded(WaitStatus),
    /// Some other child ended, and has been reaped.
    Reaped,
    /// The answer to `Action::Look`.
    Seen(Alive),
    /// The deadline may be over.
    Tick,
}

/// Who is left of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alive {
    /// Nobody.
    Nobody,
    /// At least one child of rinit's: its end will be told.
    Children,
    /// Only processes that somebody else started, as `docker exec` does: nobody tells of their end. Or some that are still
    /// to be asked.
    Strangers,
}

/// What rinit is to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a signal on. To the group once main has ended: to those whom it left there.
    Forward(Signal, Target),
    /// Continue the target if main is stopped: a stopped process does not see a TERM.
    ContinueIfStopped(Target),
    /// Make main's group the terminal's foreground again, if rinit's own is.
    LendTerminal,
    /// Stop as main did, so that the shell that started rinit sees a stopped job.
    StopSelf(Signal),
    /// KILL to main and its group, as `--kill-after` has it.
    KillMain,
    /// It is not gone even so: go on as if it were, by `Event::MainEnded`.
    LeaveMain,
    /// Ask those of the others to end that have not been asked yet, and continue those that are stopped.
    AskOthers,
    /// See who is left, and report it as `Event::Seen`.
    Look,
    /// See who is left that a KILL can reach, and report it as `Event::Seen`.
    LookForKillable,
    /// The stop takes long: tell what holds it up.
    ReportSlowStop,
    /// The grace is over: name who is left.
    NameSurvivors,
    /// KILL to all others.
    KillOthers,
    /// Exit with this status.
    Exit(u8),
}

/// At most this many actions follow from one event.
const MOST: usize = 3;

/// What to do about one event, in order.
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

    const fn three(first: Action, second: Action, third: Action) -> Actions {
        Actions([Some(first), Some(second), Some(third)])
    }
}

impl IntoIterator for Actions {
    type Item = Action;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Action>, MOST>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}

/// Who, if anybody, could continue main after the terminal's stop signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobControl {
    /// There is no terminal: nothing follows from main's being stopped.
    None,
    /// The shell that started rinit.
    Shell,
    /// Nobody. Had main been started directly, the kernel would have discarded the terminal's stop signals.
    Nobody,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// There is no main, only the others: until TERM or INT.
    Pausing,
    /// main runs.
    Running {
        /// How far a stop by plan has come.
        progress: Progress,
        /// When to wait no longer for main, which was killed.
        leave_main: Option<Moment>,
    },
    /// main has ended, and it is not known yet whether anybody else lives.
    Ended,
    /// `--wait-all`: the others live on as long as they like.
    Waiting(Looks),
    /// The others have been asked to end.
    Draining {
        /// When the grace is over; None for never.
        kill: Option<Moment>,
        looks: Looks,
    },
    /// They have been killed.
    Killing {
        /// When to wait no longer.
        leave: Moment,
        looks: Looks,
    },
    /// There is nothing left to do.
    Gone,
}

/// Looking for processes of whose end nobody tells: at growing intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Looks {
    next: Option<Moment>,
    interval: Duration,
    longest: Duration,
}

impl Looks {
    const SHORTEST: Duration = Duration::from_millis(1);
    /// While the end waits for it.
    const WHEN_ENDING: Duration = Duration::from_millis(50);
    /// While it may take days.
    const WHEN_WAITING: Duration = Duration::from_secs(1);

    fn up_to(longest: Duration) -> Looks {
        Looks { next: None, interval: Looks::SHORTEST, longest }
    }

    fn schedule(&mut self, now: Moment) {
        self.next = Some(now.saturating_add(self.interval));
        self.interval = self.interval.saturating_mul(2).min(self.longest);
    }

    fn are_due(&self, now: Moment) -> bool {
        self.next.is_some_and(|next| next <= now)
    }
}

/// A killed process is gone at once, unless it hangs in the kernel. PID 1's own end takes such a one along.
const KILL_TAKES: Duration = Duration::from_millis(500);

/// main is the one that is waited for, and may have much memory to give back. A tracer can keep one that is dead.
const KILL_TAKES_MAIN: Duration = Duration::from_secs(2);

const REPORTS_APART: Duration = Duration::from_secs(1);

/// The state, and the choices that bear on it.
#[derive(Debug)]
pub struct Lifecycle {
    options: Options,
    job_control: JobControl,
    phase: Phase,
    /// What the first stop signal was, and when; or the drain's TERM, where there was none before.
    stop: Option<(Signal, Moment)>,
    /// When a slow stop is to be told of.
    report: Option<Moment>,
    /// What rinit will exit with.
    status: u8,
}

impl Lifecycle {
    /// main has just been started, or there is none.
    pub fn new(mut options: Options, job_control: JobControl) -> Lifecycle {
        if let Some(limit) = options.kill_after {
            options.stop_sequence = StopSequence::kill_after(limit);
        }
        let running = Phase::Running { progress: Progress::default(), leave_main: None };
        let phase = if options.pause { Phase::Pausing } else { running };
        Lifecycle { options, job_control, phase, stop: None, report: None, status: 0 }
    }

    /// Whether it matters that main was stopped.
    pub fn watches_stops(&self) -> bool {
        self.job_control != JobControl::None && self.main_runs()
    }

    /// Whether main can still be sent anything.
    pub fn main_runs(&self) -> bool {
        matches!(self.phase, Phase::Running { .. })
    }

    /// The first stop signal, or the drain's TERM, and when that was.
    pub fn stop(&self) -> Option<(Signal, Moment)> {
        self.stop
    }

    /// What rinit exits with where main ended so.
    pub fn status_for(&self, status: WaitStatus) -> u8 {
        self.options.exit_map.apply(status.shell_code())
    }

    /// When the grace is over, while the others are being drained.
    pub fn grace_ends(&self) -> Option<Moment> {
        match self.phase {
            Phase::Draining { kill, .. } => kill,
            _ => None,
        }
    }

    /// When to call `on` with `Event::Tick` at the latest. None: only other events matter.
    pub fn deadline(&self) -> Option<Moment> {
        let of_phase = match self.phase {
            Phase::Running { progress, leave_main } => [progress.due(), leave_main],
            Phase::Waiting(looks) => [None, looks.next],
            Phase::Draining { kill, looks } => [kill, looks.next],
            Phase::Killing { leave, looks } => [Some(leave), looks.next],
            Phase::Pausing | Phase::Ended | Phase::Gone => return None,
        };
        of_phase.into_iter().chain([self.report]).flatten().min()
    }

    /// Takes an event and says what to do.
    pub fn on(&mut self, now: Moment, event: Event) -> Actions {
        match event {
            Event::Signal(signal) => self.on_signal(now, signal),
            Event::MainStopped { signal, in_foreground } => self.on_stop(signal, in_foreground),
            Event::StopDiscarded(signal) => {
                self.job_control = JobControl::Nobody;
                self.on_stop(signal, false)
            }
            Event::MainEnded(status) => self.on_main_ended(status),
            Event::Reaped => self.on_reaped(),
            Event::Seen(alive) => self.on_seen(now, alive),
            Event::Tick => self.on_tick(now),
        }
    }

    fn on_signal(&mut self, now: Moment, received: Signal) -> Actions {
        if received == Signal::CHLD {
            return Actions::NONE;
        }
        let Some(signal) = self.options.rewrites.apply(received) else {
            return Actions::NONE;
        };
        let target = self.options.target;
        let to_others = Action::Forward(signal, Target::All);
        match self.phase {
            Phase::Running { mut progress, leave_main } => {
                let forward = Action::Forward(signal, target);
                if signal.asks_for_an_end() {
                    if let Some(sent) = progress.take(&self.options.stop_sequence, now, signal) {
                        self.phase = Phase::Running { progress, leave_main };
                        return self.on_step(now, sent);
                    }
                    self.note_stop(now, signal);
                }
                if signal.is_stop() {
                    Actions::two(forward, Action::ContinueIfStopped(target))
                } else if self.options.suspending.contains(received) {
                    Actions::two(forward, Action::StopSelf(Signal::STOP))
                } else if signal == Signal::CONT && self.job_control == JobControl::Shell {
                    Actions::two(Action::LendTerminal, Action::Forward(signal, Target::Group.or_wider(target)))
                } else {
                    Actions::one(forward)
                }
            }
            Phase::Waiting(_) if signal.asks_for_an_end() => {
                self.note_stop(now, signal);
                self.start_drain(now);
                Actions::three(to_others, Action::AskOthers, Action::Look)
            }
            Phase::Draining { .. } if signal.is_stop() => {
                Actions::two(to_others, Action::Forward(Signal::CONT, Target::All))
            }
            Phase::Waiting(_) | Phase::Draining { .. } => Actions::one(to_others),
            Phase::Pausing if matches!(signal, Signal::TERM | Signal::INT) => {
                self.note_stop(now, signal);
                self.end()
            }
            Phase::Pausing | Phase::Ended | Phase::Killing { .. } | Phase::Gone => Actions::NONE,
        }
    }

    /// A step of the stop sequence sends this signal, or only waits.
    fn on_step(&mut self, now: Moment, sent: Option<Signal>) -> Actions {
        let Some(signal) = sent else { return Actions::NONE };
        self.note_stop(now, signal);
        let target = self.options.target;
        match &mut self.phase {
            Phase::Running { leave_main, .. } if signal == Signal::KILL => {
                *leave_main = Some(now.saturating_add(KILL_TAKES_MAIN));
                Actions::one(Action::KillMain)
            }
            _ => Actions::two(Action::Forward(signal, target), Action::ContinueIfStopped(target)),
        }
    }

    fn on_stop(&self, signal: Signal, in_foreground: bool) -> Actions {
        if !self.main_runs() {
            return Actions::NONE;
        }
        // The terminal stops the whole group, so the whole group is continued, whoever gets the other signals.
        let go_on = Action::Forward(Signal::CONT, Target::Group);
        match self.job_control {
            JobControl::None => Actions::NONE,
            // A shell says nothing when it brings a running job to the foreground: main finds out by being stopped.
            JobControl::Shell if in_foreground && matches!(signal, Signal::TTIN | Signal::TTOU) => {
                Actions::two(Action::LendTerminal, go_on)
            }
            JobControl::Shell => Actions::one(Action::StopSelf(signal)),
            // Only what Ctrl-Z sends: who reads from the background would be stopped again at once, for ever, and a
            // STOP is somebody's will.
            JobControl::Nobody if signal == Signal::TSTP => Actions::one(go_on),
            JobControl::Nobody => Actions::NONE,
        }
    }

    fn on_main_ended(&mut self, status: WaitStatus) -> Actions {
        if !self.main_runs() {
            return Actions::NONE;
        }
        let is_held_back = matches!(self.phase, Phase::Running { progress, .. } if progress.holds_back());
        self.status = self.status_for(status);
        let actions = self.end();
        // A stop that was held back is one for all that remain: they are asked, and not waited for as they are.
        self.options.wait_all &= !is_held_back;
        actions
    }

    /// main is gone, or was never there.
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
            Phase::Killing { .. } => Actions::one(Action::LookForKillable),
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
                self.phase = Phase::Waiting(Looks::up_to(Looks::WHEN_WAITING));
                return self.on_seen(now, alive);
            }
            Phase::Ended => {
                self.start_drain(now);
                return Actions::two(Action::AskOthers, Action::Look);
            }
            Phase::Waiting(looks) | Phase::Draining { looks, .. } => match alive {
                Alive::Strangers => looks.schedule(now),
                Alive::Children | Alive::Nobody => looks.next = None,
            },
            Phase::Killing { looks, .. } => looks.schedule(now),
            Phase::Pausing | Phase::Running { .. } | Phase::Gone => {}
        }
        Actions::NONE
    }

    fn note_stop(&mut self, now: Moment, signal: Signal) {
        if self.stop.is_none() {
            self.stop = Some((signal, now));
            self.report = self.options.report_after.map(|limit| now.saturating_add(limit));
        }
    }

    fn start_drain(&mut self, now: Moment) {
        self.note_stop(now, Signal::TERM);
        let kill = self.options.grace.map(|grace| now.saturating_add(grace));
        // Who is left is named at the end of the grace: not twice within a second.
        if kill.is_some_and(|kill| self.report.is_some_and(|report| kill <= report.saturating_add(REPORTS_APART))) {
            self.report = None;
        }
        self.phase = Phase::Draining { kill, looks: Looks::up_to(Looks::WHEN_ENDING) };
    }

    fn on_tick(&mut self, now: Moment) -> Actions {
        let over = |moment: Option<Moment>| moment.is_some_and(|moment| moment <= now);
        if over(self.report) {
            self.report = None;
            return Actions::one(Action::ReportSlowStop);
        }
        match self.phase {
            Phase::Running { mut progress, leave_main } if over(progress.due()) => {
                let sent = progress.advance(&self.options.stop_sequence, now);
                self.phase = Phase::Running { progress, leave_main };
                self.on_step(now, sent)
            }
            Phase::Running { progress, leave_main } if over(leave_main) => {
                self.phase = Phase::Running { progress, leave_main: None };
                Actions::one(Action::LeaveMain)
            }
            Phase::Draining { kill, .. } if over(kill) => {
                let leave = now.saturating_add(KILL_TAKES);
                self.report = None;
                self.phase = Phase::Killing { leave, looks: Looks::up_to(Looks::WHEN_ENDING) };
                Actions::three(Action::NameSurvivors, Action::KillOthers, Action::LookForKillable)
            }
            Phase::Waiting(looks) | Phase::Draining { looks, .. } if looks.are_due(now) => Actions::one(Action::Look),
            Phase::Killing { leave, .. } if leave <= now => self.exit(),
            Phase::Killing { looks, .. } if looks.are_due(now) => {
                // Who was born of a process that died a moment later, where no kill(-1) takes all at once.
                Actions::two(Action::KillOthers, Action::LookForKillable)
            }
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
