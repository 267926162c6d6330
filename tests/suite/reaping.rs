//! No zombie stays that rinit could reap.

use crate::support::{Process, Rinit, Running, Status};

const ORPHANS: usize = 2000;

fn is_alone_with_main(processes: &[Process], rinit: &Process) -> bool {
    let others = processes.iter().filter(|process| process.pid != 1);
    let others = others.filter(|process| process.pid != rinit.pid);
    others.count() == 1
}

/// Makes orphans, and sees that nothing is left of them while main lives on.
fn orphans_leave_nothing(rinit: Rinit) {
    let words = ["orphans", &ORPHANS.to_string(), "23"];
    let mut rinit = rinit.puppet(words).start();
    rinit.expect("done");
    let itself = rinit.itself();
    rinit.eventually("rinit and main are alone", |processes| is_alone_with_main(processes, &itself));
    rinit.close_stdin();
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(23));
    assert_eq!(finished.stderr, "");
}

#[test]
fn orphans_leave_no_zombie_where_rinit_is_pid_1() {
    orphans_leave_nothing(Rinit::as_pid1());
}

#[test]
fn orphans_leave_no_zombie_where_rinit_is_not_pid_1() {
    orphans_leave_nothing(Rinit::as_child());
}

#[test]
fn orphans_leave_no_zombie_where_rinit_was_told_to_ignore_its_children() {
    orphans_leave_nothing(Rinit::as_pid1().ignored([libc::SIGCHLD]));
}

#[test]
fn signals_arrive_while_orphans_are_reaped() {
    let mut rinit = Rinit::as_pid1().puppet(["print-signals", "15"]).start();
    rinit.expect("ready");
    let mut storm = rinit.start_exec(["orphans", "1000", "0"]);
    for _ in 0..200 {
        rinit.send(libc::SIGUSR1);
        rinit.expect(libc::SIGUSR1);
    }
    storm.expect("done");
    storm.close_stdin();
    assert_eq!(storm.wait(), Status::Exited(0));
    rinit.eventually("rinit and main are alone", |processes| processes.len() == 2);
    rinit.send(libc::SIGTERM);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

fn adopter(rinit: &mut Running) -> String {
    let line = rinit.line();
    let pid = line.strip_prefix("adopted by ");
    pid.unwrap_or_else(|| panic!("{line}")).to_owned()
}

#[test]
fn orphans_become_children_of_rinit_and_not_of_pid_1() {
    for options in [&[][..], &["-s"], &["--subreaper"]] {
        let mut rinit = Rinit::as_child().options(options).puppet(["adopted"]).start();
        let itself = rinit.itself();
        assert_ne!(itself.pid, 1);
        assert_eq!(adopter(&mut rinit), itself.pid.to_string());
        rinit.eventually("rinit and main are alone", |processes| is_alone_with_main(processes, &itself));
        rinit.close_stdin();
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(0));
        assert_eq!(finished.stderr, "");
    }
}

#[test]
fn orphans_are_left_to_pid_1_where_that_is_asked_for() {
    for no in ["0", "no", "false", "off"] {
        let rinit = Rinit::as_child().variable("RINIT_SUBREAPER", no);
        let mut rinit = rinit.puppet(["adopted"]).start();
        assert_eq!(adopter(&mut rinit), "1", "RINIT_SUBREAPER={no}");
        rinit.close_stdin();
        assert_eq!(rinit.finish().status, Status::Exited(0));
    }
}

#[test]
fn an_option_wins_over_the_variable_that_turns_adoption_off() {
    let rinit = Rinit::as_child().variable("RINIT_SUBREAPER", "0").options(["-s"]);
    let mut rinit = rinit.puppet(["adopted"]).start();
    let itself = rinit.itself();
    assert_eq!(adopter(&mut rinit), itself.pid.to_string());
    rinit.close_stdin();
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn as_pid_1_rinit_adopts_orphans_whatever_the_variable_says() {
    let rinit = Rinit::as_pid1().variable("RINIT_SUBREAPER", "0");
    let mut rinit = rinit.puppet(["adopted"]).start();
    assert_eq!(adopter(&mut rinit), "1");
    rinit.eventually("rinit and main are alone", |processes| processes.len() == 2);
    rinit.close_stdin();
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn children_that_rinit_had_from_before_are_reaped() {
    for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
        let rinit = rinit.through(["with-dead-children", "5"]);
        let mut rinit = rinit.puppet(["print-signals", "15"]).start();
        rinit.expect("ready");
        let itself = rinit.itself();
        rinit.eventually("rinit and main are alone", |processes| is_alone_with_main(processes, &itself));
        rinit.send(libc::SIGTERM);
        assert_eq!(rinit.finish().status, Status::Exited(0));
    }
}

#[test]
fn the_end_of_an_orphan_is_not_taken_for_mains() {
    let rinit = Rinit::as_pid1().through(["with-dead-children", "3"]);
    let mut rinit = rinit.puppet(["exit", "42"]).start();
    assert_eq!(rinit.wait(), Status::Exited(42));
}

#[test]
fn each_orphan_is_a_warning_where_that_is_asked_for_and_main_is_none() {
    for rinit in [
        Rinit::as_pid1().options(["-w"]),
        Rinit::as_child().options(["--warn-reaped"]),
        Rinit::as_pid1().variable("RINIT_WARN_REAPED", "1"),
    ] {
        let mut rinit = rinit.puppet(["orphans", "3", "4"]).start();
        rinit.expect("done");
        rinit.until("rinit and main are alone", || is_alone_with_main(&rinit.processes(), &rinit.itself()));
        rinit.close_stdin();
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(4));
        let warnings: Vec<&str> = finished.stderr.lines().collect();
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings.iter().all(|line| line.contains("WARN: reaped orphan ")), "{warnings:?}");
    }
}
