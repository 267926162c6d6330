//! Writes to a file if it exists, is a regular file and is empty.

use super::{Errno, Result};
use std::ffi::CStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd};

/// Writes `text` to the file if it is an empty regular file; EEXIST if not. Does not create it, follows no symbolic link, and
/// never blocks, not even for the reader of a FIFO.
pub fn fill(path: &CStr, text: &[u8]) -> Result<()> {
    let flags = libc::O_WRONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY;
    // SAFETY: a C string and flags.
    let fd = Errno::result(unsafe { libc::open(path.as_ptr(), flags) })?;
    // SAFETY: a new descriptor.
    let mut file = unsafe { File::from_raw_fd(fd) };
    // SAFETY: plain numbers, for which all zeros is a value.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: room for one stat.
    Errno::result(unsafe { libc::fstat(file.as_raw_fd(), &mut status) })?;
    if status.st_mode & libc::S_IFMT != libc::S_IFREG || status.st_size != 0 {
        return Err(Errno::EEXIST);
    }
    file.write_all(text).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))
}
