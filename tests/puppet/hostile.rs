//! A process that attacks rinit.
#![allow(unsafe_code)]

use crate::output::say;
use crate::{part, signals};
use nix::errno::Errno;
use std::ffi::{CString, OsString, c_int};
use std::os::unix::ffi::OsStrExt;

/// Sends signals with a forged sender (rt_sigqueueinfo(2)): with this code, from this PID.
pub fn forge(to: c_int, code: c_int, from: c_int, signals: &[c_int]) -> c_int {
    for signal in signals {
        // SAFETY: plain numbers, for which all zeros is a value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        (info.si_signo, info.si_code) = (*signal, code);
        // SAFETY: the place of a sender's PID, 16 bytes into a struct that is larger.
        unsafe { (&raw mut info).cast::<c_int>().add(4).write(from) };
        // SAFETY: numbers, and a struct that is only read.
        let sent = unsafe { libc::syscall(libc::SYS_rt_sigqueueinfo, to, *signal, &raw const info) };
        Errno::result(sent).expect("rt_sigqueueinfo");
    }
    0
}

/// Plays a part under another name (PR_SET_NAME).
pub fn play_named(name: &OsString, part: &[OsString]) -> c_int {
    let name = CString::new(name.as_bytes()).expect("no NUL");
    // SAFETY: a C string.
    let named = unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    Errno::result(named).expect("PR_SET_NAME");
    part::play(part)
}

/// Stops a process again and again, and never exits.
pub fn keep_stopped(pid: c_int) -> c_int {
    signals::block_all();
    say("ready");
    loop {
        // SAFETY: two numbers.
        unsafe { libc::kill(pid, libc::SIGSTOP) };
        std::thread::yield_now();
    }
}

/// Traces a process without ever handling its stops, and never exits.
pub fn hold(pid: c_int) -> c_int {
    signals::block_all();
    let nothing = std::ptr::null_mut::<std::ffi::c_void>();
    // SAFETY: numbers, and null pointers that the request takes.
    let seized = unsafe { libc::ptrace(libc::PTRACE_SEIZE as _, pid, nothing, nothing) };
    Errno::result(seized).expect("PTRACE_SEIZE");
    say("ready");
    loop {
        nix::unistd::pause();
    }
}
