//! Processes without an exec: thousands of them per second.
#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, pause, setpgid};
use std::io::{Read, Write, pipe};
use std::time::{Duration, Instant};

/// Runs `child` in a new child process, which exits with the status that it returns.
fn spawn(child: impl FnOnce() -> u8) -> Result<Pid, Errno> {
    // SAFETY: this program has one thread.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let status = child();
            // SAFETY: ends the child without running the rest of its parent's code.
            unsafe { libc::_exit(status.into()) }
        }
    }
}

/// Runs `child` in a new child process and waits for it. Returns whether it exited with 0.
fn run(child: impl FnOnce() -> u8) -> bool {
    spawn(child).and_then(|pid| waitpid(pid, None)).is_ok_and(|end| matches!(end, WaitStatus::Exited(_, 0)))
}

/// Whether this process exists, even as a zombie: signal 0 sends nothing (kill(2)).
fn exists(pid: Pid) -> bool {
    kill(pid, None).is_ok()
}

/// Starts `count` idle orphans in a process group of their own. False if the machine does not allow so many.
pub fn crowd(count: u32) -> bool {
    run(|| {
        // Otherwise they would get the signals that are forwarded to main's group.
        let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
        let made = (0..count).all(|_| {
            let sleeper = spawn(|| {
                pause();
                0
            });
            sleeper.is_ok()
        });
        u8::from(!made)
    })
}

/// Lets `count` orphans exit one by one, each once the previous one has been reaped. False if the machine does not allow so
/// many.
pub fn orphans_in_turn(count: u32) -> bool {
    const AT_ONCE: u32 = 500;
    let mut left = count;
    while left > 0 {
        let batch = left.min(AT_ONCE);
        let (mut gate, mut keeper) = pipe().expect("a pipe");
        let (mut names, mut tell) = pipe().expect("a pipe");
        let made = run(|| {
            let made = (0..batch).all(|_| {
                let orphan = spawn(|| {
                    let _ = gate.read_exact(&mut [0]);
                    let _ = tell.write_all(&getpid().as_raw().to_ne_bytes());
                    0
                });
                orphan.is_ok()
            });
            u8::from(!made)
        });
        if !made {
            return false;
        }
        for _ in 0..batch {
            keeper.write_all(&[0]).expect("one of them waits");
            let mut pid = [0; 4];
            names.read_exact(&mut pid).expect("the orphan's PID");
            let pid = Pid::from_raw(i32::from_ne_bytes(pid));
            while exists(pid) {
                let _ = nix::sched::sched_yield();
            }
        }
        left -= batch;
    }
    true
}

/// Lets `count` orphans exit at once. Returns the time until the last one has been reaped.
pub fn storm(count: u32) -> Duration {
    let (mut gate, keeper) = pipe().expect("a pipe");
    let (mut names, mut tell) = pipe().expect("a pipe");
    let mut keeper = Some(keeper);
    let nursery = spawn(|| {
        keeper = None;
        for _ in 0..count {
            let Ok(orphan) = spawn(|| {
                let _ = gate.read(&mut [0]);
                0
            }) else {
                return 1;
            };
            let _ = tell.write_all(&orphan.as_raw().to_ne_bytes());
        }
        0
    });
    drop(tell);
    let pids: Vec<Pid> = (0..count)
        .map(|_| {
            let mut pid = [0; 4];
            names.read_exact(&mut pid).expect("the machine has this many processes");
            Pid::from_raw(i32::from_ne_bytes(pid))
        })
        .collect();
    let _ = waitpid(nursery.expect("a process"), None);
    let begin = Instant::now();
    drop(keeper);
    for pid in pids {
        while exists(pid) {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    begin.elapsed()
}
