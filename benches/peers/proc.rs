//! What /proc shows of a process (proc_pid_status(5), proc_pid_smaps(5)).

use std::fs;
use std::time::Duration;

/// The CPU time and context switches of a process.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    pub cpu_ns: u64,
    /// Context switches, voluntary and involuntary.
    pub switches: u64,
}

/// Waits until a process sleeps or has exited.
pub fn rest(pid: u32) {
    while is_busy(pid) {
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The usage of a process so far. Waits until it sleeps, because the usage of a running process is not up to date.
pub fn used(pid: u32) -> Used {
    rest(pid);
    let mut used = Used { cpu_ns: 0, switches: 0 };
    for thread in fs::read_dir(format!("/proc/{pid}/task")).expect("its threads") {
        let thread = thread.expect("a thread").path();
        let read = |name| fs::read_to_string(thread.join(name)).expect("a process that lives");
        // Nanoseconds on a processor come first; utime and stime in `stat` count in hundredths of a second.
        used.cpu_ns += read("schedstat").split(' ').next().map_or(0, number);
        used.switches += read("status")
            .lines()
            .filter_map(|line| line.split_once("_switches:"))
            .map(|line| number(line.1))
            .sum::<u64>();
    }
    used
}

fn is_busy(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process that lives");
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['R', 'D']))
}

/// The number of processes and threads of the whole machine (proc_loadavg(5)).
pub fn processes() -> u32 {
    let load = fs::read_to_string("/proc/loadavg").expect("/proc");
    let counts = load.split_whitespace().nth(3).and_then(|counts| counts.split_once('/'));
    counts.map_or(0, |(_, all)| number(all) as u32)
}

/// Resident memory, and the part of it that is not shared, in kB.
pub fn memory(pid: u32) -> (u64, u64) {
    let maps = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("a process that lives");
    let sum = |name: &str| {
        maps.lines().filter_map(|line| line.strip_prefix(name)?.split_once(':')).map(|line| number(line.1)).sum()
    };
    (sum("Rss"), sum("Private_"))
}

/// The number in a field, with or without a unit after it.
fn number(field: &str) -> u64 {
    field.trim().trim_end_matches("kB").trim().parse().expect("a number")
}
