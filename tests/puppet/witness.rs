//! A main that prints every signal that an init forwards to it or to its members, for the comparison with other inits.
#![allow(unsafe_code)]

use crate::family::spawn;
use crate::output::say;
use crate::signals;
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, getpid, getppid, setpgid, setsid};
use std::ffi::{OsString, c_int};
use std::io::{PipeReader, PipeWriter, Read, Write};

/// The signal that ends a round: it is delivered after every other pending signal, and every init forwards it.
const END_OF_ROUND: c_int = 64;

/// A process that main has started.
struct Member {
    pid: Pid,
    /// Written once it has printed all earlier signals.
    done: PipeReader,
}

/// Prints `main N` for each signal N, and at the end of the first round, once all members have printed theirs, `round`. At
/// the end of the second it exits as `end` says: `exit:N` or `die:N`.
///
/// `members` lists its members: `group` shares main's group, `leader` leads a group of its own, `session` leads a session,
/// `orphan` shares main's group and has lost its parent, `mortal` is an orphan that exits after the first round.
pub fn print_signals(end: &OsString, members: &[OsString]) -> c_int {
    signals::block_all();
    let names = members.iter().map(|name| name.to_str().expect("UTF-8"));
    let mut members: Vec<(&str, Member)> = names.map(|name| (name, start(name))).collect();
    let pids: Vec<String> = members.iter().map(|(name, member)| format!(" {name}={}", member.pid)).collect();
    say(format_args!("ready{}", pids.concat()));
    let mut rounds = 0;
    loop {
        let (signal, _) = receive();
        if signal != END_OF_ROUND {
            say(format_args!("main {signal}"));
            continue;
        }
        rounds += 1;
        if rounds == 2 {
            return finish(end);
        }
        for (_, member) in &mut members {
            signals::send(member.pid.as_raw(), &[END_OF_ROUND]);
            member.done.read_exact(&mut [0]).expect("a member's word");
        }
        let mortals = members.iter().filter(|(name, _)| *name == "mortal");
        mortals.for_each(|(_, mortal)| wait_until_reaped(mortal.pid));
        say("round");
    }
}

fn finish(end: &OsString) -> c_int {
    let (how, number) = end.to_str().and_then(|end| end.split_once(':')).expect("exit:N or die:N");
    let number = number.parse().expect("a number");
    match how {
        "exit" => number,
        "die" => signals::die(number),
        _ => panic!("{end:?} is neither exit:N nor die:N"),
    }
}

fn start(name: &str) -> Member {
    let (mut done, tells) = std::io::pipe().expect("a pipe");
    let main = getpid();
    let init = getppid();
    let pid = match name {
        "orphan" | "mortal" => {
            let middle = spawn(|| {
                let parent = getpid();
                spawn(|| {
                    while getppid() == parent {
                        std::thread::yield_now();
                    }
                    let adopter = if getppid() == init { "the init" } else { "another" };
                    say(format_args!("{name} adopted by {adopter}"));
                    watch(name, main, tells);
                });
            });
            waitpid(middle, None).expect("a child that exited");
            None
        }
        _ => Some(spawn(|| {
            match name {
                "group" => {}
                "leader" => setpgid(Pid::from_raw(0), Pid::from_raw(0)).expect("setpgid"),
                "session" => drop(setsid().expect("setsid")),
                _ => panic!("{name:?} is no member"),
            }
            watch(name, main, tells);
        })),
    };
    let mut said = [0; size_of::<i32>()];
    done.read_exact(&mut said).expect("a member's PID");
    let told = Pid::from_raw(i32::from_ne_bytes(said));
    assert!(pid.is_none_or(|pid| pid == told));
    Member { pid: told, done }
}

fn wait_until_reaped(orphan: Pid) {
    while kill(orphan, None).is_ok() {
        std::thread::yield_now();
    }
}

fn watch(name: &str, main: Pid, mut tells: PipeWriter) {
    tells.write_all(&getpid().as_raw().to_ne_bytes()).expect("a pipe to main");
    loop {
        let (signal, sender) = receive();
        if signal == END_OF_ROUND && sender == main.as_raw() {
            tells.write_all(&[0]).expect("a pipe to main");
            if name == "mortal" {
                return;
            }
        } else {
            say(format_args!("{name} {signal}"));
        }
    }
}

/// Takes the next signal that a process sent, and returns its sender. They must be blocked. Signals about stopped or exited
/// children are left out.
fn receive() -> (c_int, c_int) {
    let (all, limit) = (u64::MAX, std::ptr::null::<libc::timespec>());
    loop {
        // SAFETY: plain numbers, for which all zeros is a value; a set and its size, and a null pointer that the call
        // allows. A signal that was sent has the sender's PID in its siginfo.
        let (signal, code, sender) = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let size = size_of::<u64>();
            let signal = libc::syscall(libc::SYS_rt_sigtimedwait, &raw const all, &raw mut info, limit, size);
            (signal as c_int, info.si_code, info.si_pid())
        };
        match signal {
            // Stopped and continued meanwhile.
            -1 => assert_eq!(Errno::last(), Errno::EINTR),
            libc::SIGCHLD if code > 0 => {}
            signal => return (signal, sender),
        }
    }
}
