//! Many remaining processes, deep process trees, and fork bombs.

use super::{ASKED_ONCE, PLACES, asked, finish_by_winch, lines_of, patient, play, play_until_ready};
use crate::support::Status;

#[test]
fn a_thousand_processes_exit_before_the_grace_period_ends() {
    for place in PLACES {
        let mut rinit = play(place().options(["--grace", "inf"]), "times 1000 [ group pause ] exit 3");
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(finished.stderr, "");
    }
}

#[test]
fn each_of_a_thousand_processes_is_asked_once() {
    for place in PLACES {
        let mut rinit =
            play_until_ready(patient(place), "times 1000 [ group print other WINCH ] say ready stdin exit 3");
        rinit.close_stdin();
        let finished = finish_by_winch(rinit, 3);
        let lines = lines_of("other", &finished);
        for number in ASKED_ONCE {
            assert_eq!(lines.iter().filter(|line| **line == number).count(), 1000, "signal {number}");
        }
        assert_eq!(lines.len(), 3000);
    }
}

#[test]
fn each_process_of_a_deep_tree_is_asked_once() {
    for place in PLACES {
        let tree = (0..20).fold(String::new(), |inner, depth| format!("[ group {inner} save level{depth} ]"));
        let mut rinit = play_until_ready(patient(place), &format!("{tree} say ready stdin exit 3"));
        rinit.close_stdin();
        asked(&mut rinit);
        for _ in 0..20 {
            assert!(rinit.line().ends_with(" saves"));
        }
        rinit.send(libc::SIGUSR1);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        for depth in 0..20 {
            assert_eq!(lines_of(&format!("level{depth}"), &finished), ["saves", "saved"], "level {depth}");
        }
    }
}

#[test]
fn a_deep_tree_that_ignores_term_is_killed_completely() {
    for place in PLACES {
        let tree = (0..20).fold(String::new(), |inner, _| format!("[ ignore TERM group {inner} pause ]"));
        let rinit = place().options(["--grace", "100ms"]);
        let mut rinit = play(rinit, &format!("{tree} exit 3"));
        assert_eq!(rinit.wait(), Status::Exited(3));
        assert!(rinit.processes().iter().all(|process| process.pid == 1), "{}", rinit.situation());
    }
}

/// The kernel refuses more processes than this.
const PIDS: u64 = 200;

#[test]
fn a_fork_bomb_is_killed_when_the_grace_period_is_over() {
    for place in PLACES {
        for bomb in ["bomb", "ignore TERM bomb", "block-all bomb"] {
            let rinit = place().options(["--grace", "500ms"]);
            let rinit = rinit.by_some_user().limit(libc::RLIMIT_NPROC, PIDS, PIDS);
            let mut rinit = play_until_ready(rinit, &format!("[ group {bomb} ] say ready stdin exit 3"));
            rinit.eventually("the bomb has gone off", |processes| processes.len() as u64 > PIDS / 2);
            rinit.close_stdin();
            assert_eq!(rinit.wait(), Status::Exited(3), "{bomb}");
            rinit.eventually("none of them is left", |processes| processes.iter().all(|process| process.pid == 1));
        }
    }
}
