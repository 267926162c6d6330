//! The harness: runs the built binary in a PID namespace of its own, gives it exactly what a test wants it to be given,
//! and looks at it from outside.
//!
//! Every process that a test starts lives in a namespace whose PID 1 the test started, so its end is everybody's end and
//! nothing can be left behind.

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

/// How long anything that is waited for may take before the test gives up. Only a safety net: machines are slow and busy.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A set of signals in the kernel's form: bit n-1 for signal n.
pub fn signal_set(signals: impl IntoIterator<Item = i32>) -> u64 {
    signals.into_iter().fold(0, |set, signal| set | 1 << (signal - 1))
}

/// Every signal that a process can receive: all 64 but KILL and STOP.
pub fn catchable() -> impl Iterator<Item = i32> {
    (1..=64).filter(|signal| ![libc::SIGKILL, libc::SIGSTOP].contains(signal))
}
