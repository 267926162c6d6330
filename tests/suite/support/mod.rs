//! The harness: runs the built binary in a PID namespace of its own, with exactly the inherited state that a test wants,
//! and observes it from outside.
//!
//! Every process that a test starts runs in a namespace whose PID 1 the test started. When that PID 1 exits the kernel kills
//! all of them, so no process is left behind.

mod children;
mod failure;
mod launch;
mod outputs;
mod processes;
mod programs;
pub mod pty;
mod reaping;
mod rinit;
mod running;
mod scratch;
mod stage;
mod status;
mod tracer;

pub use processes::Process;
pub use programs::{counting_rinit, puppet, rinit_binary};
pub use reaping::{Reaping, kernel_can_reap};
pub use rinit::{PATH, Rinit, Stream};
pub use running::{Finished, Running, Started};
pub use scratch::Scratch;
pub use status::Status;
pub use tracer::{Call, Tracer};

use std::time::Duration;

/// How long a test waits for any event before it fails. A generous safety net, because machines can be slow and busy.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A set of signals in the kernel's form: bit n-1 for signal n.
pub fn signal_set(signals: impl IntoIterator<Item = i32>) -> u64 {
    signals.into_iter().fold(0, |set, signal| set | 1 << (signal - 1))
}

/// Every signal that a process can catch: all 64 except KILL and STOP.
pub fn catchable() -> impl Iterator<Item = i32> {
    (1..=64).filter(|signal| ![libc::SIGKILL, libc::SIGSTOP].contains(signal))
}
