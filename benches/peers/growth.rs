//! How the costs grow with the number of processes in the namespace, all of them orphans that live on.

use super::contenders::Contender;
use super::figures::{Figures, Metric};
use super::latency;
use super::machine::Pinned;
use super::namespace::{Namespaces, Running};
use super::orphans;
use super::play::Line;
use super::proc::processes;
use super::report::number;
use super::statistics::Summary;

/// How much to measure.
pub struct Extent {
    /// Numbers of other processes for reaping and forwarding.
    pub crowds: &'static [u32],
    /// Numbers of other processes for the end.
    pub drains: &'static [u32],
    pub orphans: u32,
    pub signals: u32,
    pub rounds: usize,
    /// The largest PID that the machine gives.
    pub pid_max: u32,
}

/// So many PIDs stay free for everybody else on the machine.
const SPARE_PIDS: u32 = 1500;

/// How often the orphans are counted in one namespace.
const BATCHES: usize = 3;

/// Returns a line for each number of processes that the machine does not have.
pub fn measure(figures: &mut Figures, namespaces: &Namespaces, inits: &[Contender], extent: &Extent) -> Vec<String> {
    let mut missing = Vec::new();
    let free = extent.pid_max.saturating_sub(processes() + SPARE_PIDS);
    let mut fit = |counts: &[u32]| -> Vec<u32> {
        let (fit, too_many): (Vec<u32>, Vec<u32>) = counts.iter().partition(|count| **count <= free);
        missing.extend(too_many.iter().map(|count| {
            let count = number(f64::from(*count), 0);
            format!("not measured with {count} processes: kernel.pid_max, {}, leaves {free}", extent.pid_max)
        }));
        fit
    };
    let (crowds, drains) = (fit(extent.crowds), fit(extent.drains));
    for among in crowds {
        let mut reaping = vec![Vec::new(); inits.len()];
        let mut forwarding = vec![Vec::new(); inits.len()];
        for _ in 0..extent.rounds {
            for (index, init) in inits.iter().enumerate() {
                let _pinned = Pinned::new();
                let mut running = with_crowd(namespaces, init, among);
                for _ in 0..BATCHES {
                    reaping[index].push(orphans::in_turn(&mut running, extent.orphans).0);
                }
                running.tell(Line::Arrivals(extent.signals));
                forwarding[index].extend((0..extent.signals).map(|_| latency::once(&mut running)));
            }
        }
        for (metric, taken) in [(Metric::ReapAmong, reaping), (Metric::ForwardAmong, forwarding)] {
            for (init, taken) in inits.iter().zip(taken) {
                figures.add_among(metric, among, &init.name, Summary::of(taken));
            }
        }
    }
    for among in drains {
        let mut taken = vec![Vec::new(); inits.len()];
        for _ in 0..extent.rounds {
            for (init, taken) in inits.iter().zip(&mut taken) {
                taken.push(with_crowd(namespaces, init, among).leave() as f64 / 1e6);
            }
        }
        for (init, taken) in inits.iter().zip(taken) {
            figures.add_among(Metric::Drain, among, &init.name, Summary::of(taken));
        }
    }
    missing
}

fn with_crowd(namespaces: &Namespaces, init: &Contender, count: u32) -> Running {
    let mut running = Running::start(namespaces, Some(init));
    let made = running.ask(Line::Crowd(count)) == 1;
    assert!(made, "the machine does not have {count} processes: see `ulimit -u`, pids.max and kernel.threads-max");
    running
}
