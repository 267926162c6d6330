//! How costs grow with the number of processes in the namespace, all of them orphans that keep running.

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
    /// Numbers of other processes for the drain.
    pub drains: &'static [u32],
    pub orphans: u32,
    pub signals: u32,
    pub rounds: usize,
    /// The machine's largest PID.
    pub pid_max: u32,
}

/// So many PIDs stay free for other processes of the machine.
const SPARE_PIDS: u32 = 1500;

/// How often orphans are measured in one namespace.
const BATCHES: usize = 3;

/// With so many processes one repetition is enough: it takes long, and a few percent do not matter.
const MANY: u32 = 5000;

/// Returns a line for each number of processes that the machine does not allow.
pub fn measure(figures: &mut Figures, namespaces: &Namespaces, inits: &[Contender], extent: &Extent) -> Vec<String> {
    let mut missing = Vec::new();
    let steps = extent.crowds.iter().map(|among| (*among, among_others as Step));
    for (among, step) in steps.chain(extent.drains.iter().map(|among| (*among, drain as Step))) {
        eprintln!("peers:         with {} others", number(f64::from(among), 0));
        let rounds = if among > MANY { 1 } else { extent.rounds };
        let free = extent.pid_max.saturating_sub(processes() + SPARE_PIDS);
        let measured = if among <= free { step(namespaces, inits, extent, among, rounds) } else { None };
        let Some(measured) = measured else {
            missing.push(format!(
                "not measured with {} others: there is no room for as many (kernel.pid_max is {}, `ulimit -u` and \
                 pids.max of the cgroup count too)",
                number(f64::from(among), 0),
                extent.pid_max
            ));
            continue;
        };
        for (metric, taken) in measured {
            for (init, taken) in inits.iter().zip(taken) {
                figures.add_among(metric, among, &init.name, Summary::of(taken));
            }
        }
    }
    missing
}

/// The figures of each init for each metric. None if the machine does not allow so many processes.
type Measured = Option<Vec<(Metric, Vec<Vec<f64>>)>>;

type Step = fn(&Namespaces, &[Contender], &Extent, u32, usize) -> Measured;

fn among_others(namespaces: &Namespaces, inits: &[Contender], extent: &Extent, among: u32, rounds: usize) -> Measured {
    let _pinned = Pinned::new();
    let mut reaping = vec![Vec::new(); inits.len()];
    let mut forwarding = vec![Vec::new(); inits.len()];
    for _ in 0..rounds {
        for (index, init) in inits.iter().enumerate() {
            let mut running = with_crowd(namespaces, init, among)?;
            for _ in 0..BATCHES {
                reaping[index].push(orphans::in_turn(&mut running, extent.orphans)?.0);
            }
            running.tell(Line::Arrivals(extent.signals));
            forwarding[index].extend((0..extent.signals).map(|_| latency::once(&mut running)));
        }
    }
    Some(vec![(Metric::ReapAmong, reaping), (Metric::ForwardAmong, forwarding)])
}

fn drain(namespaces: &Namespaces, inits: &[Contender], _: &Extent, among: u32, rounds: usize) -> Measured {
    let mut taken = vec![Vec::new(); inits.len()];
    for _ in 0..rounds {
        for (init, taken) in inits.iter().zip(&mut taken) {
            taken.push(with_crowd(namespaces, init, among)?.leave() as f64 / 1e6);
        }
    }
    Some(vec![(Metric::Drain, taken)])
}

fn with_crowd(namespaces: &Namespaces, init: &Contender, count: u32) -> Option<Running> {
    let mut running = Running::start(namespaces, Some(init));
    let made = running.ask(Line::Crowd(count)) == 1;
    made.then_some(running)
}
