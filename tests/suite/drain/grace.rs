//! The grace period, its values, and the processes that are killed when it is over.

use super::{PLACES, lines_of, play, play_until_ready};
use crate::support::{Finished, Rinit, Status};
use std::time::{Duration, Instant};

/// The lines about killed processes, without the parts that are the same in all.
fn killed<'a>(finished: &'a Finished, grace: &str) -> Vec<&'a str> {
    let start = format!("killed after the grace period of {grace}: ");
    let lines = finished.stderr.lines().filter_map(|line| line.split_once("]: WARN: "));
    let lines = lines.map(|(_, text)| text.strip_prefix(&start));
    lines.map(|line| line.unwrap_or_else(|| panic!("{}", finished.stderr))).collect()
}

/// The description of a survivor, without its PID and command.
fn ends_of<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut ends: Vec<_> = lines.iter().map(|line| line.split_once("exit 3, ").map_or(*line, |(_, end)| end)).collect();
    ends.sort_unstable();
    ends
}

#[test]
fn survivors_are_killed_when_the_grace_period_is_over_and_not_before() {
    for place in PLACES {
        let rinit = place().options(["--grace", "300ms"]);
        let mut rinit = play_until_ready(rinit, "[ group ignore TERM pause ] say ready stdin exit 3");
        let began = Instant::now();
        rinit.close_stdin();
        assert_eq!(rinit.wait(), Status::Exited(3));
        assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
        assert!(rinit.processes().iter().all(|process| process.pid == 1), "{}", rinit.situation());
    }
}

#[test]
fn survivors_are_named_with_pid_command_and_disposition() {
    for place in PLACES {
        let parts = "[ group ignore TERM pause ] [ group block TERM pause ] [ group handle TERM pause ] exit 3";
        let mut rinit = play(place().options(["--grace", "300ms"]), parts);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        let lines = killed(&finished, "300ms");
        assert_eq!(ends_of(&lines), ["blocks SIGTERM", "handles SIGTERM", "ignores SIGTERM"], "{lines:?}");
        let command = format!(", {} play [ group ignore TERM pause ] ", crate::support::puppet().display());
        let mut pids: Vec<i32> = lines
            .iter()
            .map(|line| {
                let (pid, rest) = line.strip_prefix("PID ").unwrap().split_at(1);
                assert!(rest.starts_with(&command), "{line}");
                pid.parse().unwrap()
            })
            .collect();
        pids.sort_unstable();
        // PIDs are assigned in order, those of the puppets after main's.
        assert!(pids.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{pids:?}");
    }
}

#[test]
fn processes_that_exited_are_not_named_as_survivors() {
    for place in PLACES {
        let parts = "[ group ignore TERM pause ] times 5 [ group pause ] exit 3";
        let mut rinit = play(place().options(["--grace", "2s"]), parts);
        assert_eq!(ends_of(&killed(&rinit.finish(), "2s")), ["ignores SIGTERM"]);
    }
}

#[test]
fn ten_survivors_are_named_and_the_rest_counted() {
    for place in PLACES {
        for (count, more) in
            [(9, None), (10, None), (11, Some("1 more")), (60, Some("50 more")), (1200, Some("1190 more"))]
        {
            let grace = if count > 100 { "2s" } else { "200ms" };
            let rinit = place().options(["--grace", grace]);
            let parts = format!("times {count} [ group ignore TERM pause ] say ready stdin exit 3");
            let mut rinit = play_until_ready(rinit, &parts);
            rinit.close_stdin();
            let finished = rinit.finish();
            assert_eq!(finished.status, Status::Exited(3));
            let lines = killed(&finished, grace);
            let named = lines.iter().take_while(|line| line.starts_with("PID ")).count();
            assert_eq!(named, count.min(10), "of {count}");
            assert_eq!(lines.get(named).copied(), more, "of {count}");
            assert_eq!(lines.len(), named + usize::from(more.is_some()));
            // rinit itself stops a large number of processes.
            assert!(!lines.iter().any(|line| line.contains("is stopped")), "{lines:?}");
        }
    }
}

#[test]
fn survivors_of_docker_exec_are_named_too() {
    let rinit = Rinit::as_pid1().options(["--grace", "200ms"]);
    let mut rinit = play_until_ready(rinit, "say ready stdin exit 3");
    let mut exec = rinit.start_exec(super::part("ignore TERM say there pause exit 3"));
    exec.expect("there");
    rinit.close_stdin();
    assert_eq!(exec.finish().status, Status::Killed(libc::SIGKILL));
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(3));
    let lines = killed(&finished, "200ms");
    assert!(lines.len() == 1 && lines[0].ends_with(" pause exit 3, ignores SIGTERM"), "{lines:?}");
}

#[test]
fn fractions_and_units_are_understood() {
    for grace in ["300ms", "0.3", "0.3s", "0.005m", "300.0ms"] {
        for rinit in [Rinit::as_pid1().options(["--grace", grace]), Rinit::as_pid1().variable("RINIT_GRACE", grace)] {
            let mut rinit = play(rinit, "[ group ignore TERM pause ] exit 3");
            let finished = rinit.finish();
            assert_eq!(finished.status, Status::Exited(3));
            assert_eq!(ends_of(&killed(&finished, "300ms")), ["ignores SIGTERM"], "{grace}");
        }
    }
}

#[test]
fn a_process_that_cannot_act_on_term_is_killed_after_five_seconds() {
    // It ignores the signal or never takes it. A process that handles it has the whole grace period.
    let parts = "[ group ignore TERM pause ] [ group block TERM pause ] [ group handle TERM await WINCH ] exit 3";
    for place in PLACES {
        let mut rinit = play(place(), parts);
        for _ in 0..2 {
            let line = rinit.complaint("killed 5s after it was asked to exit: PID ");
            assert!(line.ends_with(", ignores SIGTERM") || line.ends_with(", blocks SIGTERM"), "{line}");
        }
        rinit.send(libc::SIGWINCH);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(finished.stderr.matches("killed").count(), 2, "{}", finished.stderr);
    }
}

#[test]
fn without_a_grace_period_rinit_exits_at_once_without_asking() {
    let mut rinit = play(Rinit::as_pid1().options(["--grace", "0"]), "[ group print other WINCH ] exit 3");
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(3));
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("", ""));
}

#[test]
fn without_a_grace_period_a_subreaper_leaves_its_descendants_alone() {
    let mut rinit = play(Rinit::as_child().options(["--grace", "0"]), "[ group print other WINCH ] exit 3");
    assert_eq!(rinit.wait(), Status::Exited(3));
    let other = rinit.processes().into_iter().find(|process| process.pid != 1).expect("the other lives on");
    rinit.exec(["signal", &other.pid.to_string(), "28"]);
    rinit.expect("other 28");
}

#[test]
fn without_a_limit_no_process_is_killed() {
    for place in PLACES {
        let mut rinit = play_until_ready(
            place().options(["--grace", "inf", "--report-after", "6s"]),
            "[ group ignore TERM pause ] [ group print other WINCH ] say ready stdin exit 3",
        );
        rinit.close_stdin();
        // By then a process that cannot act on TERM would have been killed.
        rinit.complaint("s after SIGTERM: 2 still running");
        let deaf =
            rinit.processes().into_iter().find(|process| process.pid > 2 && process.group == process.pid).unwrap();
        rinit.exec(["signal", &deaf.pid.to_string(), "9"]);
        rinit.send(libc::SIGWINCH);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(lines_of("other", &finished).last(), Some(&"28"));
    }
}

const BAD: &[&str] = &[
    "",
    " ",
    "-1",
    "-5s",
    "+5",
    "5 s",
    " 5",
    "5 ",
    "s",
    "ms",
    ".",
    ".5",
    "5.",
    "1.5.5",
    "1,5",
    "1e3",
    "0x10",
    "5d",
    "5us",
    "5S",
    "5sec",
    "1h30m",
    "infinite",
    "INF",
    "nan",
    "99999999999999999999",
    "18446744073709551616ms",
    "5124095576031h",
];

#[test]
fn an_invalid_time_is_refused_with_what_is_allowed() {
    for (option, variable) in
        [("--grace", "RINIT_GRACE"), ("--kill-after", "RINIT_KILL_AFTER"), ("--report-after", "RINIT_REPORT_AFTER")]
    {
        for bad in BAD {
            let by_option = Rinit::as_pid1().options([format!("{option}={bad}")]);
            let by_word = Rinit::as_pid1().options([option, bad]);
            let by_variable = Rinit::as_pid1().variable(variable, bad);
            for (rinit, name) in [(by_option, option), (by_word, option), (by_variable, variable)] {
                // An empty variable is the same as none.
                if bad.is_empty() && name == variable {
                    continue;
                }
                let finished = rinit.puppet(["args", "was started"]).start().finish();
                assert_eq!(finished.status, Status::Exited(125), "{name} {bad:?}");
                assert_eq!(finished.stdout, "");
                let lines: Vec<_> = finished.stderr.lines().collect();
                assert_eq!(lines.len(), 1, "{lines:?}");
                for said in [name, &format!("{bad:?}"), "500ms, 5s, 1.5m, 1h, a plain number of seconds"] {
                    assert!(lines[0].contains(said), "no {said} in {lines:?}");
                }
            }
        }
    }
}

#[test]
fn kill_after_0_is_refused_with_what_is_allowed() {
    for zero in ["0", "0s", "0.0", "0ms", "0.0000000001"] {
        for (rinit, name) in [
            (Rinit::as_pid1().options(["--kill-after", zero]), "--kill-after"),
            (Rinit::as_pid1().options(["-k", zero]), "--kill-after"),
            (Rinit::as_pid1().variable("RINIT_KILL_AFTER", zero), "RINIT_KILL_AFTER"),
        ] {
            let finished = rinit.puppet(["args", "was started"]).start().finish();
            assert_eq!(finished.status, Status::Exited(125), "{finished:?}");
            assert_eq!(finished.stdout, "");
            let said = [name, zero, "a time above 0"];
            assert!(said.iter().all(|said| finished.stderr.contains(said)), "{}", finished.stderr);
        }
    }
}
