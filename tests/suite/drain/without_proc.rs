//! Without /proc, or with that of another PID namespace, the drain still works and only names are missing.

use super::{PLACES, lines_of, part, patient, play, play_until_ready};
use crate::support::{Rinit, Status};

const HIDDEN: [&str; 2] = ["without-proc", "with-foreign-proc"];

#[test]
fn remaining_processes_are_sent_term_and_then_cont() {
    for hidden in HIDDEN {
        let rinit = patient(Rinit::as_pid1).through([hidden]);
        let mut rinit = play(rinit, "[ group print one CONT ] [ session print two CONT ] exit 3");
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        for name in ["one", "two"] {
            assert_eq!(lines_of(name, &finished), ["15", "18"], "{hidden}");
        }
    }
}

#[test]
fn exec_sessions_are_drained() {
    for hidden in HIDDEN {
        let rinit = patient(Rinit::as_pid1).through([hidden]);
        let mut rinit = play_until_ready(rinit, "say ready stdin exit 3");
        let mut exec = rinit.start_exec(part("block TERM say there save exec"));
        exec.expect("there");
        rinit.close_stdin();
        exec.expect("exec saves");
        rinit.send(libc::SIGUSR1);
        exec.expect("exec saved");
        assert_eq!(exec.finish().status, Status::Exited(0));
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn a_stopped_process_shuts_down_cleanly() {
    for hidden in HIDDEN {
        let rinit = patient(Rinit::as_pid1).through([hidden]);
        let parts = "[ group block TERM await TERM say continued ] say ready stdin exit 3";
        let mut rinit = play_until_ready(rinit, parts);
        // PIDs are assigned in order: rinit, main, and this process.
        rinit.exec(["signal", "3", &libc::SIGSTOP.to_string()]);
        rinit.close_stdin();
        rinit.expect("continued");
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn survivors_are_killed_and_not_named() {
    for hidden in HIDDEN {
        let rinit = Rinit::as_pid1().options(["--grace", "300ms"]).through([hidden]);
        let mut rinit = play(rinit, "times 3 [ group ignore TERM pause ] exit 3");
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        let lines: Vec<_> = finished.stderr.lines().collect();
        let text = "rinit[1]: WARN: the grace period of 300ms is over: killing the remaining processes, which /proc does not show";
        assert_eq!(lines, [text], "{hidden}");
    }
}

#[test]
fn a_subreaper_logs_that_it_can_only_wait() {
    for hidden in HIDDEN {
        let rinit = Rinit::as_child().options(["--grace", "inf"]).through([hidden]);
        let mut rinit = play_until_ready(rinit, "[ group print other WINCH ] say ready stdin exit 3");
        let other = rinit.processes().iter().map(|process| process.pid).max().unwrap();
        rinit.close_stdin();
        rinit.stderr_line("so descendants cannot be asked to exit, only waited for");
        rinit.exec(["signal", &other.to_string(), "28"]);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(lines_of("other", &finished), ["28"]);
    }
}

#[test]
fn a_subreaper_waits_no_longer_than_the_grace_period() {
    for hidden in HIDDEN {
        let rinit = Rinit::as_child().options(["--grace", "300ms"]).through([hidden]);
        let mut rinit = play(rinit, "[ group ignore TERM pause ] exit 3");
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn without_remaining_processes_rinit_exits_at_once() {
    for hidden in HIDDEN {
        for place in PLACES {
            let mut rinit = play(place().options(["--grace", "inf"]).through([hidden]), "exit 3");
            let finished = rinit.finish();
            assert_eq!(finished.status, Status::Exited(3));
            assert_eq!(finished.stderr, "");
        }
    }
}

#[test]
fn with_target_all_main_and_its_group_get_the_signal() {
    for hidden in HIDDEN {
        for place in PLACES {
            let rinit = place().options(["--target", "all", "--grace", "0"]).through([hidden]);
            let mut rinit = play_until_ready(rinit, "[ print other USR2 ] block-all say ready print main USR2");
            rinit.send(libc::SIGWINCH);
            rinit.expect_in_any_order(["main 28", "other 28"]);
            rinit.send(libc::SIGUSR2);
            assert_eq!(rinit.wait(), Status::Exited(0));
        }
    }
}
