//! More of everything than any container has: orphans, signals, stops, processes. RINIT_STORMS=full makes them large.

use crate::support::{Rinit, Running, Status, catchable};

const TERM: i32 = libc::SIGTERM;

/// `small` in `cargo test`, `full` by RINIT_STORMS=full.
fn size(small: usize, full: usize) -> usize {
    match std::env::var("RINIT_STORMS").as_deref() {
        Ok("full") => full,
        Ok(other) => panic!("RINIT_STORMS={other:?}: only full is known"),
        Err(_) => small,
    }
}

/// rinit's memory that is its own, in kB, and its open descriptors.
fn holdings(rinit: &Running) -> (u64, usize) {
    let status = std::fs::read_to_string(rinit.proc("1/status")).unwrap();
    let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let descriptors = std::fs::read_dir(rinit.proc("1/fd")).unwrap().count();
    (own.trim().trim_end_matches(" kB").parse().unwrap(), descriptors)
}

fn is_alone_with_main(rinit: &Running) {
    rinit.eventually("rinit and main are alone", |processes| processes.len() == 2);
}

/// Sends real-time signals without a pause, but not more at once than any queue takes; each must arrive.
fn exchange(rinit: &mut Running, rounds: usize) {
    const AT_ONCE: usize = 100;
    const QUEUED: i32 = 40;
    for _ in 0..rounds {
        // Of the others at least one of each kind arrives; how many, depends on how fast they are taken.
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

#[test]
fn signals_at_full_speed_and_orphans_at_full_speed_lose_nothing_and_leave_nothing() {
    // Stop signals are among them, and a report on who has not ended takes memory for the table of all processes.
    let rinit = Rinit::as_pid1().options(["--report-after=0"]);
    let mut rinit = rinit.puppet(["print-signals", "15"]).start();
    rinit.expect("ready");
    // What is touched once at all is touched now.
    let mut first = rinit.start_exec(["orphans", "300", "0"]);
    exchange(&mut rinit, 1);
    first.expect("done");
    first.close_stdin();
    assert_eq!(first.wait(), Status::Exited(0));
    is_alone_with_main(&rinit);
    let before = holdings(&rinit);

    let count = size(1500, 50_000).to_string();
    let mut makers = [0, 1].map(|_| rinit.start_exec(["orphans", &count, "0"]));
    exchange(&mut rinit, size(20, 1000));
    for maker in &mut makers {
        // They make more for as long as the signals go on, and the other way round.
        while maker.has_nothing_to_read() {
            exchange(&mut rinit, 1);
        }
        maker.expect("done");
        maker.close_stdin();
        assert_eq!(maker.wait(), Status::Exited(0));
    }
    is_alone_with_main(&rinit);
    let after = holdings(&rinit);
    assert_eq!(after.1, before.1, "descriptors");
    // A few pages of the stack are touched by luck only; a byte for each orphan would be more.
    assert!(after.0 <= before.0 + size(16, 32) as u64, "memory, in kB: {before:?}, then {after:?}");
    rinit.send(TERM);
    let finished = rinit.finish();
    assert_eq!((finished.status, &finished.stderr[..]), (Status::Exited(0), ""));
}

#[test]
fn main_is_stopped_and_continued_as_fast_as_can_be_and_all_goes_on() {
    let mut rinit = Rinit::as_pid1().puppet(["print-signals", "15"]).start();
    rinit.expect("ready");
    let main = rinit.main().pid.to_string();
    let mut words = vec!["signal".to_owned(), main];
    let pair = [libc::SIGSTOP, libc::SIGCONT].map(|signal| signal.to_string());
    (0..1000).for_each(|_| words.extend(pair.clone()));
    for _ in 0..size(3, 60) {
        let mut stopper = rinit.start_exec(&words);
        for _ in 0..50 {
            rinit.send(40);
        }
        let mut missing = 50;
        while missing > 0 {
            // main gets the CONT too.
            missing -= usize::from(rinit.line() == "40");
        }
        assert_eq!(stopper.wait(), Status::Exited(0));
    }
    rinit.send(TERM);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

/// What docs/limits.md says of the kernel's queue.
#[test]
fn over_the_limit_of_queued_signals_one_of_each_kind_arrives_and_the_next_ones_too() {
    let rinit = Rinit::as_pid1().by_some_user().limit(libc::RLIMIT_SIGPENDING, 5, 5);
    let mut rinit = rinit.puppet(["print-signals", "15"]).start();
    rinit.expect("ready");
    // Nobody takes them for a while.
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
fn a_fork_bomb_under_a_limit_ends_with_main_and_its_status() {
    let rinit = Rinit::as_pid1().by_some_user().options(["--grace=200ms"]);
    let limit = size(100, 2000) as u64;
    let rinit = rinit.limit(libc::RLIMIT_NPROC, limit, limit);
    let mut rinit =
        rinit.puppet(["play", "[", "bomb", "]", "block", "TERM", "say", "ready", "await", "TERM", "exit", "7"]).start();
    rinit.expect("ready");
    rinit.eventually("the limit is reached", |processes| processes.len() as u64 + 5 >= limit);
    rinit.send(TERM);
    assert_eq!(rinit.finish().status, Status::Exited(7));
}

#[test]
fn a_crowd_ends_in_order() {
    let count = size(500, 30_000).to_string();
    // In a group of their own, so that the drain has to ask them.
    let crowd = ["play", "[", "group", "times", &count, "[", "pause", "]", "exit", "0", "]"];
    let words = [&crowd[..], &["block", "TERM", "say", "ready", "await", "TERM", "exit", "7"]].concat();
    let mut rinit = Rinit::as_pid1().options(["--grace=25s"]).puppet(words).start();
    rinit.expect("ready");
    rinit.send(TERM);
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(7));
    assert!(!finished.stderr.contains("killed after the grace"), "{finished:?}");
}
