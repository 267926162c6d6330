//! The cost of a drain without remaining processes.

use super::{PLACES, hold, play_until_ready};
use crate::support::{Call, Rinit};
use std::ffi::c_long;

/// The system calls that rinit makes from its sleep before main's exit to its own exit.
fn calls_from_the_exit_of_main(rinit: Rinit) -> Vec<Call> {
    let mut rinit = play_until_ready(rinit, "say ready stdin exit 0");
    let mut tracer = hold(&rinit);
    rinit.close_stdin();
    let mut calls = vec![tracer.next_call()];
    while calls.last().map(|call| call.number) != Some(libc::SYS_exit_group) {
        calls.push(tracer.next_call());
    }
    calls
}

fn numbers(calls: &[Call]) -> Vec<c_long> {
    calls.iter().map(|call| call.number).collect()
}

#[test]
fn without_remaining_processes_the_drain_costs_one_call_as_pid_1() {
    let plain = calls_from_the_exit_of_main(Rinit::as_pid1().options(["--grace", "0"]));
    let drained = calls_from_the_exit_of_main(Rinit::as_pid1());
    let extra: Vec<_> = drained.iter().filter(|call| call.number == libc::SYS_kill).collect();
    assert_eq!(extra.len(), 1, "{drained:?}");
    let [target, signal] = [0, 1].map(|index| extra[0].arguments[index] as i32);
    assert_eq!((target, signal), (-1, 0), "kill(-1, 0), which sends nothing");
    let rest: Vec<_> = drained.iter().filter(|call| call.number != libc::SYS_kill).copied().collect();
    assert_eq!(numbers(&rest), numbers(&plain));
}

#[test]
fn without_remaining_processes_the_drain_is_free_as_a_subreaper() {
    let plain = calls_from_the_exit_of_main(Rinit::as_child().options(["--grace", "0"]));
    let drained = calls_from_the_exit_of_main(Rinit::as_child());
    assert_eq!(numbers(&drained), numbers(&plain));
}

#[test]
fn without_remaining_processes_rinit_does_not_sleep() {
    for place in PLACES {
        for options in [&[][..], &["--wait-all"], &["--grace", "inf"]] {
            let calls = calls_from_the_exit_of_main(place().options(options));
            // The sleep during which the tracer attached.
            let calls = &calls[1..];
            let sleeps = |call: &Call| {
                [libc::SYS_ppoll, libc::SYS_nanosleep, libc::SYS_clock_nanosleep, libc::SYS_rt_sigtimedwait]
                    .contains(&call.number)
            };
            assert!(!calls.iter().any(sleeps), "{options:?}: {calls:?}");
        }
    }
}
