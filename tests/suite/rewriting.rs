//! `--rewrite`: forwards another signal in place of the received one, or none.

use crate::support::{Rinit, Running, Status, catchable};

fn printing(rinit: Rinit) -> Running {
    rinit.puppet(["print-signals", "64"]).start_until_ready()
}

/// Checks that each of the sent signals arrives as the second one, or not at all if that is 0.
#[track_caller]
fn arrive_as(rinit: Rinit, sent: &[(i32, i32)]) {
    let mut rinit = printing(rinit);
    for (signal, becomes) in sent {
        rinit.send(*signal);
        if *becomes != 0 {
            rinit.expect(becomes);
        }
    }
    // A dropped signal would arrive before the one that is sent now, which has a higher number.
    rinit.send(64);
    rinit.expect(64);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn a_signal_arrives_as_another_one_whichever_way_it_is_written() {
    for form in ["15:3", "TERM:QUIT", "SIGTERM:SIGQUIT", "term:3", "15:sigquit"] {
        for options in [vec!["-r", form], vec!["--rewrite", form]] {
            arrive_as(Rinit::as_pid1().options(options), &[(15, 3), (3, 3), (10, 10)]);
        }
        arrive_as(Rinit::as_child().options([format!("-r{form}")]), &[(15, 3)]);
        arrive_as(Rinit::as_pid1().options([format!("--rewrite={form}")]), &[(15, 3)]);
        arrive_as(Rinit::as_pid1().variable("RINIT_REWRITE", form), &[(15, 3)]);
    }
}

#[test]
fn real_time_signals_are_rewritten_too() {
    arrive_as(Rinit::as_pid1().options(["-r", "RTMIN+3:TERM", "-r", "USR1:RTMAX-1"]), &[(37, 15), (10, 63)]);
    arrive_as(Rinit::as_pid1().options(["-r", "32:33,33:32"]), &[(32, 33), (33, 32)]);
}

#[test]
fn rewriting_to_0_or_none_drops_a_signal() {
    for form in ["USR1:0", "10:none"] {
        arrive_as(Rinit::as_pid1().options(["-r", form]), &[(10, 0), (12, 12)]);
        arrive_as(Rinit::as_pid1().variable("RINIT_REWRITE", form), &[(10, 0), (12, 12)]);
    }
}

#[test]
fn the_last_rule_for_a_signal_wins_and_options_win_over_the_variable() {
    arrive_as(Rinit::as_pid1().options(["-r", "15:3", "-r", "15:1"]), &[(15, 1)]);
    arrive_as(Rinit::as_pid1().options(["-r", "15:3,15:1"]), &[(15, 1)]);
    let both = Rinit::as_pid1().variable("RINIT_REWRITE", "15:3,10:12").options(["-r", "15:1"]);
    arrive_as(both, &[(15, 1), (10, 12)]);
    arrive_as(Rinit::as_pid1().options(["-r", "15:3", "-r", "15:15"]), &[(15, 15)]);
}

#[test]
fn a_rewrite_is_not_rewritten_again() {
    arrive_as(Rinit::as_pid1().options(["-r", "15:3,3:2"]), &[(15, 3), (3, 2)]);
    arrive_as(Rinit::as_pid1().options(["-r", "1:2,2:1"]), &[(1, 2), (2, 1)]);
}

#[test]
fn every_signal_can_be_rewritten_to_every_other() {
    let all: Vec<i32> = catchable().filter(|signal| ![libc::SIGCHLD, 64].contains(signal)).collect();
    let next = |signal: i32| all.iter().copied().find(|other| *other > signal).unwrap_or(all[0]);
    let rewrites: Vec<String> = all.iter().map(|signal| format!("{signal}:{}", next(*signal))).collect();
    let sent: Vec<(i32, i32)> = all.iter().map(|signal| (*signal, next(*signal))).collect();
    arrive_as(Rinit::as_pid1().options(["-r", &rewrites.join(",")]), &sent);
}

#[test]
fn a_stop_signal_by_rewriting_continues_a_stopped_main() {
    let mut rinit = Rinit::as_pid1().options(["-r", "USR1:TERM"]).puppet(["service"]).start_until_ready();
    rinit.stop_main();
    rinit.send(libc::SIGUSR1);
    rinit.expect("ending after 15");
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn a_signal_can_be_rewritten_to_kill() {
    let mut rinit = Rinit::as_pid1().options(["-r", "TERM:KILL"]).puppet(["service"]).start_until_ready();
    rinit.send(libc::SIGTERM);
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(137));
    assert_eq!(finished.stderr, "", "rinit sent it, so it is no warning");
}
