//! Writing a line to stderr without ever waiting for whoever reads it. main shares the file description, so it may not
//! be made non-blocking.

use super::clock::Timestamp;
use super::{Errno, Result, poll};
use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicBool;

const STDERR: RawFd = 2;

/// The longest line that a pipe takes whole or not at all (PIPE_BUF, pipe(7)).
pub const LONGEST: usize = 4096;

/// Writes `line` if it can be done at once. An error means that nothing, or not all of it, was written.
pub fn write_now(line: &[u8]) -> Result<()> {
    match write_no_wait(line) {
        // xfs and others answer so for a file whose page must be fetched first; a file is never waited for in the end.
        Err(Errno::EAGAIN) if is_regular_file() => write(STDERR, line),
        // A terminal, an old kernel, a filter: no such flag for this file.
        Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL | Errno::EPERM | Errno::ESPIPE) => {
            if is_regular_file() {
                write(STDERR, line)
            } else {
                write_via_reopen(line)
            }
        }
        result => result,
    }
}

/// Whether each line is a JSON object.
pub static JSON: AtomicBool = AtomicBool::new(false);

/// The first half of such a line, up to the message's first letter. RFC 3339 in UTC, and a level as `WARN`.
pub fn json_head(level: &str) -> impl fmt::Display {
    struct Head<'a>(&'a str);
    impl fmt::Display for Head<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let (time, pid) = (Timestamp::now(), std::process::id());
            write!(f, "{{\"time\":\"{time}\",\"level\":\"{}\",\"pid\":{pid},\"message\":\"", self.0)
        }
    }
    Head(level)
}

/// Whether stderr is a terminal.
pub fn is_terminal() -> bool {
    // SAFETY: a descriptor, which need not be open.
    unsafe { libc::isatty(STDERR) == 1 }
}

/// pwritev2(2) with RWF_NOWAIT: Linux 4.14 for files, later for pipes and sockets.
fn write_no_wait(line: &[u8]) -> Result<()> {
    let part = libc::iovec { iov_base: line.as_ptr().cast_mut().cast(), iov_len: line.len() };
    // The offset comes in two halves; -1 in both means the file's own position.
    let here: libc::c_long = -1;
    // SAFETY: one buffer that is only read from.
    let written =
        unsafe { libc::syscall(libc::SYS_pwritev2, STDERR, &raw const part, 1usize, here, here, libc::RWF_NOWAIT) };
    all_of(line, Errno::result(written)? as usize)
}

/// Through a description of our own, which can be made non-blocking. Where /proc does not give us one: a look whether
/// there is room, then an ordinary write; a line that fits PIPE_BUF then finds room unless others write at that moment.
fn write_via_reopen(line: &[u8]) -> Result<()> {
    let flags = libc::O_WRONLY | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: a C string and flags.
    match Errno::result(unsafe { libc::open(c"/proc/self/fd/2".as_ptr(), flags) }) {
        Ok(fd) => {
            // SAFETY: a new descriptor.
            let own = unsafe { OwnedFd::from_raw_fd(fd) };
            write(own.as_raw_fd(), line)
        }
        // A terminal takes a byte where it says that it takes something, and would have us wait for the next one.
        Err(_) if is_terminal() => line.iter().try_for_each(|byte| write_if_room(std::slice::from_ref(byte))),
        Err(_) => write_if_room(line),
    }
}

fn write_if_room(bytes: &[u8]) -> Result<()> {
    // SAFETY: asked about for the length of this call only; where it is closed the answer is no.
    let stderr = unsafe { BorrowedFd::borrow_raw(STDERR) };
    if poll::is_writable(stderr) { write(STDERR, bytes) } else { Err(Errno::EAGAIN) }
}

fn write(fd: RawFd, line: &[u8]) -> Result<()> {
    // SAFETY: a buffer that is only read from.
    let written = unsafe { libc::write(fd, line.as_ptr().cast(), line.len()) };
    all_of(line, Errno::result(written)?.unsigned_abs())
}

fn all_of(line: &[u8], written: usize) -> Result<()> {
    if written == line.len() { Ok(()) } else { Err(Errno::EAGAIN) }
}

fn is_regular_file() -> bool {
    // SAFETY: plain numbers, for which all zeros is a value.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: room for one stat.
    Errno::result(unsafe { libc::fstat(STDERR, &mut status) }).is_ok() && status.st_mode & libc::S_IFMT == libc::S_IFREG
}
