//! `--wait-all`: rinit outlives main as long as other processes run.

use super::{ASKED_BEFORE, PLACES, finish_by_winch, lines_of, part, play, play_until_ready, saves_undisturbed};
use crate::support::{Rinit, Running, Status};

fn waiting(place: fn() -> Rinit, words: &str) -> Running {
    play(place().options(["-vv", "--wait-all", "--grace", "60s"]), words)
}

/// Waits until main has exited and rinit knows it.
fn main_has_exited(rinit: &mut Running) {
    rinit.stderr_line(" exited with status ");
}

#[test]
fn rinit_outlives_a_command_that_daemonizes() {
    for place in PLACES {
        let mut rinit = waiting(place, "[ session print daemon WINCH ] exit 3");
        main_has_exited(&mut rinit);
        rinit.send(libc::SIGUSR2);
        rinit.expect("daemon 12");
        rinit.send(libc::SIGWINCH);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(lines_of("daemon", &finished), ["12", "28"], "it was asked for nothing");
    }
}

#[test]
fn rinit_exits_when_the_last_process_has_exited() {
    for place in PLACES {
        let mut rinit = waiting(place, "[ session print first WINCH ] [ group print second USR2 ] exit 3");
        main_has_exited(&mut rinit);
        rinit.send(libc::SIGWINCH);
        rinit.expect_in_any_order(["first 28", "second 28"]);
        rinit.stderr_line("reaped orphan ");
        rinit.send(libc::SIGUSR2);
        rinit.expect("second 12");
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn without_remaining_processes_rinit_exits_with_main() {
    for place in PLACES {
        assert_eq!(waiting(place, "[ exit 4 ] exit 3").finish().status, Status::Exited(3));
        assert_eq!(waiting(place, "die KILL").finish().status, Status::Exited(137));
    }
}

#[test]
fn rinit_waits_for_exec_sessions() {
    let mut rinit = play_until_ready(Rinit::as_pid1().options(["-v", "--wait-all"]), "say ready stdin exit 3");
    let mut exec = rinit.start_exec(part("block-all say there print exec WINCH"));
    exec.expect("there");
    rinit.close_stdin();
    main_has_exited(&mut rinit);
    rinit.send(libc::SIGWINCH);
    let exec = exec.finish();
    assert_eq!(lines_of("exec", &exec), ["28"]);
    assert_eq!(rinit.finish().status, Status::Exited(3));
}

#[test]
fn a_stop_signal_goes_to_all_and_none_is_asked_again() {
    for place in PLACES {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT] {
            let mut rinit = waiting(place, "[ session print one WINCH ] [ group print two WINCH ] exit 3");
            main_has_exited(&mut rinit);
            rinit.send(signal);
            let finished = finish_by_winch(rinit, 3);
            for name in ["one", "two"] {
                let lines = lines_of(name, &finished);
                assert_eq!(lines[0], signal.to_string());
                assert_eq!(lines[1..], ASKED_BEFORE, "{name} after {signal}");
            }
        }
    }
}

#[test]
fn a_process_that_saves_at_the_stop_signal_loses_nothing() {
    for place in PLACES {
        let mut rinit = waiting(place, "[ session save daemon ] exit 3");
        main_has_exited(&mut rinit);
        rinit.send(libc::SIGTERM);
        saves_undisturbed(&mut rinit, "daemon");
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn rinit_waits_for_processes_that_got_a_stop_signal_with_main() {
    for place in PLACES {
        let rinit = place().options(["-vv", "--wait-all", "--grace", "60s"]);
        let mut rinit = play_until_ready(rinit, "[ print other WINCH ] say ready pause");
        rinit.send(libc::SIGTERM);
        rinit.expect("other 15");
        rinit.stderr_line("was killed by SIGTERM");
        rinit.send(libc::SIGWINCH);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(143));
        assert_eq!(lines_of("other", &finished), ["15", "28"]);
    }
}

#[test]
fn a_hup_goes_to_all_and_starts_no_drain() {
    for place in PLACES {
        let mut rinit = waiting(place, "[ session print daemon WINCH ] exit 3");
        main_has_exited(&mut rinit);
        for signal in [libc::SIGHUP, libc::SIGUSR2] {
            rinit.send(signal);
            rinit.expect(format!("daemon {signal}"));
        }
        rinit.send(libc::SIGWINCH);
        let finished = rinit.finish();
        assert_eq!(lines_of("daemon", &finished), ["1", "12", "28"]);
    }
}

#[test]
fn the_grace_period_starts_with_the_stop_signal() {
    for place in PLACES {
        for grace in ["300ms", "0"] {
            let rinit = place().options(["-vv", "--wait-all", "--grace", grace]);
            let mut rinit = play(rinit, "[ session ignore TERM print daemon KILL ] exit 3");
            main_has_exited(&mut rinit);
            rinit.send(libc::SIGUSR1);
            rinit.expect("daemon 10");
            rinit.send(libc::SIGTERM);
            rinit.stderr_line(", ignores SIGTERM");
            assert_eq!(rinit.finish().status, Status::Exited(3));
        }
    }
}

#[test]
fn an_endless_grace_period_causes_a_warning() {
    for rinit in [
        Rinit::as_pid1().options(["--wait-all", "--grace", "inf", "-v"]),
        Rinit::as_pid1().variable("RINIT_WAIT_ALL", "yes").variable("RINIT_GRACE", "inf").options(["-v"]),
    ] {
        let mut rinit = play(rinit, "[ session ignore TERM print daemon WINCH ] exit 3");
        rinit.stderr_line(
            "--wait-all with --grace inf: no process is killed, and rinit exits when the last one has exited",
        );
        main_has_exited(&mut rinit);
        rinit.send(libc::SIGTERM);
        rinit.expect("daemon 18");
        rinit.send(libc::SIGWINCH);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(lines_of("daemon", &finished), ["18", "28"]);
    }
}
