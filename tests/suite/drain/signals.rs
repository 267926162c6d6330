//! Signals that arrive during the drain.

use super::{ASKED_ONCE, PLACES, asked, finish_by_winch, lines_of, part, patient, play, play_until_ready};
use crate::support::{Rinit, Status, catchable};

#[test]
fn each_signal_goes_to_all_remaining_processes() {
    for place in PLACES {
        let mut rinit = play(patient(place), "[ group print one WINCH ] [ session print two WINCH ] exit 3");
        asked(&mut rinit);
        for _ in 0..4 {
            rinit.line();
        }
        let without = [libc::SIGCHLD, libc::SIGWINCH];
        for signal in catchable().filter(|signal| !without.contains(signal)) {
            rinit.send(signal);
            let [one, two] = ["one", "two"].map(|name| format!("{name} {signal}"));
            // A stop signal is followed by CONT, which the process may take at any point.
            if [1, 2, 3, 15, 37].contains(&signal) {
                rinit.expect_in_any_order([&one, "one 18", &two, "two 18"]);
            } else {
                rinit.expect_in_any_order([one, two]);
            }
        }
        rinit.send(libc::SIGWINCH);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
    }
}

#[test]
fn exec_sessions_get_forwarded_signals() {
    let mut rinit = play_until_ready(patient(Rinit::as_pid1), "say ready stdin exit 3");
    let mut exec = rinit.start_exec(part("block-all say there print exec WINCH"));
    exec.expect("there");
    rinit.close_stdin();
    asked(&mut rinit);
    exec.expect("exec 15");
    exec.expect("exec 18");
    for signal in [libc::SIGUSR2, libc::SIGWINCH] {
        rinit.send(signal);
        exec.expect(format!("exec {signal}"));
    }
    assert_eq!(exec.finish().status, Status::Exited(0));
    assert_eq!(rinit.finish().status, Status::Exited(3));
}

#[test]
fn a_second_stop_signal_does_not_shorten_the_grace_period() {
    for place in PLACES {
        let rinit = place().options(["-vv", "--grace", "60s"]);
        let parts = "[ group print other WINCH ] [ group ignore TERM ignore INT print deaf WINCH ] say ready pause";
        let mut rinit = play_until_ready(rinit, parts);
        rinit.send(libc::SIGTERM);
        asked(&mut rinit);
        rinit.expect_in_any_order(["deaf 18", "other 15", "other 18"]);
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGTERM] {
            rinit.send(signal);
            rinit.expect_in_any_order(["deaf 18", &format!("other {signal}"), "other 18"]);
        }
        rinit.send(libc::SIGWINCH);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(143));
        // No process was killed.
        assert_eq!(lines_of("other", &finished).last(), Some(&"28"));
        assert_eq!(lines_of("deaf", &finished).last(), Some(&"28"));
        assert!(!finished.stderr.contains("killed after"), "{}", finished.stderr);
    }
}

#[test]
fn sigkill_to_rinit_stops_the_drain_at_once() {
    let mut rinit = play(patient(Rinit::as_pid1), "[ group ignore TERM pause ] exit 3");
    asked(&mut rinit);
    rinit.send(libc::SIGKILL);
    assert_eq!(rinit.finish().status, Status::Killed(libc::SIGKILL));
}

#[test]
fn a_stop_signal_during_the_drain_continues_stopped_processes() {
    for place in PLACES {
        let mut rinit = play(patient(place), "[ group block TERM await TERM say first await TERM say second ] exit 3");
        rinit.expect("first");
        asked(&mut rinit);
        // Its parent has exited, so it is rinit's child.
        let other = rinit.main().pid;
        // Again, as the CONT that follows the TERM may come after the first one.
        rinit.until("it is stopped", || {
            rinit.exec(["signal", &other.to_string(), &libc::SIGSTOP.to_string()]);
            rinit.process(other).is_stopped()
        });
        rinit.send(libc::SIGTERM);
        rinit.expect("second");
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn a_signal_sent_before_main_ran_reaches_it_and_the_drain_follows() {
    for place in PLACES {
        let rinit = patient(place).mask(u64::MAX).pending([libc::SIGTERM]);
        let mut rinit = play(rinit, "await TERM [ group print other WINCH ] exit 3");
        rinit.expect("other 15");
        let finished = finish_by_winch(rinit, 3);
        assert_eq!(lines_of("other", &finished), ASKED_ONCE);
    }
}
