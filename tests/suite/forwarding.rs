//! Every catchable signal arrives at main once and in order, from any sender.

use crate::support::{Rinit, Running, Status, catchable};

/// The forwarded signals: all catchable ones except CHLD, which concerns rinit's own children.
fn forwarded() -> Vec<i32> {
    let signals: Vec<i32> = catchable().filter(|signal| *signal != libc::SIGCHLD).collect();
    assert_eq!(signals.len(), 61);
    signals
}

/// Not the number of any signal: the puppet prints until the test ends it.
const NEVER: &str = "0";

fn printing(rinit: Rinit) -> Running {
    rinit.puppet(["print-signals", NEVER]).start_until_ready()
}

/// Checks that no other signal arrived: one is sent now with a higher number than all before, and must be the next line.
fn expect_no_more(rinit: &mut Running) {
    rinit.send(64);
    rinit.expect(64);
}

#[test]
fn every_signal_from_outside_arrives_once_and_in_order() {
    for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
        let mut rinit = printing(rinit);
        for signal in forwarded() {
            rinit.send(signal);
            rinit.expect(signal);
        }
        expect_no_more(&mut rinit);
    }
}

/// As timeout(1) sends them: to rinit, and to the group that rinit is in. A second request by the same process is another one.
#[test]
fn a_signal_that_is_sent_to_rinit_and_to_its_group_at_once_arrives_once() {
    for options in [&[][..], &["-c"]] {
        let rinit = Rinit::as_child().through(["timing-out"]).options(options);
        let mut rinit = rinit.puppet(["print-signals", "64"]).start_until_ready();
        for _ in 0..20 {
            rinit.send(libc::SIGUSR2);
            rinit.expect(libc::SIGTERM);
            rinit.expect(libc::SIGCONT);
        }
        rinit.send(64);
        rinit.expect(64);
        assert_eq!(rinit.finish().status, Status::Exited(0));
    }
}

#[test]
fn every_signal_from_inside_arrives_once_and_in_order() {
    let mut rinit = printing(Rinit::as_pid1());
    for signal in forwarded() {
        rinit.exec(["signal", "1", &signal.to_string()]);
        rinit.expect(signal);
    }
    expect_no_more(&mut rinit);
}

#[test]
fn every_signal_that_main_sends_to_rinit_is_forwarded_to_main() {
    let signals = forwarded();
    let words: Vec<String> = signals.iter().map(i32::to_string).collect();
    let words = ["signal-and-print", "1"].into_iter().chain(words.iter().map(String::as_str));
    let mut rinit = Rinit::as_pid1().puppet(words).start();
    for signal in signals {
        rinit.expect(signal);
    }
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn with_target_main_every_signal_arrives() {
    let mut rinit = printing(Rinit::as_pid1().options(["-c"]));
    for signal in forwarded() {
        rinit.send(signal);
        rinit.expect(signal);
    }
    expect_no_more(&mut rinit);
}

#[test]
fn queued_signals_arrive_too() {
    let mut rinit = printing(Rinit::as_pid1());
    for signal in forwarded() {
        rinit.queue(signal, 4711);
        rinit.expect(signal);
    }
    expect_no_more(&mut rinit);
}

#[test]
fn a_signal_sent_by_the_kernel_arrives() {
    for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
        // A timer survives the exec, and its signal stays pending while it is blocked.
        let rinit = rinit.mask(u64::MAX).through(["with-timer"]);
        let mut rinit = printing(rinit);
        rinit.expect(libc::SIGALRM);
        expect_no_more(&mut rinit);
    }
}

#[test]
fn a_real_time_signal_arrives_as_often_as_it_was_sent() {
    let mut rinit = printing(Rinit::as_pid1());
    for signal in [32, 33, 34, 35, 50, 63] {
        for value in 0..5 {
            rinit.queue(signal, value);
        }
        for _ in 0..5 {
            rinit.expect(signal);
        }
    }
    expect_no_more(&mut rinit);
}

#[test]
fn a_thousand_real_time_signals_all_arrive() {
    let mut rinit = printing(Rinit::as_pid1());
    for _ in 0..1000 {
        rinit.send(40);
    }
    for _ in 0..1000 {
        rinit.expect(40);
    }
    expect_no_more(&mut rinit);
}

/// Starts two processes of one group that print what arrives.
fn pair(rinit: Rinit) -> Running {
    rinit.puppet(["pair", "15"]).start_until_ready()
}

#[track_caller]
fn assert_reaches_the_group(rinit: Rinit) {
    let mut rinit = pair(rinit);
    for signal in [libc::SIGUSR1, 34, libc::SIGTERM] {
        rinit.send(signal);
        rinit.expect_in_any_order([format!("main {signal}"), format!("other {signal}")]);
    }
    rinit.close_stdin();
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[track_caller]
fn assert_reaches_main_alone(rinit: Rinit) {
    let mut rinit = pair(rinit);
    for signal in [libc::SIGUSR1, 34, libc::SIGTERM] {
        rinit.send(signal);
        rinit.expect(format!("main {signal}"));
    }
    // A signal that reached the other process would be a line before this one, which has a higher number.
    let other = rinit.main().pid + 1;
    rinit.exec(["signal", &other.to_string(), "64"]);
    rinit.expect("other 64");
    rinit.close_stdin();
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn by_default_a_signal_reaches_the_whole_group() {
    assert_reaches_the_group(Rinit::as_pid1());
    assert_reaches_the_group(Rinit::as_child());
}

#[test]
fn with_target_group_a_signal_reaches_the_whole_group() {
    for options in
        [&["-g"][..], &["--group"], &["-t", "group"], &["-tgroup"], &["--target=group"], &["--target", "group"]]
    {
        assert_reaches_the_group(Rinit::as_pid1().options(options));
    }
    assert_reaches_the_group(Rinit::as_pid1().variable("RINIT_TARGET", "group"));
}

#[test]
fn with_target_main_a_signal_reaches_main_alone() {
    for options in
        [&["-c"][..], &["--single-child"], &["-t", "main"], &["-tmain"], &["--target=main"], &["--target", "main"]]
    {
        assert_reaches_main_alone(Rinit::as_pid1().options(options));
    }
    assert_reaches_main_alone(Rinit::as_pid1().variable("RINIT_TARGET", "main"));
    assert_reaches_main_alone(Rinit::as_child().options(["-c"]));
}

#[test]
fn an_option_wins_over_its_variable_and_a_later_option_over_an_earlier_one() {
    let main = || Rinit::as_pid1().variable("RINIT_TARGET", "main");
    let group = || Rinit::as_pid1().variable("RINIT_TARGET", "group");
    assert_reaches_the_group(main().options(["-g"]));
    assert_reaches_the_group(main().options(["-t", "group"]));
    assert_reaches_main_alone(group().options(["-c"]));
    assert_reaches_the_group(Rinit::as_pid1().options(["-c", "-g"]));
    assert_reaches_main_alone(Rinit::as_pid1().options(["-g", "-c"]));
    assert_reaches_main_alone(Rinit::as_pid1().options(["-t", "group", "-c"]));
    assert_reaches_the_group(Rinit::as_pid1().options(["-c", "-t", "group"]));
}

#[test]
fn main_gets_signals_after_it_left_its_group_empty() {
    for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
        let mut rinit = rinit.puppet(["leave-group", "15"]).start_until_ready();
        let main = rinit.main();
        assert_ne!(main.group, main.pid);
        for signal in [libc::SIGUSR1, 64, libc::SIGTERM] {
            rinit.send(signal);
            rinit.expect(signal);
        }
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(0));
        assert_eq!(finished.stderr, "");
    }
}

#[test]
fn a_stop_signal_terminates_a_stopped_main() {
    const RTMIN_3: i32 = 37;
    for options in [&[][..], &["-c"]] {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, RTMIN_3] {
            let mut rinit = Rinit::as_pid1().options(options).puppet(["pause"]).start_until_ready();
            rinit.stop_main();
            rinit.send(signal);
            // It gets TERM in place of the request to halt.
            let deadly = if signal == RTMIN_3 { libc::SIGTERM } else { signal };
            assert_eq!(rinit.wait(), Status::Exited(128 + deadly));
        }
    }
}

#[test]
fn a_stopped_main_shuts_down_cleanly() {
    let mut rinit = Rinit::as_pid1().puppet(["service"]).start_until_ready();
    rinit.stop_main();
    rinit.send(libc::SIGTERM);
    rinit.expect("ending after 15");
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn no_other_signal_continues_a_stopped_main() {
    let mut rinit = printing(Rinit::as_pid1());
    rinit.stop_main();
    let main = rinit.main().pid;
    let is_pending = |signal: i32| {
        let status = std::fs::read_to_string(rinit.proc(&format!("{main}/status"))).unwrap();
        let mut lines = status.lines();
        let set = lines.find_map(|line| line.strip_prefix("ShdPnd:\t"));
        u64::from_str_radix(set.unwrap(), 16).unwrap() >> (signal - 1) & 1 == 1
    };
    // rinit takes one signal at a time: once the second has arrived, it has finished handling the first.
    for signal in [libc::SIGUSR1, libc::SIGUSR2] {
        rinit.send(signal);
        rinit.until("the signal is pending", || is_pending(signal));
    }
    assert!(rinit.main().is_stopped());
    rinit.send(libc::SIGCONT);
    for signal in [libc::SIGUSR1, libc::SIGUSR2, libc::SIGCONT] {
        rinit.expect(signal);
    }
}

#[test]
fn the_signals_that_nothing_can_catch_do_nothing_to_pid_1_from_inside() {
    let mut rinit = printing(Rinit::as_pid1());
    for signal in [libc::SIGKILL, libc::SIGSTOP] {
        rinit.exec(["signal", "1", &signal.to_string()]);
    }
    rinit.send(libc::SIGUSR1);
    rinit.expect(libc::SIGUSR1);
    assert!(!rinit.itself().is_stopped());
    expect_no_more(&mut rinit);
}

#[test]
fn a_forged_child_signal_does_nothing() {
    let mut rinit = printing(Rinit::as_pid1());
    rinit.send(libc::SIGCHLD);
    rinit.queue(libc::SIGCHLD, 1);
    rinit.exec(["signal", "1", &libc::SIGCHLD.to_string()]);
    expect_no_more(&mut rinit);
}

#[test]
fn an_ordinary_service_exits_without_a_log_line() {
    for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
        let mut rinit = rinit.puppet(["service"]).start_until_ready();
        rinit.send(libc::SIGTERM);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(0));
        assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("ready\nending after 15\n", ""));
    }
}

#[test]
fn a_main_that_rinit_may_not_signal_is_reported_for_each_target() {
    let calls = [libc::SYS_kill, libc::SYS_pidfd_send_signal].map(|call| call.to_string()).join(",");
    for target in ["main", "group", "all"] {
        let rinit = Rinit::as_pid1().options(["-t", target, "--grace", "0"]);
        let (rinit, user): (_, &[&str]) = match nix::unistd::geteuid().is_root() {
            true => (rinit.through(["without-capability", "5"]), &["user", "65534"]),
            false => (rinit.through(["refusing", &libc::EPERM.to_string(), &calls]), &[]),
        };
        let mut rinit = rinit.puppet([&["play"], user, &["say", "ready", "pause"]].concat()).start_until_ready();
        rinit.send(libc::SIGTERM);
        let line = rinit.stderr_line("cannot send SIGTERM to ");
        assert!(line.contains("EPERM"), "{line}");
        // Its exit may end the namespace with the sender in it.
        let _sender = rinit.start_exec(["signal", "2", "9"]).wait();
        assert_eq!(rinit.wait(), Status::Exited(137));
    }
}

#[test]
fn rtmin_3_becomes_term_if_main_does_not_handle_it() {
    const RTMIN_3: i32 = 37;
    // It has the default action for RTMIN+3, which would kill it.
    let mut rinit = Rinit::as_pid1().puppet(["service"]).start_until_ready();
    rinit.send(RTMIN_3);
    rinit.expect("ending after 15");
    assert_eq!(rinit.wait(), Status::Exited(0));
    // A rewrite rule for TERM applies, and one for RTMIN+3 wins.
    for (rule, signal) in [("TERM:QUIT", libc::SIGQUIT), ("RTMIN+3:INT", libc::SIGINT)] {
        let mut rinit = Rinit::as_pid1().options(["-r", rule]).puppet(["service"]).start_until_ready();
        rinit.send(RTMIN_3);
        rinit.expect(format!("ending after {signal}"));
        assert_eq!(rinit.wait(), Status::Exited(0), "{rule}");
    }
    // A main that handles it gets it, as under other inits.
    let mut rinit = printing(Rinit::as_pid1());
    rinit.send(RTMIN_3);
    rinit.expect(RTMIN_3);
    for name in ["tini", "dumb-init", "catatonit"] {
        let mut rinit = Rinit::as_pid1().name(name).puppet(["pause"]).start_until_ready();
        rinit.send(RTMIN_3);
        assert_eq!(rinit.wait(), Status::Exited(128 + RTMIN_3), "{name}");
    }
    let mut pause = Rinit::as_pid1().options(["--pause"]).start();
    pause.until("it rests", || pause.sleeps());
    pause.send(RTMIN_3);
    assert_eq!(pause.wait(), Status::Exited(0));
}
