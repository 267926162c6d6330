//! Remaining processes in every state that a process can have.

use super::{PLACES, asked, end_by_winch, lines_of, part, patient, play, play_until_ready, saves_undisturbed};
use crate::support::{Rinit, Running, Status};

/// The last parts of the lines about killed processes.
fn killed(rinit: &mut Running) -> Vec<String> {
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(3));
    let lines = finished.stderr.lines().filter(|line| line.contains("killed after the grace period of 300ms: PID "));
    let mut ends: Vec<_> = lines.filter_map(|line| Some(line.split_once("exit 3, ")?.1.to_owned())).collect();
    ends.sort();
    ends
}

fn impatient(place: fn() -> Rinit) -> Rinit {
    place().options(["--grace", "300ms"])
}

#[test]
fn a_process_that_ignores_or_blocks_term_is_killed() {
    for place in PLACES {
        let mut rinit = play(impatient(place), "[ group ignore TERM pause ] [ group block TERM pause ] exit 3");
        assert_eq!(killed(&mut rinit), ["blocks SIGTERM", "ignores SIGTERM"]);
        let mut rinit = play(impatient(place), "[ group block-all pause ] exit 3");
        assert_eq!(killed(&mut rinit), ["blocks SIGTERM"]);
    }
}

#[test]
fn a_stopped_process_shuts_down_cleanly() {
    for place in PLACES {
        let parts = "[ block TERM stop await TERM say first ] [ group block TERM stop await TERM say second ] \
                     [ group stop pause ] say ready stdin exit 3";
        let mut rinit = play_until_ready(patient(place), parts);
        rinit.eventually("they are stopped", |processes| {
            processes.iter().filter(|process| process.is_stopped()).count() == 3
        });
        rinit.close_stdin();
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert!(finished.stdout.contains("first\n") && finished.stdout.contains("second\n"), "{finished:?}");
    }
}

#[test]
fn a_process_asked_while_stopped_is_continued_and_not_asked_again() {
    for place in PLACES {
        let parts = "[ block TERM block USR1 stop save other ] say ready pause";
        let mut rinit = play_until_ready(patient(place), parts);
        rinit.eventually("it is stopped", |processes| processes.iter().any(|process| process.is_stopped()));
        rinit.send(libc::SIGTERM);
        saves_undisturbed(&mut rinit, "other");
        assert_eq!(rinit.finish().status, Status::Exited(143));
    }
}

#[test]
fn a_process_in_vfork_shuts_down_cleanly() {
    for place in PLACES {
        let parts = "[ group vfork [ block TERM say there save child ] ] say ready stdin exit 3";
        let mut rinit = play(patient(place), parts);
        rinit.expect_in_any_order(["ready", "there"]);
        rinit.close_stdin();
        saves_undisturbed(&mut rinit, "child");
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn a_process_in_vfork_is_killed_with_its_child_that_ignores_term() {
    for place in PLACES {
        let parts = "[ group handle TERM vfork [ ignore TERM say ready pause ] ] stdin exit 3";
        let mut rinit = play_until_ready(impatient(place), parts);
        rinit.eventually("its parent sleeps", |processes| processes.iter().any(|process| process.state == 'D'));
        rinit.close_stdin();
        let killed = killed(&mut rinit);
        assert_eq!(killed, ["handles SIGTERM, is in uninterruptible sleep", "ignores SIGTERM"]);
    }
}

#[test]
fn a_zombie_of_a_living_parent_delays_nothing() {
    for place in PLACES {
        let parts = "[ group [ exit 0 ] [ exit 0 ] block TERM await TERM say done ] exit 3";
        let mut rinit = play(patient(place), parts);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(finished.stdout, "done\n");
    }
}

#[test]
fn a_zombie_of_a_parent_outside_delays_nothing() {
    for end in ["exit 0", "await TERM exit 0"] {
        let mut rinit = play_until_ready(patient(Rinit::as_pid1), "say ready stdin exit 3");
        let mut exec = rinit.start_exec(part(&format!("block TERM say there {end}")));
        exec.expect("there");
        if end == "exit 0" {
            rinit.eventually("it is dead", |processes| processes.iter().any(|process| process.state == 'Z'));
        }
        rinit.close_stdin();
        rinit.complaint("exiting with status 3");
        // The kernel keeps the namespace until its last process has been reaped.
        assert_eq!(exec.wait(), Status::Exited(0));
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn a_zombie_of_an_exec_session_delays_nothing() {
    let mut rinit = play_until_ready(patient(Rinit::as_pid1), "say ready stdin exit 3");
    let mut exec = rinit.start_exec(part("[ exit 0 ] block TERM say there save exec"));
    exec.expect("there");
    rinit.close_stdin();
    exec.expect("exec saves");
    asked(&mut rinit);
    rinit.send(libc::SIGUSR1);
    assert_eq!(exec.wait(), Status::Exited(0));
    assert_eq!(rinit.finish().status, Status::Exited(3));
}

#[test]
fn a_process_whose_first_thread_has_exited_is_drained() {
    for place in PLACES {
        let parts = "[ group block TERM lose-leader save threads ] say ready stdin exit 3";
        let mut rinit = play_until_ready(patient(place), parts);
        rinit.eventually("its leader has exited", |processes| processes.iter().any(|process| process.state == 'Z'));
        rinit.close_stdin();
        saves_undisturbed(&mut rinit, "threads");
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn a_session_whose_first_thread_has_exited_is_drained() {
    let mut rinit = play_until_ready(patient(Rinit::as_pid1), "say ready stdin exit 3");
    let mut exec = rinit.start_exec(part("block TERM lose-leader say there save threads"));
    exec.expect("there");
    rinit.eventually("its leader has exited", |processes| processes.iter().any(|process| process.state == 'Z'));
    rinit.close_stdin();
    exec.expect("threads saves");
    asked(&mut rinit);
    rinit.send(libc::SIGUSR1);
    exec.expect("threads saved");
    assert_eq!(exec.wait(), Status::Exited(0));
    assert_eq!(rinit.finish().status, Status::Exited(3));
}

#[test]
fn a_tracer_and_its_tracee_are_gone_by_the_end_of_the_grace_period() {
    for place in PLACES {
        let parts = "[ group traced [ say traced pause ] attend ] stdin exit 3";
        let mut rinit = play(impatient(place), parts);
        rinit.expect("traced");
        rinit.close_stdin();
        // If the tracer dies after it was notified of the tracee's TERM and before it passes it on, that TERM is lost.
        assert_eq!(rinit.wait(), Status::Exited(3));
        rinit.eventually("none of them is left", |processes| processes.iter().all(|process| process.pid == 1));
    }
}

#[test]
fn a_tracer_passes_term_on_to_its_tracee() {
    for place in PLACES {
        let parts = "[ group block TERM traced [ unblock TERM say traced pause ] attend say done ] stdin exit 3";
        let mut rinit = play(patient(place), parts);
        rinit.expect("traced");
        rinit.close_stdin();
        rinit.expect("done");
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn a_process_held_by_its_tracer_is_killed() {
    for place in PLACES {
        let parts = "[ group ignore TERM traced [ pause ] pause ] say ready stdin exit 3";
        let mut rinit = play_until_ready(impatient(place), parts);
        rinit.eventually("it is held", |processes| processes.iter().any(|process| process.state == 't'));
        rinit.close_stdin();
        assert_eq!(killed(&mut rinit), ["ignores SIGTERM", "ignores SIGTERM, is stopped"]);
    }
}

#[test]
fn the_init_of_a_nested_namespace_is_asked_once() {
    for place in PLACES {
        let rinit = play(patient(place), "nested [ print init WINCH ] exit 3");
        let finished = end_by_winch(rinit, 3);
        assert_eq!(lines_of("init", &finished), super::ASKED_ONCE);
    }
}

#[test]
fn children_of_a_nested_init_without_a_handler_are_asked() {
    for place in PLACES {
        let mut rinit = play(patient(place), "nested [ [ save member ] attend ] exit 3");
        saves_undisturbed(&mut rinit, "member");
        assert_eq!(rinit.finish().status, Status::Exited(3));
    }
}

#[test]
fn children_of_a_nested_init_with_a_handler_wait_for_the_last_call() {
    for place in PLACES {
        let parts = "nested [ handle TERM [ default TERM save member ] pause ] exit 3";
        let mut rinit = play(place().options(["--grace", "2s", "-v"]), parts);
        let killed = |line: &str| line.contains("killed after the grace period of 2s: PID ");
        rinit.complaint("remaining process");
        rinit.expect("member saves");
        let finished = rinit.finish();
        assert_eq!(finished.stderr.lines().filter(|line| killed(line)).count(), 2, "{}", finished.stderr);
        // Half of the grace period had passed.
        assert_eq!(finished.stdout, "member saves\n");
    }
}
