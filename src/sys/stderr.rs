//! Writes lines to stderr without ever blocking. main shares the open file description, so it cannot be set to
//! O_NONBLOCK.

use super::clock::Timestamp;
use super::{Errno, Result, descriptors};
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fmt;
use std::io::{IsTerminal, stderr};
use std::os::fd::{AsFd, RawFd};
use std::sync::atomic::AtomicBool;

const STDERR: RawFd = 2;

/// The longest line that a pipe takes either whole or not at all (PIPE_BUF, pipe(7)).
pub const LONGEST: usize = 4096;

/// Writes `line` if that does not block. An error means that it was not written, or only in part.
pub fn write_now(line: &[u8]) -> Result<()> {
    match write_no_wait(line) {
        // Some file systems (xfs) answer EAGAIN if a page must be read first. A write to a file does not block for
        // long.
        Err(Errno::EAGAIN) if descriptors::is_regular_file(STDERR) => write(stderr(), line),
        // RWF_NOWAIT is not supported for terminals and by old kernels, or a seccomp filter refuses it.
        Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL | Errno::EPERM | Errno::ESPIPE) => {
            if descriptors::is_regular_file(STDERR) {
                write(stderr(), line)
            } else {
                write_via_reopen(line)
            }
        }
        result => result,
    }
}

/// Whether the log is in JSON.
pub static JSON: AtomicBool = AtomicBool::new(false);

/// The beginning of a JSON line, up to the text of the message. `level` is one such as `WARN`.
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

/// pwritev2(2) with RWF_NOWAIT: Linux 4.14 for files, later for pipes and sockets.
fn write_no_wait(line: &[u8]) -> Result<()> {
    let part = libc::iovec { iov_base: line.as_ptr().cast_mut().cast(), iov_len: line.len() };
    // The offset is passed in two halves. -1 means the current position.
    let here: libc::c_long = -1;
    // SAFETY: one buffer that is only read from.
    let written =
        unsafe { libc::syscall(libc::SYS_pwritev2, STDERR, &raw const part, 1usize, here, here, libc::RWF_NOWAIT) };
    all_of(line, Errno::result(written)? as usize)
}

/// Writes through an open file description of our own, which can be O_NONBLOCK. It cannot be opened without /proc, or
/// where stderr belongs to another user, as on a terminal after `su`. Then poll(2) shows whether there is room for a
/// normal write; a line of at most PIPE_BUF bytes fits then, unless another process writes at the same moment.
fn write_via_reopen(line: &[u8]) -> Result<()> {
    match descriptors::open(c"/proc/self/fd/2", OFlag::O_WRONLY | OFlag::O_NONBLOCK) {
        Ok(own) => write(own, line),
        // A terminal that is ready to be written to has room for one byte, and may block at the second.
        Err(_) if stderr().is_terminal() => line.iter().try_for_each(|byte| write_if_room(std::slice::from_ref(byte))),
        Err(_) => write_if_room(line),
    }
}

fn write_if_room(bytes: &[u8]) -> Result<()> {
    let stderr = stderr();
    let mut entry = PollFd::new(stderr.as_fd(), PollFlags::POLLOUT);
    let _ = poll(std::slice::from_mut(&mut entry), PollTimeout::ZERO);
    let has_room = entry.revents().is_some_and(|events| events.contains(PollFlags::POLLOUT));
    if has_room { write(stderr, bytes) } else { Err(Errno::EAGAIN) }
}

fn write(fd: impl AsFd, line: &[u8]) -> Result<()> {
    all_of(line, nix::unistd::write(fd, line)?)
}

fn all_of(line: &[u8], written: usize) -> Result<()> {
    if written == line.len() { Ok(()) } else { Err(Errno::EAGAIN) }
}
