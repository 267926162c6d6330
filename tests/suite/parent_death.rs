//! `--parent-death`: main gets a signal when rinit's parent exits, and when rinit itself does.

use crate::support::{Rinit, Running, Status};

/// Starts rinit as the child of a process that can be killed. The handle is that parent's.
fn under_a_parent(rinit: Rinit) -> Running {
    let rinit = rinit.through(["parent"]);
    let mut rinit = rinit.puppet(["print-signals", "0"]).start();
    // One line comes from that parent, one from main.
    rinit.expect("ready");
    rinit.expect("ready");
    rinit
}

/// Kills rinit's parent and waits until rinit has another one. Returns rinit's PID.
fn kill_the_parent(rinit: &mut Running) -> i32 {
    // The parent has one child: rinit.
    let pid = rinit.main().pid;
    rinit.send(libc::SIGKILL);
    assert_eq!(rinit.wait(), Status::Killed(libc::SIGKILL));
    rinit.eventually("rinit has another parent", |processes| {
        processes.iter().all(|process| process.pid != pid || process.parent == 1)
    });
    pid
}

#[test]
fn main_gets_the_signal_when_rinits_parent_exits() {
    for (options, signal) in [
        (&["-p", "USR1"][..], libc::SIGUSR1),
        (&["-p15"], libc::SIGTERM),
        (&["--parent-death=RTMIN+3"], 37),
        (&["-c", "--parent-death", "SIGHUP"], libc::SIGHUP),
    ] {
        let mut rinit = under_a_parent(Rinit::as_child().options(options));
        kill_the_parent(&mut rinit);
        rinit.expect(signal);
    }
}

#[test]
fn the_variable_names_the_signal_and_the_option_wins() {
    let rinit = || Rinit::as_child().variable("RINIT_PARENT_DEATH", "USR1");
    let mut with_variable = under_a_parent(rinit());
    kill_the_parent(&mut with_variable);
    with_variable.expect(libc::SIGUSR1);
    let mut with_both = under_a_parent(rinit().options(["-p", "USR2"]));
    kill_the_parent(&mut with_both);
    with_both.expect(libc::SIGUSR2);
}

#[test]
fn by_default_main_gets_no_signal_when_rinits_parent_exits() {
    let mut rinit = under_a_parent(Rinit::as_child());
    let pid = kill_the_parent(&mut rinit);
    // Any earlier signal would be main's next line.
    rinit.exec(["signal", &pid.to_string(), "64"]);
    rinit.expect(64);
}

#[test]
fn main_gets_the_signal_when_rinit_itself_is_killed() {
    let rinit = Rinit::as_child().options(["-p", "USR1"]);
    let mut rinit = rinit.puppet(["print-signals", "0"]).start_until_ready();
    rinit.send(libc::SIGKILL);
    assert_eq!(rinit.wait(), Status::Killed(libc::SIGKILL));
    rinit.expect(libc::SIGUSR1);
}

#[test]
fn a_parent_outside_the_namespace_is_a_parent_too() {
    let rinit = Rinit::as_pid1().options(["-p", "TERM"]);
    let mut rinit = rinit.puppet(["print-signals", "15"]).start_until_ready();
    // As PID 1 rinit sees 0 as its parent's PID, and must not take that for an exit of the parent.
    rinit.send(libc::SIGUSR1);
    rinit.expect(libc::SIGUSR1);
    rinit.send(libc::SIGTERM);
    rinit.expect(libc::SIGTERM);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}
