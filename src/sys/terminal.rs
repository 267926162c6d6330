//! The controlling terminal and its foreground process group (tty_ioctl(4), tcsetpgrp(3)).

use super::{Errno, Pid, Result, descriptors, signals};
use crate::signal::Signal;
use nix::fcntl::OFlag;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Our controlling terminal, open while this value exists.
pub struct Terminal(OwnedFd);

impl Terminal {
    /// Opens it; None if there is none.
    pub fn open() -> Option<Terminal> {
        let fd = match descriptors::open(c"/dev/tty", OFlag::O_RDWR | OFlag::O_NONBLOCK) {
            Ok(fd) => fd,
            // This session has no controlling terminal.
            Err(Errno::ENXIO) => return None,
            // No /dev, or no permission: use a terminal among the standard streams.
            Err(_) => (0..=2).find(|fd| foreground(*fd).is_ok()).and_then(|fd| descriptors::duplicate(fd).ok())?,
        };
        descriptors::above_stdio(fd).ok().map(Terminal)
    }

    /// The foreground process group. An error if the terminal is no longer ours.
    pub fn foreground(&self) -> Result<Pid> {
        foreground(self.0.as_raw_fd())
    }

    /// Makes `group` the foreground process group. TTOU must be blocked or ignored, as otherwise the kernel stops us if
    /// we are in the background. EPERM if it is not a group of our session.
    pub fn set_foreground(&self, group: Pid) -> Result<()> {
        set_foreground(self.0.as_raw_fd(), group)
    }

    /// Gives it up, so that another session can take it. Does nothing unless we lead its session. The kernel sends HUP
    /// and CONT to the foreground group, which is probably ours (tty_ioctl(4)): these two are dropped, as we caused
    /// them.
    pub fn give_up(&self) {
        if nix::unistd::getsid(None) != Ok(nix::unistd::getpid()) {
            return;
        }
        let before = signals::pending();
        // SAFETY: a descriptor; the request takes no argument.
        if unsafe { libc::ioctl(self.0.as_raw_fd(), libc::TIOCNOTTY) } == 0 {
            for signal in [Signal::HUP, Signal::CONT] {
                if !before.contains(signal) {
                    signals::discard(signal);
                }
            }
        }
    }

    /// The descriptor.
    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Makes the terminal the controlling terminal of our session, which has none; our group becomes its foreground group
/// (TIOCSCTTY). EPERM if it belongs to another session.
pub fn take(fd: RawFd) -> Result<()> {
    // SAFETY: a descriptor and a number.
    Errno::result(unsafe { libc::ioctl(fd, libc::TIOCSCTTY, 0) }).map(drop)
}

/// Which of the standard streams is a terminal.
pub fn among_standard_streams() -> Option<RawFd> {
    // SAFETY: a descriptor, which need not be open.
    (0..=2).find(|fd| unsafe { libc::isatty(*fd) } == 1)
}

/// As `Terminal::set_foreground`, for a child between clone and exec.
pub fn set_foreground(fd: RawFd, group: Pid) -> Result<()> {
    // SAFETY: a descriptor and a number.
    Errno::result(unsafe { libc::tcsetpgrp(fd, group.as_raw()) }).map(drop)
}

fn foreground(fd: RawFd) -> Result<Pid> {
    // SAFETY: a descriptor.
    Errno::result(unsafe { libc::tcgetpgrp(fd) }).map(Pid::from_raw)
}

/// The number of columns of the terminal on stdout; None if stdout is no terminal.
pub fn width() -> Option<usize> {
    // SAFETY: plain numbers, for which all zeros is a value.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: room for one winsize.
    let done = unsafe { libc::ioctl(1, libc::TIOCGWINSZ, &raw mut size) };
    (done == 0 && size.ws_col > 0).then_some(usize::from(size.ws_col))
}
