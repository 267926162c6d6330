//! Pidfds: a descriptor refers to one process, even if its PID is used again (pidfd_open(2)).

use super::{Errno, Pid, Result, descriptors};
use crate::signal::Signal;
use crate::status::WaitStatus;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The answer of PIDFD_GET_INFO (Linux 6.13): struct pidfd_info of linux/pidfd.h in Linux 6.16.
#[repr(C)]
#[derive(Default)]
struct Info {
    /// The fields that are asked for, and in the answer those that are valid.
    mask: u64,
    cgroup: u64,
    /// PIDs and IDs of users and groups.
    ids: [u32; 11],
    /// The status, as of waitpid(2).
    exit_code: i32,
    core_dump: u32,
    spare: u32,
}

/// The exit status of a process that has been reaped: Linux 6.15.
const EXIT: u64 = 1 << 3;
/// Whether it dumped core: Linux 6.16. Valid also for a living process, unlike EXIT.
const CORE_DUMP: u64 = 1 << 4;

const GET_INFO: u32 = nix::request_code_readwrite!(0xff, 11, size_of::<Info>()) as u32;

/// Send to the whole process group that this process leads or has led (Linux 6.9).
const TO_ITS_GROUP: u32 = 1 << 2;

/// A process by its descriptor.
#[derive(Debug)]
pub struct Pidfd(OwnedFd);

impl Pidfd {
    /// Takes over a descriptor that clone(2) returned for CLONE_PIDFD (Linux 5.2).
    pub fn new(fd: OwnedFd) -> Pidfd {
        Pidfd(fd)
    }

    /// Opens one for any process (pidfd_open(2), Linux 5.3). ESRCH if there is no such process; ENOSYS or EPERM if the
    /// kernel or a seccomp filter does not allow the call.
    pub fn open(pid: Pid) -> Result<Pidfd> {
        // SAFETY: two numbers; the new descriptor is owned here alone.
        unsafe {
            let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0))?;
            Ok(Pidfd(descriptors::above_stdio(OwnedFd::from_raw_fd(fd as RawFd))?))
        }
    }

    /// Sends a signal (pidfd_send_signal(2), Linux 5.1). ESRCH once the process has been reaped.
    pub fn send(&self, signal: Signal) -> Result<()> {
        self.send_with(signal.number(), 0)
    }

    /// Sends to every process of the group that this process leads or has led, and never to a later group with the same
    /// number. ESRCH if the group is empty.
    pub fn send_to_group(&self, signal: Signal) -> Result<()> {
        self.send_with(signal.number(), TO_ITS_GROUP)
    }

    /// Whether `send_to_group` works here: an error if not.
    pub fn can_send_to_group(&self) -> Result<()> {
        match self.send_with(0, TO_ITS_GROUP) {
            // It has moved to another group.
            Err(Errno::ESRCH) => Ok(()),
            result => result,
        }
    }

    fn send_with(&self, number: libc::c_int, flags: u32) -> Result<()> {
        let no_info = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: an open descriptor, a signal's number, a null pointer that the call allows, and flags.
        let done = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.0.as_raw_fd(), number, no_info, flags) };
        Errno::result(done).map(drop)
    }

    /// Whether `exit_status` will work for this process, which may still be alive: an error if not. It would work in
    /// Linux 6.15 too, but the answer about a living process does not show that.
    pub fn can_tell_exit_status(&self) -> Result<()> {
        let info = self.info(EXIT | CORE_DUMP)?;
        if info.mask & CORE_DUMP != 0 { Ok(()) } else { Err(Errno::EOPNOTSUPP) }
    }

    /// The exit status once the process has been reaped, also by the kernel itself; None before that. An error if the
    /// kernel or a seccomp filter does not allow the request (PIDFD_GET_INFO).
    pub fn exit_status(&self) -> Result<Option<WaitStatus>> {
        let info = self.info(EXIT)?;
        Ok((info.mask & EXIT != 0).then(|| WaitStatus::from_raw(info.exit_code)))
    }

    fn info(&self, mask: u64) -> Result<Info> {
        let mut info = Info { mask, ..Info::default() };
        // SAFETY: an open descriptor, and a struct of the size that the request's number states.
        let done = unsafe { libc::ioctl(self.0.as_raw_fd(), GET_INFO as _, &raw mut info) };
        Errno::result(done).map(|_| info)
    }
}

impl AsRawFd for Pidfd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
