//! Writes to a file if it exists, is a regular file and is empty.

use super::{Errno, Result, descriptors};
use std::ffi::CStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;

/// Writes `text` to the file if it is an empty regular file; EEXIST if not. Does not create it, follows no symbolic
/// link, and never blocks, not even for the reader of a FIFO.
pub fn fill(path: &CStr, text: &[u8]) -> Result<()> {
    let mut file = File::from(descriptors::open(path, libc::O_WRONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK)?);
    let status = descriptors::status(file.as_raw_fd())?;
    if status.st_mode & libc::S_IFMT != libc::S_IFREG || status.st_size != 0 {
        return Err(Errno::EEXIST);
    }
    file.write_all(text).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))
}
