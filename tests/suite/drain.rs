//! The drain: after main has exited the remaining processes are asked to exit, waited for, and killed only as a last resort.

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

/// rinit as PID 1, responsible for its whole namespace, and as a subreaper, responsible for its descendants.
const PLACES: [fn() -> Rinit; 2] = [Rinit::as_pid1, Rinit::as_child];

/// A rinit that never kills, so its exit shows that no process had to be killed. It logs everything except the exit of
/// each orphan: with those lines the kernel would not reap while main runs.
fn patient(place: fn() -> Rinit) -> Rinit {
    place().options(["--grace", "inf"]).variable("RINIT_LOG", "info,rinit::drain=debug,rinit::init=debug")
}

/// Starts rinit with the puppet as its command, to play this part.
fn play(rinit: Rinit, words: &str) -> Running {
    rinit.puppet(part(words)).start()
}

/// Starts it and waits until the puppet is ready.
fn play_until_ready(rinit: Rinit, words: &str) -> Running {
    let mut rinit = play(rinit, words);
    rinit.expect("ready");
    let_the_clock_tick(&rinit);
    rinit
}

/// Waits for the next clock tick: start times have a resolution of 10 ms, and only across ticks is the order certain.
fn let_the_clock_tick(rinit: &Running) {
    let ticks = || std::fs::read_to_string("/proc/uptime").expect("/proc").split(' ').next().map(str::to_owned);
    let before = ticks();
    rinit.until("the clock has ticked", || ticks() != before);
}

fn part(words: &str) -> impl Iterator<Item = &str> {
    ["play"].into_iter().chain(words.split_whitespace())
}

/// The arguments with which the puppet runs a rinit whose main plays this part.
fn nested_rinit(words: &str) -> String {
    let (rinit, puppet) = (crate::support::rinit_binary().display(), puppet().display());
    format!("run {rinit} -- {puppet} play {words}")
}

/// Waits until rinit has asked all remaining processes, which it logs at the level debug.
#[track_caller]
fn asked(rinit: &mut Running) {
    rinit.stderr_line("DEBUG: 0 of ");
}

/// Checks that a process that plays `save` was asked to exit and gets no other signal while it saves.
#[track_caller]
fn saves_undisturbed(rinit: &mut Running, name: &str) {
    rinit.expect(format!("{name} saves"));
    // Asked before the drain, or by it.
    rinit.stderr_line(" remaining processes have not been asked yet");
    rinit.send(libc::SIGUSR1);
    rinit.expect(format!("{name} saved"));
}

/// Once all processes have been asked, sends WINCH, which makes processes that play `print` exit.
#[track_caller]
fn finish_by_winch(mut rinit: Running, status: i32) -> Finished {
    asked(&mut rinit);
    rinit.send(libc::SIGWINCH);
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(status), "{finished:?}");
    finished
}

/// Traces a sleeping rinit, which from now on is held at each of its system calls.
#[track_caller]
fn hold(rinit: &Running) -> Tracer {
    rinit.until("rinit sleeps", || rinit.itself().state == 'S');
    rinit.trace()
}

/// The lines that puppets of that name printed.
fn lines_of<'a>(name: &str, finished: &'a Finished) -> Vec<&'a str> {
    let lines = finished.stdout.lines().filter_map(|line| line.split_once(' '));
    lines.filter(|(printer, _)| *printer == name).map(|(_, what)| what).collect()
}

/// Printed by a process that the drain sent one TERM, then CONT, and that a test ends by WINCH. Signals that are pending
/// together arrive in order of their numbers.
const ASKED_ONCE: [&str; 3] = ["15", "18", "28"];
/// Printed by a process that got a forwarded TERM: the drain sends it nothing.
const ASKED_BEFORE: [&str; 1] = ["28"];
