//! The slow stop report: the processes that have not exited, as a tree, the likeliest cause first, once.

use super::{parts, play, said};
use crate::support::{Finished, Rinit, Scratch, Status, puppet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// A rinit that reports soon and then kills main. If both are due the report comes first.
fn soon() -> Rinit {
    Rinit::as_pid1().options(["--report-after", "200ms", "--kill-after", "200ms", "--grace", "0"])
}

/// Plays a part that does not exit on TERM, and stops it once it is ready.
fn stop(rinit: Rinit, words: &str) -> Finished {
    stop_with(libc::SIGTERM, rinit, words)
}

fn stop_with(signal: i32, rinit: Rinit, words: &str) -> Finished {
    let mut rinit = play(rinit, words).start_until_ready();
    rinit.send(signal);
    rinit.finish()
}

/// The lines of the report without its first and last ones, and the numbers of living and dead processes that it gives.
fn report(finished: &Finished) -> (&str, Vec<&str>) {
    let said = said(finished);
    assert!(said.iter().all(|(level, _)| *level == "WARN"), "{}", finished.stderr);
    let mut lines = said.into_iter().map(|(_, text)| text);
    let head = lines.next().unwrap_or_default();
    let (time, count) = head.split_once(" after SIGTERM: ").unwrap_or_else(|| panic!("{}", finished.stderr));
    assert!(time.ends_with("ms") || time.ends_with('s'), "{head}");
    (count, lines.take_while(|line| line.starts_with("  ")).collect())
}

#[test]
fn it_is_a_tree_in_columns_with_the_likeliest_cause_first() {
    // PIDs are assigned in order: rinit 1, main 2, its children 3 to 9, a grandchild 10.
    let parts = [
        "handle TERM",
        "[ pause ]",
        "[ exit 0 ]",
        "[ default TERM group pause ]",
        "[ block TERM pause ]",
        "[ ignore TERM pause ]",
        "[ await USR1 stop pause ]",
        "[ session [ ignore TERM group pause ] pause ]",
        "say ready pause",
    ];
    let mut rinit = play(soon(), &parts.join(" ")).start_until_ready();
    rinit.exec(["signal", "8", "10"]);
    rinit.eventually("one is stopped", |processes| processes.iter().any(|process| process.is_stopped()));
    rinit.send(libc::SIGTERM);
    let finished = rinit.finish();
    let (count, rows) = report(&finished);
    assert_eq!(count, "8 still running, 1 not reaped");
    let command = "./puppet play handle TERM [ pause ] [ exit 0 ] [ default TERM group pause ] [ bl...";
    let expected = [
        format!("  PID  2  handles SIGTERM                          {command} (main)"),
        format!("  PID  8  is stopped, SIGTERM is pending           |- {command}"),
        format!("  PID  7  ignores SIGTERM                          |- {command}"),
        format!("  PID  6  blocks SIGTERM                           |- {command}"),
        format!("  PID  5  was not signalled: not in main's group   |- {command}"),
        format!("  PID  9  was not signalled: not in main's group   |- {command}"),
        format!("  PID 10  was not signalled: not in main's group   |  `- {command}"),
        format!("  PID  3  handles SIGTERM                          |- {command}"),
        "  PID  4  is a zombie, not reaped by PID 2         `- [puppet]".to_owned(),
    ];
    // One space less if nothing is wider than the widest entry.
    let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        rows.iter().map(|row| squeezed(row)).collect::<Vec<_>>(),
        expected.iter().map(|row| squeezed(row)).collect::<Vec<_>>()
    );
    let columns: Vec<[Option<usize>; 2]> =
        rows.iter().map(|row| [row.find("PID "), row.find(['|', '`', '.'])]).collect();
    assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "{}", finished.stderr);
    // The last line: the widest entry and two spaces.
    assert_eq!(columns[0][1], Some("  PID 10  was not signalled: not in main's group  ".len()), "{}", finished.stderr);
}

#[test]
fn of_thirty_processes_twenty_are_shown_and_the_rest_counted() {
    let finished = stop(soon(), "handle TERM times 29 [ pause ] say ready pause");
    let (count, rows) = report(&finished);
    assert_eq!(count, "30 still running");
    assert_eq!(rows.len(), 21);
    assert!(rows[..20].iter().all(|row| row.contains("  handles SIGTERM  ")), "{rows:?}");
    assert_eq!(rows[20], "  and 10 more");
}

#[test]
fn twenty_are_shown_without_a_count_of_others() {
    let finished = stop(soon(), "handle TERM times 19 [ pause ] say ready pause");
    let (count, rows) = report(&finished);
    assert_eq!((count, rows.len()), ("20 still running", 20));
}

#[test]
fn the_likeliest_causes_are_among_the_twenty() {
    let finished = stop(soon(), "handle TERM times 30 [ pause ] [ [ ignore TERM pause ] pause ] say ready pause");
    let (count, rows) = report(&finished);
    assert_eq!(count, "33 still running");
    assert_eq!(rows.len(), 21);
    assert!(rows.iter().any(|row| row.contains("  ignores SIGTERM  ")), "{rows:?}");
    assert!(finished.stderr.contains("hint: PID 34 ignores SIGTERM"), "{}", finished.stderr);
}

#[test]
fn a_thousand_processes_make_no_more_lines_than_thirty() {
    let finished = stop(soon(), "handle TERM times 999 [ pause ] say ready pause");
    let (count, rows) = report(&finished);
    assert_eq!(count, "1000 still running");
    assert_eq!((rows.len(), rows[20]), (21, "  and 980 more"));
    assert_eq!(finished.stderr.lines().count(), 1 + 21 + 1, "the head, the rows, main's end: {}", finished.stderr);
}

#[test]
fn it_is_written_once_however_many_signals_follow() {
    let rinit = Rinit::as_pid1().options(["--report-after", "50ms", "--kill-after", "300ms"]);
    let mut rinit = play(rinit, "block-all say ready print main KILL").start_until_ready();
    rinit.send(libc::SIGTERM);
    rinit.complaint(" after SIGTERM: 1 still running");
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT] {
        rinit.send(signal);
    }
    let finished = rinit.finish();
    assert_eq!(finished.stderr.matches(" still running").count(), 1, "{}", finished.stderr);
}

#[test]
fn zero_and_inf_turn_it_off() {
    for never in ["0", "inf"] {
        for rinit in [
            Rinit::as_pid1().options(["--report-after", never]),
            Rinit::as_pid1().variable("RINIT_REPORT_AFTER", never),
        ] {
            let rinit = rinit.options(["--kill-after", "100ms"]);
            let finished = stop(rinit, "ignore TERM say ready pause");
            assert_eq!(finished.stderr.lines().count(), 1, "only main's end: {}", finished.stderr);
        }
    }
}

#[test]
fn the_variable_sets_the_time_too() {
    let rinit = Rinit::as_pid1().variable("RINIT_REPORT_AFTER", "100ms").options(["--kill-after", "100ms"]);
    let finished = stop(rinit, "ignore TERM say ready pause");
    assert_eq!(report(&finished).0, "1 still running");
}

#[test]
fn a_quick_stop_is_not_reported() {
    for rinit in [Rinit::as_pid1, Rinit::as_child] {
        let mut rinit = rinit().options(["--report-after", "60s"]).puppet(["service"]).start_until_ready();
        rinit.send(libc::SIGTERM);
        assert_eq!(rinit.finish().stderr, "");
    }
}

#[test]
fn it_names_the_signal_that_was_sent() {
    for (signal, name) in [(libc::SIGINT, "INT"), (libc::SIGQUIT, "QUIT")] {
        let finished = stop_with(signal, soon(), &format!("ignore {name} say ready pause"));
        assert!(finished.stderr.contains(&format!(" after SIG{name}: 1 still running")), "{}", finished.stderr);
        assert!(finished.stderr.contains(&format!("hint: PID 2 ignores SIG{name}; ")), "{}", finished.stderr);
    }
}

#[test]
fn a_slow_drain_is_reported_too() {
    for rinit in [Rinit::as_pid1, Rinit::as_child] {
        let rinit = rinit().options(["--report-after", "100ms", "--grace", "inf"]);
        let mut rinit = play(rinit, "[ ignore TERM pause ] exit 0").start();
        rinit.complaint(" after SIGTERM: 1 still running");
        let row = rinit.complaint("  ignores SIGTERM  ");
        assert!(!row.ends_with("(main)"), "{row}");
        rinit.complaint("hint: PID ");
    }
}

#[test]
fn killed_processes_are_not_reported_again() {
    let rinit = Rinit::as_pid1().options(["--report-after", "100ms", "--grace", "300ms"]);
    let finished = play(rinit, "[ ignore TERM pause ] exit 0").start().finish();
    let said = said(&finished);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].1.starts_with("killed after the grace period of 300ms: PID 3, "), "{said:?}");
}

#[test]
fn a_process_that_does_not_delay_main_is_not_named() {
    // An orphan that rinit adopted, and a process that entered as with `docker exec`.
    let mut rinit =
        play(soon(), "[ [ ignore TERM session pause ] exit 0 ] handle TERM say ready pause").start_until_ready();
    let mut stranger = rinit.start_exec(["play", "ignore", "TERM", "say", "there", "pause"]);
    stranger.expect("there");
    rinit.send(libc::SIGTERM);
    rinit.complaint("by rinit: --kill-after");
    // The namespace exits only after the process that entered from outside.
    drop(stranger);
    let finished = rinit.finish();
    let (count, rows) = report(&finished);
    assert_eq!(count, "1 still running, 1 not reaped");
    assert_eq!(rows.len(), 2, "{rows:?}");
}

#[test]
fn without_a_proc_of_this_namespace_the_report_says_so() {
    for hidden in ["without-proc", "with-foreign-proc"] {
        let rinit = soon().through([hidden]);
        let finished = stop(rinit, "ignore TERM say ready pause");
        let said = said(&finished);
        assert!(
            said[0].1.ends_with(" after SIGTERM: not all processes have exited; /proc does not show which"),
            "{said:?}"
        );
        assert_eq!(said.len(), 2, "this, and main's exit: {said:?}");
        assert_eq!(finished.status, Status::Exited(137));
    }
}

#[test]
fn hostile_names_stay_on_their_line() {
    let scratch = Scratch::new();
    let names: [&[u8]; 5] =
        [b") R 1 (", b"a\nrinit[1]: ERROR: b", b"\x1b[2J\x1b]0;x\x07", b"\xff\xfe", "e\u{9b}31m".as_bytes()];
    for name in names {
        let path = scratch.path("").join(OsStr::from_bytes(name));
        std::os::unix::fs::symlink(puppet(), &path).unwrap();
        // A zombie shows its name, other processes their command line.
        let words = ["play", "handle", "TERM", "[", "exit", "0", "]", "[", "pause", "]", "say", "ready", "pause"];
        let words = words.map(OsStr::new);
        let mut rinit = soon().command([path.as_os_str()].into_iter().chain(words)).start_until_ready();
        rinit.send(libc::SIGTERM);
        let finished = rinit.finish();
        let (count, rows) = report(&finished);
        assert_eq!(count, "2 still running, 1 not reaped");
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert!(rows[0].starts_with("  PID 2  handles SIGTERM "), "{rows:?}");
        assert!(rows[2].starts_with("  PID 3  is a zombie, not reaped by PID 2  `- ["), "{rows:?}");
        assert!(!finished.stderr.contains(|letter: char| letter.is_control() && letter != '\n'), "{rows:?}");
        for line in finished.stderr.lines() {
            assert_eq!(parts(line).0, "WARN");
        }
    }
}

#[test]
fn a_process_that_the_drain_has_not_asked_yet_is_reported_so() {
    let rinit = Rinit::as_pid1().options(["--report-after", "500ms", "--grace", "inf"]);
    // main's group goes first, and a member of it takes its time.
    let mut rinit = play(rinit, "[ save member ] [ group pause ] say ready stdin exit 3").start_until_ready();
    rinit.close_stdin();
    rinit.expect("member saves");
    rinit.complaint("  has not been asked to exit yet  ");
    // To all, as in any drain.
    rinit.send(libc::SIGUSR1);
    assert_eq!(rinit.wait(), Status::Exited(3));
}
