//! The whole behaviour, without a process: time is a number here, and each test says which processes are left.

use super::*;
use crate::signal::SignalSet;
use std::collections::BTreeSet;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// A drain that cannot kill the remaining processes gives up this long after the grace period.
const GIVES_UP_AFTER: Duration = SECOND;

/// How long after a scan the drain asks for the next one.
const SCAN: Duration = Duration::from_millis(50);

/// A lifecycle and the answers that it gets.
struct Story {
    lifecycle: Lifecycle,
    grace: Option<Duration>,
    now: Moment,
    /// The answer to the next `Poll`s. Scans find the same.
    remaining: Remaining,
    done: Vec<Action>,
    /// When the drain began.
    began: Option<Moment>,
    /// When it scanned.
    scans: Vec<Moment>,
}

impl Story {
    fn new(options: Options, job_control: JobControl) -> Story {
        Story {
            grace: options.grace,
            lifecycle: Lifecycle::new(options, job_control),
            now: 1000 * SECOND,
            remaining: Remaining::None,
            done: vec![],
            began: None,
            scans: vec![],
        }
    }

    fn plain() -> Story {
        Story::new(Options::default(), JobControl::None)
    }

    /// What follows from an event, with what follows from the answers to polls and scans.
    fn on(&mut self, event: Event) -> Vec<Action> {
        let mut done = vec![];
        for action in self.lifecycle.on(self.now, event) {
            done.push(action);
            self.done.push(action);
            match action {
                Action::Poll => done.extend(self.on(Event::Polled(self.remaining))),
                Action::BeginDrain | Action::Scan => done.extend(self.scan(action)),
                _ => {}
            }
        }
        done
    }

    fn scan(&mut self, action: Action) -> Vec<Action> {
        if action == Action::BeginDrain {
            assert_eq!(self.began.replace(self.now), None, "the drain begins twice");
        }
        assert!(self.began.is_some(), "a scan before the drain");
        self.scans.push(self.now);
        let limits = self.began.zip(self.grace);
        let gives_up = limits.map_or(Moment::MAX, |(began, grace)| began + grace + GIVES_UP_AFTER);
        let is_over = gives_up <= self.now || self.remaining == Remaining::None;
        self.on(Event::Scanned((!is_over).then_some(gives_up.min(self.now + SCAN))))
    }

    fn main_stops(&mut self, signal: Signal) -> Vec<Action> {
        self.on(Event::MainStopped { signal, foreground: Foreground::Mains, handles_ctrl_z: false })
    }

    fn signal(&mut self, number: i32) -> Vec<Action> {
        self.on(Event::Signal(signal(number)))
    }

    fn main_exits(&mut self, raw: i32, remaining: Remaining) -> Vec<Action> {
        self.remaining = remaining;
        self.on(Event::MainExited(WaitStatus::from_raw(raw)))
    }

    /// Lets time pass as the loop would: to each deadline in turn. Returns what was done, except polls and scans.
    fn pass(&mut self, length: Duration) -> Vec<Action> {
        let end = self.now + length;
        let mut done = vec![];
        let mut rounds = 0;
        while let Some(deadline) = self.lifecycle.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            done.extend(self.on(Event::Tick));
            rounds += 1;
            assert!(rounds < 100_000, "the same deadline for ever: {:?}", self.lifecycle);
        }
        self.now = end;
        done.retain(|action| !matches!(action, Action::Poll | Action::Scan));
        done
    }

    /// Like `pass`, but without the report of a slow stop.
    fn pass_silently(&mut self, length: Duration) -> Vec<Action> {
        let mut done = self.pass(length);
        done.retain(|action| *action != Action::ReportSlowStop);
        done
    }
}

fn signal(number: i32) -> Signal {
    Signal::new(number).unwrap()
}

const ALL: Target = Target::All;

#[test]
fn every_signal_except_chld_is_forwarded_once_to_the_target() {
    for target in [Target::Group, Target::Main, ALL] {
        for number in 1..=64 {
            let mut story = Story::new(Options { target, ..Options::default() }, JobControl::None);
            let done = story.signal(number);
            let forwards = done.iter().filter(|action| matches!(action, Action::Forward(..))).count();
            assert_eq!(forwards, usize::from(number != 17), "{number}");
            if number != 17 {
                assert_eq!(done[0], Action::Forward(signal(number), target));
            }
        }
    }
}

#[test]
fn rewritten_signals_act_as_their_replacement_and_dropped_ones_do_nothing() {
    let mut options = Options::default();
    options.rewrites.set(signal(10), Some(Signal::TERM));
    options.rewrites.set(signal(15), None);
    options.kill_after = Some(SECOND);
    let mut story = Story::new(options, JobControl::None);
    assert_eq!(story.signal(15), []);
    assert_eq!(story.lifecycle.deadline(), None);
    let done = story.signal(10);
    assert_eq!(
        done,
        [Action::Forward(Signal::TERM, Target::Group), Action::ContinueIfStopped(Target::Group)],
        "USR1 is a stop signal now"
    );
    assert!(story.lifecycle.deadline().is_some());
    story.main_exits(0, Remaining::Children);
    assert_eq!(story.signal(10)[0], Action::Forward(Signal::TERM, ALL), "in the drain too");
    assert_eq!(story.signal(15), []);
}

#[test]
fn a_suspending_signal_is_forwarded_and_then_stops_rinit() {
    let suspending = SignalSet::EMPTY.with(Signal::TSTP);
    let mut options = Options { suspending, ..Options::default() };
    options.rewrites.set(Signal::TSTP, Some(Signal::STOP));
    let mut story = Story::new(options, JobControl::None);
    let stop = [Action::Forward(Signal::STOP, Target::Group), Action::StopSelf(Signal::STOP)];
    assert_eq!(story.signal(20), stop);
    assert_eq!(story.signal(21), [Action::Forward(Signal::TTIN, Target::Group)]);
}

#[test]
fn a_suspending_signal_stops_rinit_whatever_it_is_rewritten_to() {
    let story = |to| {
        let suspending = SignalSet::EMPTY.with(Signal::TSTP);
        let mut options = Options { suspending, grace: Some(Duration::ZERO), ..Options::default() };
        options.rewrites.set(Signal::TSTP, to);
        Story::new(options, JobControl::None)
    };
    let forward = |signal| Action::Forward(signal, Target::Group);
    let stop = Action::StopSelf(Signal::STOP);
    assert_eq!(story(None).signal(20), [stop]);
    assert_eq!(story(Some(Signal::PIPE)).signal(20), [forward(Signal::PIPE), stop]);
    let cont = Action::ContinueIfStopped(Target::Group);
    assert_eq!(story(Some(Signal::TERM)).signal(20), [forward(Signal::TERM), cont, stop]);
}

#[test]
fn a_suspending_signal_stops_rinit_though_it_starts_a_stop_sequence() {
    for (sequence, sent) in [("TERM,1s,KILL", Some(Signal::TERM)), ("1s,TERM", None)] {
        let suspending = SignalSet::EMPTY.with(Signal::TSTP);
        let stop_sequence = StopSequence::parse(sequence).unwrap();
        let mut options = Options { suspending, stop_sequence, ..Options::default() };
        options.rewrites.set(Signal::TSTP, Some(Signal::TERM));
        let mut story = Story::new(options, JobControl::None);
        let forwarded = sent.map(|signal| Action::Forward(signal, Target::Group));
        let continued = sent.map(|_| Action::ContinueIfStopped(Target::Group));
        let expected: Vec<Action> =
            [forwarded, continued, Some(Action::StopSelf(Signal::STOP))].into_iter().flatten().collect();
        assert_eq!(story.signal(20), expected, "{sequence}");
    }
}

#[test]
fn a_parting_signal_goes_to_the_group_if_rinit_does_not_wait() {
    let options = Options { parting: Some(Signal::TERM), grace: Some(Duration::ZERO), ..Options::default() };
    let mut story = Story::new(options.clone(), JobControl::None);
    let parting = [Action::Forward(Signal::TERM, Target::Group), Action::Exit(3)];
    assert_eq!(story.main_exits(3 << 8, Remaining::Unrelated), parting);
    let mut story = Story::new(Options { grace: Some(SECOND), ..options }, JobControl::None);
    assert_eq!(story.main_exits(3 << 8, Remaining::None), [Action::Poll, Action::Exit(3)]);
}

#[test]
fn a_pause_ends_only_at_term_or_int_and_is_followed_by_a_drain() {
    let options = Options { pause: true, ..Options::default() };
    for end in [2, 15] {
        let mut story = Story::new(options.clone(), JobControl::None);
        story.remaining = Remaining::Unrelated;
        for number in (1..=64).filter(|number| ![2, 15].contains(number)) {
            assert_eq!(story.signal(number), [], "{number}");
        }
        assert_eq!(story.on(Event::Reaped), []);
        assert_eq!(story.lifecycle.deadline(), None);
        assert_eq!(story.signal(end), [Action::Poll, Action::BeginDrain]);
        story.remaining = Remaining::None;
        assert_eq!(story.on(Event::Reaped).last(), Some(&Action::Exit(0)));
    }
    let options = Options { grace: Some(Duration::ZERO), ..options };
    assert_eq!(Story::new(options, JobControl::None).signal(15), [Action::Exit(0)]);
}

#[test]
fn a_pause_with_wait_all_drains_at_the_first_term_or_int() {
    for (end, remaining) in [(2, Remaining::Children), (15, Remaining::Unrelated)] {
        let options = Options { pause: true, wait_all: true, ..Options::default() };
        let mut story = Story::new(options.clone(), JobControl::None);
        story.remaining = remaining;
        assert_eq!(story.signal(end), [Action::Poll, Action::BeginDrain]);
        assert_eq!(story.pass_silently(30 * SECOND + GIVES_UP_AFTER), [Action::Exit(0)]);
        let options = Options { grace: Some(Duration::ZERO), ..options };
        assert_eq!(Story::new(options, JobControl::None).signal(end), [Action::Exit(0)]);
    }
}

#[test]
fn a_stop_signal_is_followed_by_cont_if_main_is_stopped() {
    for number in 1..=64 {
        let continues = Story::plain().signal(number).contains(&Action::ContinueIfStopped(Target::Group));
        assert_eq!(continues, [1, 2, 3, 15, 37].contains(&number), "{number}");
    }
}

#[test]
fn under_a_shell_rinit_stops_with_main_and_gives_it_the_terminal_on_cont() {
    let mut story = Story::new(Options::default(), JobControl::Shell);
    assert_eq!(story.main_stops(Signal::TSTP), [Action::StopSelf(Signal::TSTP)]);
    let cont = story.signal(18);
    assert_eq!(cont, [Action::LendTerminal, Action::Forward(Signal::CONT, Target::Group)]);
}

#[test]
fn in_an_orphaned_group_only_stops_by_the_terminal_are_undone() {
    let mut story = Story::new(Options::default(), JobControl::Orphaned);
    assert_eq!(story.main_stops(Signal::TSTP), [Action::Forward(Signal::CONT, Target::Group)]);
    assert_eq!(story.main_stops(Signal::STOP), []);
}

#[test]
fn a_stop_that_the_kernel_discards_shows_an_orphaned_group() {
    let mut story = Story::new(Options::default(), JobControl::Shell);
    assert_eq!(story.main_stops(Signal::TSTP), [Action::StopSelf(Signal::TSTP)]);
    let go_on = [Action::Forward(Signal::CONT, Target::Group)];
    assert_eq!(story.on(Event::StopDiscarded(Signal::TSTP)), go_on);
    assert_eq!(story.main_stops(Signal::TSTP), go_on);
}

#[test]
fn a_main_that_needs_the_terminal_gets_it_from_rinit() {
    for target in [Target::Main, Target::Group] {
        let mut story = Story::new(Options { target, ..Options::default() }, JobControl::Shell);
        let stop = Event::MainStopped { signal: Signal::TTIN, foreground: Foreground::Ours, handles_ctrl_z: false };
        let done = story.on(stop);
        assert_eq!(done, [Action::GiveTerminal, Action::Forward(Signal::CONT, Target::Group)]);
        assert_eq!(story.main_stops(Signal::TTIN), [Action::StopSelf(Signal::TTIN)]);
    }
}

#[test]
fn ctrl_z_after_mains_exit_stops_rinit_if_a_shell_can_continue_it() {
    for (job_control, then) in [
        (JobControl::None, None),
        (JobControl::Shell, Some(Action::StopSelf(Signal::TSTP))),
        (JobControl::Orphaned, Some(Action::Forward(Signal::CONT, ALL))),
    ] {
        for wait_all in [false, true] {
            let mut story = Story::new(Options { wait_all, ..Options::default() }, job_control);
            story.main_exits(0, Remaining::Children);
            let done = story.signal(20);
            assert_eq!(
                done,
                [Some(Action::Forward(Signal::TSTP, ALL)), then].into_iter().flatten().collect::<Vec<_>>()
            );
        }
    }
    let mut story = Story::new(Options { wait_all: true, ..Options::default() }, JobControl::Shell);
    story.main_exits(0, Remaining::Children);
    assert_eq!(story.on(Event::StopDiscarded(Signal::TSTP)), [Action::Forward(Signal::CONT, ALL)]);
}

#[test]
fn cont_from_a_shell_continues_the_whole_group() {
    let mut story = Story::new(Options { target: Target::Main, ..Options::default() }, JobControl::Shell);
    assert_eq!(story.signal(18), [Action::LendTerminal, Action::Forward(Signal::CONT, Target::Group)]);
}

#[test]
fn without_a_terminal_a_stopped_main_stays_stopped() {
    let mut story = Story::plain();
    assert!(!story.lifecycle.watches_stops());
    assert_eq!(story.main_stops(Signal::TSTP), []);
}

#[test]
fn without_other_processes_rinit_exits_at_once_after_one_poll() {
    for (raw, status) in [(0, 0), (3 << 8, 3), (15, 143), (64, 192), (11 | 0x80, 139)] {
        let mut story = Story::plain();
        assert_eq!(story.main_exits(raw, Remaining::None), [Action::Poll, Action::Exit(status)]);
        assert_eq!(story.lifecycle.deadline(), None);
        assert_eq!(story.signal(15), []);
    }
}

#[test]
fn without_a_grace_period_rinit_exits_without_a_poll() {
    let options = Options { grace: Some(Duration::ZERO), ..Options::default() };
    let mut story = Story::new(options, JobControl::None);
    assert_eq!(story.main_exits(0, Remaining::Children), [Action::Exit(0)]);
}

#[test]
fn rinit_exits_with_the_mapped_status_after_a_drain_too() {
    let mut options = Options::default();
    options.exit_map.set(143, 0);
    let mut story = Story::new(options, JobControl::None);
    story.main_exits(15, Remaining::Children);
    story.remaining = Remaining::None;
    assert_eq!(story.on(Event::Reaped), [Action::Poll, Action::Exit(0)]);
}

#[test]
fn the_drain_begins_once_and_is_over_when_a_scan_finds_no_process() {
    let mut story = Story::plain();
    assert_eq!(story.main_exits(3 << 8, Remaining::Children), [Action::Poll, Action::BeginDrain]);
    assert_eq!(story.pass_silently(20 * SECOND), []);
    story.remaining = Remaining::None;
    assert_eq!(story.pass(SCAN), [Action::Exit(3)]);
    assert_eq!(story.lifecycle.deadline(), None);
    assert_eq!(story.on(Event::Reaped), []);
}

#[test]
fn the_drain_is_over_at_once_when_the_last_child_was_reaped() {
    let mut story = Story::plain();
    story.main_exits(3 << 8, Remaining::Children);
    story.now += MILLISECOND;
    story.remaining = Remaining::None;
    assert_eq!(story.on(Event::Reaped), [Action::Poll, Action::Exit(3)]);
}

#[test]
fn a_drain_whose_first_scan_finds_no_process_is_over_at_once() {
    let mut story = Story::new(Options { wait_all: true, ..Options::default() }, JobControl::None);
    story.main_exits(3 << 8, Remaining::Unrelated);
    story.remaining = Remaining::None;
    let done = story.signal(15);
    assert_eq!(done, [Action::Forward(Signal::TERM, ALL), Action::BeginDrain, Action::Exit(3)]);
}

#[test]
fn a_scan_comes_when_the_one_before_asked_for_it() {
    let mut lifecycle = Lifecycle::new(Options { report_after: None, ..Options::default() }, JobControl::None);
    let mut now = 1000 * SECOND;
    let mut on = |now, event| {
        let done: Vec<_> = lifecycle.on(now, event).into_iter().collect();
        (done, lifecycle.deadline())
    };
    on(now, Event::MainExited(WaitStatus::from_raw(0)));
    assert_eq!(on(now, Event::Polled(Remaining::Children)).0, [Action::BeginDrain]);
    for interval in [MILLISECOND, 7 * MILLISECOND, 50 * MILLISECOND, 5 * SECOND, 1000 * SECOND] {
        assert_eq!(on(now, Event::Scanned(Some(now + interval))), (vec![], Some(now + interval)));
        assert_eq!(on(now + interval - MILLISECOND, Event::Tick), (vec![], Some(now + interval)), "it is not due yet");
        now += interval;
        assert_eq!(on(now, Event::Tick).0, [Action::Scan]);
    }
    assert_eq!(on(now, Event::Scanned(None)), (vec![Action::Exit(0)], None));
}

#[test]
fn an_exit_causes_a_scan_at_the_earliest_10_ms_after_the_last() {
    let mut story = Story::plain();
    let began = story.now;
    story.main_exits(0, Remaining::Children);
    // A storm: a child is reaped each millisecond, for a second.
    for _ in 0..1000 {
        story.pass(MILLISECOND);
        assert_eq!(story.on(Event::Reaped), [Action::Poll]);
    }
    let apart: Vec<Moment> = (0..100).map(|n| began + 10 * n * MILLISECOND).collect();
    assert_eq!(story.scans[..100], apart);
    // Without an exit each scan comes when the one before asked for it.
    story.scans.clear();
    story.pass(SECOND);
    assert!(story.scans.windows(2).all(|two| two[1] - two[0] == SCAN), "{:?}", story.scans);
    // Long after the last scan it comes at once.
    let last = story.scans.last().copied().unwrap();
    story.now = last + 30 * MILLISECOND;
    story.on(Event::Reaped);
    assert_eq!(story.pass(Duration::ZERO), []);
    assert_eq!(story.scans.last(), Some(&(last + 30 * MILLISECOND)));
}

#[test]
fn unrelated_processes_are_polled_at_intervals_that_grow_to_a_second() {
    let mut story = Story::new(Options { wait_all: true, ..Options::default() }, JobControl::None);
    assert_eq!(story.main_exits(0, Remaining::Unrelated), [Action::Poll]);
    let mut intervals = vec![];
    while let Some(deadline) = story.lifecycle.deadline().filter(|_| intervals.len() < 13) {
        intervals.push((deadline - story.now).as_millis());
        assert_eq!(story.on(Event::Tick), [], "it is not due yet");
        story.now = deadline;
        assert_eq!(story.on(Event::Tick), [Action::Poll]);
    }
    assert_eq!(intervals, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000, 1000]);
    story.remaining = Remaining::None;
    assert_eq!(story.pass(SECOND), [Action::Exit(0)]);
}

#[test]
fn without_a_limit_the_drain_goes_on_until_no_process_is_left() {
    let mut story = Story::new(Options { grace: None, ..Options::default() }, JobControl::None);
    story.main_exits(0, Remaining::Unrelated);
    assert_eq!(story.pass_silently(1000 * SECOND), []);
    story.remaining = Remaining::None;
    assert_eq!(story.pass(SCAN), [Action::Exit(0)]);
}

#[test]
fn processes_that_cannot_be_killed_are_left_when_the_drain_gives_up() {
    let mut story = Story::plain();
    story.main_exits(0, Remaining::Children);
    assert_eq!(story.pass_silently(30 * SECOND + GIVES_UP_AFTER - MILLISECOND), []);
    assert_eq!(story.pass(MILLISECOND), [Action::Exit(0)]);
}

#[test]
fn signals_during_the_drain_go_to_all_and_do_not_shorten_the_grace_period() {
    let mut story = Story::plain();
    story.main_exits(15, Remaining::Children);
    let deadline = story.lifecycle.deadline();
    for number in 1..=64 {
        let done = story.signal(number);
        let cont = Action::Forward(Signal::CONT, ALL);
        match number {
            17 => assert_eq!(done, []),
            1 | 2 | 3 | 15 | 37 => assert_eq!(done, [Action::Forward(signal(number), ALL), cont]),
            _ => assert_eq!(done, [Action::Forward(signal(number), ALL)]),
        }
    }
    assert_eq!(story.lifecycle.deadline(), deadline);
}

#[test]
fn nothing_is_sent_to_main_once_it_has_exited() {
    for wait_all in [false, true] {
        let mut story = Story::new(Options { wait_all, ..Options::default() }, JobControl::Shell);
        story.main_exits(0, Remaining::Children);
        let events = (1..=64).map(|number| Event::Signal(signal(number)));
        for event in events.chain([
            Event::MainStopped { signal: Signal::TSTP, foreground: Foreground::Ours, handles_ctrl_z: false },
            Event::Tick,
            Event::Reaped,
        ]) {
            for action in story.on(event) {
                let to_main = matches!(
                    action,
                    Action::ContinueIfStopped(_) | Action::KillMain | Action::GiveTerminal | Action::LendTerminal
                );
                assert!(!to_main && !matches!(action, Action::Forward(_, Target::Group | Target::Main)), "{action:?}");
            }
        }
    }
}

#[test]
fn main_is_killed_once_after_kill_after_from_the_first_stop_signal() {
    let options = Options { kill_after: Some(2 * SECOND), ..Options::default() };
    let mut story = Story::new(options, JobControl::None);
    story.signal(10);
    assert_eq!(story.lifecycle.deadline(), None, "USR1 is no stop signal");
    story.signal(1);
    assert_eq!(story.lifecycle.deadline(), None, "HUP may mean a reload");
    story.signal(15);
    story.pass(SECOND);
    story.signal(2);
    assert_eq!(story.pass(SECOND), [Action::KillMain]);
    story.signal(15);
    assert_eq!(story.pass_silently(SECOND), []);
    assert_eq!(story.main_exits(9, Remaining::None), [Action::Poll, Action::Exit(137)]);
}

#[test]
fn a_main_that_survives_kill_by_two_seconds_is_abandoned() {
    let options = Options { kill_after: Some(2 * SECOND), ..Options::default() };
    let mut story = Story::new(options, JobControl::None);
    story.signal(15);
    assert_eq!(story.pass(2 * SECOND), [Action::KillMain]);
    assert_eq!(story.pass(SECOND), []);
    story.signal(15);
    assert_eq!(story.pass_silently(SECOND), [Action::AbandonMain]);
    assert_eq!(story.main_exits(9, Remaining::None), [Action::Poll, Action::Exit(137)]);
    assert_eq!(story.pass(100 * SECOND), []);
}

#[test]
fn main_is_not_killed_once_it_has_exited() {
    let options = Options { kill_after: Some(2 * SECOND), ..Options::default() };
    let mut story = Story::new(options, JobControl::None);
    story.signal(15);
    story.main_exits(15, Remaining::Children);
    assert_eq!(story.pass(3 * SECOND), []);
}

#[test]
fn wait_all_waits_until_all_remaining_processes_have_exited() {
    let mut story = Story::new(Options { wait_all: true, ..Options::default() }, JobControl::None);
    assert_eq!(story.main_exits(0, Remaining::Children), [Action::Poll]);
    assert_eq!(story.lifecycle.deadline(), None);
    assert_eq!(story.signal(10), [Action::Forward(signal(10), ALL)]);
    story.remaining = Remaining::Unrelated;
    story.on(Event::Reaped);
    assert_eq!(story.pass(1000 * SECOND), []);
    story.remaining = Remaining::None;
    assert_eq!(story.pass(SECOND), [Action::Exit(0)]);
}

#[test]
fn wait_all_ends_with_the_drain_after_a_stop_signal() {
    let mut story = Story::new(Options { wait_all: true, ..Options::default() }, JobControl::None);
    story.main_exits(0, Remaining::Children);
    let done = story.signal(15);
    assert_eq!(done, [Action::Forward(Signal::TERM, ALL), Action::BeginDrain]);
    assert_eq!(story.pass_silently(30 * SECOND + GIVES_UP_AFTER), [Action::Exit(0)]);
}

#[test]
fn wait_all_without_a_grace_period_ends_at_the_stop_signal() {
    let options = Options { wait_all: true, grace: Some(Duration::ZERO), ..Options::default() };
    let mut story = Story::new(options, JobControl::None);
    assert_eq!(story.main_exits(0, Remaining::Children), [Action::Poll]);
    assert_eq!(story.signal(15), [Action::Forward(Signal::TERM, ALL), Action::BeginDrain]);
    assert_eq!(story.pass(GIVES_UP_AFTER), [Action::Exit(0)]);
}

#[test]
fn a_slow_stop_is_reported_once_after_report_after() {
    let mut story = Story::plain();
    story.signal(10);
    assert_eq!(story.pass(100 * SECOND), [], "USR1 is no stop signal");
    story.signal(15);
    assert_eq!(story.lifecycle.stop(), Some((Signal::TERM, story.now)));
    story.pass(3 * SECOND);
    story.signal(2);
    assert_eq!(story.pass(2 * SECOND - MILLISECOND), []);
    assert_eq!(story.pass(MILLISECOND), [Action::ReportSlowStop]);
    story.signal(15);
    assert_eq!(story.pass(1000 * SECOND), []);
}

#[test]
fn a_slow_drain_is_reported_too() {
    let options = Options { grace: Some(60 * SECOND), ..Options::default() };
    let mut story = Story::new(options, JobControl::None);
    story.main_exits(0, Remaining::Children);
    assert_eq!(story.pass(5 * SECOND - MILLISECOND), []);
    assert_eq!(story.pass(MILLISECOND), [Action::ReportSlowStop]);
    assert_eq!(story.pass(55 * SECOND + GIVES_UP_AFTER), [Action::Exit(0)]);
}

#[test]
fn no_report_comes_in_the_last_second_of_the_grace_period() {
    for (grace, reported) in [(5 * SECOND, vec![]), (7 * SECOND, vec![Action::ReportSlowStop])] {
        let mut story = Story::new(Options { grace: Some(grace), ..Options::default() }, JobControl::None);
        story.signal(15);
        story.pass(500 * MILLISECOND);
        story.main_exits(15, Remaining::Children);
        assert_eq!(story.pass(grace), reported);
        assert_eq!(story.pass(GIVES_UP_AFTER), [Action::Exit(143)]);
    }
}

#[test]
fn with_reports_off_nothing_is_reported() {
    let options = Options { report_after: None, ..Options::default() };
    let mut story = Story::new(options, JobControl::None);
    story.signal(15);
    assert_eq!(story.lifecycle.deadline(), None);
}

#[test]
fn a_wait_without_a_stop_signal_is_no_slow_stop() {
    let mut story = Story::new(Options { wait_all: true, ..Options::default() }, JobControl::None);
    story.main_exits(0, Remaining::Children);
    assert_eq!(story.pass(1000 * SECOND), []);
}

/// A small generator (xorshift): the same histories each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn every_run_ends_with_mains_status_within_a_second_after_the_grace_period() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut phases = BTreeSet::new();
    for _ in 0..2000 {
        let limit = |random: &mut Random| Some(Duration::from_millis(random.below(4000)));
        let options = Options {
            grace: limit(&mut random).map(|limit| if random.below(8) == 0 { Duration::ZERO } else { limit }),
            kill_after: limit(&mut random).filter(|limit| !limit.is_zero()),
            wait_all: random.below(4) == 0,
            target: [Target::Group, Target::Main, ALL][random.below(3) as usize],
            ..Options::default()
        };
        let grace = options.grace.unwrap();
        let wait_all = options.wait_all;
        let mut story = Story::new(options, JobControl::None);
        let code = random.below(256) as u8;
        for _ in 0..random.below(30) {
            story.remaining = [Remaining::Children, Remaining::Unrelated][random.below(2) as usize];
            match random.below(5) {
                0 => drop(story.on(Event::Reaped)),
                1 => drop(story.pass(Duration::from_millis(random.below(3000)))),
                _ => drop(story.signal(1 + random.below(64) as i32)),
            }
        }
        assert!(!story.done.iter().any(|action| matches!(action, Action::Exit(_))), "main still runs");
        let remaining = [Remaining::Children, Remaining::Unrelated, Remaining::None][random.below(3) as usize];
        story.main_exits(i32::from(code) << 8, remaining);
        if wait_all {
            story.signal(15);
        }
        for _ in 0..random.below(10) {
            story.signal(1 + random.below(64) as i32);
        }
        // Some processes exit during the drain.
        story.pass(Duration::from_millis(random.below(6000)));
        if random.below(3) == 0 {
            story.remaining = Remaining::None;
        }
        story.pass(grace + GIVES_UP_AFTER);
        let exits: Vec<_> = story.done.iter().filter(|action| matches!(action, Action::Exit(_))).collect();
        assert_eq!(exits, [&Action::Exit(code)], "{:?}", story.lifecycle);
        let drains = grace > Duration::ZERO || wait_all;
        assert_eq!(story.began.is_some(), drains && remaining != Remaining::None);
        phases.insert((story.began.is_some(), story.remaining == Remaining::None));
    }
    assert_eq!(phases.len(), 4, "with a drain and without, and processes are left or not");
}

fn planned(list: &str) -> Options {
    Options { stop_sequence: StopSequence::parse(list).unwrap(), ..Options::default() }
}

/// What a step of the sequence does.
fn step(signal: Signal, target: Target) -> Vec<Action> {
    vec![Action::Forward(signal, target), Action::ContinueIfStopped(target)]
}

#[test]
fn a_stop_follows_its_sequence() {
    for target in [Target::Group, Target::Main, ALL] {
        let options = Options { target, ..planned("10s,TERM,20s,QUIT,2s,KILL") };
        let mut story = Story::new(options, JobControl::None);
        assert_eq!(story.signal(libc::SIGINT), []);
        assert_eq!(story.pass(10 * SECOND - MILLISECOND), []);
        assert_eq!(story.lifecycle.stop(), None, "nothing was sent yet");
        assert_eq!(story.pass(MILLISECOND), step(Signal::TERM, target));
        assert_eq!(story.lifecycle.stop(), Some((Signal::TERM, 1010 * SECOND)));
        assert_eq!(story.pass_silently(20 * SECOND - MILLISECOND), []);
        assert_eq!(story.pass(MILLISECOND), step(Signal::QUIT, target));
        assert_eq!(story.pass(2 * SECOND), [Action::KillMain]);
        assert_eq!(story.pass(2 * SECOND), [Action::AbandonMain]);
        assert_eq!(story.main_exits(9, Remaining::None), [Action::Poll, Action::Exit(137)]);
    }
}

#[test]
fn a_machine_that_was_suspended_shortens_no_step() {
    let mut story = Story::new(planned("10s,TERM,20s,QUIT,2s,KILL"), JobControl::None);
    let tick_hours_later = |story: &mut Story| {
        story.now += 5000 * SECOND;
        story.on(Event::Tick)
    };
    assert_eq!(story.signal(libc::SIGINT), []);
    assert_eq!(tick_hours_later(&mut story), step(Signal::TERM, Target::Group));
    assert_eq!(story.pass_silently(20 * SECOND - MILLISECOND), []);
    assert_eq!(tick_hours_later(&mut story), step(Signal::QUIT, Target::Group));
    assert_eq!(story.pass(2 * SECOND - MILLISECOND), []);
    assert_eq!(tick_hours_later(&mut story), [Action::KillMain]);
}

#[test]
fn steps_without_a_time_between_them_follow_at_once() {
    let mut story = Story::new(planned("USR1,TERM,INT,1s,KILL"), JobControl::None);
    assert_eq!(story.signal(libc::SIGQUIT), step(signal(libc::SIGUSR1), Target::Group));
    let both = [step(Signal::TERM, Target::Group), step(Signal::INT, Target::Group)].concat();
    assert_eq!(story.pass(Duration::ZERO), both);
    assert_eq!(story.pass(SECOND), [Action::KillMain]);
}

#[test]
fn a_second_stop_signal_ends_the_first_wait_and_a_third_is_forwarded() {
    let mut story = Story::new(planned("1h,QUIT,10s,KILL"), JobControl::None);
    assert_eq!(story.signal(libc::SIGTERM), []);
    story.pass(SECOND);
    assert_eq!(story.signal(libc::SIGTERM), step(Signal::QUIT, Target::Group));
    story.pass(SECOND);
    assert_eq!(story.signal(libc::SIGTERM), step(Signal::TERM, Target::Group));
    assert_eq!(story.pass_silently(9 * SECOND - MILLISECOND), []);
    assert_eq!(story.pass(MILLISECOND), [Action::KillMain]);
}

#[test]
fn other_signals_are_forwarded_while_a_stop_signal_is_held_back() {
    let mut story = Story::new(planned("10s,TERM"), JobControl::None);
    assert_eq!(story.signal(libc::SIGHUP), step(Signal::HUP, Target::Group));
    assert_eq!(story.lifecycle.deadline(), None);
    assert_eq!(story.signal(libc::SIGTERM), []);
    assert_eq!(story.signal(libc::SIGUSR1), [Action::Forward(signal(libc::SIGUSR1), Target::Group)]);
    assert_eq!(story.signal(libc::SIGHUP), step(Signal::HUP, Target::Group));
    assert_eq!(story.pass(10 * SECOND), step(Signal::TERM, Target::Group));
    assert_eq!(story.lifecycle.deadline().map(|due| due - story.now), Some(5 * SECOND), "the report, and no more");
}

#[test]
fn a_signal_is_rewritten_before_it_starts_the_sequence_and_the_steps_are_not_rewritten() {
    let mut options = planned("TERM,1s,KILL");
    options.rewrites.set(Signal::TERM, Some(signal(libc::SIGUSR1)));
    options.rewrites.set(signal(libc::SIGUSR2), Some(Signal::INT));
    let mut story = Story::new(options, JobControl::None);
    assert_eq!(story.signal(libc::SIGTERM), [Action::Forward(signal(libc::SIGUSR1), Target::Group)]);
    assert_eq!(story.lifecycle.deadline(), None);
    assert_eq!(story.signal(libc::SIGUSR2), step(Signal::TERM, Target::Group));
    assert_eq!(story.pass(SECOND), [Action::KillMain]);
}

#[test]
fn main_may_exit_at_any_step_and_the_drain_follows() {
    for passed in [0, 5, 10, 25, 30, 31] {
        let mut story = Story::new(planned("10s,TERM,20s,QUIT,2s,KILL"), JobControl::None);
        story.signal(libc::SIGTERM);
        story.pass(passed * SECOND);
        let done = story.main_exits(0, Remaining::Children);
        assert_eq!(done, [Action::Poll, Action::BeginDrain], "{passed} s");
        let done = story.pass_silently(30 * SECOND + GIVES_UP_AFTER);
        assert_eq!(done, [Action::Exit(0)], "no step comes after main's exit");
    }
}

#[test]
fn a_held_back_stop_signal_ends_wait_all() {
    for (stops, expected) in [(true, vec![Action::Poll, Action::BeginDrain]), (false, vec![Action::Poll])] {
        let options = Options { wait_all: true, ..planned("10s,TERM") };
        let mut story = Story::new(options, JobControl::None);
        if stops {
            story.signal(libc::SIGTERM);
        }
        assert_eq!(story.main_exits(0, Remaining::Children), expected);
    }
}

#[test]
fn a_time_counts_from_when_the_signal_was_sent_however_late_that_was() {
    let mut story = Story::new(planned("10s,TERM,20s,KILL"), JobControl::None);
    story.signal(libc::SIGTERM);
    // The machine was suspended, or rinit got no CPU.
    story.now += 3600 * SECOND;
    assert_eq!(story.on(Event::Tick), step(Signal::TERM, Target::Group));
    assert_eq!(story.pass_silently(20 * SECOND - MILLISECOND), []);
    assert_eq!(story.pass(MILLISECOND), [Action::KillMain]);
}

#[test]
fn without_main_a_sequence_holds_nothing_back() {
    let options = Options { pause: true, ..planned("10s,TERM") };
    assert_eq!(Story::new(options, JobControl::None).signal(libc::SIGTERM), [Action::Poll, Action::Exit(0)]);
}
