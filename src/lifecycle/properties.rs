//! What holds in every history: of signals, births, deaths and stops in any order, at any moment, under any options.

use super::*;
use crate::options::ExitMap;
use crate::properties::cases;
use crate::signal::{Rewrites, SignalSet};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// What the world may do next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Signal(Signal),
    /// The terminal, or somebody, stops main.
    Stop(Signal, bool),
    /// The kernel discards the stop that rinit shares.
    Discard(Signal),
    /// main ends so, if it has not.
    End(i32),
    /// As many children, or others, are born.
    Born {
        children: u8,
        strangers: u8,
    },
    /// As many of them die by themselves.
    Die {
        children: u8,
        strangers: u8,
    },
    /// A CHLD that means nothing.
    FalseAlarm,
    /// The loop looks at the clock without need.
    Tick,
    /// Time passes, and the loop wakes up at each deadline.
    Pass(Duration),
    /// Time passes while rinit gets no CPU: it wakes up late.
    Oversleep(Duration),
}

/// The others, as they are in truth.
#[derive(Clone, Copy, Debug, Default)]
struct World {
    children: u32,
    strangers: u32,
    /// Whether a KILL ends them. It does not if they hang in the kernel.
    can_be_killed: bool,
}

impl World {
    fn alive(self) -> Alive {
        match (self.children, self.strangers) {
            (0, 0) => Alive::Nobody,
            (0, _) => Alive::Strangers,
            _ => Alive::Children,
        }
    }
}

/// A history, and what must hold of it at every step.
struct History {
    options: Options,
    lifecycle: Lifecycle,
    world: World,
    now: Moment,
    /// When main ended.
    ended: Option<(WaitStatus, Moment)>,
    /// The first signal that asks for an end.
    stop: Option<Moment>,
    /// The first that arrived when nothing but `--wait-all` kept rinit.
    released: Option<Moment>,
    asked: Option<Moment>,
    killed: Option<Moment>,
    main_killed: Option<Moment>,
    main_left: bool,
    reports: u32,
    exit: Option<Moment>,
}

impl History {
    fn new(options: Options, job_control: JobControl, world: World) -> History {
        History {
            lifecycle: Lifecycle::new(options.clone(), job_control),
            options,
            world,
            now: Duration::from_secs(1000),
            ended: None,
            stop: None,
            released: None,
            asked: None,
            killed: None,
            main_killed: None,
            main_left: false,
            reports: 0,
            exit: None,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Signal(signal) => self.signal(signal),
            Step::Stop(signal, in_foreground) => drop(self.on(Event::MainStopped { signal, in_foreground })),
            Step::Discard(signal) => drop(self.on(Event::StopDiscarded(signal))),
            Step::End(raw) => self.end(raw),
            Step::Born { children, strangers } => {
                // A KILL to all leaves nobody who could bear children.
                if self.killed.is_none() {
                    self.world.children += u32::from(children);
                    self.world.strangers += u32::from(strangers);
                }
            }
            Step::Die { children, strangers } => {
                let before = self.world.children;
                self.world.children = before.saturating_sub(children.into());
                self.world.strangers = self.world.strangers.saturating_sub(strangers.into());
                if self.world.children < before {
                    self.on(Event::Reaped);
                }
            }
            Step::FalseAlarm => {
                self.on(Event::Reaped);
                if self.ended.is_none() {
                    assert_eq!(self.on(Event::Seen(self.world.alive())), [], "others matter while main runs");
                }
            }
            Step::Tick => {
                let is_due = self.lifecycle.deadline().is_some_and(|deadline| deadline <= self.now);
                let done = self.on(Event::Tick);
                assert!(is_due || done.is_empty(), "{done:?} before the deadline");
            }
            Step::Pass(length) => self.pass(length),
            Step::Oversleep(length) => {
                self.now += length;
                self.settle();
            }
        }
    }

    /// Exactly one forward, to whom it is for, or none where there is nobody left to have it or it is rewritten to none.
    fn signal(&mut self, received: Signal) {
        let Some(signal) = self.options.rewrites.apply(received).filter(|_| received != Signal::CHLD) else {
            assert_eq!(self.on(Event::Signal(received)), [], "{received} is to go nowhere");
            return;
        };
        let (main_runs, killed, gone) = (self.ended.is_none(), self.killed.is_some(), self.exit.is_some());
        if signal.asks_for_an_end() && !gone {
            self.stop = self.stop.or(Some(self.now));
            if !main_runs {
                self.released = self.released.or(Some(self.now));
            }
        }
        let done = self.on(Event::Signal(received));
        let of_this = |action: &&Action| matches!(action, Action::Forward(forwarded, _) if *forwarded == signal);
        let forwards: Vec<&Action> = done.iter().filter(of_this).collect();
        if killed || gone {
            assert_eq!(done, [], "a signal for nobody");
            return;
        }
        assert_eq!(forwards.len(), 1, "{signal} led to {done:?}");
        match forwards[0] {
            Action::Forward(_, target) if main_runs => assert!(
                *target == self.options.target || signal == Signal::CONT && *target == Target::Group,
                "{signal} went to {target:?}"
            ),
            action => assert_eq!(*action, Action::Forward(signal, Target::All)),
        }
    }

    fn end(&mut self, raw: i32) {
        if self.ended.is_none() {
            let status = WaitStatus::from_raw(raw);
            self.ended = Some((status, self.now));
            self.on(Event::MainEnded(status));
        }
    }

    /// An event, and all that follows at the same moment.
    fn on(&mut self, event: Event) -> Vec<Action> {
        let mut done = vec![];
        for action in self.lifecycle.on(self.now, event) {
            self.carry_out(action);
            done.push(action);
            if action == Action::LeaveMain {
                self.end(Signal::KILL.number());
            }
            if matches!(action, Action::Look | Action::LookForKillable) {
                let killable = action == Action::Look || self.world.can_be_killed;
                let seen = if killable { self.world.alive() } else { Alive::Nobody };
                done.extend(self.on(Event::Seen(seen)));
            }
        }
        done
    }

    fn carry_out(&mut self, action: Action) {
        assert!(self.exit.is_none(), "{action:?} after the exit");
        let of_main = match action {
            Action::Forward(signal, Target::Group) if self.ended.is_some() => self.options.parting != Some(signal),
            Action::Forward(_, target) => target != Target::All,
            Action::ContinueIfStopped(_) | Action::LendTerminal | Action::StopSelf(_) => true,
            Action::KillMain | Action::LeaveMain => true,
            _ => false,
        };
        assert!(!of_main || self.ended.is_none(), "{action:?} after main's end");
        match action {
            Action::AskOthers => {
                assert!(self.ended.is_some(), "the others are asked while main runs");
                assert_eq!(self.asked, None, "asked twice");
                self.asked = Some(self.now);
                let ends = self.options.grace.map(|grace| self.now + grace);
                assert_eq!(self.lifecycle.grace_ends(), ends, "the time that there is to ask them");
            }
            Action::KillMain => {
                assert_eq!(self.main_killed, None, "main is killed twice");
                let due = self.options.kill_after.zip(self.stop).map(|(limit, stop)| stop + limit);
                assert!(due.is_some_and(|due| due <= self.now), "main is killed before its time");
                self.main_killed = Some(self.now);
            }
            Action::LeaveMain => {
                assert!(!self.main_left, "main is left twice");
                let due = self.main_killed.map(|killed| killed + KILL_TAKES_MAIN);
                assert!(due.is_some_and(|due| due <= self.now), "main is left before it had time to die");
                self.main_left = true;
            }
            Action::KillOthers => {
                let due = self.options.grace.zip(self.asked).map(|(grace, asked)| asked + grace);
                assert!(due.is_some_and(|due| due <= self.now), "the others are killed within the grace");
                self.killed = self.killed.or(Some(self.now));
                if self.world.can_be_killed {
                    (self.world.children, self.world.strangers) = (0, 0);
                }
            }
            Action::ReportSlowStop => {
                self.reports += 1;
                assert_eq!(self.reports, 1, "reported twice");
                let since = self.stop.into_iter().chain(self.asked).min();
                let due = self.options.report_after.zip(since).map(|(limit, since)| since + limit);
                assert!(due.is_some_and(|due| due <= self.now), "reported before its time");
            }
            Action::Exit(code) => self.exit_with(code),
            _ => {}
        }
    }

    fn exit_with(&mut self, code: u8) {
        let status = self.ended.map(|(status, _)| self.options.exit_map.apply(status.shell_code()));
        assert_eq!(Some(code), status, "not main's status");
        let at_once = self.options.grace == Some(Duration::ZERO) && !self.options.wait_all;
        assert!(
            at_once || self.killed.is_some() || self.world.alive() == Alive::Nobody,
            "others are alive, and have not had their grace"
        );
        self.exit = Some(self.now);
    }

    /// The loop: whatever is due is done, and then nothing is due any more.
    fn settle(&mut self) {
        for _ in 0..8 {
            if self.lifecycle.deadline().is_none_or(|deadline| deadline > self.now) {
                return;
            }
            self.on(Event::Tick);
        }
        assert_eq!(self.lifecycle.deadline(), None, "a deadline that stays in the past");
    }

    fn pass(&mut self, length: Duration) {
        let end = self.now + length;
        while let Some(deadline) = self.lifecycle.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.settle();
        }
        self.now = end;
    }

    /// When rinit must be gone at the latest, if nothing else happens than that time passes.
    fn latest(&self) -> Option<Moment> {
        let (_, ended) = self.ended?;
        let from = if self.options.wait_all { self.released? } else { ended };
        Some(from + self.options.grace? + KILL_TAKES)
    }
}

fn signal() -> impl Strategy<Value = Signal> {
    let any = (1..=64).prop_map(|number| Signal::new(number).unwrap());
    let of_weight = [Signal::TERM, Signal::INT, Signal::HUP, Signal::CONT, Signal::CHLD, Signal::RTMIN_3];
    prop_oneof![any, proptest::sample::select(of_weight.to_vec())]
}

/// A length that hits the limits of `options` exactly as often as not.
fn length() -> impl Strategy<Value = Duration> {
    prop_oneof![proptest::sample::select(vec![0, 1, 49, 50, 500, 1000, 5000, 10_000]), 0..20_000u64, Just(3_600_000)]
        .prop_map(Duration::from_millis)
}

fn options() -> impl Strategy<Value = Options> {
    let targets = proptest::sample::select(vec![Target::Group, Target::Main, Target::All]);
    let map = vec(any::<(u8, u8)>(), 0..4);
    let rewrites = vec((signal(), option::of(signal())), 0..3);
    let sets = (any::<u64>().prop_map(SignalSet), option::weighted(0.1, signal()));
    let choices = (any::<bool>(), rewrites, sets);
    let limits = (option::weighted(0.9, length()), option::of(length()), option::of(length()));
    (targets, map, limits, choices).prop_map(|(target, map, limits, (wait_all, words, (suspending, parting)))| {
        let (grace, kill_after, report_after) = limits;
        let mut rewrites = Rewrites::NONE;
        words.into_iter().for_each(|(from, to)| rewrites.set(from, to));
        let mut exit_map = ExitMap::default();
        map.into_iter().for_each(|(from, to)| exit_map.set(from, to));
        let above_zero = |limit: &Duration| !limit.is_zero();
        Options {
            target,
            exit_map,
            grace,
            kill_after: kill_after.filter(above_zero),
            report_after: report_after.filter(above_zero),
            wait_all,
            rewrites,
            suspending,
            parting,
            ..Options::default()
        }
    })
}

/// How main may end: by an exit, or by a signal, with core or without.
fn end() -> impl Strategy<Value = i32> {
    prop_oneof![
        (0..256).prop_map(|code| code << 8),
        (1..=64, any::<bool>()).prop_map(|(n, core)| { if core { n | 0x80 } else { n } })
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let numbers = || (0..3u8, 0..3u8);
    prop_oneof![
        8 => signal().prop_map(Step::Signal),
        2 => (signal(), any::<bool>()).prop_map(|(signal, foreground)| Step::Stop(signal, foreground)),
        1 => signal().prop_map(Step::Discard),
        2 => end().prop_map(Step::End),
        3 => numbers().prop_map(|(children, strangers)| Step::Born { children, strangers }),
        3 => numbers().prop_map(|(children, strangers)| Step::Die { children, strangers }),
        1 => Just(Step::FalseAlarm),
        1 => Just(Step::Tick),
        5 => length().prop_map(Step::Pass),
        2 => length().prop_map(Step::Oversleep),
    ]
}

fn job_control() -> impl Strategy<Value = JobControl> {
    proptest::sample::select(vec![JobControl::None, JobControl::Shell, JobControl::Nobody])
}

fn world() -> impl Strategy<Value = World> {
    (0..3u32, 0..3u32, any::<bool>()).prop_map(|(children, strangers, can_be_killed)| World {
        children,
        strangers,
        can_be_killed,
    })
}

proptest! {
    #![proptest_config(cases(500))]

    /// What `History` asserts at each step, and that it comes to its end.
    #[test]
    fn every_history_ends_in_time_with_mains_status_and_nobody_asked_or_killed_out_of_turn(
        options in options(),
        job_control in job_control(),
        world in world(),
        steps in vec(step(), 0..40),
        last in end(),
    ) {
        let mut history = History::new(options, job_control, world);
        prop_assert_eq!(history.lifecycle.watches_stops(), job_control != JobControl::None);
        for step in steps {
            history.take(step);
        }
        history.end(last);
        prop_assert!(!history.lifecycle.watches_stops());
        match history.latest() {
            Some(latest) => {
                let left = latest.saturating_sub(history.now);
                history.pass(left);
                // Who overslept the grace has the KILL's half second still to go.
                history.pass(KILL_TAKES);
            }
            // Nothing ends the others but themselves.
            None => {
                (history.world.children, history.world.strangers) = (0, 0);
                history.on(Event::Reaped);
                history.pass(Looks::WHEN_WAITING);
            }
        }
        prop_assert!(history.exit.is_some(), "no end: {:?}", history.lifecycle);
        prop_assert_eq!(history.lifecycle.deadline(), None);
    }

    /// rinit never wakes up by itself where nobody has asked for an end: it may run for years.
    #[test]
    fn without_a_stop_signal_a_running_main_is_no_reason_to_wake_up(
        options in options(), job_control in job_control(), world in world(), steps in vec(step(), 0..40)
    ) {
        let mut history = History::new(options, job_control, world);
        for step in steps {
            match step {
                Step::End(_) => continue,
                Step::Signal(signal) if history.options.rewrites.apply(signal).is_some_and(Signal::asks_for_an_end) => {
                    continue;
                }
                step => history.take(step),
            }
            prop_assert_eq!(history.lifecycle.deadline(), None);
        }
    }

    /// Without a command rinit only reaps, until it is asked to end: then it exits well.
    #[test]
    fn a_pause_ends_with_the_first_term_or_int_and_status_0(options in options(), steps in vec(step(), 0..40)) {
        let options = Options { pause: true, rewrites: Rewrites::NONE, parting: None, ..options };
        let grace = options.grace.filter(|_| !options.wait_all);
        let mut lifecycle = Lifecycle::new(options, JobControl::None);
        for step in steps {
            let signal = match step {
                Step::Signal(signal) => signal,
                _ => Signal::CONT,
            };
            let ends = matches!(signal, Signal::TERM | Signal::INT);
            let first = lifecycle.on(Duration::ZERO, Event::Signal(signal)).into_iter().next();
            if !ends {
                prop_assert_eq!(first, None);
                continue;
            }
            let at_once = grace == Some(Duration::ZERO);
            prop_assert_eq!(first, Some(if at_once { Action::Exit(0) } else { Action::Look }));
            return Ok(());
        }
    }

    /// A machine that slept, a clock that is near its end: no moment is too late.
    #[test]
    fn no_moment_and_no_limit_overflows(moments in vec(any::<u64>(), 1..20), limits: (u64, u64, u64), wait_all: bool) {
        let [grace, kill_after, report_after] =
            [limits.0, limits.1, limits.2].map(|seconds| Some(Duration::new(seconds, 999_999_999)));
        let options = Options { grace, kill_after, report_after, wait_all, ..Options::default() };
        let mut lifecycle = Lifecycle::new(options, JobControl::Shell);
        let mut moments: Vec<Moment> = moments.into_iter().map(Duration::from_secs).collect();
        moments.sort_unstable();
        for (index, now) in moments.into_iter().enumerate() {
            let events = [
                Event::Signal(Signal::TERM),
                Event::Tick,
                Event::MainEnded(WaitStatus::from_raw(0)),
                Event::Seen(Alive::Strangers),
                Event::Reaped,
            ];
            lifecycle.on(now, events[index % events.len()]);
        }
    }
}
