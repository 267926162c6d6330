//! File descriptors: rinit's own stay above 2, and what it inherited above 2 it lets go.

use super::{Errno, Result};
use nix::dir::{Dir, Entry};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::ffi::CStr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Moves a descriptor above 2. Whoever starts rinit with 0, 1 or 2 closed would else find rinit's own descriptor there,
/// and a line for stderr would go into it. EMFILE where none is left above (fcntl(2), F_DUPFD_CLOEXEC).
pub fn above_stdio(fd: OwnedFd) -> Result<OwnedFd> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    // SAFETY: fcntl on a descriptor that is open; the new one is nobody else's.
    unsafe {
        let moved = Errno::result(libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3))?;
        Ok(OwnedFd::from_raw_fd(moved))
    }
}

/// Whether a descriptor is a pipe (fstat(2)).
pub fn is_pipe(fd: RawFd) -> bool {
    // SAFETY: plain numbers, for which all zeros is a value.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: a descriptor, which need not be open, and room for one stat.
    unsafe { libc::fstat(fd, &raw mut stat) == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFIFO }
}

/// Closes every descriptor from 3 up but `keep`: a pipe that rinit still held would never report its end to the other
/// side, and a file system that it kept busy could not be unmounted.
pub fn close_inherited(keep: Option<RawFd>) {
    let kept = keep.unwrap_or(2);
    if kept > 3 {
        close_range(3, kept - 1);
    }
    close_range(kept + 1, RawFd::MAX);
}

/// Without close_range(2) (Linux 5.9) and without /proc, descriptors above this stay open: with the limits that engines
/// set (a billion), trying each would take minutes.
const HIGHEST_TRIED: RawFd = 65_535;

fn close_range(first: RawFd, last: RawFd) {
    // SAFETY: closes descriptors that no value in this program owns: they were there before it, and its own are kept.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if done == 0 {
        return;
    }
    if let Some(highest) = highest_open() {
        close_each(first, last.min(highest));
    } else {
        close_each(first, last.min(HIGHEST_TRIED));
    }
}

fn close_each(first: RawFd, last: RawFd) {
    for fd in first..=last {
        // SAFETY: as in close_range; one that is not open answers EBADF.
        unsafe { libc::close(fd) };
    }
}

fn highest_open() -> Option<RawFd> {
    folder(c"/proc/self/fd").filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok()).max()
}

/// The entries of a folder; none where it cannot be read. Not by std's read_dir, which panics where closing it fails.
pub fn folder(path: &CStr) -> impl Iterator<Item = Entry> {
    let opened = Dir::open(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
    // An error would come again and again.
    opened.into_iter().flat_map(|opened| opened.into_iter().map_while(std::result::Result::ok))
}
