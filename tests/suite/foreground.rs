//! Main is a shell that has a trap and waits for its foreground child: with `--target main` a stop signal goes to that child
//! too, once, and to no other child. (`/bin/sh` is the machine's shell; `tests/extended/shells` tests three shells.)

use crate::support::{Rinit, Running, Scratch, Status, puppet};

const TERM: i32 = libc::SIGTERM;

/// Starts a shell with this script, in which `$0` is the puppet. Returns when the shell waits.
fn shell(rinit: Rinit, script: &str) -> Running {
    let words = ["/bin/sh".as_ref(), "-c".as_ref(), script.as_ref(), puppet().as_os_str()];
    let rinit = rinit.command(words).start_until_ready();
    waits(&rinit);
    rinit
}

fn waits(rinit: &Running) {
    // The state is S a moment before the shell sleeps; then this file names the kernel function that it sleeps in.
    let file = rinit.proc(&format!("{}/wchan", rinit.main().pid));
    rinit.eventually("the shell waits", |_| std::fs::read_to_string(&file).is_ok_and(|function| function != "0"));
}

/// Checks that this is the next signal of the child, which prints what it gets.
fn expect_next(rinit: &mut Running, signal: i32) {
    let child = rinit.main().pid + 1;
    rinit.exec(["signal", &child.to_string(), &signal.to_string()]);
    rinit.expect(signal);
}

fn names() -> impl Iterator<Item = Rinit> {
    let rinit = |name: &str| Rinit::as_pid1().name(name);
    [rinit("rinit").options(["-c"]), rinit("docker-init"), rinit("podman-init")].into_iter()
}

#[test]
fn the_foreground_child_of_a_shell_with_a_trap_gets_the_stop_signal_once() {
    for name in names() {
        let mut rinit = shell(name, "trap 'exit 7' TERM; \"$0\" print-signals 0; :");
        rinit.send(TERM);
        rinit.expect(TERM);
        expect_next(&mut rinit, 64);
        // A second signal arrives as a second one at both.
        waits(&rinit);
        rinit.send(TERM);
        rinit.expect(TERM);
        expect_next(&mut rinit, 64);
        // Once the child has exited, the drain may ask the sender to exit.
        let child = (rinit.main().pid + 1).to_string();
        let _sender = rinit.start_exec(["signal", &child, "9"]).wait();
        assert_eq!(rinit.wait(), Status::Exited(7));
    }
}

/// The process name of a script with a `#!` line is the script's.
#[test]
fn the_shell_may_run_a_script_that_is_executable() {
    let scratch = Scratch::new();
    let script = format!("#!/bin/sh\ntrap 'exit 7' TERM\n'{}' print-signals 0\n:\n", puppet().display());
    let script = scratch.program("entrypoint", &script);
    for name in names() {
        let mut rinit = name.command([script.as_os_str()]).start_until_ready();
        waits(&rinit);
        rinit.send(TERM);
        rinit.expect(TERM);
        expect_next(&mut rinit, 64);
    }
}

#[test]
fn only_a_stop_signal_that_the_shell_handles_goes_to_the_child() {
    for (trapped, sent) in [("HUP", libc::SIGHUP), ("USR1", libc::SIGUSR1), ("TERM", libc::SIGUSR2)] {
        let rinit = Rinit::as_pid1().options(["-c"]);
        let mut rinit = shell(rinit, &format!("trap : {trapped} USR2; \"$0\" print-signals 0; :"));
        rinit.send(sent);
        waits(&rinit);
        expect_next(&mut rinit, 64);
    }
    // The default action terminates the shell.
    let mut rinit = shell(Rinit::as_pid1().options(["-c", "--grace", "0"]), "\"$0\" print-signals 0; :");
    rinit.send(TERM);
    assert_eq!(rinit.wait(), Status::Exited(143));
}

#[test]
fn under_other_names_only_main_gets_the_stop_signal() {
    for name in ["tini", "catatonit"] {
        let mut rinit =
            shell(Rinit::as_pid1().name(name).options(["--"]), "trap 'exit 7' TERM; \"$0\" print-signals 0; :");
        rinit.send(TERM);
        waits(&rinit);
        expect_next(&mut rinit, 64);
    }
}

#[test]
fn a_background_child_gets_the_stop_signal_from_the_trap_alone() {
    for name in names() {
        let script = "trap 'kill -TERM $pid; wait $pid; exit 7' TERM; \"$0\" print-signals 0 & pid=$!; wait $pid";
        let mut rinit = shell(name, script);
        rinit.send(TERM);
        rinit.expect(TERM);
        expect_next(&mut rinit, 64);
    }
}

#[test]
fn a_child_started_by_the_trap_gets_no_signal() {
    for name in names() {
        let script = "trap '\"$0\" print-signals 0; exit 7' TERM; \"$0\" print-signals 15; :";
        let mut rinit = shell(name, script);
        rinit.send(TERM);
        rinit.expect(TERM);
        rinit.expect("ready");
        waits(&rinit);
        rinit.send(TERM);
        waits(&rinit);
        let main = rinit.main().pid;
        let processes = rinit.processes();
        let child = processes.iter().find(|process| process.parent == main && process.state != 'Z').unwrap().pid;
        rinit.exec(["signal", &child.to_string(), "64"]);
        rinit.expect(64);
    }
}
