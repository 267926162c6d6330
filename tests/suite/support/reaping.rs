//! The two ways in which rinit's children are reaped.
#![allow(unsafe_code)]

use nix::errno::Errno;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// How rinit's children are reaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaping {
    /// By the kernel; by rinit if the kernel cannot report main's status then.
    KernelWhereItCan,
    /// By rinit, because a filter refuses to report main's status.
    Waitpid,
}

impl Reaping {
    pub const BOTH: [Reaping; 2] = [Reaping::KernelWhereItCan, Reaping::Waitpid];
}

/// PIDFD_GET_INFO with the struct of Linux 6.16 (linux/pidfd.h).
const GET_INFO: u32 = 0xc048_ff0b;
const EXIT: u64 = 1 << 3;
const CORE_DUMP: u64 = 1 << 4;

/// Whether this kernel reports the status of a process that it has reaped by itself: Linux 6.16.
pub fn kernel_can_reap() -> bool {
    let mut info = [0u64; 9];
    info[0] = EXIT | CORE_DUMP;
    // SAFETY: two numbers; then a descriptor that is closed once, and a buffer of the size in the request's number.
    let result = unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0);
        let pidfd = OwnedFd::from_raw_fd(Errno::result(fd).expect("pidfd_open") as RawFd);
        libc::ioctl(pidfd.as_raw_fd(), GET_INFO as _, info.as_mut_ptr())
    };
    result == 0 && info[0] & CORE_DUMP != 0
}
