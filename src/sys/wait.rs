//! Waiting for children (waitpid(2), waitid(2)): reaping them, and whether one is stopped.

use super::pidfd::Pidfd;
use super::{Errno, Pid, Result};
use crate::signal::Signal;
use crate::status::WaitStatus;
use std::os::fd::AsRawFd;

/// Reaps any dead child. None if no child is dead, ECHILD if there are no children.
pub fn reap_any() -> Result<Option<(Pid, WaitStatus)>> {
    let (pid, status) = waitpid(-1, libc::WNOHANG)?;
    Ok((pid > 0).then_some((Pid::from_raw(pid), status)))
}

/// Whether waitpid(2) works at all. Asks about a process that does not exist, so that none is reaped.
pub fn can_wait() -> Result<()> {
    // No process can have this PID.
    match waitpid(i32::MAX, libc::WNOHANG) {
        Ok(_) | Err(Errno::ECHILD) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Waits until a child exits, and reaps it.
pub fn reap(pid: Pid) -> Result<()> {
    waitpid(pid.as_raw(), 0).map(drop)
}

fn waitpid(pid: libc::pid_t, options: libc::c_int) -> Result<(libc::pid_t, WaitStatus)> {
    let mut raw = 0;
    // SAFETY: writes one integer.
    let reaped = Errno::result(unsafe { libc::waitpid(pid, &mut raw, options) })?;
    Ok((reaped, WaitStatus::from_raw(raw)))
}

/// The signal that stopped our child `pid`, if it is stopped. Does not consume the state (WNOWAIT). An error if a
/// seccomp filter refuses waitid(2).
pub fn stopped_by(pid: Pid) -> Result<Option<Signal>> {
    stopped_child(libc::P_PID, pid.as_raw().cast_unsigned())
}

/// The same by pidfd (Linux 5.4), where the kernel reaps: then the PID may belong to another child at any moment.
pub fn pidfd_stopped_by(pidfd: &Pidfd) -> Result<Option<Signal>> {
    stopped_child(libc::P_PIDFD, pidfd.as_raw_fd().cast_unsigned())
}

fn stopped_child(kind: libc::idtype_t, id: libc::id_t) -> Result<Option<Signal>> {
    // SAFETY: plain numbers, for which all zeros is a value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: a PID or a descriptor, and room for one siginfo.
    Errno::result(unsafe { libc::waitid(kind, id, &mut info, options) })?;
    if info.si_signo != libc::SIGCHLD || info.si_code != libc::CLD_STOPPED {
        return Ok(None);
    }
    // SAFETY: waitid has set the status if the signal is SIGCHLD.
    Ok(Signal::new(unsafe { info.si_status() }))
}
