//! Receiving and sending signals, by raw system calls where libc would leave out 32 and 33.
#![allow(unsafe_code)]

use crate::output::{say, say_to};
use nix::errno::Errno;
use signal_hook::consts::TERM_SIGNALS;
use signal_hook::iterator::Signals;
use std::ffi::{c_int, c_long};

static ALL: u64 = u64::MAX;
const NONE: u64 = 0;
const SET_SIZE: usize = size_of::<u64>();

/// Prints to descriptor `to` that it is ready, then the number of each signal that arrives, up to `last`.
pub fn print(to: c_int, last: c_int) -> c_int {
    block_all();
    say_to(to, "ready");
    print_blocked(to, "", last)
}

/// Does the same without "ready". All signals must be blocked.
pub fn print_blocked(to: c_int, name: &str, last: c_int) -> c_int {
    loop {
        let signal = receive();
        say_to(to, format_args!("{name}{signal}"));
        if signal == last {
            return 0;
        }
    }
}

/// Sends signals to `to` one after the other, and after each prints the signal that arrives here.
pub fn send_and_print(to: c_int, signals: &[c_int]) -> c_int {
    block_all();
    for signal in signals {
        send(to, &[*signal]);
        say(receive());
    }
    0
}

/// Blocks no signal.
pub fn unblock_all() {
    set_mask(NONE);
}

/// Blocks all signals.
pub fn block_all() {
    set_mask(ALL);
}

fn set_mask(mask: u64) {
    let nothing = std::ptr::null_mut::<u64>();
    // SAFETY: a set that is only read, a null pointer that the call allows, and the set's size.
    let set = unsafe {
        let how = libc::SIG_SETMASK;
        libc::syscall(libc::SYS_rt_sigprocmask, how, &raw const mask, nothing, SET_SIZE)
    };
    check(set, "rt_sigprocmask");
}

/// Takes the next signal of any kind. They must be blocked.
pub fn receive() -> c_int {
    let (info, limit) = (std::ptr::null_mut::<libc::siginfo_t>(), std::ptr::null::<libc::timespec>());
    loop {
        // SAFETY: a set and its size, and null pointers that the call allows.
        let signal = unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, &raw const ALL, info, limit, SET_SIZE) };
        if signal > 0 {
            return signal as c_int;
        }
        // Stopped and continued meanwhile.
        assert_eq!(Errno::last(), Errno::EINTR);
    }
}

/// An ordinary program: prints the signal that asks it to exit, and exits with 0.
pub fn serve() -> c_int {
    let mut signals = Signals::new(TERM_SIGNALS).expect("handlers");
    say("ready");
    let signal = signals.forever().next().expect("a signal");
    say(format_args!("ending after {signal}"));
    0
}

/// A program without any signal handling.
pub fn pause() -> c_int {
    say("ready");
    loop {
        nix::unistd::pause();
    }
}

/// Dies by a signal, even if it is blocked, ignored, or hidden by libc.
pub fn die(signal: c_int) -> c_int {
    // The kernel's own sigaction on 64-bit systems: the handler first, and 0 is the default.
    let default = [libc::SIG_DFL, 0, 0, 0];
    let nothing = std::ptr::null_mut::<usize>();
    // SAFETY: a struct that is only read, a null pointer that the call allows, and the size of a set.
    unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), nothing, SET_SIZE) };
    set_mask(NONE);
    send(std::process::id().cast_signed(), &[signal]);
    say(format_args!("survived {signal}"));
    98
}

/// Sends signals, in order.
pub fn send(pid: c_int, signals: &[c_int]) -> c_int {
    for signal in signals {
        // SAFETY: two numbers.
        let sent = unsafe { libc::syscall(libc::SYS_kill, pid, *signal) };
        check(sent, "kill");
    }
    0
}

fn check(result: c_long, what: &str) {
    assert!(result != -1, "{what}: {}", Errno::last());
}
