//! The kernel's files that rinit reads: /proc/PID/stat and status, /proc/self/cgroup and memory.events.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rinit::sys::{cgroup, procfs};

fuzz_target!(|text: &[u8]| {
    procfs::properties::stat_parse_never_panics(text);
    procfs::properties::status_parse_never_panics(text);
    if let Ok(text) = std::str::from_utf8(text) {
        cgroup::properties::parse_never_panics(text);
    }
});
