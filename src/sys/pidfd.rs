//! A descriptor that stands for one process, whatever becomes of its PID (pidfd_open(2)).

use super::{Errno, Pid, Result, descriptors};
use crate::signal::Signal;
use crate::status::WaitStatus;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// What PIDFD_GET_INFO (Linux 6.13) fills in: struct pidfd_info of linux/pidfd.h as 6.16 has it.
#[repr(C)]
#[derive(Default)]
struct Info {
    /// What is asked for, and in the answer what is there.
    mask: u64,
    cgroup: u64,
    /// PIDs and IDs of users and groups.
    ids: [u32; 11],
    /// As waitpid(2) has it.
    exit_code: i32,
    core_dump: u32,
    spare: u32,
}

/// How the process ended, once it has been reaped: Linux 6.15.
const EXIT: u64 = 1 << 3;
/// Whether it dumped core: Linux 6.16. A living process answers it too, where EXIT is there for dead ones only.
const CORE_DUMP: u64 = 1 << 4;

const GET_INFO: u32 = nix::request_code_readwrite!(0xff, 11, size_of::<Info>()) as u32;

/// The signal is for the whole process group that this process leads, or has led (Linux 6.9).
const TO_ITS_GROUP: u32 = 1 << 2;

/// A process, by descriptor.
#[derive(Debug)]
pub struct Pidfd(OwnedFd);

impl Pidfd {
    /// Takes over a descriptor that clone(2) returned for CLONE_PIDFD (Linux 5.2).
    pub fn new(fd: OwnedFd) -> Pidfd {
        Pidfd(fd)
    }

    /// Opens one for a process that is no child of ours (pidfd_open(2), Linux 5.3). ESRCH where there is none, ENOSYS or
    /// EPERM where the kernel or a filter has no such call.
    pub fn open(pid: Pid) -> Result<Pidfd> {
        // SAFETY: two numbers; the descriptor that comes back is nobody else's.
        unsafe {
            let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0))?;
            Ok(Pidfd(descriptors::above_stdio(OwnedFd::from_raw_fd(fd as RawFd))?))
        }
    }

    /// Sends a signal (pidfd_send_signal(2), Linux 5.1). ESRCH once the process has been reaped.
    pub fn send(&self, signal: Signal) -> Result<()> {
        self.send_with(signal.number(), 0)
    }

    /// Sends to every process of the group that this process leads or has led, and to no other group that may come to
    /// have its number. ESRCH when nobody is left in it.
    pub fn send_to_group(&self, signal: Signal) -> Result<()> {
        self.send_with(signal.number(), TO_ITS_GROUP)
    }

    /// Whether `send_to_group` can be used here: an error if not.
    pub fn can_send_to_group(&self) -> Result<()> {
        match self.send_with(0, TO_ITS_GROUP) {
            // It has moved to another group already.
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

    /// Whether `exit_status` will know the end of this process, which need not have ended: an error if not. Linux 6.15
    /// could tell it, but nothing in its answer about a living process says so.
    pub fn can_tell_exit_status(&self) -> Result<()> {
        let info = self.info(EXIT | CORE_DUMP)?;
        if info.mask & CORE_DUMP != 0 { Ok(()) } else { Err(Errno::EOPNOTSUPP) }
    }

    /// How the process ended, once it has been reaped, be it by the kernel itself. None as long as it has not.
    /// An error where the kernel or a filter has no such request (PIDFD_GET_INFO).
    pub fn exit_status(&self) -> Result<Option<WaitStatus>> {
        let info = self.info(EXIT)?;
        Ok((info.mask & EXIT != 0).then(|| WaitStatus::from_raw(info.exit_code)))
    }

    fn info(&self, mask: u64) -> Result<Info> {
        let mut info = Info { mask, ..Info::default() };
        // SAFETY: an open descriptor, and a struct of the size that is part of the request's number.
        let done = unsafe { libc::ioctl(self.0.as_raw_fd(), GET_INFO as _, &raw mut info) };
        Errno::result(done).map(|_| info)
    }
}

impl AsFd for Pidfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Pidfd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
