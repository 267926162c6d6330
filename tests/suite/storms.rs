//! More orphans, signals, stops and processes than any container has. RINIT_STORMS=full makes the storms large.

use crate::support::{Reaping, Rinit, Running, Started, Status, catchable};
use std::time::{Duration, Instant};

const TERM: i32 = libc::SIGTERM;

/// `small` in `cargo test`, `full` by RINIT_STORMS=full.
fn size(small: usize, full: usize) -> usize {
    match std::env::var("RINIT_STORMS").as_deref() {
        Ok("full") => full,
        Ok(other) => panic!("RINIT_STORMS={other:?}: only full is known"),
        Err(_) => small,
    }
}

/// rinit's private memory in kB, and its open descriptors.
fn holdings(rinit: &Running) -> (u64, usize) {
    rinit.until("rinit rests", || rinit.sleeps());
    holdings_now(rinit)
}

/// The same while rinit may be working: a drain scans repeatedly.
fn holdings_now(rinit: &Running) -> (u64, usize) {
    let pid = rinit.itself().pid;
    let status = std::fs::read_to_string(rinit.proc(&format!("{pid}/status"))).unwrap();
    let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let descriptors = std::fs::read_dir(rinit.proc(&format!("{pid}/fd"))).unwrap().count();
    (own.trim().trim_end_matches(" kB").parse().unwrap(), descriptors)
}

fn is_alone_with_main(rinit: &Running) {
    rinit.eventually("rinit and main are alone", |processes| processes.len() == 2);
}

/// Real-time signals in a round, and as many other signals.
const AT_ONCE: usize = 100;

/// Sends real-time signals without a pause, but never more at once than fit in any queue; each must arrive.
fn exchange(rinit: &mut Running, rounds: usize) {
    const QUEUED: i32 = 40;
    for _ in 0..rounds {
        // Of other signals at least one of each kind arrives; the number depends on how fast they are taken.
        let others: Vec<i32> = catchable().filter(|signal| ![libc::SIGCHLD, TERM, QUEUED].contains(signal)).collect();
        for number in 0..AT_ONCE {
            rinit.send(others[number % others.len()]);
            rinit.send(QUEUED);
        }
        let mut missing = AT_ONCE;
        while missing > 0 {
            missing -= usize::from(rinit.line() == QUEUED.to_string());
        }
    }
}

/// Two processes that create orphans as fast as they can.
struct Makers {
    makers: [Started; 2],
    orphans: usize,
}

impl Makers {
    const EACH: usize = 25_000;

    fn start(rinit: &Running, each: usize) -> Makers {
        Makers { makers: [0, 1].map(|_| rinit.start_exec(["orphans", &each.to_string(), "0"])), orphans: 2 * each }
    }

    fn are_done(&mut self) -> bool {
        self.makers.iter_mut().all(|maker| !maker.has_nothing_to_read())
    }

    fn finish(&mut self) {
        for maker in &mut self.makers {
            maker.expect("done");
            maker.close_stdin();
            assert_eq!(maker.wait(), Status::Exited(0));
        }
    }
}

#[test]
fn a_storm_of_signals_and_orphans_loses_nothing_and_leaks_nothing() {
    let [first, second] = Reaping::BOTH;
    for (by, reports) in [(first, false), (second, false), (first, true)] {
        // Some are stop signals, which would cause a slow stop report during the storm.
        let report_after = if reports { "--report-after=100ms" } else { "--report-after=inf" };
        let rinit = Rinit::as_pid1().reaping(by).options([report_after]);
        let mut rinit = rinit.puppet(["print-signals", "15"]).start_until_ready();
        // Touches every page that rinit uses at all.
        Makers::start(&rinit, 300).finish();
        is_alone_with_main(&rinit);
        let before = holdings(&rinit);

        // Both run as long as the other: with `full`, for a minute.
        let began = Instant::now();
        let least = Duration::from_secs(size(0, 60) as u64);
        let (mut orphans, mut rounds) = (0, 0);
        while orphans == 0 || began.elapsed() < least {
            let mut makers = Makers::start(&rinit, size(1500, Makers::EACH));
            while !makers.are_done() || rounds < 20 {
                exchange(&mut rinit, 1);
                rounds += 1;
            }
            makers.finish();
            orphans += makers.orphans;
        }
        let took = began.elapsed();
        if reports {
            rinit.complaint(" still running");
        }
        is_alone_with_main(&rinit);
        let after = holdings(&rinit);
        let signals = rounds * 2 * AT_ONCE;
        println!(
            "{by:?}: {orphans} orphans and {signals} signals in {took:.0?}, memory and descriptors {before:?}, {after:?}"
        );
        assert_eq!(after.1, before.1, "descriptors");
        // After a report glibc keeps up to its trim threshold (mallopt(3)), 128 kB.
        let kept = if reports { 128 + 16 } else { size(16, 32) as u64 };
        assert!(after.0 <= before.0 + kept, "memory, in kB: {before:?}, then {after:?}");
        rinit.send(TERM);
        assert_eq!(rinit.finish().status, Status::Exited(0));
    }
}

/// How much rinit's memory grows, in kB, when it reports on so many processes that do not exit, and when it drains them.
fn growth(count: usize, rinit: Rinit) -> [u64; 2] {
    let crowd = format!("block TERM block USR1 times {count} [ group ignore TERM pause ] say ready await USR1 exit 3");
    let words = ["play"].into_iter().chain(crowd.split(' '));
    let mut rinit = rinit.options(["--report-after=1ms", "--grace=inf", "-v"]).puppet(words).start_until_ready();
    let before = holdings(&rinit);
    rinit.send(TERM);
    rinit.complaint(" still running");
    let reported = holdings(&rinit);
    rinit.send(libc::SIGUSR1);
    rinit.complaint("remaining process");
    // A scan opens files.
    rinit.until("no scan is under way", || rinit.itself().state == 'S' && holdings_now(&rinit).1 == before.1);
    let asked = holdings_now(&rinit);
    assert_eq!(reported.1, before.1, "descriptors");
    rinit.send(libc::SIGKILL);
    [reported.0.saturating_sub(before.0), asked.0.saturating_sub(before.0)]
}

#[test]
fn memory_of_a_report_and_a_drain_is_freed_afterwards() {
    for place in [Rinit::as_pid1, Rinit::as_child] {
        let few = growth(25, place());
        let count = size(1000, 10_000);
        let many = growth(count, place());
        println!("memory that stays after a report, and in the drain, in kB: {few:?} of few, {many:?} of many");
        // glibc keeps some freed memory.
        let kept = size(32, 200) as u64;
        assert!(many[0] <= few[0] + kept, "after a report");
        // The drain has a record of each process that it has asked.
        const EACH: usize = 100;
        assert!(many[1] <= few[1] + kept + (EACH * count / 1024) as u64, "in the drain");
    }
}

#[test]
fn a_storm_of_stops_and_continuations_changes_nothing() {
    let mut rinit = Rinit::as_pid1().puppet(["print-signals", "15"]).start_until_ready();
    let main = rinit.main().pid.to_string();
    let mut words = vec!["signal".to_owned(), main];
    let pair = [libc::SIGSTOP, libc::SIGCONT].map(|signal| signal.to_string());
    (0..1000).for_each(|_| words.extend(pair.clone()));
    let began = Instant::now();
    let mut turns = 0;
    while turns < 3 || began.elapsed() < Duration::from_secs(size(0, 20) as u64) {
        turns += 1;
        let mut stopper = rinit.start_exec(&words);
        for _ in 0..50 {
            rinit.send(40);
        }
        let mut missing = 50;
        while missing > 0 {
            // Main gets the CONT too.
            missing -= usize::from(rinit.line() == "40");
        }
        assert_eq!(stopper.wait(), Status::Exited(0));
    }
    println!("{turns} times a thousand stops and continuations in {:.1?}", began.elapsed());
    rinit.send(TERM);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn each_real_time_signal_arrives_up_to_the_kernels_limit() {
    let limit = size(300, 30_000);
    for by in Reaping::BOTH {
        let rinit = Rinit::as_pid1().by_some_user().reaping(by);
        let rinit = rinit.limit(libc::RLIMIT_SIGPENDING, limit as u64, limit as u64);
        let mut rinit = rinit.puppet(["print-signals", "15"]).start_until_ready();
        let before = holdings(&rinit);
        // A stopped rinit takes no signals for a while.
        rinit.send(libc::SIGSTOP);
        rinit.until("rinit is stopped", || rinit.itself().is_stopped());
        // Two places are left for the CONT, which would otherwise displace a signal on its way to main.
        let accepted = limit - 2;
        (0..accepted).for_each(|_| rinit.queue(40, 0));
        rinit.send(libc::SIGCONT);
        let mut arrived = 0;
        while arrived < accepted {
            arrived += usize::from(rinit.line() == "40");
        }
        let after = holdings(&rinit);
        assert!(after.1 == before.1 && after.0 <= before.0 + 16, "{before:?}, then {after:?}");
        rinit.send(TERM);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(0));
        assert_eq!(finished.stdout.lines().filter(|line| *line == "40").count(), accepted);
    }
}

/// What docs/limits.md says about the kernel's queue.
#[test]
fn beyond_the_queue_limit_one_signal_of_each_kind_arrives() {
    let rinit = Rinit::as_pid1().by_some_user().limit(libc::RLIMIT_SIGPENDING, 5, 5);
    let mut rinit = rinit.puppet(["print-signals", "15"]).start_until_ready();
    // A stopped rinit takes no signals for a while.
    rinit.send(libc::SIGSTOP);
    rinit.eventually("rinit is stopped", |processes| {
        processes.iter().any(|process| process.pid == 1 && process.is_stopped())
    });
    const KINDS: [i32; 3] = [libc::SIGUSR1, 40, 64];
    for _ in 0..100 {
        KINDS.iter().for_each(|signal| rinit.send(*signal));
    }
    rinit.send(libc::SIGCONT);
    let mut arrived = Vec::new();
    while !KINDS.iter().all(|kind| arrived.contains(kind)) {
        arrived.push(rinit.line().parse().unwrap());
    }
    rinit.send(TERM);
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(0));
    let queued = finished.stdout.lines().filter(|line| ["40", "64"].contains(line)).count();
    assert!(queued < 200, "the kernel dropped none of {queued}, so this shows nothing");
}

#[test]
fn a_fork_bomb_under_a_limit_does_not_change_the_exit_status() {
    let rinit = Rinit::as_pid1().by_some_user().options(["--grace=200ms"]);
    let limit = size(100, 2000) as u64;
    let rinit = rinit.limit(libc::RLIMIT_NPROC, limit, limit);
    let mut rinit = rinit
        .puppet(["play", "[", "bomb", "]", "block", "TERM", "say", "ready", "await", "TERM", "exit", "7"])
        .start_until_ready();
    rinit.eventually("the limit is reached", |processes| processes.len() as u64 + 5 >= limit);
    rinit.send(TERM);
    assert_eq!(rinit.finish().status, Status::Exited(7));
}

#[test]
fn thousands_of_processes_shut_down_cleanly() {
    let count = size(500, 30_000).to_string();
    // In a group of their own, so that the drain must ask them.
    let crowd = ["play", "[", "group", "times", &count, "[", "pause", "]", "exit", "0", "]"];
    let words = [&crowd[..], &["block", "TERM", "say", "ready", "await", "TERM", "exit", "7"]].concat();
    let mut rinit = Rinit::as_pid1().options(["--grace=25s"]).puppet(words).start_until_ready();
    rinit.send(TERM);
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(7));
    assert!(!finished.stderr.contains("killed after the grace"), "{finished:?}");
}
