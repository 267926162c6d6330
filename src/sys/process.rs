//! Properties of this process itself.

use super::procfs::Procfs;
use super::{Errno, Pid, Result, signals};
use crate::signal::Signal;

/// Whether this process is the init of its PID namespace.
pub fn is_init() -> bool {
    nix::unistd::getpid() == Pid::from_raw(1)
}

/// Whether we have more privileges than our caller, by a set-user-ID or set-group-ID file or by file capabilities
/// (getauxval(3), AT_SECURE). Then the environment must not be trusted.
pub fn has_elevated_rights() -> bool {
    // SAFETY: a number.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Our PID, by the raw system call: in a child of clone(2) libc may have cached the parent's.
pub fn own_pid() -> Pid {
    // SAFETY: takes nothing.
    Pid::from_raw(unsafe { libc::syscall(libc::SYS_getpid) as libc::pid_t })
}

/// Has the kernel send us `signal` when our parent exits (PR_SET_PDEATHSIG; to be exact, when the thread of it that
/// created us exits). Sends it at once if `parent`, our parent until now, has exited already.
pub fn request_parent_death_signal(signal: Signal, parent: Pid) -> Result<()> {
    // SAFETY: this prctl takes a number and no pointer.
    let done = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal.number() as libc::c_ulong) };
    if nix::unistd::getppid() != parent {
        return signals::send(own_pid(), signal);
    }
    Errno::result(done).map(drop)
}

/// Whether our process group is orphaned (setpgid(2)): no parent of a member is in our session but outside of the
/// group, so no process could continue it once it is stopped, and the kernel discards the terminal's stop signals. Only
/// our own ancestors are checked.
pub fn group_is_orphaned() -> bool {
    let group = nix::unistd::getpgrp();
    let mut parent = nix::unistd::getppid();
    // A limit, as the chain may change while it is followed.
    for _ in 0..1000 {
        if parent.as_raw() == 0 {
            // It is outside of our PID namespace, so it is no shell with job control over us.
            return true;
        }
        if nix::unistd::getpgid(Some(parent)) != Ok(group) {
            return nix::unistd::getsid(Some(parent)) != nix::unistd::getsid(None);
        }
        let stat = Procfs::of_our_namespace().and_then(|procfs| procfs.stat(parent));
        match stat {
            Some(stat) => parent = stat.parent,
            // Without /proc: probably a script that a shell started.
            None => return false,
        }
    }
    false
}
