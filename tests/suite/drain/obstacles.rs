//! A drain that the kernel hinders: signals that are not permitted, no pidfds, a /proc that hides processes.

use super::{ASKED_ONCE, PLACES, asked, lines_of, play_until_ready};
use crate::support::{Finished, Rinit, Running, Status};

/// A rinit that may not signal other users' processes, and the arguments by which a puppet becomes another user. Without
/// root there is no other user; then a filter refuses every signal.
fn without_cap_kill(place: fn() -> Rinit, options: &[&str]) -> (Rinit, &'static str) {
    const KILL: &str = "5";
    let rinit = place().options(options);
    if nix::unistd::geteuid().is_root() {
        return (rinit.through(["without-capability", KILL]), "user 65534");
    }
    let calls = [libc::SYS_kill, libc::SYS_pidfd_send_signal].map(|call| call.to_string()).join(",");
    (rinit.through(["refusing", &libc::EPERM.to_string(), &calls]), "")
}

fn refusals(finished: &Finished) -> Vec<&str> {
    finished.stderr.lines().filter(|line| line.contains("EPERM")).collect()
}

#[test]
fn a_process_that_rinit_may_not_signal_is_reported_once() {
    for place in PLACES {
        let (rinit, other_user) = without_cap_kill(place, &["--grace", "300ms"]);
        let parts = format!("times 3 [ {other_user} session print other WINCH ] say ready stdin exit 3");
        let mut rinit = play_until_ready(rinit, &parts);
        rinit.close_stdin();
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(finished.stdout, "ready\n", "none of them got anything");
        // A process that was forked a moment ago may be asked after the others.
        let count = |line: &str| line.split("may not signal ").nth(1)?.split(' ').next()?.parse::<u32>().ok();
        let lines = refusals(&finished);
        assert_eq!(lines.iter().filter_map(|line| count(line)).sum::<u32>(), 3, "{lines:?}");
        assert!(lines[0].contains(" of the remaining processes (EPERM: no CAP_KILL?); the first is PID "), "{lines:?}");
        assert_eq!(
            finished.stderr.matches("killed after the grace period of 300ms: PID ").count(),
            3,
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn a_subreaper_exits_despite_a_process_it_may_not_kill() {
    let (rinit, other_user) = without_cap_kill(Rinit::as_child, &["--grace", "300ms"]);
    let parts = format!("[ {other_user} session print other WINCH ] say ready stdin exit 3");
    let mut rinit = play_until_ready(rinit, &parts);
    rinit.close_stdin();
    assert_eq!(rinit.wait(), Status::Exited(3));
    let other = rinit.processes().into_iter().find(|process| process.pid != 1).expect("the other lives on");
    rinit.exec(["signal", &other.pid.to_string(), "28"]);
    rinit.expect("other 28");
}

#[test]
fn a_process_that_rinit_may_not_signal_has_the_grace_period() {
    for place in PLACES {
        let (rinit, other_user) = without_cap_kill(place, &["-vv", "--grace", "inf"]);
        let parts = format!("[ {other_user} session print other WINCH ] say ready stdin exit 3");
        let mut rinit = play_until_ready(rinit, &parts);
        let other = rinit.processes().iter().map(|process| process.pid).max().unwrap();
        rinit.close_stdin();
        asked(&mut rinit);
        rinit.exec(["signal", &other.to_string(), "28"]);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(lines_of("other", &finished), ["28"]);
    }
}

/// Checks that each process of a tree is asked exactly once.
fn a_tree_is_drained(mut rinit: Running) {
    rinit.close_stdin();
    for _ in 0..2 {
        assert!(rinit.line().ends_with(" saves"));
    }
    asked(&mut rinit);
    rinit.send(libc::SIGUSR1);
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(3), "{finished:?}");
    for name in ["above", "below"] {
        assert_eq!(lines_of(name, &finished), ["saves", "saved"]);
    }
}

#[test]
fn pid_1_needs_no_pidfds() {
    for answer in [libc::ENOSYS, libc::EPERM] {
        let calls = [libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal].map(|call| call.to_string()).join(",");
        let rinit = Rinit::as_pid1().options(["-vv", "--grace", "inf"]);
        let rinit = rinit.through(["refusing", &answer.to_string(), &format!("{calls},clone-pidfd")]);
        a_tree_is_drained(play_until_ready(rinit, "[ group [ save below ] save above ] say ready stdin exit 3"));
    }
}

#[test]
fn processes_hidden_in_proc_are_asked() {
    let rinit = Rinit::as_pid1().options(["-vv", "--grace", "inf"]).through(["with-hiding-proc"]);
    let mut rinit = play_until_ready(rinit, "say ready stdin exit 3");
    let mut exec = rinit.start_exec(super::part("block-all say there print exec WINCH"));
    exec.expect("there");
    rinit.close_stdin();
    rinit.stderr_line("sending SIGTERM to all remaining processes");
    rinit.send(libc::SIGWINCH);
    let exec = exec.finish();
    assert_eq!(lines_of("exec", &exec), ASKED_ONCE);
    assert_eq!(rinit.finish().status, Status::Exited(3));
}

#[test]
fn processes_hidden_in_proc_are_killed() {
    let rinit = Rinit::as_pid1().options(["--grace", "300ms"]).through(["with-hiding-proc"]);
    let mut rinit = play_until_ready(rinit, "say ready stdin exit 3");
    let mut exec = rinit.start_exec(super::part("ignore TERM say there pause"));
    exec.expect("there");
    rinit.close_stdin();
    assert_eq!(exec.finish().status, Status::Killed(libc::SIGKILL));
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(3));
    assert!(
        finished
            .stderr
            .contains("the grace period of 300ms is over: killing the remaining processes, which /proc does not show"),
        "{finished:?}"
    );
}
