//! Signals to all processes of the PID namespace at once. This is the only place with kill(-1), which outside of a PID
//! namespace would hit the whole machine.

use super::{Errno, Result, process};
use crate::signal::Signal;

/// The permission to signal all processes. Only the init of a PID namespace can have a value of this type.
#[derive(Clone, Copy, Debug)]
pub struct AllProcesses(());

impl AllProcesses {
    /// For the init of a PID namespace; None for any other process.
    pub fn of_our_namespace() -> Option<AllProcesses> {
        process::is_init().then_some(AllProcesses(()))
    }

    /// Sends to every process of the namespace except ourselves, in one step, so that none escapes by forking
    /// (kill(2)). ESRCH if there is no other process, EPERM if none may be signalled.
    pub fn send(self, signal: Signal) -> Result<()> {
        self.kill(signal.number())
    }

    /// Whether there is any process besides ourselves, zombies included.
    pub fn exist(self) -> bool {
        self.kill(0) != Err(Errno::ESRCH)
    }

    fn kill(self, signal: libc::c_int) -> Result<()> {
        // Checked again although the type ensures it: after a fork the child is not init. Signal 0 sends nothing.
        if signal != 0 && !process::is_init() {
            return Err(Errno::EPERM);
        }
        // SAFETY: two numbers. Only our own namespace is hit, as just checked.
        Errno::result(unsafe { libc::kill(-1, signal) }).map(drop)
    }
}
