//! The kernel's files that rinit reads: /proc/PID/stat and status, /proc/self/cgroup and memory.events.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rinit::sys::{cgroup, procfs};

fuzz_target!(|text: &[u8]| {
    procfs::invariants::no_stat_is_too_much(text);
    procfs::invariants::no_status_is_too_much(text);
    if let Ok(text) = std::str::from_utf8(text) {
        cgroup::invariants::no_text_is_too_much(text);
    }
});
