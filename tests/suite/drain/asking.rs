//! The order in which the drain asks processes to exit, and that it asks none twice.

use super::{
    ASKED_ONCE, PLACES, asked, finish_by_winch, lines_of, nested_rinit, part, patient, play, play_until_ready,
    saves_undisturbed,
};
use crate::support::{Rinit, Status};

#[test]
fn remaining_processes_are_sent_term_and_then_cont() {
    for place in PLACES {
        let mut rinit = play(patient(place), "[ group print other CONT ] exit 3");
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(finished.stdout, "other 15\nother 18\n");
    }
}

#[test]
fn remaining_processes_get_the_time_that_they_need() {
    for place in PLACES {
        let mut rinit = play_until_ready(patient(place), "[ group save other ] say ready stdin exit 3");
        rinit.close_stdin();
        saves_undisturbed(&mut rinit, "other");
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn the_exit_status_is_mains_however_other_processes_exit() {
    for place in PLACES {
        for end in ["exit 9", "die SEGV", "die KILL", "exit 0"] {
            let mut exits = play(patient(place), &format!("[ group await TERM {end} ] exit 3"));
            assert_eq!(exits.finish().status, Status::Exited(3), "{end}");
            let mut dies = play(patient(place), &format!("[ group await TERM {end} ] die USR2"));
            assert_eq!(dies.finish().status, Status::Exited(128 + libc::SIGUSR2), "{end}");
        }
    }
}

#[test]
fn after_main_was_killed_the_drain_still_runs() {
    for place in PLACES {
        let mut rinit = play_until_ready(patient(place), "[ save other ] say ready pause");
        // As the OOM killer does.
        let main = rinit.main().pid;
        let mut killer = rinit.start_exec(["signal", &main.to_string(), "9"]);
        // It may be asked to exit as well.
        killer.wait();
        saves_undisturbed(&mut rinit, "other");
        assert_eq!(rinit.finish().status, Status::Exited(137));
    }
}

#[test]
fn members_of_mains_group_that_got_term_are_not_asked_again() {
    for place in PLACES {
        let mut rinit = play_until_ready(patient(place), "[ save other ] say ready pause");
        rinit.send(libc::SIGTERM);
        saves_undisturbed(&mut rinit, "other");
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(143));
        assert_eq!(finished.stdout, "ready\nother saves\nother saved\n");
    }
}

#[test]
fn later_members_of_mains_group_are_asked() {
    for place in PLACES {
        let parts = "block TERM [ save before ] say ready await TERM [ save after ] exit 0";
        let mut rinit = play_until_ready(patient(place), parts);
        rinit.send(libc::SIGTERM);
        rinit.expect_in_any_order(["after saves", "before saves"]);
        asked(&mut rinit);
        rinit.send(libc::SIGUSR1);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(0));
        for name in ["before", "after"] {
            assert_eq!(lines_of(name, &finished), ["saves", "saved"], "{name}");
        }
    }
}

#[test]
fn each_forwarded_stop_signal_counts_as_asked() {
    for place in PLACES {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT] {
            let mut rinit = play_until_ready(patient(place), "[ print other WINCH ] say ready pause");
            rinit.send(signal);
            rinit.expect(format!("other {signal}"));
            rinit.send(libc::SIGWINCH);
            rinit.expect("other 28");
            let finished = rinit.finish();
            assert_eq!(finished.status, Status::Exited(128 + signal));
            assert_eq!(lines_of("other", &finished).len(), 2, "{finished:?}");
        }
    }
}

#[test]
fn a_background_job_that_ignores_int_and_quit_is_asked() {
    for place in PLACES {
        for (signal, name) in [(libc::SIGINT, "INT"), (libc::SIGQUIT, "QUIT")] {
            let mut rinit = play_until_ready(patient(place), &format!("[ ignore {name} save job ] say ready pause"));
            rinit.send(signal);
            saves_undisturbed(&mut rinit, "job");
            assert_eq!(rinit.finish().status, Status::Exited(128 + signal));
        }
    }
}

#[test]
fn the_background_jobs_of_a_plain_shell_are_asked_after_an_int() {
    for place in PLACES {
        let puppet = crate::support::puppet().display();
        let job = format!("{puppet} play block TERM say waiting save job");
        let script = format!("{job} & {puppet} play say working pause");
        let mut rinit = patient(place).command(["/bin/sh", "-c", &script]).start();
        rinit.expect_in_any_order(["waiting", "working"]);
        rinit.send(libc::SIGINT);
        saves_undisturbed(&mut rinit, "job");
        assert_eq!(rinit.finish().status, Status::Exited(130));
    }
}

#[test]
fn a_forwarded_hup_does_not_count_as_asked() {
    for place in PLACES {
        let mut rinit = play_until_ready(patient(place), "[ handle HUP save other ] say ready pause");
        rinit.send(libc::SIGHUP);
        saves_undisturbed(&mut rinit, "other");
        assert_eq!(rinit.finish().status, Status::Exited(129));
    }
}

#[test]
fn with_target_main_other_processes_are_asked() {
    for place in PLACES {
        let rinit = patient(place).options(["--target", "main"]);
        let mut rinit = play_until_ready(rinit, "[ print other WINCH ] say ready pause");
        rinit.send(libc::SIGTERM);
        rinit.expect("other 15");
        let finished = finish_by_winch(rinit, 143);
        assert_eq!(lines_of("other", &finished), ASKED_ONCE);
    }
}

#[test]
fn with_target_all_no_process_is_asked_again() {
    for place in PLACES {
        let rinit = patient(place).options(["--target", "all"]);
        let parts = "[ print same WINCH ] [ group print other WINCH ] [ session print far WINCH ] say ready pause";
        let mut rinit = play_until_ready(rinit, parts);
        rinit.send(libc::SIGURG);
        rinit.expect_in_any_order(["far 23", "other 23", "same 23"]);
        rinit.send(libc::SIGTERM);
        let finished = finish_by_winch(rinit, 143);
        for name in ["same", "other", "far"] {
            assert_eq!(lines_of(name, &finished), ["23", "15", "28"], "{name}");
        }
    }
}

#[test]
fn exec_sessions_are_drained() {
    let mut rinit = play_until_ready(patient(Rinit::as_pid1), "say ready stdin exit 3");
    let mut exec = rinit.start_exec(part("block TERM say there save exec"));
    exec.expect("there");
    rinit.close_stdin();
    exec.expect("exec saves");
    asked(&mut rinit);
    rinit.send(libc::SIGUSR1);
    exec.expect("exec saved");
    assert_eq!(exec.finish().status, Status::Exited(0));
    assert_eq!(rinit.finish().status, Status::Exited(3));
}

#[test]
fn with_target_all_exec_sessions_are_not_asked_again() {
    let rinit = patient(Rinit::as_pid1).options(["--target", "all"]);
    let mut rinit = play_until_ready(rinit, "say ready pause");
    let mut exec = rinit.start_exec(part("block-all say there print exec WINCH"));
    exec.expect("there");
    rinit.send(libc::SIGTERM);
    exec.expect("exec 15");
    asked(&mut rinit);
    rinit.send(libc::SIGWINCH);
    let exec = exec.finish();
    assert_eq!(lines_of("exec", &exec), ["15", "28"]);
    assert_eq!(rinit.finish().status, Status::Exited(143));
}

#[test]
fn a_session_that_joins_during_the_drain_is_asked() {
    let parts = "[ group block TERM save other ] say ready stdin exit 3";
    let mut rinit = play_until_ready(patient(Rinit::as_pid1), parts);
    rinit.close_stdin();
    rinit.expect("other saves");
    let mut late = rinit.start_blocking_exec(part("say there print late TERM"));
    for line in ["there", "late 15"] {
        late.expect(line);
    }
    assert_eq!(late.finish().status, Status::Exited(0));
    rinit.send(libc::SIGUSR1);
    rinit.expect("other saved");
    assert_eq!(rinit.finish().status, Status::Exited(3));
}

#[test]
fn children_started_during_a_shutdown_are_left_to_their_parent() {
    for place in PLACES {
        // Its child and grandchild.
        for child in ["[ block-all say there print part WINCH ]", "[ [ block-all say there print part WINCH ] attend ]"]
        {
            let parts = format!("[ group block TERM await TERM {child} attend ] say ready stdin exit 3");
            let mut rinit = play_until_ready(patient(place), &parts);
            rinit.close_stdin();
            rinit.expect("there");
            rinit.send(libc::SIGWINCH);
            let finished = rinit.finish();
            assert_eq!(finished.status, Status::Exited(3));
            assert_eq!(lines_of("part", &finished), ["28"]);
        }
    }
}

#[test]
fn orphans_of_drained_parents_are_drained() {
    for place in PLACES {
        // The parent was asked, starts a child, and exits.
        let parts =
            "[ group block TERM await TERM [ block-all say there print part WINCH ] exit 0 ] say ready stdin exit 3";
        let mut rinit = play_until_ready(patient(place), parts);
        rinit.close_stdin();
        rinit.expect("there");
        rinit.expect("part 15");
        rinit.expect("part 18");
        rinit.send(libc::SIGWINCH);
        rinit.expect("part 28");
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn later_children_of_a_parent_that_ignores_term_are_asked() {
    for place in PLACES {
        let parts = "[ group ignore TERM await USR1 [ default TERM block-all say there print late WINCH ] attend ] \
                     say ready stdin exit 3";
        let mut rinit = play_until_ready(patient(place), parts);
        let main = rinit.main().pid;
        let parent = rinit.processes().into_iter().find(|process| process.parent == main).unwrap().pid;
        rinit.close_stdin();
        asked(&mut rinit);
        rinit.exec(["signal", &parent.to_string(), "10"]);
        rinit.expect("there");
        rinit.expect("late 15");
        rinit.expect("late 18");
        rinit.send(libc::SIGWINCH);
        rinit.expect("late 28");
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn a_child_of_a_parent_that_passes_term_on_is_not_asked() {
    for place in PLACES {
        // Main's group and another: the child leads a session, and its parent sends it TERM itself.
        for group in ["", "group"] {
            let child = "[ session block TERM save child ]";
            let parts = format!("[ {group} block TERM {child} await TERM pass-on TERM attend ] say ready stdin exit 3");
            let mut rinit = play_until_ready(patient(place), &parts);
            rinit.close_stdin();
            saves_undisturbed(&mut rinit, "child");
            assert_eq!(rinit.finish().status, Status::Exited(3));
        }
    }
}

#[test]
fn only_a_nested_rinit_asks_its_processes() {
    for place in PLACES {
        for nest in ["[ group", "nested ["] {
            let nested = nested_rinit("block TERM say there save inner");
            let mut rinit = play(patient(place), &format!("{nest} {nested} ] stdin exit 3"));
            rinit.expect("there");
            rinit.close_stdin();
            saves_undisturbed(&mut rinit, "inner");
            let finished = rinit.finish();
            assert_eq!(finished.status, Status::Exited(3));
            assert_eq!(finished.stdout, "there\ninner saves\ninner saved\n");
        }
    }
}
