//! Histories of signals, starts, exits, stops and time, for rinit's decisions.
#![no_main]

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use rinit::lifecycle::JobControl;
use rinit::lifecycle::simulation::{Simulation, Step, World};
use rinit::options::{ExitMap, Options, Target};
use rinit::signal::{Rewrites, Signal, SignalSet};
use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    let _ = live(&mut Unstructured::new(bytes));
});

/// Fails if there are too few bytes for a whole world.
fn live(bytes: &mut Unstructured<'_>) -> Result<()> {
    let job_control = *bytes.choose(&[JobControl::None, JobControl::Shell, JobControl::Orphaned])?;
    let world = World {
        children: bytes.int_in_range(0..=2)?,
        unrelated: bytes.int_in_range(0..=2)?,
        can_be_killed: bytes.arbitrary()?,
    };
    let last = end(bytes)?;
    let mut simulation = Simulation::new(options(bytes)?, job_control, world);
    assert_eq!(simulation.lifecycle.watches_stops(), job_control != JobControl::None);
    while !bytes.is_empty() {
        simulation.take(step(bytes)?);
    }
    simulation.finish(last);
    Ok(())
}

fn options(bytes: &mut Unstructured<'_>) -> Result<Options> {
    let mut rewrites = Rewrites::NONE;
    for _ in 0..bytes.int_in_range(0..=2)? {
        rewrites.set(signal(bytes)?, perhaps(bytes, signal)?);
    }
    let mut exit_map = ExitMap::default();
    for _ in 0..bytes.int_in_range(0..=3)? {
        exit_map.set(bytes.arbitrary()?, bytes.arbitrary()?);
    }
    let above_zero = |limit: &Duration| !limit.is_zero();
    Ok(Options {
        target: *bytes.choose(&[Target::Group, Target::Main, Target::All])?,
        rewrites,
        exit_map,
        grace: perhaps(bytes, length)?,
        kill_after: perhaps(bytes, length)?.filter(above_zero),
        report_after: perhaps(bytes, length)?.filter(above_zero),
        wait_all: bytes.arbitrary()?,
        suspending: SignalSet(perhaps(bytes, |bytes| bytes.arbitrary())?.unwrap_or_default()),
        parting: perhaps(bytes, signal)?,
        ..Options::default()
    })
}

fn step(bytes: &mut Unstructured<'_>) -> Result<Step> {
    Ok(match bytes.int_in_range(0..=9)? {
        0 => Step::Signal(signal(bytes)?),
        1 => Step::Stop(signal(bytes)?, bytes.arbitrary()?),
        2 => Step::Discard(signal(bytes)?),
        3 => Step::MainExits(end(bytes)?),
        4 => Step::Born { children: bytes.int_in_range(0..=2)?, unrelated: bytes.int_in_range(0..=2)? },
        5 => Step::Die { children: bytes.int_in_range(0..=2)?, unrelated: bytes.int_in_range(0..=2)? },
        6 => Step::FalseAlarm,
        7 => Step::Tick,
        8 => Step::Pass(length(bytes)?),
        _ => Step::Oversleep(length(bytes)?),
    })
}

fn signal(bytes: &mut Unstructured<'_>) -> Result<Signal> {
    Ok(Signal::new(bytes.int_in_range(1..=64)?).unwrap_or(Signal::TERM))
}

/// A wait status of main: an exit or a signal, with or without a core dump.
fn end(bytes: &mut Unstructured<'_>) -> Result<i32> {
    Ok(if bytes.arbitrary()? {
        i32::from(bytes.arbitrary::<u8>()?) << 8
    } else {
        bytes.int_in_range(1..=64)? | if bytes.arbitrary()? { 0x80 } else { 0 }
    })
}

/// Times at which something is due, and any other time.
fn length(bytes: &mut Unstructured<'_>) -> Result<Duration> {
    const DUE: [u64; 9] = [0, 1, 49, 50, 500, 1000, 5000, 10_000, 3_600_000];
    let any = |bytes: &mut Unstructured<'_>| bytes.int_in_range(0..=20_000);
    Ok(Duration::from_millis(if bytes.arbitrary()? { *bytes.choose(&DUE)? } else { any(bytes)? }))
}

fn perhaps<T>(bytes: &mut Unstructured<'_>, make: impl Fn(&mut Unstructured<'_>) -> Result<T>) -> Result<Option<T>> {
    bytes.arbitrary::<bool>()?.then(|| make(bytes)).transpose()
}
