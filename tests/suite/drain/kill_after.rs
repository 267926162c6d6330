//! `--kill-after`, for engines without a timeout of their own.

use super::{PLACES, asked, lines_of, play_until_ready, saves_undisturbed};
use crate::support::{Rinit, Status};
use std::time::{Duration, Instant};

const SOON: [&str; 5] = ["-vv", "--grace", "inf", "--kill-after", "200ms"];

#[test]
fn main_and_its_group_are_killed_after_the_time() {
    for place in PLACES {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT] {
            let parts = "block-all [ pause ] say ready pause";
            let mut rinit = play_until_ready(place().options(SOON), parts);
            let began = Instant::now();
            rinit.send(signal);
            assert_eq!(rinit.finish().status, Status::Exited(137));
            assert!(began.elapsed() >= Duration::from_millis(200));
        }
    }
}

#[test]
fn the_drain_follows_after_that() {
    for place in PLACES {
        let parts = "ignore TERM [ group save other ] say ready pause";
        let mut rinit = play_until_ready(place().options(SOON), parts);
        rinit.send(libc::SIGTERM);
        saves_undisturbed(&mut rinit, "other");
        assert_eq!(rinit.finish().status, Status::Exited(137));
    }
}

#[test]
fn main_is_killed_even_if_it_changed_its_group() {
    for place in PLACES {
        // Main moves to the group of its child.
        let mut rinit = place().options(SOON).puppet(["leave-group", "0"]).start_until_ready();
        rinit.send(libc::SIGTERM);
        rinit.expect(libc::SIGTERM);
        assert_eq!(rinit.finish().status, Status::Exited(137));
    }
}

#[test]
fn the_variable_does_the_same() {
    let rinit = Rinit::as_pid1().variable("RINIT_KILL_AFTER", "0.1").options(["--grace", "inf"]);
    let mut rinit = play_until_ready(rinit, "ignore TERM say ready pause");
    rinit.send(libc::SIGTERM);
    assert_eq!(rinit.finish().status, Status::Exited(137));
}

#[test]
fn a_main_that_exits_in_time_is_not_killed() {
    for place in PLACES {
        let rinit = place().options(["-vv", "--grace", "inf", "--kill-after", "60s"]);
        let mut rinit = play_until_ready(rinit, "[ save other ] block TERM say ready await TERM exit 3");
        rinit.send(libc::SIGTERM);
        rinit.expect("other saves");
        asked(&mut rinit);
        rinit.send(libc::SIGUSR1);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(lines_of("other", &finished), ["saves", "saved"]);
    }
}

#[test]
fn the_drain_has_its_own_limit() {
    for place in PLACES {
        let rinit = place().options(["-v", "--grace", "inf", "--kill-after", "100ms", "--report-after", "300ms"]);
        let mut rinit = play_until_ready(rinit, "[ print other WINCH ] say ready pause");
        rinit.send(libc::SIGTERM);
        // That process is still there long after the limit.
        rinit.complaint(" after SIGTERM: 1 still running");
        rinit.send(libc::SIGWINCH);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(143));
        assert_eq!(lines_of("other", &finished), ["15", "28"]);
    }
}
