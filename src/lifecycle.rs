//! The decisions: what an event means, given what happened before. No system call, no clock, no I/O: all of it can be
//! tested without a process.

use crate::options::{ExitMap, Options, Target};
use crate::signal::Signal;
use crate::sys::wait::WaitStatus;

/// What can happen to rinit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A signal arrived for rinit; CHLD is none of these.
    Signal(Signal),
    /// main was stopped by this signal.
    MainStopped(Signal),
    /// main ended, and has been reaped.
    MainEnded(WaitStatus),
}

/// What rinit is to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a signal on.
    Forward(Signal, Target),
    /// Continue the target if main is stopped: a stopped process does not see a TERM.
    ContinueIfStopped(Target),
    /// Make main's group the terminal's foreground again, if rinit's own is.
    LendTerminal,
    /// Stop as main did, so that the shell that started rinit sees a stopped job.
    StopSelf(Signal),
    /// Exit with this status.
    Exit(u8),
}

/// At most this many actions follow from one event.
const MOST: usize = 2;

/// What to do about one event, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actions([Option<Action>; MOST]);

impl Actions {
    const fn none() -> Actions {
        Actions([None; MOST])
    }

    const fn one(action: Action) -> Actions {
        Actions([Some(action), None])
    }

    const fn two(first: Action, second: Action) -> Actions {
        Actions([Some(first), Some(second)])
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
    /// main was not given a terminal: nothing follows from its being stopped.
    None,
    /// The shell that started rinit.
    Shell,
    /// Nobody. Had main been started directly, the kernel would have discarded the terminal's stop signals.
    Nobody,
}

/// The state, and the choices that bear on it.
#[derive(Debug)]
pub struct Lifecycle {
    target: Target,
    exit_map: ExitMap,
    job_control: JobControl,
    ended: bool,
}

impl Lifecycle {
    /// main has just been started.
    pub fn new(options: &Options, job_control: JobControl) -> Lifecycle {
        Lifecycle {
            target: options.target,
            exit_map: options.exit_map.clone(),
            job_control,
            ended: false,
        }
    }

    /// Whether it matters that main was stopped.
    pub fn watches_stops(&self) -> bool {
        self.job_control != JobControl::None && !self.ended
    }

    /// Takes an event and says what to do.
    pub fn on(&mut self, event: Event) -> Actions {
        if self.ended {
            return Actions::none();
        }
        match event {
            Event::Signal(signal) => self.on_signal(signal),
            Event::MainStopped(signal) => self.on_stop(signal),
            Event::MainEnded(status) => {
                self.ended = true;
                Actions::one(Action::Exit(self.exit_map.apply(status.shell_code())))
            }
        }
    }

    fn on_signal(&self, signal: Signal) -> Actions {
        let forward = Action::Forward(signal, self.target);
        match signal {
            Signal::CHLD => Actions::none(),
            Signal::CONT if self.job_control == JobControl::Shell => {
                Actions::two(Action::LendTerminal, forward)
            }
            signal if signal.is_stop() => {
                Actions::two(forward, Action::ContinueIfStopped(self.target))
            }
            _ => Actions::one(forward),
        }
    }

    fn on_stop(&self, signal: Signal) -> Actions {
        match self.job_control {
            JobControl::None => Actions::none(),
            JobControl::Shell => Actions::one(Action::StopSelf(signal)),
            // Only what Ctrl-Z sends: who reads from the background would be stopped again at once, for ever, and a
            // STOP is somebody's will.
            JobControl::Nobody if signal == Signal::TSTP => {
                Actions::one(Action::ContinueIfStopped(self.target))
            }
            JobControl::Nobody => Actions::none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifecycle(target: Target, job_control: JobControl) -> Lifecycle {
        Lifecycle::new(
            &Options {
                target,
                ..Options::default()
            },
            job_control,
        )
    }

    fn on(lifecycle: &mut Lifecycle, event: Event) -> Vec<Action> {
        lifecycle.on(event).into_iter().collect()
    }

    #[test]
    fn every_signal_but_chld_is_forwarded_once_to_the_target() {
        for target in [Target::Group, Target::Main] {
            for number in 1..=64 {
                let signal = Signal::new(number).unwrap();
                let actions = on(
                    &mut lifecycle(target, JobControl::None),
                    Event::Signal(signal),
                );
                let forwards = actions
                    .iter()
                    .filter(|action| matches!(action, Action::Forward(..)))
                    .count();
                assert_eq!(forwards, usize::from(signal != Signal::CHLD), "{signal}");
                if signal != Signal::CHLD {
                    assert_eq!(actions.first(), Some(&Action::Forward(signal, target)));
                }
            }
        }
    }

    #[test]
    fn a_stop_signal_is_followed_by_cont_where_main_is_stopped() {
        for number in 1..=64 {
            let signal = Signal::new(number).unwrap();
            let actions = on(
                &mut lifecycle(Target::Group, JobControl::None),
                Event::Signal(signal),
            );
            let continues = actions.contains(&Action::ContinueIfStopped(Target::Group));
            assert_eq!(continues, [1, 2, 3, 15, 37].contains(&number), "{signal}");
        }
    }

    #[test]
    fn rinit_exits_with_mains_status_and_forwards_no_more() {
        let mut options = Options::default();
        options.exit_map.set(143, 0);
        let mut lifecycle = Lifecycle::new(&options, JobControl::None);
        assert_eq!(
            on(&mut lifecycle, Event::MainEnded(WaitStatus::from_raw(15))),
            [Action::Exit(0)]
        );
        assert_eq!(on(&mut lifecycle, Event::Signal(Signal::TERM)), []);
    }

    #[test]
    fn under_a_shell_rinit_stops_as_main_does_and_lends_the_terminal_on_cont() {
        let mut lifecycle = lifecycle(Target::Group, JobControl::Shell);
        assert_eq!(
            on(&mut lifecycle, Event::MainStopped(Signal::TSTP)),
            [Action::StopSelf(Signal::TSTP)]
        );
        let cont = on(&mut lifecycle, Event::Signal(Signal::CONT));
        assert_eq!(
            cont,
            [
                Action::LendTerminal,
                Action::Forward(Signal::CONT, Target::Group)
            ]
        );
    }

    #[test]
    fn where_nobody_could_continue_it_only_the_terminals_stop_is_undone() {
        let mut lifecycle = lifecycle(Target::Group, JobControl::Nobody);
        let tstp = on(&mut lifecycle, Event::MainStopped(Signal::TSTP));
        assert_eq!(tstp, [Action::ContinueIfStopped(Target::Group)]);
        assert_eq!(on(&mut lifecycle, Event::MainStopped(Signal::STOP)), []);
    }

    #[test]
    fn without_a_terminal_a_stopped_main_stays_stopped() {
        let mut lifecycle = lifecycle(Target::Main, JobControl::None);
        assert!(!lifecycle.watches_stops());
        assert_eq!(on(&mut lifecycle, Event::MainStopped(Signal::TSTP)), []);
    }
}
