//! `--session`: main leads a session of its own and has the terminal there.

use crate::support::pty::{CTRL_C, CTRL_Z, Pty};
use crate::support::{Rinit, Running, Stream};

fn at(pty: &Pty, rinit: Rinit) -> Rinit {
    rinit.stdin(Stream::Given(pty.terminal())).controlling_terminal(0)
}

fn started(rinit: Rinit) -> Running {
    rinit.options(["--session"]).puppet(["print-signals", "15"]).start_until_ready()
}

#[test]
fn main_leads_a_session_on_request_and_a_group_otherwise() {
    for rinit in [Rinit::as_pid1, Rinit::as_child] {
        for rinit in [rinit().options(["--session"]), rinit().variable("RINIT_SESSION", "1")] {
            let rinit = rinit.puppet(["print-signals", "15"]).start_until_ready();
            let main = rinit.main();
            assert_eq!((main.session, main.group), (main.pid, main.pid));
            rinit.exits_on_term();
        }
        let rinit = rinit().puppet(["print-signals", "15"]).start_until_ready();
        let main = rinit.main();
        assert_eq!((main.session, main.group), (rinit.itself().session, main.pid));
        rinit.exits_on_term();
    }
}

#[test]
fn the_terminal_becomes_the_controlling_terminal_of_mains_session() {
    for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
        let pty = Pty::new();
        let rinit = started(at(&pty, rinit));
        let (main, itself) = (rinit.main(), rinit.itself());
        assert_ne!(main.terminal, 0);
        assert_eq!(main.foreground, main.pid);
        assert_eq!(itself.terminal, 0, "rinit has given it up");
        rinit.exits_on_term();
    }
}

#[test]
fn a_free_terminal_on_any_standard_stream_becomes_mains() {
    let pty = Pty::new();
    let rinit = started(Rinit::as_pid1().stderr(Stream::Given(pty.terminal())));
    let main = rinit.main();
    assert_ne!(main.terminal, 0);
    assert_eq!(main.foreground, main.pid);
    rinit.send(libc::SIGTERM);
}

#[test]
fn giving_up_the_terminal_sends_main_no_signal() {
    let pty = Pty::new();
    let rinit = at(&pty, Rinit::as_pid1()).options(["-vv"]);
    let mut rinit = started(rinit);
    rinit.send(libc::SIGTERM);
    rinit.expect(15);
    let stderr = rinit.finish().stderr;
    assert!(!stderr.contains("SIGHUP") && !stderr.contains("SIGCONT from"), "{stderr}");
}

#[test]
fn a_hangup_and_a_continuation_from_others_arrive() {
    let pty = Pty::new();
    let mut rinit = started(at(&pty, Rinit::as_pid1()));
    for signal in [libc::SIGHUP, libc::SIGCONT, libc::SIGHUP, libc::SIGCONT] {
        rinit.send(signal);
        rinit.expect(signal);
    }
    rinit.exits_on_term();
}

#[test]
fn keys_on_the_terminal_reach_main_once() {
    let mut pty = Pty::new();
    let mut rinit = started(at(&pty, Rinit::as_pid1()));
    pty.press(CTRL_C);
    rinit.expect(2);
    pty.press(CTRL_Z);
    rinit.expect(20);
    pty.resize(11, 22);
    rinit.expect(28);
    rinit.exits_on_term();
}

#[test]
fn a_signal_reaches_the_group_that_main_leads() {
    let mut rinit = Rinit::as_pid1().options(["--session"]).puppet(["pair", "15"]).start_until_ready();
    rinit.send(libc::SIGTERM);
    rinit.expect_in_any_order(["main 15", "other 15"]);
}
