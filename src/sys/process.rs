//! What rinit asks about itself and sets for itself.

use super::procfs::Procfs;
use super::{Errno, Pid, Result};
use crate::signal::Signal;

/// Whether this process is the init of its PID namespace.
pub fn is_init() -> bool {
    nix::unistd::getpid() == Pid::from_raw(1)
}

/// Whether the exec gave us rights that the caller does not have: a set-uid or set-gid file, file capabilities
/// (getauxval(3), AT_SECURE). Then the environment is somebody else's.
pub fn has_elevated_rights() -> bool {
    // SAFETY: a number; reads what the kernel left on the stack.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Orphans among our descendants become our children (PR_SET_CHILD_SUBREAPER, Linux 3.4; before that EINVAL).
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

/// Whether we are a subreaper already: that survives an exec.
pub fn is_subreaper() -> bool {
    let mut answer: libc::c_int = 0;
    // SAFETY: room for an int, which this prctl writes.
    let done = unsafe { libc::prctl(libc::PR_GET_CHILD_SUBREAPER, &raw mut answer) };
    done == 0 && answer != 0
}

/// Has the kernel send `signal` when our parent ends (PR_SET_PDEATHSIG; to be exact, when the thread of it that started us
/// does).
pub fn set_parent_death_signal(signal: Signal) -> Result<()> {
    // SAFETY: this prctl takes a number and no pointer.
    let done = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal.number() as libc::c_ulong) };
    Errno::result(done).map(drop)
}

/// As `set_parent_death_signal`, and sends it at once should the parent end in that very moment.
pub fn request_parent_death_signal(signal: Signal) -> Result<()> {
    let parent = nix::unistd::getppid();
    set_parent_death_signal(signal)?;
    if nix::unistd::getppid() == parent { Ok(()) } else { super::signals::send(nix::unistd::getpid(), signal) }
}

/// Whether nobody above could continue our process group once it has stopped. The kernel then refuses the terminal's
/// stop signals (setpgid(2), "orphaned process group"). Asked of those above us in the group, and the first above it.
pub fn group_is_orphaned() -> bool {
    let group = nix::unistd::getpgrp();
    let mut parent = nix::unistd::getppid();
    // The bound is for a chain that changes while it is followed.
    for _ in 0..1000 {
        if parent.as_raw() == 0 {
            // Outside this PID namespace: whoever that is, it is no shell with job control over us.
            return true;
        }
        if nix::unistd::getpgid(Some(parent)) != Ok(group) {
            return nix::unistd::getsid(Some(parent)) != nix::unistd::getsid(None);
        }
        let stat = Procfs::of_our_namespace().and_then(|procfs| procfs.stat(parent));
        match stat {
            Some(stat) => parent = stat.parent,
            // A script between a shell and us, most likely.
            None => return false,
        }
    }
    false
}
