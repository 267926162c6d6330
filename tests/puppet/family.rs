//! Processes and their children: orphans, groups, parents that exit.
#![allow(unsafe_code)]

use crate::output::say;
use crate::signals;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid, setpgid};
use std::ffi::c_int;
use std::io::{PipeReader, PipeWriter, Read};

/// Runs something in a child of its own.
pub fn spawn(child: impl FnOnce()) -> Pid {
    // SAFETY: this program has one thread.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            child();
            // SAFETY: ends the child without what its parent has yet to do.
            unsafe { libc::_exit(0) }
        }
    }
}

/// A barrier: processes wait until another one opens it or exits.
struct Gate {
    reader: PipeReader,
    writer: Option<PipeWriter>,
}

impl Gate {
    fn new() -> Gate {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        Gate { reader, writer: Some(writer) }
    }

    /// In the process that keeps it closed.
    fn open(&mut self) {
        self.writer = None;
    }

    /// In a waiting process: returns once no process keeps it closed.
    fn wait(&mut self) {
        self.writer = None;
        let _ = self.reader.read_to_end(&mut Vec::new());
    }
}

/// Runs as PID 1: reaps and does nothing else.
pub fn reap_forever() -> c_int {
    signals::block_all();
    loop {
        // SAFETY: a null pointer that the call allows.
        while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
        signals::receive();
    }
}

/// Two processes of one group print the signals that arrive. Exits when `last` has arrived here and stdin is at its end.
pub fn pair(last: c_int) -> c_int {
    // Signals that arrive before the other process waits stay pending, so one "ready" is enough.
    signals::block_all();
    let other = spawn(|| {
        signals::print_blocked(1, "other ", 0);
    });
    say("ready");
    signals::print_blocked(1, "main ", last);
    wait_for_stdin();
    signals::send(other.as_raw(), &[libc::SIGKILL]);
    0
}

/// Moves to the group of a child, which leaves its own group empty, and prints the signals that arrive.
pub fn leave_group(last: c_int) -> c_int {
    let mut end = Gate::new();
    let child = spawn(|| end.wait());
    setpgid(child, child).expect("a group for the child");
    setpgid(getpid(), child).expect("its group");
    signals::print(1, last)
}

/// Creates orphans, a hundred at a time, which exit once they are orphans. Exits with `status` at the end of stdin.
pub fn make_orphans(count: c_int, status: c_int) -> c_int {
    const AT_ONCE: c_int = 100;
    let mut left = count;
    while left > 0 {
        let (mut orphaned, mut gone) = (Gate::new(), Gate::new());
        let middle = spawn(|| {
            for _ in 0..left.min(AT_ONCE) {
                spawn(|| orphaned.wait());
            }
        });
        let _ = waitpid(middle, None);
        // From here on the orphans have a new parent.
        orphaned.open();
        gone.wait();
        left -= AT_ONCE;
    }
    say("done");
    wait_for_stdin();
    status
}

/// Creates an orphan, which prints its new parent. Exits at the end of stdin.
pub fn print_adopter() -> c_int {
    let mut orphaned = Gate::new();
    let middle = spawn(|| {
        spawn(|| {
            orphaned.wait();
            say(format_args!("adopted by {}", getppid()));
        });
    });
    let _ = waitpid(middle, None);
    orphaned.open();
    wait_for_stdin();
    0
}

fn wait_for_stdin() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
