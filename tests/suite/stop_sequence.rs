//! `--stop-sequence`: signals and times that replace the first stop signal.

use crate::support::{Finished, Rinit, Running, Status};

/// A wait so long that only an event can end it during a test.
const HELD_BACK: &str = "1h,TERM";

fn with(list: &str) -> Rinit {
    Rinit::as_pid1().options(["--grace", "inf", "--stop-sequence", list])
}

/// A main that prints each signal and exits at the last one.
fn printing(rinit: Rinit, last: i32) -> Running {
    rinit.puppet(["print-signals", &last.to_string()]).start_until_ready()
}

fn playing(rinit: Rinit, part: &str) -> Running {
    rinit.puppet(["play"].into_iter().chain(part.split_whitespace())).start_until_ready()
}

#[track_caller]
fn assert_exits(mut rinit: Running, status: i32) -> Finished {
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(status), "{finished:?}");
    finished
}

/// Signals that are pending together arrive in order of their numbers, so these lists are in that order.
#[test]
fn the_first_stop_signal_is_replaced_by_all_steps() {
    for list in ["INT,QUIT,USR2", "INT,1ms,QUIT,1ms,USR2", "1ms,INT,0s,QUIT,1ms,USR2"] {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT] {
            let mut rinit = printing(with(list), libc::SIGUSR2);
            rinit.send(signal);
            for expected in [libc::SIGINT, libc::SIGQUIT, libc::SIGUSR2] {
                rinit.expect(expected);
            }
            assert_exits(rinit, 0);
        }
    }
}

#[test]
fn a_second_stop_signal_skips_the_first_wait() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT] {
        let mut rinit = printing(with(HELD_BACK), libc::SIGTERM);
        rinit.send(libc::SIGINT);
        // It is the first signal that main gets: the INT before it is held back.
        rinit.send(libc::SIGUSR1);
        rinit.expect(libc::SIGUSR1);
        rinit.send(signal);
        rinit.expect(libc::SIGTERM);
        assert_exits(rinit, 0);
    }
}

#[test]
fn a_later_stop_signal_is_forwarded_unchanged() {
    for list in ["TERM,1h,KILL", "1ms,TERM,1h,KILL", "TERM"] {
        let mut rinit = printing(with(list), libc::SIGUSR2);
        rinit.send(libc::SIGTERM);
        rinit.expect(libc::SIGTERM);
        for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR2] {
            rinit.send(signal);
            rinit.expect(signal);
        }
        assert_exits(rinit, 0);
    }
}

#[test]
fn hup_and_other_signals_are_forwarded_at_any_time() {
    let mut rinit = printing(with(HELD_BACK), libc::SIGTERM);
    let others = [libc::SIGHUP, libc::SIGUSR1, libc::SIGWINCH];
    for stop in [libc::SIGINT, libc::SIGQUIT] {
        for signal in others {
            rinit.send(signal);
            rinit.expect(signal);
        }
        rinit.send(stop);
    }
    rinit.expect(libc::SIGTERM);
    assert_exits(rinit, 0);
}

/// Checks that beside a main that plays `main`, a process that saves until a USR1 is asked once.
fn drains_after(rinit: Rinit, main: &str) -> Running {
    playing(rinit, &format!("[ group save other ] block-all say ready {main}"))
}

#[track_caller]
fn is_drained(mut rinit: Running, status: i32) {
    rinit.expect("other saves");
    rinit.send(libc::SIGUSR1);
    rinit.expect("other saved");
    assert_exits(rinit, status);
}

#[test]
fn the_drain_follows_when_main_exits_after_any_step() {
    for (list, main, status) in [
        ("INT,1h,KILL", "await INT exit 3", 3),
        ("INT,1ms,QUIT,1h,KILL", "await QUIT exit 4", 4),
        ("1ms,INT,QUIT,1ms,USR2,1h,KILL", "await USR2 exit 5", 5),
        ("INT,1ms,QUIT,1ms,KILL", "pause", 137),
        ("KILL", "pause", 137),
    ] {
        let rinit = drains_after(with(list), main);
        rinit.send(libc::SIGTERM);
        is_drained(rinit, status);
    }
}

#[test]
fn the_drain_follows_at_once_if_main_exits_during_the_first_wait() {
    // The stop signal was held back, so it has not asked the processes that `--wait-all` would wait for.
    for option in ["-v", "--wait-all"] {
        let rinit = drains_after(with(HELD_BACK).options([option]), "await WINCH exit 3");
        rinit.send(libc::SIGTERM);
        rinit.send(libc::SIGWINCH);
        is_drained(rinit, 3);
    }
}

#[test]
fn wait_all_waits_after_main_exits_by_a_step() {
    let part = "[ group print other USR2 ] block-all say ready await TERM exit 3";
    let mut rinit = playing(with("1ms,TERM").options(["--wait-all", "-v"]), part);
    rinit.send(libc::SIGINT);
    rinit.stderr_line("exited with status 3");
    rinit.send(libc::SIGUSR2);
    rinit.expect("other 12");
    assert_exits(rinit, 3);
}

#[test]
fn the_steps_go_to_the_target() {
    for (target, same_group, other_group) in
        [("main", &["15"][..], &["15"][..]), ("group", &["10", "15"], &["15"]), ("all", &["10", "15"], &["10", "15"])]
    {
        let part = "[ print same TERM ] [ group print other TERM ] block-all say ready print main TERM";
        let rinit = playing(with("1ms,USR1,TERM").options(["--target", target]), part);
        rinit.send(libc::SIGINT);
        // Processes that the steps do not reach get TERM from the drain.
        let finished = assert_exits(rinit, 0);
        for (name, expected) in [("main", &["10", "15"][..]), ("same", same_group), ("other", other_group)] {
            let lines = finished.stdout.lines().filter_map(|line| line.split_once(' '));
            let signals: Vec<&str> = lines.filter(|(printer, _)| *printer == name).map(|(_, signal)| signal).collect();
            assert_eq!(signals, expected, "{name} with --target {target}");
        }
    }
}

#[test]
fn a_stopped_main_is_continued_by_a_step() {
    for target in ["main", "group", "all"] {
        let mut rinit = printing(with("1ms,TERM").options(["--target", target]), libc::SIGTERM);
        rinit.stop_main();
        rinit.send(libc::SIGINT);
        rinit.expect(libc::SIGTERM);
        assert_exits(rinit, 0);
    }
}

#[test]
fn rewriting_applies_to_received_signals_and_not_to_steps() {
    // A signal that is rewritten to a stop signal starts it; a stop signal that is rewritten to another one does not.
    let rewriting = |list| with(list).options(["-r", "USR1:INT", "-r", "TERM:USR2"]);
    let mut rinit = printing(rewriting("1ms,TERM"), libc::SIGTERM);
    rinit.send(libc::SIGTERM);
    rinit.expect(libc::SIGUSR2);
    rinit.send(libc::SIGUSR1);
    rinit.expect(libc::SIGTERM);
    assert_exits(rinit, 0);
}

#[test]
fn without_a_command_a_stop_sequence_has_no_effect() {
    let mut rinit = with(HELD_BACK).options(["--pause"]).start();
    rinit.until("rinit sleeps", || rinit.sleeps());
    rinit.send(libc::SIGTERM);
    assert_eq!(finish_silently(&mut rinit), Status::Exited(0));
}

fn finish_silently(rinit: &mut Running) -> Status {
    let finished = rinit.finish();
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("", ""));
    finished.status
}

#[test]
fn under_other_names_the_variable_sets_the_sequence() {
    for name in ["/sbin/docker-init", "/run/podman-init", "tini", "dumb-init", "catatonit"] {
        let rinit = Rinit::as_pid1().name(name).variable("RINIT_STOP_SEQUENCE", HELD_BACK).options(["--"]);
        let mut rinit = printing(rinit, libc::SIGTERM);
        rinit.send(libc::SIGINT);
        rinit.send(libc::SIGUSR1);
        rinit.expect(libc::SIGUSR1);
        rinit.send(libc::SIGINT);
        rinit.expect(libc::SIGTERM);
        assert_exits(rinit, 0);
    }
}

/// Checks that rinit starts nothing, and returns the one line that it prints.
fn refused(rinit: Rinit) -> String {
    let finished = assert_exits(rinit.puppet(["exit", "0"]).start(), 125);
    assert_eq!((finished.stdout.as_str(), finished.stderr.lines().count()), ("", 1), "{}", finished.stderr);
    finished.stderr
}

#[test]
fn a_stop_sequence_with_kill_after_is_refused() {
    let list = ["--stop-sequence", "TERM"];
    for rinit in [
        Rinit::as_pid1().options(list).options(["--kill-after", "5s"]),
        Rinit::as_pid1().options(list).variable("RINIT_KILL_AFTER", "5s"),
        Rinit::as_pid1().variable("RINIT_STOP_SEQUENCE", "TERM").options(["-k", "5s"]),
    ] {
        let line = refused(rinit);
        for name in ["--kill-after", "RINIT_KILL_AFTER", "--stop-sequence", "RINIT_STOP_SEQUENCE"] {
            assert!(line.contains(name), "{name}: {line}");
        }
    }
}

#[test]
fn an_invalid_list_is_refused_and_the_part_named() {
    for (list, wrong) in [
        ("", "\"\" is neither"),
        (",TERM", "\"\" is neither"),
        ("TERM,", "\"\" is neither"),
        ("TERM,,KILL", "\"\" is neither"),
        ("TERM, 5s,KILL", "\" 5s\" is neither"),
        ("TERM,5x,KILL", "\"5x\" is neither"),
        ("TERM,5s,SIGNONE", "\"SIGNONE\" is neither"),
        ("5s,10s,TERM", "\"10s\" is the second time in a row"),
        ("TERM,5s,10,KILL", "\"10\" is the second time in a row"),
        ("5s", "nothing follows the last time"),
        ("TERM,15", "nothing follows the last time"),
        ("TERM,inf,KILL", "\"inf\" has no end"),
        ("KILL,5s,TERM", "\"5s\" comes after KILL"),
        ("TERM,5s,KILL,QUIT", "\"QUIT\" comes after KILL"),
        ("KILL,KILL", "\"KILL\" comes after KILL"),
        ("TERM,5s,STOP", "\"STOP\" asks no process to exit"),
        ("SIGCHLD", "\"SIGCHLD\" asks no process to exit"),
    ] {
        let line = refused(Rinit::as_pid1().options(["--stop-sequence", list]));
        assert!(line.contains("--stop-sequence") && line.contains(wrong), "{list:?}: {line}");
        // An empty variable is the same as none.
        if !list.is_empty() {
            let line = refused(Rinit::as_pid1().variable("RINIT_STOP_SEQUENCE", list));
            assert!(line.contains("RINIT_STOP_SEQUENCE") && line.contains(wrong), "{list:?}: {line}");
        }
    }
}
