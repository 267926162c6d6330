//! A descriptor that stands for one process, whatever becomes of its PID (pidfd_open(2)).

use super::{Errno, Pid, Result, descriptors};
use crate::signal::Signal;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// A process, by descriptor.
#[derive(Debug)]
pub struct Pidfd(OwnedFd);

impl Pidfd {
    /// Takes over a descriptor that clone(2) returned for CLONE_PIDFD (Linux 5.2).
    pub fn new(fd: OwnedFd) -> Pidfd {
        Pidfd(fd)
    }

    /// Opens one for a process that is no child of ours (pidfd_open(2), Linux 5.3).
    pub fn open(pid: Pid) -> Result<Pidfd> {
        // SAFETY: two numbers; the descriptor that comes back is nobody else's.
        unsafe {
            let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0))?;
            Ok(Pidfd(descriptors::above_stdio(OwnedFd::from_raw_fd(fd as RawFd))?))
        }
    }

    /// Sends a signal (pidfd_send_signal(2), Linux 5.1). ESRCH once the process has been reaped.
    pub fn send(&self, signal: Signal) -> Result<()> {
        let no_info = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: an open descriptor, a signal number, a null pointer that the call allows, and no flags.
        let done =
            unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.0.as_raw_fd(), signal.number(), no_info, 0) };
        Errno::result(done).map(drop)
    }
}

impl AsRawFd for Pidfd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
