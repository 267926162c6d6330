//! The cost of an idle init: memory, wake-ups, and the size of its file.

use super::contenders::Contender;
use super::figures::{Figures, Metric};
use super::namespace::{Namespaces, Running};
use super::proc::{memory, used};
use super::statistics::Summary;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

pub fn measure(figures: &mut Figures, namespaces: &Namespaces, inits: &[Contender], idle: Duration) {
    // Two instances, so that pages of the file, which all instances share, are not counted as private.
    let start = |init| [(); 2].map(|()| Running::start(namespaces, Some(init)));
    let running: Vec<[Running; 2]> = inits.iter().map(start).collect();
    // The start must be over before idleness is measured.
    std::thread::sleep(idle / 20);
    let before: Vec<_> = running.iter().map(|[running, _]| used(running.pid())).collect();
    std::thread::sleep(idle);
    for ((init, [running, _]), before) in inits.iter().zip(&running).zip(before) {
        let (resident, private) = memory(running.pid());
        let switches = (used(running.pid()).switches - before.switches) as f64;
        let size = std::fs::metadata(&init.path).expect("its file").len();
        let mut add = |metric, value| figures.add(metric, &init.name, Summary::exact(value));
        add(Metric::IdleSwitches, switches * MINUTE.as_secs_f64() / idle.as_secs_f64());
        add(Metric::Resident, resident as f64);
        add(Metric::Private, private as f64);
        add(Metric::Size, size as f64 / 1e3);
    }
}
