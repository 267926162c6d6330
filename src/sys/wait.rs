//! Waiting for children (waitpid(2), waitid(2)): reaping them, and whether one is stopped.

use super::pidfd::Pidfd;
use super::{Errno, Pid, Result};
use crate::signal::Signal;
use crate::status::WaitStatus;
use std::os::fd::AsRawFd;

/// Reaps one dead child, whoever it is (waitpid(2)). None when none is dead now, ECHILD when there are no children.
pub fn reap_any() -> Result<Option<(Pid, WaitStatus)>> {
    let mut raw = 0;
    // SAFETY: writes one integer.
    let pid = Errno::result(unsafe { libc::waitpid(-1, &mut raw, libc::WNOHANG) })?;
    Ok((pid > 0).then_some((Pid::from_raw(pid), WaitStatus::from_raw(raw))))
}

/// Whether children can be waited for at all. Asked about a process that is not there, so that nobody is reaped.
pub fn can_wait() -> Result<()> {
    // A PID that nobody can have.
    // SAFETY: a null pointer that the call allows.
    let done = unsafe { libc::waitpid(i32::MAX, std::ptr::null_mut(), libc::WNOHANG) };
    match Errno::result(done) {
        Ok(_) | Err(Errno::ECHILD) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Waits for one child to end and reaps it (waitpid(2)). ECHILD where it is none of ours.
pub fn reap(pid: Pid) -> Result<WaitStatus> {
    let mut raw = 0;
    loop {
        // SAFETY: writes one integer.
        match Errno::result(unsafe { libc::waitpid(pid.as_raw(), &mut raw, 0) }) {
            Err(Errno::EINTR) => {}
            result => return result.map(|_| WaitStatus::from_raw(raw)),
        }
    }
}

/// The signal that stopped our child `pid`, if it is stopped now. The answer stays there for the next who asks. An error
/// where nothing tells (a filter may refuse waitid(2)).
pub fn stopped_by(pid: Pid) -> Result<Option<Signal>> {
    stopped_child(libc::P_PID, pid.as_raw().cast_unsigned())
}

/// The same for a child that the kernel may reap at any moment, after which its PID may be another child's (Linux 5.4).
pub fn is_stopped_by(pidfd: &Pidfd) -> Result<Option<Signal>> {
    stopped_child(libc::P_PIDFD, pidfd.as_raw_fd().cast_unsigned())
}

fn stopped_child(kind: libc::idtype_t, id: libc::id_t) -> Result<Option<Signal>> {
    // SAFETY: plain numbers, for which all zeros is a value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: a PID or a descriptor, and room for one siginfo.
    let done = unsafe { libc::waitid(kind, id, &mut info, options) };
    Errno::result(done)?;
    if info.si_signo != libc::SIGCHLD || info.si_code != libc::CLD_STOPPED {
        return Ok(None);
    }
    // SAFETY: waitid fills in the status where it answers with SIGCHLD.
    Ok(Signal::new(unsafe { info.si_status() }))
}
