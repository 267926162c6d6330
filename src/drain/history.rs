//! The stop signals that were forwarded, and which processes received them. These must not be asked again: many programs
//! take a second SIGTERM as "exit now, without saving".

use super::facts::Facts;
use crate::signal::Signal;
use nix::unistd::Pid;
use std::time::Duration;

/// Where a signal was forwarded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// One process.
    Process(Pid),
    /// A process group.
    Group(Pid),
    /// All processes that rinit is responsible for.
    All,
}

/// Whether a forwarded stop signal has asked a process to exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// It has not.
    No,
    /// It may have. The process may have been started after it, or may use the signal for something else (a prompt, a
    /// thread dump).
    Maybe,
    /// It has.
    Yes,
}

/// The forwarded stop signals: for each signal and recipient the last one.
#[derive(Debug, Default)]
pub struct StopHistory(Vec<Request>);

#[derive(Debug, PartialEq, Eq)]
struct Request {
    signal: Signal,
    recipients: Recipients,
    /// When it was sent, in clock ticks of 10 ms since boot: the unit of `Facts::started`.
    tick: u64,
    /// Whether main handles it, and so may have passed it on.
    main_handles: bool,
}

impl StopHistory {
    /// Notes a signal that is about to be forwarded at `tick`, if it requests termination.
    pub fn note(&mut self, signal: Signal, recipients: Recipients, tick: u64, main_handles: bool) {
        if signal.requests_termination() {
            self.0.retain(|request| request.signal != signal || request.recipients != recipients);
            self.0.push(Request { signal, recipients, tick, main_handles });
        }
    }

    /// The drain begins at `tick`. Forgets signals older than both the grace period and a minute: a process that has not
    /// exited in that time did not take them as a request to exit.
    pub fn forget_old(&mut self, tick: u64, grace: Option<Duration>) {
        let longest = grace.unwrap_or_default().max(Duration::from_secs(60));
        let longest = u64::try_from(longest.as_millis() / 10).unwrap_or(u64::MAX);
        self.0.retain(|request| tick.saturating_sub(request.tick) <= longest);
    }

    /// The earliest time of a request, in clock ticks since boot. A signal that was repeated counts with its last time.
    pub fn first(&self) -> Option<u64> {
        self.0.iter().map(|request| request.tick).min()
    }

    /// Whether main received a stop signal that it handles: it may have asked its children to exit.
    pub fn main_handled(&self) -> bool {
        self.0.iter().any(|request| request.main_handles)
    }

    /// Whether a process with these facts has been asked.
    pub fn reached(&self, pid: Pid, facts: &Facts) -> Reached {
        self.0.iter().map(|request| request.reached(pid, facts)).max().unwrap_or(Reached::No)
    }

    /// Whether programs use a stop signal as a request to exit and for nothing else, unlike SIGINT (prompts) and SIGQUIT
    /// (thread dumps).
    pub fn only_requests_exit(signal: Signal) -> bool {
        !matches!(signal, Signal::INT | Signal::QUIT)
    }
}

impl Request {
    fn reached(&self, pid: Pid, facts: &Facts) -> Reached {
        let received = match self.recipients {
            Recipients::Process(process) => process == pid,
            Recipients::Group(group) => facts.group == group,
            Recipients::All => true,
        };
        if !received || facts.started > self.tick || facts.ignored.contains(self.signal) {
            return Reached::No;
        }
        let certain = facts.started < self.tick && StopHistory::only_requests_exit(self.signal);
        if certain { Reached::Yes } else { Reached::Maybe }
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::InteractiveShell;
    use super::*;
    use crate::signal::{SignalSet, Treatment};

    const GROUP: Recipients = Recipients::Group(Pid::from_raw(7));

    fn facts(group: i32, started: u64) -> Facts {
        Facts {
            parent: Pid::from_raw(1),
            group: Pid::from_raw(group),
            started,
            dead: false,
            stopped: false,
            treatment: Treatment::Handles,
            pending: false,
            ignored: SignalSet::EMPTY,
            nested_init: false,
            is_fork: false,
            interactive_shell: InteractiveShell::No,
        }
    }

    fn after(signal: Signal, recipients: Recipients) -> StopHistory {
        let mut history = StopHistory::default();
        history.note(signal, recipients, 1000, false);
        history
    }

    fn reached(history: &StopHistory, facts: Facts) -> Reached {
        history.reached(Pid::from_raw(8), &facts)
    }

    #[test]
    fn a_group_member_older_than_the_signal_has_been_asked() {
        let history = after(Signal::TERM, GROUP);
        assert_eq!(reached(&history, facts(7, 999)), Reached::Yes);
        assert_eq!(reached(&history, facts(7, 1000)), Reached::Maybe, "started within the same 10 ms");
        assert_eq!(reached(&history, facts(7, 1001)), Reached::No, "started later");
        assert_eq!(reached(&history, facts(8, 999)), Reached::No, "another group");
        assert_eq!(reached(&after(Signal::TERM, Recipients::All), facts(8, 999)), Reached::Yes);
        assert_eq!(reached(&after(Signal::TERM, Recipients::Process(Pid::from_raw(8))), facts(9, 1)), Reached::Yes);
    }

    #[test]
    fn an_ignored_signal_has_asked_no_process() {
        let ignores = Facts { ignored: SignalSet::EMPTY.with(Signal::TERM), ..facts(7, 1) };
        assert_eq!(reached(&after(Signal::TERM, GROUP), ignores), Reached::No);
        assert_eq!(reached(&after(Signal::INT, GROUP), ignores), Reached::Maybe);
    }

    #[test]
    fn int_and_quit_may_have_asked_hup_and_cont_have_not() {
        for (signal, expected) in [
            (Signal::TERM, Reached::Yes),
            (Signal::RTMIN_3, Reached::Yes),
            (Signal::INT, Reached::Maybe),
            (Signal::QUIT, Reached::Maybe),
            (Signal::HUP, Reached::No),
            (Signal::CONT, Reached::No),
        ] {
            assert_eq!(reached(&after(signal, GROUP), facts(7, 1)), expected, "{signal}");
        }
    }

    #[test]
    fn an_old_signal_is_forgotten() {
        for (grace, kept) in [(Some(30), 6000), (Some(90), 9000), (None, 6000)] {
            for (age, expected) in [(kept, Reached::Yes), (kept + 1, Reached::No)] {
                let mut history = StopHistory::default();
                history.note(Signal::TERM, GROUP, 1000, true);
                history.forget_old(1000 + age, grace.map(Duration::from_secs));
                assert_eq!(reached(&history, facts(7, 1)), expected, "{grace:?} {age}");
                assert_eq!(history.main_handled(), expected == Reached::Yes);
            }
        }
    }
}
