//! What rinit logs about main's exit: nothing if it was expected, the reason otherwise. And the status after a death by a
//! signal.

use super::{log_lines, play};
use crate::support::pty::{CTRL_BACKSLASH, CTRL_C, Pty};
use crate::support::{Finished, Reaping, Rinit, Scratch, Status, Stream, catchable, puppet};
use nix::sys::resource::{Resource, getrlimit};

const PLACES: [fn() -> Rinit; 2] = [Rinit::as_pid1, Rinit::as_child];

/// The signals except KILL whose default action terminates a process (signal(7)).
fn deadly() -> impl Iterator<Item = i32> {
    let harmless =
        [libc::SIGCHLD, libc::SIGCONT, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU, libc::SIGURG, libc::SIGWINCH];
    catchable().filter(move |signal| !harmless.contains(signal))
}

/// The only line.
fn only_line(finished: &Finished) -> (&str, &str) {
    let log_lines = log_lines(finished);
    assert_eq!(log_lines.len(), 1, "{log_lines:?}");
    log_lines[0]
}

#[test]
fn a_death_by_a_forwarded_signal_is_128_plus_its_number() {
    for ((rinit_pid, place), by) in (1..).zip(PLACES).flat_map(|place| Reaping::BOTH.map(|by| (place, by))) {
        // The request to halt (RTMIN+3) may be replaced by TERM.
        for signal in deadly().filter(|signal| *signal != 37) {
            let mut rinit = place().reaping(by).puppet(["pause"]).start_until_ready();
            rinit.send(signal);
            let finished = rinit.finish();
            assert_eq!(finished.status, Status::Exited(128 + signal));
            if [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT].contains(&signal) {
                assert_eq!(finished.stderr, "");
                continue;
            }
            let text = format!(
                "main process {} (puppet) was killed by {}, which was forwarded; it has no handler for it",
                rinit_pid + 1,
                name(signal)
            );
            assert_eq!(only_line(&finished), ("WARN", text.as_str()));
        }
    }
}

#[test]
fn a_death_by_another_signal_is_128_plus_its_number_and_a_warning() {
    for by in Reaping::BOTH {
        for signal in deadly() {
            let finished = Rinit::as_pid1().reaping(by).puppet(["die", &signal.to_string()]).start().finish();
            assert_eq!(finished.status, Status::Exited(128 + signal));
            let text = format!("main process 2 (puppet) was killed by {}, which rinit did not send", name(signal));
            assert_eq!(only_line(&finished), ("WARN", text.as_str()));
        }
    }
}

/// The usual names; for the two signals that libc hides, the number.
fn name(signal: i32) -> String {
    match signal {
        32 | 33 => format!("signal {signal}"),
        34 => "SIGRTMIN".to_owned(),
        35..64 => format!("SIGRTMIN+{}", signal - 34),
        64 => "SIGRTMAX".to_owned(),
        signal => nix::sys::signal::Signal::try_from(signal).unwrap().to_string(),
    }
}

#[test]
fn a_kill_that_rinit_did_not_send_causes_a_warning() {
    for by in Reaping::BOTH {
        let rinit = || Rinit::as_pid1().reaping(by);
        let mut killed = rinit().puppet(["pause"]).start_until_ready();
        let _sender = killed.start_exec(["signal", "2", "9"]).wait();
        for finished in [killed.finish(), rinit().puppet(["die", "9"]).start().finish()] {
            assert_eq!(finished.status, Status::Exited(137));
            // The rest depends on whether the OOM killer has killed a process in the cgroup of these tests.
            let (level, text) = only_line(&finished);
            assert_eq!(level, "WARN");
            assert!(text.starts_with("main process 2 (puppet) was killed by SIGKILL"), "{text}");
            assert!(!text.contains("--kill-after"), "{text}");
        }
    }
}

#[test]
fn a_core_dump_is_reported() {
    let scratch = Scratch::new();
    let (_, most) = getrlimit(Resource::RLIMIT_CORE).unwrap();
    let with_cores = |rinit: Rinit| rinit.limit(libc::RLIMIT_CORE, most, most).directory(&scratch);
    let die = [puppet().to_str().unwrap(), "die", "11"];
    // The machine's core_pattern may name a program that refuses the core.
    let dumped = with_cores(Rinit::as_pid1()).absent().puppet(["print-core"].into_iter().chain(die)).start().finish();
    let finished = with_cores(Rinit::as_pid1()).command(die).start().finish();

    let core = if dumped.stdout == "core dumped\n" { " (core dumped)" } else { "" };
    let text = format!("main process 2 (puppet) was killed by SIGSEGV{core}, which rinit did not send");
    assert_eq!(only_line(&finished), ("WARN", text.as_str()));
}

#[test]
fn kill_after_is_named() {
    for place in PLACES {
        let rinit = place().options(["--kill-after", "50ms"]);
        let mut rinit = play(rinit, "ignore TERM say ready pause").start_until_ready();
        rinit.send(libc::SIGTERM);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(137));
        let (level, text) = only_line(&finished);
        assert_eq!(level, "WARN");
        assert!(text.ends_with(" was killed by SIGKILL by rinit: --kill-after"), "{text}");
    }
}

#[test]
fn v_logs_the_exit_and_the_duration_of_a_stop() {
    let mut rinit = Rinit::as_pid1().options(["-v"]).puppet(["service"]).start_until_ready();
    rinit.send(libc::SIGTERM);
    let finished = rinit.finish();
    let log_lines = log_lines(&finished);
    let [end, took] = log_lines[..] else { panic!("{log_lines:?}") };
    assert_eq!(end, ("INFO", "main process 2 (puppet) exited with status 0"));
    assert_eq!(took.0, "INFO");
    let time = took.1.strip_prefix("exiting ").and_then(|rest| rest.strip_suffix(" after SIGTERM"));
    let time = time.unwrap_or_else(|| panic!("{took:?}"));
    assert!(time.starts_with(|letter: char| letter.is_ascii_digit()) && time.ends_with('s'), "{time}");
}

#[test]
fn v_logs_no_duration_for_an_exit_without_a_stop() {
    let finished = Rinit::as_pid1().options(["-v"]).puppet(["exit", "3"]).start().finish();
    assert_eq!(only_line(&finished), ("INFO", "main process 2 (puppet) exited with status 3"));
    let finished = Rinit::as_pid1().options(["-q"]).puppet(["die", "11"]).start().finish();
    assert_eq!(finished.stderr, "");
}

#[test]
fn vv_logs_the_number_of_reaped_orphans() {
    let mut rinit = Rinit::as_pid1().options(["-vv"]).puppet(["orphans", "300", "4"]).start();
    rinit.expect("done");
    rinit.until_only_main_is_left();
    rinit.close_stdin();
    let finished = rinit.finish();
    let last = log_lines(&finished).pop();
    assert_eq!(last, Some(("DEBUG", "exiting with status 4; orphans reaped: 300")));
}

#[test]
fn keys_on_the_terminal_cause_no_warning() {
    for (key, status) in [(CTRL_C, 130), (CTRL_BACKSLASH, 131)] {
        let mut pty = Pty::new();
        let rinit = Rinit::as_pid1().stdin(Stream::Given(pty.terminal())).controlling_terminal(0);
        let mut rinit = rinit.puppet(["pause"]).start_until_ready();
        pty.press(key);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(status));
        assert_eq!(finished.stderr, "");
    }
}
