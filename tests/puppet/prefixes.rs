//! Prefixes of a command line that start the program after them in a special way.
#![allow(unsafe_code)]

use crate::family::spawn;
use crate::refusal::refuse;
use crate::signals;
use crate::supervision::be_supervised;
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use std::ffi::{CString, OsString, c_int};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

/// Executes the program in `words`, with children that are already dead.
pub fn with_dead_children(count: c_int, words: &[OsString]) -> c_int {
    for _ in 0..count {
        let child = spawn(|| {});
        let dead = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(child), dead).expect("waitid");
    }
    execute(words)
}

/// Executes the program in `words`, with a timer that expires once, soon (setitimer(2)).
pub fn with_timer(words: &[OsString]) -> c_int {
    let never = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let timer = libc::itimerval { it_interval: never, it_value: libc::timeval { tv_sec: 0, tv_usec: 1 } };
    // SAFETY: a struct that is only read, and a null pointer that the call allows.
    let set = unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
    assert_eq!(set, 0, "setitimer");
    execute(words)
}

/// Executes the program in `words`, as a member of so many groups.
pub fn in_groups(count: c_int, words: &[OsString]) -> c_int {
    let groups: Vec<libc::gid_t> = (100_000..).take(count.unsigned_abs() as usize).collect();
    // SAFETY: an array and its length.
    let set = unsafe { libc::setgroups(groups.len(), groups.as_ptr()) };
    assert_eq!(set, 0, "setgroups");
    execute(words)
}

/// Executes the program in `words`, as a subreaper.
pub fn adopting(words: &[OsString]) -> c_int {
    nix::sys::prctl::set_child_subreaper(true).expect("PR_SET_CHILD_SUBREAPER");
    execute(words)
}

/// Executes the program in `words`, with a filter that refuses some system calls.
pub fn refusing(errno: c_int, list: &OsString, words: &[OsString]) -> c_int {
    refuse(errno, list.to_str().expect("numbers"));
    execute(words)
}

/// Executes the program in `words`, as if it were set-uid: with this process's rights, called by a user who does not have
/// them.
pub fn by_real_user(user: c_int, words: &[OsString]) -> c_int {
    let unchanged = u32::MAX;
    // SAFETY: numbers.
    let set = unsafe { libc::setresuid(user.unsigned_abs(), unchanged, unchanged) };
    assert_eq!(set, 0, "setresuid");
    execute(words)
}

/// Executes the program in `words`, and lets the other end of `socket` decide about each of its system calls.
pub fn supervised(socket: c_int, words: &[OsString]) -> c_int {
    be_supervised(socket);
    execute(words)
}

/// Executes the program in `words`, with a /bin/sh that cannot be executed.
pub fn without_shell(words: &[OsString]) -> c_int {
    unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .expect("private mounts");
    mount(Some("/dev/null"), "/bin/sh", None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("a bind mount");
    execute(words)
}

/// Executes the program in `words`, with a full file system at `folder` and an empty file `log` in it.
pub fn on_full_disk(folder: &OsString, words: &[OsString]) -> c_int {
    unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .expect("private mounts");
    let folder = std::path::Path::new(folder);
    mount(Some("none"), folder, Some("tmpfs"), MsFlags::empty(), Some("size=64k")).expect("a small tmpfs");
    std::fs::write(folder.join("log"), "").expect("an empty file");
    let full = std::fs::write(folder.join("filler"), vec![0; 1 << 20]);
    assert!(full.is_err(), "it has room for more");
    execute(words)
}

/// Executes the program in `words`, without a /proc.
pub fn without_proc(words: &[OsString]) -> c_int {
    hide_proc();
    mount(Some("none"), "/proc", Some("tmpfs"), MsFlags::MS_RDONLY, None::<&str>).expect("an empty /proc");
    execute(words)
}

/// Executes the program in `words`, with the /proc of another PID namespace: the one around the test's.
pub fn with_foreign_proc(words: &[OsString]) -> c_int {
    hide_proc();
    execute(words)
}

/// Executes the program in `words`, with a /proc that shows only processes that it may trace (`hidepid`, proc(5)), and
/// without the capability to trace processes with more rights.
pub fn with_hiding_proc(words: &[OsString]) -> c_int {
    unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), Some("hidepid=4"))
        .expect("a /proc that hides (Linux 5.8)");
    const SYS_PTRACE: c_int = 19;
    without_capability(SYS_PTRACE, words)
}

/// Executes the program in `words`, without a capability (capabilities(7)) that it cannot regain.
pub fn without_capability(number: c_int, words: &[OsString]) -> c_int {
    // SAFETY: numbers.
    let dropped = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) };
    Errno::result(dropped).expect("PR_CAPBSET_DROP");
    execute(words)
}

/// Unmounts, for this process only, the /proc that the harness mounted over the one of the outer namespace.
fn hide_proc() {
    unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
    umount2("/proc", MntFlags::MNT_DETACH).expect("umount /proc");
}

/// Starts the program in `words` and waits to be killed.
pub fn as_parent(words: &[OsString]) -> c_int {
    spawn(|| {
        execute(words);
    });
    signals::pause()
}

/// Starts the program in `words`. For each USR2, sends TERM to that program and then, once the program has taken it, to this
/// group, and CONT to the program, without a sleep in between. timeout(1) does the same if the kernel runs another process in
/// between. Forwards every other signal.
pub fn timing_out(words: &[OsString]) -> c_int {
    signals::block_all();
    let child = spawn(|| {
        signals::unblock_all();
        execute(words);
    });
    let status = File::open(format!("/proc/{child}/status")).expect("the status of a child");
    loop {
        match signals::receive() {
            libc::SIGCHLD => match waitpid(child, Some(WaitPidFlag::WNOHANG)).expect("a child") {
                WaitStatus::Exited(_, status) => return status,
                WaitStatus::StillAlive => {}
                status => panic!("{status:?}"),
            },
            libc::SIGUSR2 => {
                signals::send(child.as_raw(), &[libc::SIGTERM]);
                while has_pending_term(&status) {}
                signals::send(0, &[libc::SIGTERM]);
                signals::send(child.as_raw(), &[libc::SIGCONT]);
            }
            // This process is in the group too.
            libc::SIGTERM => {}
            signal => {
                signals::send(child.as_raw(), &[signal]);
            }
        }
    }
}

/// Whether TERM is pending for the process of this /proc/PID/status. The file is open already, because opening it may sleep.
fn has_pending_term(status: &File) -> bool {
    let mut text = [0; 4096];
    let length = status.read_at(&mut text, 0).expect("the status of a child");
    let text = str::from_utf8(&text[..length]).expect("text");
    let pending = text.lines().find_map(|line| line.strip_prefix("ShdPnd:")).expect("pending signals");
    let pending = u64::from_str_radix(pending.trim(), 16).expect("a set of signals");
    pending & (1 << (libc::SIGTERM - 1)) != 0
}

pub fn execute(words: &[OsString]) -> c_int {
    let words = words.iter().map(|word| CString::new(word.as_bytes()));
    let words = words.collect::<Result<Vec<CString>, _>>().expect("no NUL");
    let error = nix::unistd::execv(&words[0], &words);
    panic!("cannot execute {words:?}: {error:?}");
}
