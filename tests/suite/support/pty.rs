//! A pseudo-terminal (pty(7)). The test has its master side: it types, reads the screen, changes the window size and
//! hangs up.
#![allow(unsafe_code)]

use super::outputs::{Output, Outputs};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{LocalFlags, OutputFlags, SetArg, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

/// A key, as the byte that the terminal gets.
pub const CTRL_C: &str = "\x03";
pub const CTRL_BACKSLASH: &str = "\x1c";
pub const CTRL_D: &str = "\x04";
pub const CTRL_Z: &str = "\x1a";
pub const CTRL_S: &str = "\x13";
pub const CTRL_Q: &str = "\x11";

/// The terminal, with default settings except for two: no echo, and no translation of output, so that a test reads exactly
/// what programs write.
pub struct Pty {
    master: PtyMaster,
    screen: Outputs,
}

impl Pty {
    /// A new terminal that no session controls yet.
    pub fn new() -> Pty {
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let master = posix_openpt(flags).expect("a pseudo-terminal");
        grantpt(&master).expect("grantpt");
        unlockpt(&master).expect("unlockpt");
        let copy = master.as_fd().try_clone_to_owned().expect("a copy of the master");
        let screen = Outputs { stdout: Output::new(copy), ..Outputs::default() };
        let pty = Pty { master, screen };
        pty.change_settings(|settings| {
            settings.local_flags.remove(LocalFlags::ECHO);
            settings.output_flags.remove(OutputFlags::OPOST);
        });
        pty
    }

    /// The terminal itself, opened for a process.
    pub fn terminal(&self) -> OwnedFd {
        let path = ptsname_r(&self.master).expect("the terminal's name");
        let mut options = File::options();
        options.read(true).write(true).custom_flags(libc::O_NOCTTY);
        options.open(path).expect("the terminal").into()
    }

    /// Types a key, or several.
    pub fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("room for what is typed");
    }

    /// Types a line.
    pub fn enter(&mut self, line: &str) {
        self.press(&format!("{line}\n"));
    }

    /// The next line on the screen that contains this. Earlier lines are skipped.
    #[track_caller]
    pub fn line_with(&mut self, part: &str) -> String {
        loop {
            let line = self.screen.line(|screen| &mut screen.stdout);
            let line = line.unwrap_or_else(|| panic!("no {part:?}; {}", self.screen.transcript()));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Everything read from the screen so far.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(self.screen.stdout.seen()).into_owned()
    }

    /// Changes the size of the window.
    pub fn resize(&self, rows: u16, columns: u16) {
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: an open descriptor, and a struct that is only read.
        let done = unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        Errno::result(done).expect("TIOCSWINSZ");
    }

    /// The terminal's settings (termios(3)).
    pub fn settings(&self) -> Termios {
        tcgetattr(&self.master).expect("tcgetattr")
    }

    /// Changes them.
    pub fn change_settings(&self, change: impl FnOnce(&mut Termios)) {
        let mut settings = self.settings();
        change(&mut settings);
        tcsetattr(&self.master, SetArg::TCSANOW, &settings).expect("tcsetattr");
    }

    /// Closes the master side, as when a terminal window or a connection is closed.
    pub fn hang_up(self) {}
}
