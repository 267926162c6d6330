//! Forwarding: the time from sending a signal to the init until main has it.

use super::contenders::Contender;
use super::figures::{Figures, Metric};
use super::machine::{Pinned, now};
use super::namespace::{Namespaces, Running};
use super::play::Line;
use super::statistics::Summary;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::Duration;

/// The name that `measure` uses for a main without an init.
pub const DIRECT: &str = "main itself";

pub fn measure(figures: &mut Figures, namespaces: &Namespaces, inits: &[Contender], rounds: u32) {
    let _pinned = Pinned::new();
    let names = inits.iter().map(|init| init.name.as_str()).chain([DIRECT]);
    let all = inits.iter().map(Some).chain([None]);
    let mut running: Vec<Running> = all.map(|init| Running::start(namespaces, init)).collect();
    let mut taken = vec![Vec::new(); running.len()];
    running.iter_mut().for_each(|running| running.tell(Line::Arrivals(rounds)));
    for _ in 0..rounds {
        running.iter_mut().zip(&mut taken).for_each(|(running, taken)| taken.push(once(running)));
    }
    for (name, taken) in names.zip(taken) {
        figures.add(Metric::Latency, name, Summary::of(taken));
    }
}

/// Sends one signal that main waits for. Returns the time until it arrives, in µs.
pub fn once(running: &mut Running) -> f64 {
    // Waits until the init sleeps again after the previous signal.
    std::thread::sleep(Duration::from_micros(200));
    let pid = Pid::from_raw(running.pid().cast_signed());
    let sent = now();
    kill(pid, Signal::SIGUSR1).expect("the init lives");
    running.answer().saturating_sub(sent) as f64 / 1e3
}
