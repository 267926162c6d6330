//! What the drain knows about a process, as plain values.

use crate::signal::{SignalSet, Treatment};
use nix::unistd::Pid;

/// What the rules need to know about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its parent; 0 if it is outside of the PID namespace.
    pub parent: Pid,
    /// Its process group.
    pub group: Pid,
    /// When it was started, in clock ticks of 10 ms since boot.
    pub started: u64,
    /// Whether it is a zombie.
    pub dead: bool,
    /// Whether it is stopped.
    pub stopped: bool,
    /// What it does with SIGTERM.
    pub treatment: Treatment,
    /// Whether a SIGTERM is pending for it.
    pub pending: bool,
    /// The signals that it ignores.
    pub ignored: SignalSet,
    /// Whether it is the init of a PID namespace below rinit's: the kernel discards signals that such a process leaves at the
    /// default action.
    pub nested_init: bool,
    /// Whether it has executed no program since it was forked.
    pub is_fork: bool,
    /// Whether it is an interactive shell.
    pub interactive_shell: InteractiveShell,
}

/// Whether a process is an interactive shell: it ignores SIGTERM, and leads the session of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InteractiveShell {
    /// It is not.
    No,
    /// It is.
    Yes,
    /// It leads a session, and may have a terminal that /proc does not show (gVisor).
    Maybe,
}
