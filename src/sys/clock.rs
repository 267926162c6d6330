//! Clocks: for deadlines, for comparison with the start times in /proc, and for the log.

use nix::time::{ClockId, clock_gettime};
use std::fmt;
use std::time::Duration;

/// CLOCK_MONOTONIC: never jumps, and does not count while the machine is suspended.
pub fn now() -> Duration {
    read(ClockId::CLOCK_MONOTONIC)
}

/// Clock ticks since boot: the unit of start times in proc_pid_stat(5).
pub fn ticks_since_boot() -> u64 {
    // USER_HZ is 100 on every architecture that Rust's std runs on (sysconf(_SC_CLK_TCK)).
    u64::try_from(read(ClockId::CLOCK_BOOTTIME).as_millis() / 10).unwrap_or(u64::MAX)
}

fn read(clock: ClockId) -> Duration {
    clock_gettime(clock).map_or(Duration::ZERO, Duration::from)
}

/// CLOCK_REALTIME, for the log. Displayed by RFC 3339, in UTC, with milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Timestamp(Duration);

impl Timestamp {
    /// The current time.
    pub fn now() -> Timestamp {
        Timestamp(read(ClockId::CLOCK_REALTIME))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: u64 = 86_400;
        // In years that begin in March a leap day is the last day, and months have their lengths in a cycle of five:
        // 31, 30, 31, 30, 31. 1 March of year 0 is 719,468 days before 1970; 400 years have 146,097 days.
        let seconds = self.0.as_secs();
        let days = seconds / DAY + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
        let (year, second) = (400 * era + year, seconds % DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let millisecond = self.0.subsec_millis();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_follow_rfc_3339() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_399, "2000-02-28T23:59:59.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (951_868_800, "2000-03-01T00:00:00.007Z"),
            (1_709_164_800, "2024-02-29T00:00:00.007Z"),
            (1_735_689_599, "2024-12-31T23:59:59.007Z"),
            (2_147_483_648, "2038-01-19T03:14:08.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        ] {
            assert_eq!(Timestamp(Duration::new(seconds, 7_000_000)).to_string(), shown);
        }
    }
}
