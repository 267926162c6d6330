//! Waiting for descriptors (poll(2)).

use super::{Errno, Result};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// The result of a wait.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// The descriptor is readable.
    pub readable: bool,
    /// The process has been reaped.
    pub reaped: bool,
}

/// Sleeps until `fd` is readable, the process of the pidfd `process` has been reaped, or `limit` is over; None means no
/// limit. EINTR if this process was stopped and continued (signal(7)).
pub fn until(fd: BorrowedFd<'_>, process: Option<BorrowedFd<'_>>, limit: Option<Duration>) -> Result<Ready> {
    // A pidfd is readable when its process is dead, but hangs up (POLLHUP) only when the exit status can be asked for.
    // The kernel ignores a negative descriptor.
    let mut entries = [
        libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 },
        libc::pollfd { fd: process.map_or(-1, |process| process.as_raw_fd()), events: 0, revents: 0 },
    ];
    let limit = limit.map(timespec);
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: two entries, an optional timeout that outlives the call, and no change to the signal mask.
    let done = unsafe { libc::ppoll(entries.as_mut_ptr(), 2, limit, std::ptr::null()) };
    let [fd, process] = entries;
    Errno::result(done).map(|_| Ready { readable: fd.revents != 0, reaped: process.revents & libc::POLLHUP != 0 })
}

/// Whether `fd` can be written to without blocking.
pub fn is_writable(fd: BorrowedFd<'_>) -> bool {
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: one entry, and no wait.
    let done = unsafe { libc::poll(&mut entry, 1, 0) };
    done == 1 && entry.revents & libc::POLLOUT != 0
}

/// A duration as a timespec, at most the 68 years that a 32-bit time_t can hold.
pub fn timespec(duration: Duration) -> libc::timespec {
    // SAFETY: plain numbers; some platforms have padding between them.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    time.tv_sec = duration.as_secs().min(i32::MAX as u64) as _;
    time.tv_nsec = duration.subsec_nanos() as _;
    time
}
