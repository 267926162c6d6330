//! All processes of the PID namespace at once: the one place with kill(-1), which outside a namespace of one's own would
//! hit the whole machine.

use super::{Errno, Result, process};
use crate::signal::Signal;

/// The right to signal everybody. Only the init of a PID namespace can have a value of it.
#[derive(Clone, Copy, Debug)]
pub struct Everyone(());

impl Everyone {
    /// For the init of a PID namespace; None for any other process.
    pub fn of_our_namespace() -> Option<Everyone> {
        process::is_init().then_some(Everyone(()))
    }

    /// Sends to every process of the namespace but us, in one step, so that none can escape by forking (kill(2)). ESRCH
    /// where there is nobody else, EPERM where none of them is ours to signal.
    pub fn send(self, signal: Signal) -> Result<()> {
        self.kill(signal.number())
    }

    /// Whether there is any process besides us, be it a zombie.
    pub fn exists(self) -> bool {
        self.kill(0) != Err(Errno::ESRCH)
    }

    fn kill(self, signal: libc::c_int) -> Result<()> {
        // Asked again here, whatever the type says: a child of ours would not be init any more. 0 is sent to nobody.
        if signal != 0 && !process::is_init() {
            return Err(Errno::EPERM);
        }
        // SAFETY: two numbers; who may be hit was just asked.
        Errno::result(unsafe { libc::kill(-1, signal) }).map(drop)
    }
}
