//! Waiting until something is to be done.

use super::{Errno, Result};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Sleeps until `fd` is readable or `limit` is over; None sleeps for ever. Whether it is readable. EINTR when this process was stopped and
/// continued meanwhile (signal(7)).
pub fn until_readable(fd: BorrowedFd<'_>, limit: Option<Duration>) -> Result<bool> {
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let limit = limit.map(timespec);
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: one entry, an optional timeout that outlives the call, and no change to the signal mask.
    let done = unsafe { libc::ppoll(&mut entry, 1, limit, std::ptr::null()) };
    Errno::result(done).map(|ready| ready > 0)
}

/// Whether a write to `fd` would find room now.
pub fn is_writable(fd: BorrowedFd<'_>) -> bool {
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: one entry, and no wait.
    let done = unsafe { libc::poll(&mut entry, 1, 0) };
    done == 1 && entry.revents & libc::POLLOUT != 0
}

/// A duration in the kernel's form; one of more than 68 years is cut to that, which a 32-bit time_t can hold.
pub fn timespec(duration: Duration) -> libc::timespec {
    // SAFETY: plain numbers; some platforms have padding between them.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    time.tv_sec = duration.as_secs().min(i32::MAX as u64) as _;
    time.tv_nsec = duration.subsec_nanos() as _;
    time
}
