//! Sessions with a terminal of their own, as `docker exec -it` starts them.

use super::{PLACES, lines_of, patient, play, play_until_ready};
use crate::support::pty::Pty;
use crate::support::{Rinit, Status, Stream, puppet};

/// Checks that a stop ends an interactive shell that `docker exec -it` started, whatever it is doing.
fn assert_open_session_exits(program: &str) {
    let mut rinit = play_until_ready(patient(Rinit::as_pid1), "say ready pause");
    let mut pty = Pty::new();
    let shell = Rinit::as_pid1().absent().command(["/bin/sh", "-i"]);
    let [stdin, stdout, stderr] = [pty.terminal(), pty.terminal(), pty.terminal()].map(Stream::Given);
    let mut shell = rinit.start_inside(shell.stdin(stdin).stdout(stdout).stderr(stderr).controlling_terminal(0));
    pty.enter("echo at wo''rk");
    pty.line_with("at work");
    if !program.is_empty() {
        pty.enter(program);
        pty.line_with("in the foreground");
    }
    rinit.send(libc::SIGTERM);
    shell.wait();
    assert_eq!(rinit.finish().status, Status::Exited(143));
}

#[test]
fn an_idle_shell_exits_at_once() {
    assert_open_session_exits("");
}

#[test]
fn a_shell_with_a_foreground_program_exits_at_once() {
    assert_open_session_exits(&format!("{} play say 'in the foreground' pause", puppet().display()));
}

#[test]
fn an_interactive_shell_started_by_main_exits_at_once() {
    for place in PLACES {
        let pty = Pty::new();
        let rinit = patient(place).descriptor(5, pty.terminal()).options(["-v"]);
        // As an interactive shell, which ignores TERM.
        let mut rinit = play(rinit, "[ session terminal 5 ignore TERM print shell HUP ] exit 3");
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(lines_of("shell", &finished), ["1"]);
        assert!(finished.stderr.contains("sending SIGHUP to 1 remaining process: "), "{}", finished.stderr);
    }
}

#[test]
fn a_session_that_handles_term_gets_no_hup() {
    for place in PLACES {
        let pty = Pty::new();
        let rinit = patient(place).descriptor(5, pty.terminal());
        let mut rinit = play(rinit, "[ session terminal 5 print editor CONT ] exit 3");
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        // HUP arrives before TERM if both are pending.
        assert_eq!(lines_of("editor", &finished), ["15", "18"]);
    }
}

#[test]
fn a_session_without_a_terminal_gets_no_hup() {
    for place in PLACES {
        let mut rinit = play(patient(place), "[ session ignore TERM print daemon CONT ] exit 3");
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(lines_of("daemon", &finished), ["18"]);
    }
}

#[test]
fn a_process_that_leads_no_session_gets_no_hup() {
    for place in PLACES {
        let pty = Pty::new();
        let rinit = patient(place).descriptor(5, pty.terminal());
        let parts = "[ session terminal 5 [ group ignore TERM print job CONT ] attend ] exit 3";
        let mut rinit = play(rinit, parts);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        // When the session's leader exits, only the foreground group gets HUP, and this is another group.
        assert_eq!(lines_of("job", &finished), ["18"]);
    }
}
