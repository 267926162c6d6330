//! Compares rinit with other inits: `cargo bench`, or `cargo bench -- --quick`.
//!
//! It installs nothing. Everything that it measures runs in PID namespaces that it creates itself: as root, or in a user
//! namespace if the kernel allows these to ordinary users. All inits are measured in turn within one run, so that a
//! disturbance affects all of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

use std::process::ExitCode;

/// Inline, so that the files are looked for in the folder of this name.
mod peers {
    pub mod against;
    pub mod arguments;
    pub mod bars;
    pub mod contenders;
    pub mod docker;
    pub mod ending;
    pub mod family;
    pub mod figures;
    pub mod footprint;
    pub mod growth;
    pub mod latency;
    pub mod least;
    pub mod lines;
    pub mod machine;
    pub mod namespace;
    pub mod orphans;
    pub mod picture;
    pub mod play;
    pub mod proc;
    pub mod report;
    pub mod run;
    pub mod start;
    pub mod statistics;
}

// The same filter as in the tests.
#[path = "../tests/puppet/refusal.rs"]
mod refusal;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    // This program also plays the other parts of a measurement, selected by its first argument.
    match words.iter().map(|word| word.to_str().unwrap_or_default()).collect::<Vec<_>>().as_slice() {
        ["act", "measure", pid_max, ..] => {
            let pid_max = pid_max.parse().expect("a number");
            peers::run::measure(&peers::arguments::read(&words[3..]), pid_max)
        }
        ["act", "init", ..] => peers::namespace::become_init(&words[2..]),
        ["act", "init-by-waitpid", ..] => {
            peers::namespace::refuse_pidfd_info();
            peers::namespace::become_init(&words[2..])
        }
        ["act", "play"] => peers::play::play(),
        ["act", "serve"] => peers::play::serve(),
        _ => {
            // Reports a wrong argument before anything is set up.
            let _ = peers::arguments::read(&words);
            peers::run::in_own_namespace(&words)
        }
    }
}
