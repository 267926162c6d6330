//! `--pause`: no command, only reaping, until TERM or INT.

use crate::support::{Process, Rinit, Running, Status, catchable};

const ENDING: [i32; 2] = [libc::SIGTERM, libc::SIGINT];

fn paused(rinit: Rinit, option: &str) -> Running {
    let rinit = rinit.options([option]).start();
    // rinit prints nothing here; once it sleeps it is ready.
    rinit.until("rinit sleeps", || is_asleep(&rinit));
    rinit
}

fn is_asleep(rinit: &Running) -> bool {
    let itself = rinit.itself();
    itself.name == "rinit" && itself.state == 'S'
}

#[test]
fn term_and_int_exit_with_0() {
    for option in ["-P", "--pause"] {
        for signal in ENDING {
            for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
                let mut rinit = paused(rinit, option);
                rinit.send(signal);
                let finished = rinit.finish();
                assert_eq!(finished.status, Status::Exited(0));
                assert_eq!((finished.stdout, finished.stderr), (String::new(), String::new()));
            }
        }
    }
}

#[test]
fn other_signals_do_not_stop_a_paused_rinit() {
    // RTMIN+3, the request to halt, counts as TERM.
    let mut rinit = paused(Rinit::as_pid1(), "-P");
    for signal in catchable().filter(|signal| !ENDING.contains(signal) && *signal != 37) {
        rinit.send(signal);
    }
    rinit.until("rinit has taken them all and sleeps", || is_asleep(&rinit));
    rinit.exec(["exit", "0"]);
    rinit.send(libc::SIGTERM);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn a_paused_rinit_reaps_orphans() {
    let mut rinit = paused(Rinit::as_pid1(), "-P");
    let mut orphans = rinit.start_exec(["orphans", "300", "0"]);
    orphans.expect("done");
    rinit.eventually("their parent and rinit are alone", |processes| processes.len() == 2);
    orphans.close_stdin();
    assert_eq!(orphans.finish().status, Status::Exited(0));
    rinit.send(libc::SIGTERM);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn remaining_processes_are_drained() {
    let mut rinit = paused(Rinit::as_pid1(), "-P");
    let mut other = rinit.start_exec(["play", "block-all", "say", "ready", "print", "other", "TERM"]);
    other.expect("ready");
    rinit.send(libc::SIGTERM);
    other.expect("other 15");
    assert_eq!(other.finish().status, Status::Exited(0));
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn without_a_grace_period_a_paused_rinit_exits_at_once() {
    let mut rinit = paused(Rinit::as_pid1().options(["--grace", "0"]), "-P");
    let mut other = rinit.start_exec(["play", "ignore", "TERM", "say", "ready", "pause"]);
    other.expect("ready");
    rinit.send(libc::SIGTERM);
    // The namespace exits once its last member has been reaped, and this one is the test's child.
    assert_eq!(other.finish().status, Status::Killed(libc::SIGKILL));
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn a_paused_rinit_ignores_terminal_stops() {
    let rinit = paused(Rinit::as_child(), "-P");
    rinit.send(libc::SIGTSTP);
    rinit.exec(["exit", "0"]);
    assert!(!rinit.processes().iter().any(Process::is_stopped));
}
