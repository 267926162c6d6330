//! What holds in every run: signals, starts, exits and stops in any order, at any moment, with any options.

use super::simulation::*;
use super::*;
use crate::options::ExitMap;
use crate::properties::cases;
use crate::signal::{Rewrites, SignalSet};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn signal() -> impl Strategy<Value = Signal> {
    let any = (1..=64).prop_map(|number| Signal::new(number).unwrap());
    let frequent = [Signal::TERM, Signal::INT, Signal::HUP, Signal::CONT, Signal::CHLD, Signal::RTMIN_3];
    prop_oneof![any, proptest::sample::select(frequent.to_vec())]
}

/// A time that is often exactly one of the limits in `options`.
fn length() -> impl Strategy<Value = Duration> {
    prop_oneof![proptest::sample::select(vec![0, 1, 49, 50, 500, 1000, 5000, 10_000]), 0..20_000u64, Just(3_600_000)]
        .prop_map(Duration::from_millis)
}

/// A list that `--stop-sequence` accepts, with all combinations of times and signals.
fn sequence() -> impl Strategy<Value = StopSequence> {
    let time = proptest::sample::select(vec!["0", "1ms", "50ms", "5s", "10s", "1h"]);
    let name = proptest::sample::select(vec!["TERM", "INT", "QUIT", "HUP", "USR1", "RTMIN+3", "ABRT"]);
    let step = (option::of(time), name).prop_map(|(time, name)| time.into_iter().chain([name]).collect::<Vec<_>>());
    let kill = proptest::sample::select(vec![vec![], vec!["KILL"], vec!["2s", "KILL"]]);
    (vec(step, 0..5), kill).prop_map(|(steps, kill)| {
        let list = [steps.concat(), kill].concat().join(",");
        if list.is_empty() { StopSequence::default() } else { StopSequence::parse(&list).unwrap() }
    })
}

fn options() -> impl Strategy<Value = Options> {
    let targets = proptest::sample::select(vec![Target::Group, Target::Main, Target::All]);
    let map = vec(any::<(u8, u8)>(), 0..4);
    let rewrites = vec((signal(), option::of(signal())), 0..3);
    let sets = (any::<u64>().prop_map(SignalSet), option::weighted(0.1, signal()));
    let choices = (any::<bool>(), rewrites, sets);
    let limits = (option::weighted(0.9, length()), option::of(length()), option::of(length()), sequence());
    (targets, map, limits, choices).prop_map(|(target, map, limits, (wait_all, rules, (suspending, parting)))| {
        let (grace, kill_after, report_after, stop_sequence) = limits;
        let kill_after = kill_after.filter(|_| stop_sequence.is_empty());
        let mut rewrites = Rewrites::NONE;
        rules.into_iter().for_each(|(from, to)| rewrites.set(from, to));
        let mut exit_map = ExitMap::default();
        map.into_iter().for_each(|(from, to)| exit_map.set(from, to));
        let above_zero = |limit: &Duration| !limit.is_zero();
        Options {
            target,
            exit_map,
            grace,
            kill_after: kill_after.filter(above_zero),
            stop_sequence,
            report_after: report_after.filter(above_zero),
            wait_all,
            rewrites,
            suspending,
            parting,
            ..Options::default()
        }
    })
}

/// The wait status of a main that exited, or was killed by a signal, with a core dump or without.
fn wait_status() -> impl Strategy<Value = i32> {
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
        2 => wait_status().prop_map(Step::MainExits),
        3 => numbers().prop_map(|(children, unrelated)| Step::Born { children, unrelated }),
        3 => numbers().prop_map(|(children, unrelated)| Step::Die { children, unrelated }),
        1 => Just(Step::FalseAlarm),
        1 => Just(Step::Tick),
        5 => length().prop_map(Step::Pass),
        2 => length().prop_map(Step::Oversleep),
    ]
}

fn job_control() -> impl Strategy<Value = JobControl> {
    proptest::sample::select(vec![JobControl::None, JobControl::Shell, JobControl::Orphaned])
}

fn world() -> impl Strategy<Value = World> {
    (0..3u32, 0..3u32, any::<bool>()).prop_map(|(children, unrelated, can_be_killed)| World {
        children,
        unrelated,
        can_be_killed,
    })
}

fn remaining() -> impl Strategy<Value = Remaining> {
    proptest::sample::select(vec![Remaining::None, Remaining::Children, Remaining::Unrelated])
}

proptest! {
    #![proptest_config(cases(500))]

    /// What `Simulation` asserts at each step, and that rinit exits in the end.
    #[test]
    fn every_run_ends_in_time_with_mains_status_and_no_scan_comes_early_or_late(
        options in options(),
        job_control in job_control(),
        world in world(),
        steps in vec(step(), 0..40),
        last in wait_status(),
    ) {
        let mut simulation = Simulation::new(options, job_control, world);
        prop_assert_eq!(simulation.lifecycle.watches_stops(), job_control != JobControl::None);
        for step in steps {
            simulation.take(step);
        }
        simulation.finish(last);
    }

    /// rinit does not wake up by itself before the first stop signal: it may run for years.
    #[test]
    fn without_a_stop_signal_rinit_does_not_wake_up_while_main_runs(
        options in options(), job_control in job_control(), world in world(), steps in vec(step(), 0..40)
    ) {
        let mut simulation = Simulation::new(options, job_control, world);
        for step in steps {
            match step {
                Step::MainExits(_) => continue,
                Step::Signal(signal) if simulation.options.rewrites.apply(signal).is_some_and(Signal::requests_termination) => {
                    continue;
                }
                step => simulation.take(step),
            }
            prop_assert_eq!(simulation.lifecycle.deadline(), None);
        }
    }

    /// Without a command rinit only reaps until the first TERM or INT. Then it drains, with `--wait-all` too, and exits with 0.
    #[test]
    fn a_pause_drains_at_the_first_term_or_int_and_exits_with_0(
        options in options(), steps in vec(step(), 0..40), remaining in remaining(), scans in vec(length(), 0..4)
    ) {
        let options = Options { pause: true, rewrites: Rewrites::NONE, parting: None, ..options };
        let at_once = options.grace == Some(Duration::ZERO);
        let mut lifecycle = Lifecycle::new(options, JobControl::None);
        let mut on = |now, event| lifecycle.on(now, event).into_iter().collect::<Vec<_>>();
        let mut now = Duration::ZERO;
        for step in steps {
            let signal = match step {
                Step::Signal(signal) => signal,
                Step::FalseAlarm | Step::Die { .. } => {
                    prop_assert_eq!(on(now, Event::Reaped), []);
                    continue;
                }
                _ => Signal::CONT,
            };
            if !matches!(signal, Signal::TERM | Signal::INT) {
                prop_assert_eq!(on(now, Event::Signal(signal)), []);
                continue;
            }
            if at_once {
                prop_assert_eq!(on(now, Event::Signal(signal)), [Action::Exit(0)]);
                return Ok(());
            }
            prop_assert_eq!(on(now, Event::Signal(signal)), [Action::Poll]);
            if remaining == Remaining::None {
                prop_assert_eq!(on(now, Event::Polled(remaining)), [Action::Exit(0)]);
                return Ok(());
            }
            prop_assert_eq!(on(now, Event::Polled(remaining)), [Action::BeginDrain]);
            for interval in scans {
                prop_assert_eq!(on(now, Event::Scanned(Some(now + interval))), []);
                now += interval;
                let mut done = on(now, Event::Tick);
                if done == [Action::ReportSlowStop] {
                    done = on(now, Event::Tick);
                }
                prop_assert_eq!(done, [Action::Scan]);
            }
            prop_assert_eq!(on(now, Event::Scanned(None)), [Action::Exit(0)]);
            return Ok(());
        }
    }

    /// A machine that was suspended, a clock that is near its end: no moment is too late.
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
                Event::MainExited(WaitStatus::from_raw(0)),
                Event::Polled(Remaining::Unrelated),
                Event::Scanned(Some(now)),
                Event::Reaped,
                Event::Polled(Remaining::Children),
                Event::Scanned(Some(Moment::MAX)),
                Event::Polled(Remaining::Unrelated),
            ];
            lifecycle.on(now, events[index % events.len()]);
            lifecycle.deadline();
        }
    }
}
