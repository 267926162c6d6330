//! The machine: its clock, its processors, and its description.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use std::time::Duration;

/// Nanoseconds of CLOCK_MONOTONIC, which is the same for all processes.
pub fn now() -> u64 {
    Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the clock")).as_nanos() as u64
}

/// While this guard exists, this process and the processes that it starts run on one processor.
pub struct Pinned(CpuSet);

impl Pinned {
    pub fn new() -> Pinned {
        let all = sched_getaffinity(Pid::from_raw(0)).expect("the processors");
        // The last processor, because interrupts often go to the first.
        let last = (0..CpuSet::count()).rev().find(|cpu| all.is_set(*cpu) == Ok(true)).expect("a processor");
        let mut one = CpuSet::new();
        one.set(last).expect("its number");
        sched_setaffinity(Pid::from_raw(0), &one).expect("this processor");
        Pinned(all)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = sched_setaffinity(Pid::from_raw(0), &self.0);
    }
}

/// Processor, kernel, and the number of processors.
pub fn description() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let information = read("/proc/cpuinfo");
    let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or(std::env::consts::ARCH, |(_, name)| name.trim());
    let virtual_machine = information.lines().any(|line| line.starts_with("flags") && line.contains(" hypervisor"));
    let kernel = read("/proc/sys/kernel/osrelease");
    let count = std::thread::available_parallelism().map_or(1, |count| count.get());
    let kind = if virtual_machine { ", a virtual machine" } else { "" };
    format!("{count} × {model}{kind}, Linux {}", kernel.trim())
}
