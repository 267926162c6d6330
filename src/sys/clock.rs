//! The time, for deadlines and for comparing with the start times that /proc shows.

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// CLOCK_MONOTONIC: does not jump, and stands still while the machine is suspended.
pub fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}

/// Clock ticks since the machine was started: the unit and the clock of a process's start time in proc_pid_stat(5).
pub fn ticks_since_boot() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
    // USER_HZ is 100 on every architecture that Rust's std runs on (sysconf(_SC_CLK_TCK)).
    u64::try_from(time.as_millis() / 10).unwrap_or(u64::MAX)
}
