//! What a process inherited at its start.
#![allow(unsafe_code)]

use crate::output::{say, say_to};
use std::ffi::{CStr, OsString, c_char, c_int};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// Prints arguments, each byte in ASCII.
pub fn words(words: &[OsString]) -> c_int {
    for word in words {
        say(word.as_bytes().escape_ascii());
    }
    0
}

/// Prints the environment in the same way, as it is in memory.
pub fn environment() -> c_int {
    // SAFETY: an array of C strings that a null pointer ends, which is not changed meanwhile.
    unsafe {
        let mut entry = environ;
        while !(*entry).is_null() {
            say(CStr::from_ptr(*entry).to_bytes().escape_ascii());
            entry = entry.add(1);
        }
    }
    0
}

/// Prints this process's IDs.
pub fn ids() -> c_int {
    let (pid, parent) = (nix::unistd::getpid(), nix::unistd::getppid());
    let (group, session) = (nix::unistd::getpgrp(), nix::unistd::getsid(None).expect("getsid"));
    let signal = asked(libc::PR_GET_PDEATHSIG);
    say(format_args!("pid {pid} parent {parent} group {group} session {session} parent-death signal {signal}"));
    0
}

/// A prctl(2) option whose value is an integer.
fn asked(option: c_int) -> c_int {
    let mut value = -1;
    // SAFETY: the callers' options write one integer.
    unsafe { libc::prctl(option, &raw mut value) };
    value
}

/// Creates a file.
pub fn create(path: &OsString) -> c_int {
    fs::write(path, "").expect("a new file");
    0
}

/// Prints to descriptor `to` everything that a process inherits and /proc shows.
pub fn state(to: c_int) -> c_int {
    let status = fs::read_to_string("/proc/self/status").expect("/proc/self/status");
    for line in status.lines().filter(|line| inherited(line)) {
        say_to(to, line);
    }
    for link in ["cwd", "root"] {
        let path = fs::read_link(format!("/proc/self/{link}")).expect("a link");
        say_to(to, format_args!("{link}: {}", path.display()));
    }
    for file in ["limits", "oom_score_adj", "personality", "timerslack_ns"] {
        let content = fs::read_to_string(format!("/proc/self/{file}")).expect("a file of /proc");
        say_to(to, format_args!("{file}: {}", content.trim_end()));
    }
    say_to(to, format_args!("subreaper: {}", asked(libc::PR_GET_CHILD_SUBREAPER)));
    // SAFETY: two numbers.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    say_to(to, format_args!("nice: {nice}"));
    for (fd, target) in descriptors() {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).expect("fdinfo");
        let flags = info.lines().find(|line| line.starts_with("flags:"));
        say_to(to, format_args!("descriptor {fd}: {target} {}", flags.unwrap_or_default()));
    }
    0
}

fn inherited(line: &str) -> bool {
    [
        "Umask",
        "Uid",
        "Gid",
        "Groups",
        "Threads",
        "SigPnd",
        "ShdPnd",
        "SigBlk",
        "SigIgn",
        "SigCgt",
        "CapInh",
        "CapPrm",
        "CapEff",
        "CapBnd",
        "CapAmb",
        "NoNewPrivs",
        "Seccomp",
        "Cpus_allowed_list",
        "Mems_allowed_list",
    ]
    .into_iter()
    .any(|name| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))
}

/// The open descriptors by number, and what they are, without the inodes of pipes, which differ from run to run.
fn descriptors() -> Vec<(c_int, String)> {
    let entries = fs::read_dir("/proc/self/fd").expect("/proc/self/fd");
    let mut numbers: Vec<c_int> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    // The descriptor through which the list was read is closed by now.
    let named = numbers.into_iter().filter_map(|fd| {
        let path = format!("/proc/self/fd/{fd}");
        let target = fs::read_link(&path).ok()?;
        let is_pipe = fs::metadata(&path).is_ok_and(|file| file.file_type().is_fifo());
        Some(match is_pipe {
            true => (fd, "a pipe".to_owned()),
            false => (fd, target.display().to_string()),
        })
    });
    named.collect()
}
