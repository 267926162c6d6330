//! Start: the time of `INIT -- PROGRAM` minus that of PROGRAM alone, from fork to exit, each as PID 1 of a namespace of its
//! own.

use super::contenders::Contender;
use super::figures::{Figures, Metric};
use super::least::Least;
use super::machine::{Pinned, now};
use super::namespace::Namespaces;
use super::statistics::Summary;
use std::process::Stdio;

pub fn measure(figures: &mut Figures, namespaces: &Namespaces, inits: &[Contender], rounds: usize) {
    let _pinned = Pinned::new();
    let least = Least::new();
    let once = |init: Option<&Contender>| {
        let mut command = least.command(init);
        command.stdin(Stdio::null());
        let (mut child, begin) = namespaces.spawn(&mut command);
        let end = child.wait().expect("its end");
        let took = now() - begin;
        assert!(end.success(), "{command:?}: {end}");
        took as f64 / 1e3
    };
    let mut plain = Vec::new();
    let mut taken = vec![Vec::new(); inits.len()];
    for round in 0..=rounds {
        let exec = once(None);
        let under: Vec<f64> = inits.iter().map(|init| once(Some(init))).collect();
        // The first run reads the files from disk.
        if round > 0 {
            plain.push(exec);
            taken.iter_mut().zip(under).for_each(|(taken, time)| taken.push(time));
        }
    }
    let plain = Summary::of(plain).median;
    for (init, taken) in inits.iter().zip(taken) {
        figures.add(Metric::Start, &init.name, Summary::of(taken.into_iter().map(|time| time - plain)));
    }
}
