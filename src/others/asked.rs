//! Who has been asked to end by a stop signal that was forwarded. To ask again would do harm: many programs take a second
//! TERM as "now, without saving".

use crate::options::Target;
use crate::signal::Signal;
use crate::sys::procfs::{Procfs, Stat, Status};
use crate::sys::{Pid, clock};

/// The stop signals that were forwarded; of several of a kind the last one.
#[derive(Default)]
pub(super) struct Asked(Vec<Request>);

impl Asked {
    /// Notes a signal that is about to be forwarded to `target`, if it asks for an end and goes to others than main.
    pub(super) fn note(&mut self, signal: Signal, target: Target, main: Option<Pid>) {
        let group = match target {
            Target::Group if main.is_some() => main,
            Target::All => None,
            Target::Group | Target::Main => return,
        };
        if !signal.asks_for_an_end() {
            return;
        }
        let at = Instant::now(Procfs::of_our_namespace());
        self.0.retain(|request| request.signal != signal || request.group != group);
        self.0.push(Request { signal, group, at });
    }

    /// Whether nobody has been asked.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When a process was asked, if it was.
    pub(super) fn before(&self, pid: Pid, stat: &Stat, status: &Status) -> Option<Instant> {
        self.0.iter().find(|request| request.reached(pid, stat, status)).map(|request| request.at)
    }
}

/// A stop signal that was forwarded: to whom, and when.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    signal: Signal,
    /// The group that got it; None when everybody did.
    group: Option<Pid>,
    at: Instant,
}

impl Request {
    /// Whether a process got this signal and did not ignore it. (Whom it ended by default is not there to be asked.)
    fn reached(&self, pid: Pid, stat: &Stat, status: &Status) -> bool {
        // Who lives on long after an INT or a QUIT took it for something else: a prompt, a thread dump.
        let lapsed = matches!(self.signal, Signal::INT | Signal::QUIT)
            && clock::ticks_since_boot().saturating_sub(self.at.tick) > LAPSES_AFTER;
        let member = self.group.is_none_or(|group| stat.group == group);
        !lapsed && member && self.at.saw_the_birth_of(pid, stat.started) && !status.ignored.contains(self.signal)
    }
}

/// When somebody was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instant {
    /// In clock ticks since boot.
    tick: u64,
    /// The PID that had been given away last.
    newest: Option<Pid>,
}

impl Instant {
    pub(super) fn now(procfs: Option<Procfs>) -> Instant {
        Instant { tick: clock::ticks_since_boot(), newest: procfs.and_then(Procfs::newest_pid) }
    }

    /// Start times come in ticks of 10 ms: within one tick the PIDs, which are given away in order, tell what was first.
    pub(super) fn saw_the_birth_of(self, pid: Pid, started: u64) -> bool {
        started < self.tick || started == self.tick && self.newest.is_some_and(|newest| pid <= newest)
    }
}

/// In clock ticks: a minute.
const LAPSES_AFTER: u64 = 6000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::SignalSet;

    fn stat(group: i32, started: u64) -> Stat {
        let pid = Pid::from_raw;
        Stat {
            state: b'S',
            parent: pid(1),
            group: pid(group),
            session: pid(1),
            has_terminal: false,
            threads: 1,
            started,
            resident: 0,
            is_of_kernel: false,
        }
    }

    fn term_to(group: Option<i32>) -> Request {
        let at = Instant { tick: 1000, newest: Some(Pid::from_raw(50)) };
        Request { signal: Signal::TERM, group: group.map(Pid::from_raw), at }
    }

    #[test]
    fn who_was_in_the_group_when_it_was_asked_is_not_asked_again() {
        let status = Status::default();
        let reached =
            |pid, group, started| term_to(Some(7)).reached(Pid::from_raw(pid), &stat(group, started), &status);
        assert!(reached(8, 7, 999));
        assert!(!reached(8, 8, 999), "another group");
        assert!(!reached(60, 7, 1001), "born after");
        assert!(reached(50, 7, 1000), "born in the same tick, before");
        assert!(!reached(51, 7, 1000), "born in the same tick, after");
    }

    #[test]
    fn who_ignored_the_signal_has_not_been_asked() {
        let ignores = Status { ignored: SignalSet(1 << 14), ..Status::default() };
        assert!(!term_to(Some(7)).reached(Pid::from_raw(8), &stat(7, 1), &ignores));
    }

    #[test]
    fn a_signal_to_all_reaches_every_group() {
        assert!(term_to(None).reached(Pid::from_raw(8), &stat(99, 1), &Status::default()));
    }

    #[test]
    fn only_what_asks_for_an_end_is_noted() {
        let main = Some(Pid::from_raw(7));
        let mut asked = Asked::default();
        for (signal, target) in
            [(Signal::HUP, Target::Group), (Signal::CONT, Target::All), (Signal::TERM, Target::Main)]
        {
            asked.note(signal, target, main);
        }
        assert_eq!(asked.0, []);
        asked.note(Signal::TERM, Target::Group, main);
        asked.note(Signal::INT, Target::All, main);
        asked.note(Signal::TERM, Target::Group, main);
        let groups: Vec<_> = asked.0.iter().map(|request| (request.signal, request.group)).collect();
        assert_eq!(groups, [(Signal::INT, None), (Signal::TERM, main)]);
    }
}
