//! Properties of this process itself.

use super::procfs::Procfs;
use super::{Errno, Pid, Result};
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

/// Makes us a subreaper: orphans among our descendants become our children (PR_SET_CHILD_SUBREAPER; EINVAL before Linux
/// 3.4).
pub fn become_subreaper() -> Result<()> {
    // SAFETY: this prctl takes a number and no pointer.
    let done = unsafe {
        libc::prctl(
            libc::PR_SET_CHILD_SUBREAPER,
            1 as libc::c_ulong,
            0 as libc::c_ulong,
            0 as libc::c_ulong,
            0 as libc::c_ulong,
        )
    };
    Errno::result(done).map(drop)
}

/// Whether we are a subreaper already, which survives an exec.
pub fn is_subreaper() -> bool {
    let mut answer: libc::c_int = 0;
    // SAFETY: room for an int, which this prctl writes.
    let done = unsafe { libc::prctl(libc::PR_GET_CHILD_SUBREAPER, &raw mut answer) };
    done == 0 && answer != 0
}

/// Has the kernel send us `signal` when our parent exits (PR_SET_PDEATHSIG; to be exact, when the thread of it that
/// created us exits).
pub fn set_parent_death_signal(signal: Signal) -> Result<()> {
    // SAFETY: this prctl takes a number and no pointer.
    let done = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal.number() as libc::c_ulong) };
    Errno::result(done).map(drop)
}

/// As `set_parent_death_signal`, and sends the signal at once if the parent exits at that moment.
pub fn request_parent_death_signal(signal: Signal) -> Result<()> {
    let parent = nix::unistd::getppid();
    set_parent_death_signal(signal)?;
    if nix::unistd::getppid() == parent { Ok(()) } else { super::signals::send(nix::unistd::getpid(), signal) }
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
