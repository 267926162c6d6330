//! Reaping: the cost of an orphan for the init as PID 1.

use super::contenders::Contender;
use super::figures::{Figures, Metric};
use super::machine::Pinned;
use super::namespace::{Namespaces, Running};
use super::play::Line;
use super::proc::{Used, used};
use super::statistics::Summary;

pub fn measure(figures: &mut Figures, namespaces: &Namespaces, inits: &[Contender], count: u32, rounds: usize) {
    let own = inits.iter().filter(|init| init.own).map(Contender::by_waitpid);
    let inits: Vec<Contender> = inits.iter().cloned().chain(own).collect();
    let mut cpu = vec![Vec::new(); inits.len()];
    let mut switches = vec![Vec::new(); inits.len()];
    let mut storms = vec![Vec::new(); inits.len()];
    for _ in 0..rounds {
        for (index, init) in inits.iter().enumerate() {
            let pinned = Pinned::new();
            let (cpu_us, switched) = in_turn(&mut Running::start(namespaces, Some(init)), count)
                .expect("a machine with room for some processes");
            drop(pinned);
            cpu[index].push(cpu_us);
            switches[index].push(switched);
            let storm = Running::start(namespaces, Some(init)).ask(Line::Storm(count));
            storms[index].push(storm as f64 / 1e6);
        }
    }
    for (index, init) in inits.iter().enumerate() {
        let metrics = match init.by_waitpid {
            false => [Metric::OrphanCpu, Metric::OrphanSwitches, Metric::Storm],
            true => [Metric::OrphanCpuByWaitpid, Metric::OrphanSwitchesByWaitpid, Metric::StormByWaitpid],
        };
        for (metric, taken) in metrics.into_iter().zip([&cpu, &switches, &storms]) {
            figures.add(metric, &init.name, Summary::of(taken[index].iter().copied()));
        }
    }
}

/// Lets orphans exit one by one. Returns the init's CPU time in µs and its wake-ups for each, or None if the machine does not
/// allow so many.
pub fn in_turn(running: &mut Running, count: u32) -> Option<(f64, f64)> {
    let before = used(running.pid());
    if running.ask(Line::OrphansInTurn(count)) == 0 {
        return None;
    }
    let Used { cpu_ns, switches } = used(running.pid());
    let each = |after: u64, before: u64| (after - before) as f64 / f64::from(count);
    Some((each(cpu_ns, before.cpu_ns) / 1e3, each(switches, before.switches)))
}
