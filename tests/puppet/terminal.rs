//! Programs on a terminal: one that reads it, and a shell with job control.
#![allow(unsafe_code)]

use crate::family::spawn;
use crate::output::say;
use crate::prefixes::execute;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, SigSet, Signal, killpg, signal};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, dup2_stdin, getpgrp, read, setpgid, tcgetpgrp, tcsetpgrp};
use std::ffi::{OsString, c_int};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

/// Prints each line of the terminal at `path`, and the number of each of `signals` that arrives. Other signals have their
/// default action. Exits at end of file.
pub fn read_lines(path: &OsString, signals: impl Iterator<Item = c_int>) -> c_int {
    let set: SigSet = signals.map(|number| Signal::try_from(number).expect("a signal")).collect();
    set.thread_block().expect("sigprocmask");
    let arriving = SignalFd::new(&set).expect("signalfd");
    let terminal = File::open(path).expect("the terminal");
    say("ready");
    loop {
        let mut awaited = [arriving.as_fd(), terminal.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut awaited, PollTimeout::NONE) {
            Ok(_) => {}
            // Stopped and continued meanwhile.
            Err(Errno::EINTR) => continue,
            Err(errno) => panic!("poll: {errno}"),
        }
        let [signalled, typed] = awaited.map(|fd| fd.any() == Some(true));
        if signalled && let Some(info) = arriving.read_signal().expect("a signal") {
            say(info.ssi_signo);
        } else if typed && !print_line(&terminal) {
            return 0;
        }
    }
}

/// False at end of file.
fn print_line(terminal: &File) -> bool {
    let mut line = [0; 256];
    match read(terminal, &mut line) {
        Ok(0) => return false,
        Ok(length) => say(format_args!("read {}", String::from_utf8_lossy(&line[..length]).trim_end())),
        Err(errno) => {
            say(format_args!("cannot read: {errno}"));
            return false;
        }
    }
    true
}

/// Loses the terminal's foreground to a group that no longer exists, and then reads a line. `reaped`: whether the dead
/// leader of that group is reaped first.
pub fn lose_foreground(reaped: bool) -> c_int {
    // SAFETY: no handler.
    unsafe { signal(Signal::SIGTTOU, SigHandler::SigIgn) }.expect("signal");
    let terminal = File::open("/dev/tty").expect("the terminal");
    let child = spawn(|| {
        let own = Pid::from_raw(0);
        setpgid(own, own).expect("a group");
        tcsetpgrp(&terminal, getpgrp()).expect("tcsetpgrp");
    });
    let flags = if reaped { WaitPidFlag::WEXITED } else { WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT };
    waitid(Id::Pid(child), flags).expect("a child");
    say("ready");
    c_int::from(!print_line(&terminal))
}

/// Runs the program in `words` with an empty pipe as stdin.
pub fn piped(words: &[OsString]) -> c_int {
    let (read, write) = std::io::pipe().expect("a pipe");
    dup2_stdin(read).expect("a pipe at 0");
    // As long as the program runs.
    std::mem::forget(write);
    execute(words)
}

/// Executes the program in `words` without a /dev/tty.
pub fn without_dev(words: &[OsString]) -> c_int {
    mount(Some("none"), "/dev", Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("an empty /dev");
    execute(words)
}

/// An interactive shell with job control as POSIX describes it, for a single job, `words`: it executes the commands that it
/// reads from stdin and prints what happens to the job. `terminal` is the descriptor of its controlling terminal, which the
/// job gets as 0.
pub fn shell(terminal: c_int, words: &[OsString]) -> c_int {
    // SAFETY: the descriptor that the caller gave us, open to the end.
    let terminal = unsafe { BorrowedFd::borrow_raw(terminal) };
    fcntl(terminal, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("a descriptor");
    for number in SHELL_IGNORES {
        // SAFETY: no handler.
        unsafe { signal(number, SigHandler::SigIgn) }.expect("signal");
    }
    let mut shell = Shell { terminal, words, job: None };
    say("ready");
    for order in std::io::stdin().lines() {
        match order.expect("an order").as_str() {
            "fg" => {
                shell.advance(Ground::Fore);
                shell.wait();
            }
            "fg-without-cont" => {
                shell.give_terminal(shell.job.expect("a job"));
                shell.wait();
            }
            "bg" => shell.advance(Ground::Back),
            "wait" => shell.wait(),
            "read" => {
                print_line(&File::from(terminal.try_clone_to_owned().expect("a copy")));
            }
            order => panic!("{order:?} is no order for a shell"),
        }
    }
    0
}

/// The signals of the keyboard, and those that stop a background process at the terminal.
const SHELL_IGNORES: [Signal; 5] = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ground {
    Fore,
    Back,
}

struct Shell<'a> {
    terminal: BorrowedFd<'a>,
    words: &'a [OsString],
    /// Its PID, and that of its group.
    job: Option<Pid>,
}

impl Shell<'_> {
    /// Starts the job, or continues it.
    fn advance(&mut self, ground: Ground) {
        let Some(job) = self.job else {
            self.job = Some(self.start(ground));
            return;
        };
        if ground == Ground::Fore {
            self.give_terminal(job);
        }
        killpg(job, Signal::SIGCONT).expect("a job that can be continued");
    }

    fn start(&self, ground: Ground) -> Pid {
        let job = spawn(|| {
            let own = Pid::from_raw(0);
            setpgid(own, own).expect("a group for the job");
            if ground == Ground::Fore {
                self.give_terminal(getpgrp());
            }
            for number in SHELL_IGNORES {
                // SAFETY: no handler.
                unsafe { signal(number, SigHandler::SigDfl) }.expect("signal");
            }
            dup2_stdin(self.terminal).expect("the terminal at 0");
            execute(self.words);
        });
        // Parent and child both set the group, so it is set whichever runs first; once the job has executed it fails.
        let _ = setpgid(job, job);
        job
    }

    /// Waits until the job has stopped or exited, takes the terminal back, and prints which.
    fn wait(&mut self) {
        let job = self.job.expect("a job");
        let mut status = 0;
        // SAFETY: writes one integer.
        let waited = unsafe { libc::waitpid(job.as_raw(), &raw mut status, libc::WUNTRACED) };
        assert_eq!(waited, job.as_raw(), "{}", Errno::last());
        let foreground = tcgetpgrp(self.terminal).expect("tcgetpgrp");
        self.give_terminal(getpgrp());
        if libc::WIFSTOPPED(status) {
            return say(format_args!("stopped by {}", libc::WSTOPSIG(status)));
        }
        self.job = None;
        let owner = match foreground {
            group if group == job => "the job",
            group if group == getpgrp() => "the shell",
            _ => "another group",
        };
        let end = match libc::WIFEXITED(status) {
            true => format!("exited with {}", libc::WEXITSTATUS(status)),
            false => format!("killed by {}", libc::WTERMSIG(status)),
        };
        say(format_args!("{end}, {owner} had the terminal"));
    }

    fn give_terminal(&self, group: Pid) {
        tcsetpgrp(self.terminal, group).expect("tcsetpgrp");
    }
}
