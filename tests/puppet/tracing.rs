//! The system calls of another program (ptrace(2)).
#![allow(unsafe_code)]

use crate::family::spawn;
use crate::output::say;
use crate::prefixes::execute;
use crate::signals;
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Pid, getpid};
use std::ffi::{OsString, c_int, c_long, c_uint, c_void};

/// Starts the program in `words`, on request as PID 1 of a namespace of its own. Prints the numbers of the calls of this
/// program and of its child from the first rt_sigprocmask(2) until the child has executed.
pub fn calls_until_exec(as_pid1: bool, words: &[OsString]) -> c_int {
    if as_pid1 {
        unshare(CloneFlags::CLONE_NEWPID).expect("a PID namespace");
    }
    let child = spawn(|| {
        trace(libc::PTRACE_TRACEME, 0, 0, std::ptr::null_mut());
        signals::send(getpid().as_raw(), &[libc::SIGSTOP]);
        execute(words);
    });
    let (stopped, _) = wait_for_any();
    assert_eq!(stopped, child);
    let options = libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_EXITKILL;
    trace(libc::PTRACE_SETOPTIONS, child.as_raw(), 0, options as usize as *mut c_void);
    let mut calls: Vec<c_long> = Vec::new();
    let mut executed = 0;
    let mut stopped = child;
    loop {
        trace(libc::PTRACE_SYSCALL, stopped.as_raw(), 0, std::ptr::null_mut());
        let status;
        (stopped, status) = wait_for_any();
        assert!(libc::WIFSTOPPED(status), "{stopped} has exited: {status:#x}");
        match status >> 8 {
            event if event == libc::SIGTRAP | libc::PTRACE_EVENT_EXEC << 8 => executed += 1,
            stop if stop == libc::SIGTRAP | 0x80 => {
                let call = call_that_begins(stopped).filter(|_| executed == 1);
                calls.extend(call.filter(|call| !calls.is_empty() || *call == libc::SYS_rt_sigprocmask));
            }
            _ => {}
        }
        if executed == 2 {
            // The first program continues as soon as the child has executed, possibly before the child stops.
            let execve = calls.iter().rposition(|call| *call == libc::SYS_execve).expect("an execve");
            let numbers: Vec<String> = calls[..=execve].iter().map(ToString::to_string).collect();
            say(numbers.join(" "));
            // Tracees are killed when this process exits.
            return 0;
        }
    }
}

fn wait_for_any() -> (Pid, c_int) {
    let mut status = 0;
    // SAFETY: writes one integer.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL) };
    (Pid::from_raw(Errno::result(pid).expect("waitpid")), status)
}

/// The number of the call at whose start `pid` has stopped, if it is a start.
fn call_that_begins(pid: Pid) -> Option<c_long> {
    const GET_SYSCALL_INFO: c_uint = 0x420e;
    const ENTRY: u8 = 1;
    // struct ptrace_syscall_info: the kind of stop comes first, the number fourth.
    let mut info = [0u64; 11];
    trace(GET_SYSCALL_INFO, pid.as_raw(), size_of_val(&info), info.as_mut_ptr().cast());
    (info[0].to_ne_bytes()[0] == ENTRY).then_some(info[3] as c_long)
}

fn trace(request: c_uint, pid: c_int, address: usize, data: *mut c_void) {
    // SAFETY: numbers, and where the request takes one, a buffer of the size that it is told.
    let done = unsafe { libc::ptrace(request as _, pid, address as *mut c_void, data) };
    Errno::result(done).unwrap_or_else(|errno| panic!("ptrace {request:#x}: {errno}"));
}
