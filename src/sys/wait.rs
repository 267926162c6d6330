//! Waiting for children: statuses, reaping, and whether one is stopped.

use super::pidfd::Pidfd;
use super::{Errno, Pid, Result};
use crate::signal::Signal;
use std::os::fd::AsRawFd;

/// How a child ended, decoded from the raw status of waitpid(2). nix's own type cannot hold a death by a real-time
/// signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitStatus(i32);

impl WaitStatus {
    /// Of a child that has ended, nobody can tell how. No ended child's number is this one.
    pub const UNKNOWN: WaitStatus = WaitStatus(0x7f);

    /// From the number that waitpid(2) fills in.
    pub fn from_raw(raw: i32) -> WaitStatus {
        WaitStatus(raw)
    }

    /// The exit code, if it exited.
    pub fn exit_code(self) -> Option<u8> {
        (self.0 & 0x7f == 0).then_some((self.0 >> 8 & 0xff) as u8)
    }

    /// The signal that ended it, if one did.
    pub fn term_signal(self) -> Option<Signal> {
        let number = self.0 & 0x7f;
        if number == 0x7f { None } else { Signal::new(number) }
    }

    /// Whether the kernel wrote a core dump.
    pub fn core_dumped(self) -> bool {
        self.term_signal().is_some() && self.0 & 0x80 != 0
    }

    /// As a shell shows it in `$?`: the exit code, or 128 + the signal's number.
    pub fn shell_code(self) -> u8 {
        match (self.exit_code(), self.term_signal()) {
            (Some(code), _) => code,
            (None, Some(signal)) => (128 + signal.number()) as u8,
            // Not known.
            (None, None) => crate::failure::STATUS_OWN,
        }
    }
}

impl std::fmt::Display for WaitStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.exit_code(), self.term_signal()) {
            (Some(code), _) => write!(f, "exited with status {code}"),
            (None, Some(signal)) if self.core_dumped() => {
                write!(f, "was killed by {signal} (core dumped)")
            }
            (None, Some(signal)) => write!(f, "was killed by {signal}"),
            (None, None) => f.write_str("ended, and it is not known how"),
        }
    }
}

/// Reaps one dead child, whoever it is (waitpid(2)). None when none is dead now, ECHILD when there are no children.
pub fn reap_any() -> Result<Option<(Pid, WaitStatus)>> {
    let mut raw = 0;
    // SAFETY: writes one integer.
    let pid = Errno::result(unsafe { libc::waitpid(-1, &mut raw, libc::WNOHANG) })?;
    Ok((pid > 0).then_some((Pid::from_raw(pid), WaitStatus(raw))))
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
            result => return result.map(|_| WaitStatus(raw)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_the_status() {
        for code in 0..=255 {
            let status = WaitStatus::from_raw(code << 8);
            assert_eq!(status.exit_code(), Some(code as u8));
            assert_eq!(status.term_signal(), None);
            assert_eq!(i32::from(status.shell_code()), code);
        }
    }

    #[test]
    fn every_signal_is_128_and_its_number_with_core_or_without() {
        for number in 1..=64 {
            for core in [0, 0x80] {
                let status = WaitStatus::from_raw(number | core);
                assert_eq!(status.exit_code(), None);
                assert_eq!(status.term_signal(), Signal::new(number));
                assert_eq!(status.core_dumped(), core != 0);
                assert_eq!(i32::from(status.shell_code()), 128 + number);
            }
        }
    }

    #[test]
    fn a_stop_is_no_end_and_neither_is_what_is_not_known() {
        for status in [WaitStatus::from_raw(0x137f), WaitStatus::UNKNOWN] {
            assert_eq!((status.exit_code(), status.term_signal()), (None, None));
            assert_eq!(status.shell_code(), crate::failure::STATUS_OWN);
        }
    }
}
