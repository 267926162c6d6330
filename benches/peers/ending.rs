//! The ordinary case: main exits and no other process is left.

use super::contenders::Contender;
use super::figures::{Figures, Metric};
use super::least::Least;
use super::machine::{Pinned, now};
use super::namespace::Namespaces;
use super::proc::rest;
use super::statistics::Summary;
use std::process::Stdio;
use std::time::Duration;

pub fn measure(figures: &mut Figures, namespaces: &Namespaces, inits: &[Contender], rounds: usize) {
    let _pinned = Pinned::new();
    let least = Least::new();
    let once = |init: Option<&Contender>| {
        let mut command = least.command(init);
        let (mut child, _) = namespaces.spawn(command.stdin(Stdio::piped()));
        rest(child.id());
        // Waits for main, which the init may be starting only now.
        std::thread::sleep(Duration::from_millis(2));
        let begin = now();
        drop(child.stdin.take());
        let end = child.wait().expect("its end");
        let took = now() - begin;
        assert!(end.success(), "{command:?}: {end}");
        took as f64 / 1e3
    };
    let mut plain = Vec::new();
    let mut taken = vec![Vec::new(); inits.len()];
    for _ in 0..rounds {
        plain.push(once(None));
        inits.iter().zip(&mut taken).for_each(|(init, taken)| taken.push(once(Some(init))));
    }
    let plain = Summary::of(plain).median;
    for (init, taken) in inits.iter().zip(taken) {
        figures.add(Metric::End, &init.name, Summary::of(taken.into_iter().map(|time| time - plain)));
    }
}
