//! A hostile process in the container, and a caller with fewer rights: the claims of the threat model.

use crate::support::{Reaping, Rinit, Running, Status, catchable};

const TERM: i32 = libc::SIGTERM;
const KILLED_MAIN: Status = Status::Exited(128 + libc::SIGKILL);
const KILLED: Status = Status::Killed(libc::SIGKILL);

fn printing() -> Running {
    Rinit::as_pid1().puppet(["print-signals", "15"]).start_until_ready()
}

#[test]
fn a_signal_with_a_forged_sender_is_not_taken_for_rinits_own() {
    let mut rinit = printing();
    // Signals caused by rinit's own actions, which it does not forward.
    for signal in [libc::SIGPIPE, libc::SIGXFSZ, libc::SIGXCPU, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU] {
        for code in [libc::SI_QUEUE, libc::SI_MESGQ, libc::SI_ASYNCIO] {
            rinit.exec(["forge", "1", &code.to_string(), "1", &signal.to_string()]);
            rinit.expect(signal);
        }
    }
    rinit.exits_on_term();
}

#[test]
fn a_forged_sigchld_does_not_pass_for_the_exit_of_main() {
    let mut rinit = printing();
    let main = rinit.main().pid.to_string();
    for _ in 0..50 {
        rinit.exec(["forge", "1", &libc::SI_QUEUE.to_string(), &main, &libc::SIGCHLD.to_string()]);
    }
    rinit.send(libc::SIGUSR1);
    rinit.expect(libc::SIGUSR1);
    rinit.exits_on_term();
}

#[test]
fn no_signal_from_inside_kills_or_stops_rinit() {
    let mut rinit = printing();
    let forwarded: Vec<i32> = catchable().filter(|signal| ![libc::SIGCHLD, TERM].contains(signal)).collect();
    for signal in &forwarded {
        rinit.exec(["signal", "1", &signal.to_string()]);
        rinit.expect(signal);
    }
    for signal in [libc::SIGKILL, libc::SIGSTOP] {
        rinit.exec(["signal", "1", &signal.to_string()]);
    }
    rinit.exits_on_term();
}

/// Starts a process with a name of its choice that ignores TERM, makes main exit, and returns rinit's log.
fn killed_under_the_name(name: &str) -> String {
    let mut rinit = Rinit::as_pid1().options(["--grace=10ms"]).puppet(["service"]).start_until_ready();
    let mut other = rinit.start_exec(["named", name, "ignore", "TERM", "say", "ready", "pause"]);
    other.expect("ready");
    rinit.send(TERM);
    assert_eq!(other.wait(), KILLED);
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(0), "{finished:?}");
    finished.stderr
}

#[test]
fn a_process_name_cannot_forge_a_log_line() {
    for name in ["x\nrinit[1]: ERROR: no", "\r\x1b[2Jrinit[1]: ERROR", "\u{85}rinit[1]: ERROR\u{2028}"] {
        let stderr = killed_under_the_name(name);
        let lines: Vec<&str> = stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("rinit[1]: WARN: killed after the grace"), "{lines:?}");
        assert!(!lines[0].contains(char::is_control), "{lines:?}");
    }
}

#[test]
fn a_process_name_cannot_forge_fields_of_proc_stat() {
    for name in [") Z 1 (", ") R 0 0 0 (", "))) X 1 1 1", "a b) Z"] {
        let stderr = killed_under_the_name(name);
        assert!(stderr.contains("ignores SIGTERM"), "{stderr}");
    }
}

#[test]
fn a_process_that_keeps_stopping_others_is_killed_after_the_grace_period() {
    let mut rinit = Rinit::as_pid1().options(["--grace=100ms"]).puppet(["service"]).start_until_ready();
    let mut victim = rinit.start_exec(["play", "say", "ready", "pause"]);
    victim.expect("ready");
    let victims = rinit.processes().into_iter().filter(|process| process.parent == 0 && process.pid != 1);
    let pid = victims.map(|process| process.pid).next().expect("the victim").to_string();
    let mut hostile = rinit.start_exec(["keep-stopped", &pid]);
    hostile.expect("ready");
    rinit.send(TERM);
    // A TERM may arrive between two stops.
    assert!([KILLED, Status::Killed(TERM)].contains(&victim.wait()));
    assert_eq!(hostile.wait(), KILLED);
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(0), "{finished:?}");
}

#[test]
fn a_main_that_is_stopped_repeatedly_is_killed_by_kill_after() {
    let mut rinit =
        Rinit::as_pid1().options(["--kill-after=100ms", "--grace=10ms"]).puppet(["pause"]).start_until_ready();
    let main = rinit.main().pid.to_string();
    let mut hostile = rinit.start_exec(["keep-stopped", &main]);
    hostile.expect("ready");
    rinit.send(TERM);
    assert_eq!(hostile.wait(), KILLED);
    // The TERM may arrive between two stops.
    assert!([KILLED_MAIN, Status::Exited(128 + TERM)].contains(&rinit.finish().status));
}

#[test]
fn a_tracer_that_holds_a_dead_main_does_not_outlast_kill_after() {
    for by in Reaping::BOTH {
        let rinit = Rinit::as_pid1().reaping(by).options(["--kill-after=100ms", "--grace=100ms"]);
        let mut rinit = rinit.puppet(["pause"]).start_until_ready();
        let main = rinit.main().pid.to_string();
        let mut hostile = rinit.start_exec(["hold", &main]);
        hostile.expect("ready");
        rinit.send(TERM);
        // The kernel reports a death to the tracer first, and to the parent once the tracer has reaped it.
        rinit.stderr_line("is still alive after SIGKILL");
        assert_eq!(hostile.wait(), KILLED);
        assert_eq!(rinit.finish().status, KILLED_MAIN, "{by:?}");
    }
}

#[test]
fn after_its_tracer_exits_rinit_gets_the_status_of_main() {
    for by in Reaping::BOTH {
        let words = ["play", "block", "TERM", "say", "ready", "await", "TERM", "exit", "7"];
        let mut rinit = Rinit::as_pid1().reaping(by).puppet(words).start_until_ready();
        let main = rinit.main().pid;
        let mut hostile = rinit.start_exec(["hold", &main.to_string()]);
        hostile.expect("ready");
        // In a ptrace stop, which only the tracer can end, it would not see the signal.
        rinit.exec(["signal", &main.to_string(), &TERM.to_string()]);
        rinit.eventually("main stands still before its tracer, or is dead", |processes| {
            processes.iter().any(|process| process.pid == main && ['t', 'Z'].contains(&process.state))
        });
        let tracer = rinit.processes().into_iter().map(|process| process.pid).max().expect("the tracer");
        // main exits when its tracer is gone, so the process that kills the tracer may be asked to exit as well.
        rinit.start_exec(["signal", &tracer.to_string(), &libc::SIGKILL.to_string()]).wait();
        assert_eq!(hostile.wait(), KILLED);
        assert_eq!(rinit.finish().status, Status::Exited(7), "{by:?}");
    }
}

/// rinit as an executable with more rights than its caller, with an environment that contradicts its command line.
fn with_more_rights(variables: &[(&str, &str)], command: &[&str]) -> Rinit {
    let rinit = Rinit::as_pid1().environment(["PATH=/bin:/usr/bin"]);
    let rinit = variables.iter().fold(rinit, |rinit, (name, value)| rinit.variable(name, value));
    let rinit = rinit.command(command);
    // Without root there is no other user to become.
    if nix::unistd::geteuid().is_root() { rinit.through(["by-real-user", "2000000000"]) } else { rinit }
}

#[test]
fn variables_of_a_caller_with_fewer_rights_change_nothing() {
    let is_root = nix::unistd::geteuid().is_root();
    let mut rinit =
        with_more_rights(&[("RINIT_MAP_EXIT", "3:4"), ("RINIT_LOG", "trace")], &["sh", "-c", "exit 3"]).start();
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(if is_root { 3 } else { 4 }), "{finished:?}");
    assert_eq!(finished.stderr.is_empty(), is_root, "{finished:?}");
    // Nor does a bad value matter.
    let mut rinit = with_more_rights(&[("RINIT_GRACE", "soon")], &["true"]).start();
    assert_eq!(rinit.finish().status, Status::Exited(if is_root { 0 } else { 125 }));
}

#[test]
fn a_caller_with_fewer_rights_does_not_choose_the_search_path() {
    let scratch = crate::support::Scratch::new();
    scratch.program("true", "#!/bin/sh\nexit 66\n");
    let path = format!("PATH={}", scratch.path("").display());
    let status = |rinit: Rinit| rinit.environment([&path]).start().finish().status;
    assert_eq!(status(Rinit::as_pid1().command(["true"])), Status::Exited(66));
    let expected = if nix::unistd::geteuid().is_root() { 0 } else { 66 };
    assert_eq!(status(with_more_rights(&[], &["true"])), Status::Exited(expected));
}

#[test]
fn a_caller_with_fewer_rights_passes_its_environment_to_main_unchanged() {
    let mut rinit = with_more_rights(&[("RINIT_MAP_EXIT", "3:4")], &["env"]).start();
    let finished = rinit.finish();
    assert_eq!(finished.stdout, "PATH=/bin:/usr/bin\nRINIT_MAP_EXIT=3:4\n");
}
