//! File descriptors: rinit's own are kept above 2, and inherited ones above 2 are closed.

use super::{Errno, Result};
use nix::dir::{Dir, Entry};
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fstat};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Moves a descriptor above 2. If rinit was started with stderr closed, its own descriptor would otherwise become
/// number 2, and log lines would be written into it. EMFILE if no number is left (fcntl(2), F_DUPFD_CLOEXEC).
pub fn above_stdio(fd: OwnedFd) -> Result<OwnedFd> {
    if fd.as_raw_fd() > 2 { Ok(fd) } else { duplicate(fd.as_raw_fd()) }
}

/// Duplicates a descriptor to one above 2 (fcntl(2), F_DUPFD_CLOEXEC).
pub fn duplicate(fd: RawFd) -> Result<OwnedFd> {
    // SAFETY: fcntl on a descriptor, which need not be open; the new one is owned here alone.
    unsafe { Errno::result(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3)).map(|fd| OwnedFd::from_raw_fd(fd)) }
}

/// Opens a file, with O_CLOEXEC and O_NOCTTY (open(2)).
pub fn open(path: &CStr, flags: OFlag) -> Result<OwnedFd> {
    nix::fcntl::open(path, flags | OFlag::O_CLOEXEC | OFlag::O_NOCTTY, Mode::empty())
}

/// Whether a descriptor is a pipe.
pub fn is_pipe(fd: RawFd) -> bool {
    has_type(fd, libc::S_IFIFO)
}

/// Whether a descriptor is a regular file.
pub fn is_regular_file(fd: RawFd) -> bool {
    has_type(fd, libc::S_IFREG)
}

fn has_type(fd: RawFd, wanted: libc::mode_t) -> bool {
    // SAFETY: used for this call only, which fails if it is closed.
    let status = fstat(unsafe { BorrowedFd::borrow_raw(fd) });
    status.is_ok_and(|status| status.st_mode & libc::S_IFMT == wanted)
}

/// Closes every descriptor above 2 except `keep`. The reader of a pipe whose write end rinit kept open would never see
/// its end, and a file system with a file that rinit kept open could not be unmounted.
pub fn close_inherited(keep: Option<RawFd>) {
    let kept = keep.unwrap_or(2);
    if kept > 3 {
        close_range(3, kept - 1);
    }
    close_range(kept + 1, RawFd::MAX);
}

/// Without close_range(2) (Linux 5.9) and /proc, descriptors above this stay open: with the limit that some engines set
/// (a billion), closing each would take minutes.
const HIGHEST_TRIED: RawFd = 65_535;

fn close_range(first: RawFd, last: RawFd) {
    // SAFETY: no value in this program owns these descriptors: they are inherited.
    if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0 {
        return;
    }
    for fd in first..=last.min(highest_open().unwrap_or(HIGHEST_TRIED)) {
        // EBADF if it is not open.
        let _ = nix::unistd::close(fd);
    }
}

fn highest_open() -> Option<RawFd> {
    folder(c"/proc/self/fd").filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok()).max()
}

/// The entries of a directory; none if it cannot be read. Not std's read_dir, which panics if closing it fails.
pub fn folder(path: &CStr) -> impl Iterator<Item = Entry> {
    let opened = Dir::open(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
    // Stops at an error, which would be returned again and again.
    opened.into_iter().flat_map(|opened| opened.into_iter().map_while(std::result::Result::ok))
}
