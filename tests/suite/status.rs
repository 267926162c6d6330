//! rinit exits with main's status: its exit code, or 128 + the number of the signal that killed it. `reports/end.rs` tests
//! each signal, together with its log line.

use crate::support::{Reaping, Rinit, Status, puppet};

fn status_of(rinit: Rinit) -> Status {
    let finished = rinit.start().finish();
    assert_eq!(finished.stderr, "");
    finished.status
}

#[test]
fn rinit_exits_with_every_exit_code_of_main() {
    for by in Reaping::BOTH {
        for code in 0..=255 {
            let rinit = Rinit::as_pid1().reaping(by).puppet(["exit", &code.to_string()]);
            assert_eq!(status_of(rinit), Status::Exited(code));
        }
    }
}

#[test]
fn an_exit_code_is_rinits_own_where_it_is_not_pid_1() {
    for by in Reaping::BOTH {
        for code in [0, 1, 3, 125, 126, 127, 128, 137, 143, 255] {
            let rinit = Rinit::as_child().reaping(by).puppet(["exit", &code.to_string()]);
            assert_eq!(status_of(rinit), Status::Exited(code));
        }
    }
}

#[test]
fn a_death_by_a_signal_is_an_exit_where_rinit_is_not_pid_1_too() {
    for by in Reaping::BOTH {
        for signal in [libc::SIGTERM, libc::SIGKILL, libc::SIGSEGV, libc::SIGABRT, 32, 64] {
            let mut rinit = Rinit::as_child().reaping(by).puppet(["die", &signal.to_string()]).start();
            assert_eq!(rinit.wait(), Status::Exited(128 + signal));
        }
    }
}

#[test]
fn an_exit_status_is_mapped_on_request() {
    for by in Reaping::BOTH {
        let cases: &[(&[&str], i32, i32)] = &[
            (&["-e", "3"], 3, 0),
            (&["-e3"], 3, 0),
            (&["-e", "3"], 4, 4),
            (&["-e", "3:7"], 3, 7),
            (&["-e3:7"], 3, 7),
            (&["--map-exit", "3:7"], 3, 7),
            (&["--map-exit=3:7"], 3, 7),
            (&["-e", "0:1"], 0, 1),
            (&["-e", "255:254"], 255, 254),
            (&["-e", "1:2,3:4,5"], 3, 4),
            (&["-e", "1:2,3:4,5"], 5, 0),
            (&["-e", "1:2", "-e", "3:4"], 1, 2),
            (&["-e", "1:2", "-e", "3:4"], 3, 4),
            // A rule is not applied twice, and the last rule for a status wins.
            (&["-e", "1:2", "-e", "2:3"], 1, 2),
            (&["-e", "1:2", "-e", "1:3"], 1, 3),
        ];
        for (options, code, expected) in cases {
            let rinit = Rinit::as_pid1().reaping(by).options(*options).puppet(["exit", &code.to_string()]);
            assert_eq!(status_of(rinit), Status::Exited(*expected), "{options:?}");
        }
    }
}

#[test]
fn a_death_by_a_signal_is_mapped_as_128_plus_the_signal() {
    for by in Reaping::BOTH {
        for (options, expected) in [(["-e", "143"], 0), (["-e", "143:9"], 9), (["-e", "15"], 143)] {
            let mut rinit = Rinit::as_pid1().reaping(by).options(options).puppet(["pause"]).start_until_ready();
            rinit.send(libc::SIGTERM);
            assert_eq!(rinit.wait(), Status::Exited(expected), "{options:?}");
        }
    }
}

#[test]
fn an_exit_status_is_mapped_by_the_variable_and_the_option_wins() {
    for by in Reaping::BOTH {
        let exit = |rinit: Rinit, code: &str| status_of(rinit.puppet(["exit", code]));
        let rinit = || Rinit::as_pid1().reaping(by).variable("RINIT_MAP_EXIT", "3:7,4");
        assert_eq!(exit(rinit(), "3"), Status::Exited(7));
        assert_eq!(exit(rinit(), "4"), Status::Exited(0));
        assert_eq!(exit(rinit(), "5"), Status::Exited(5));
        assert_eq!(exit(rinit().options(["-e", "3:8"]), "3"), Status::Exited(8));
    }
}

#[test]
fn rinits_own_failures_are_not_mapped() {
    let rinit = |code: &str| Rinit::as_pid1().options(["-e", code]);
    let mut missing = rinit("127").command(["/no/such/command"]).start();
    assert_eq!(missing.wait(), Status::Exited(127));
    let mut folder = rinit("126").command(["/usr"]).start();
    assert_eq!(folder.wait(), Status::Exited(126));
}

#[test]
fn the_status_is_that_of_the_program_that_main_executes() {
    for by in Reaping::BOTH {
        // A thread executes another program after the first thread has exited; the program gets main's PID.
        let become_another = "lose-leader run".split(' ').map(str::to_owned);
        let another = [puppet().to_str().unwrap(), "exit", "7"].map(str::to_owned);
        let words = ["play".to_owned()].into_iter().chain(become_another).chain(another);
        let mut rinit = Rinit::as_pid1().reaping(by).puppet(words).start();
        assert_eq!(rinit.wait(), Status::Exited(7), "{by:?}");
    }
}
