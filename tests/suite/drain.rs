//! Nobody is killed in mid-sentence: when main has ended, the others are asked to end, waited for, and only then killed.

mod asking;
mod cost;
mod crowds;
mod grace;
mod kill_after;
mod obstacles;
mod sessions;
mod signals;
mod states;
mod subreaper;
mod wait_all;
mod without_proc;

use crate::support::{Finished, Rinit, Running, Status, Tracer, puppet};

/// Where rinit answers for all of the namespace, and where for its descendants.
const PLACES: [fn() -> Rinit; 2] = [Rinit::as_pid1, Rinit::as_child];

/// A rinit that never kills, so that its end shows that nobody had to be killed; and that tells what it does, but for each
/// end of an orphan: so the kernel reaps as long as main runs, where it can.
fn patient(place: fn() -> Rinit) -> Rinit {
    place().options(["--grace", "inf"]).variable("RINIT_LOG", "info,rinit::drain=debug,rinit::init=debug")
}

/// The puppet as the command, playing this part.
fn play(rinit: Rinit, words: &str) -> Running {
    rinit.puppet(part(words)).start()
}

/// The same, and waits until it is ready.
fn play_until_ready(rinit: Rinit, words: &str) -> Running {
    let mut rinit = play(rinit, words);
    rinit.expect("ready");
    let_the_clock_tick(&rinit);
    rinit
}

/// Start times come in ticks of 10 ms: from the next one on it is certain what came later.
fn let_the_clock_tick(rinit: &Running) {
    let ticks = || std::fs::read_to_string("/proc/uptime").expect("/proc").split(' ').next().map(str::to_owned);
    let before = ticks();
    rinit.until("the clock has ticked", || ticks() != before);
}

fn part(words: &str) -> impl Iterator<Item = &str> {
    ["play"].into_iter().chain(words.split_whitespace())
}

/// A rinit as the puppet runs it, with a part for its main.
fn nested_rinit(words: &str) -> String {
    let (rinit, puppet) = (crate::support::rinit_binary().display(), puppet().display());
    format!("run {rinit} -- {puppet} play {words}")
}

/// Waits until rinit has asked all remaining processes. At the level debug it says so.
#[track_caller]
fn asked(rinit: &mut Running) {
    rinit.complaint("DEBUG: 0 of ");
}

/// A process that plays `save` has been asked to exit, and nothing more comes to it while it saves.
#[track_caller]
fn saves_undisturbed(rinit: &mut Running, name: &str) {
    rinit.expect(format!("{name} saves"));
    // It was asked before, or by the drain.
    rinit.complaint(" remaining processes have not been asked yet");
    rinit.send(libc::SIGUSR1);
    rinit.expect(format!("{name} saved"));
}

/// Once all have been asked, ends those that play `print` until a WINCH.
#[track_caller]
fn end_by_winch(mut rinit: Running, status: i32) -> Finished {
    asked(&mut rinit);
    rinit.send(libc::SIGWINCH);
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(status), "{finished:?}");
    finished
}

/// Holds a rinit that sleeps at its system calls from now on.
#[track_caller]
fn hold(rinit: &Running) -> Tracer {
    rinit.until("rinit sleeps", || rinit.itself().state == 'S');
    rinit.trace()
}

/// What the puppets of that name printed.
fn lines_of<'a>(name: &str, finished: &'a Finished) -> Vec<&'a str> {
    let lines = finished.stdout.lines().filter_map(|line| line.split_once(' '));
    lines.filter(|(who, _)| *who == name).map(|(_, what)| what).collect()
}

/// What is printed by a process that was sent TERM once by the drain, and then CONT, and the WINCH that a test ends it by: of
/// signals that wait together, those come first that are lower in number.
const ASKED_ONCE: [&str; 3] = ["15", "18", "28"];
/// What is printed by a process that a forwarded TERM has asked: the drain sends it nothing.
const ASKED_BEFORE: [&str; 1] = ["28"];
