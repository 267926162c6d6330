//! What rinit asks about itself and sets for itself.

use super::{Errno, Pid, Result};
use crate::signal::Signal;

/// Whether this process is the init of its PID namespace.
pub fn is_init() -> bool {
    nix::unistd::getpid() == Pid::from_raw(1)
}

/// Orphans among our descendants become our children (PR_SET_CHILD_SUBREAPER, Linux 3.4).
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

/// Has the kernel send `signal` when our parent ends (PR_SET_PDEATHSIG; to be exact, when the thread of it that started us
/// does).
pub fn set_parent_death_signal(signal: Signal) -> Result<()> {
    // SAFETY: this prctl takes a number and no pointer.
    let done = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal.number() as libc::c_ulong) };
    Errno::result(done).map(drop)
}

/// As `set_parent_death_signal`, and sends it at once should the parent end in that very moment.
pub fn follow_parent(signal: Signal) -> Result<()> {
    let parent = nix::unistd::getppid();
    set_parent_death_signal(signal)?;
    if nix::unistd::getppid() == parent { Ok(()) } else { super::signals::send(nix::unistd::getpid(), signal) }
}

/// Whether nobody above could continue our process group once it has stopped. The kernel then refuses the terminal's
/// stop signals (setpgid(2), "orphaned process group").
pub fn group_is_orphaned() -> bool {
    let parent = nix::unistd::getppid();
    if parent.as_raw() == 0 {
        // The parent is outside this PID namespace: whoever that is, it is no shell with job control over us.
        return true;
    }
    if nix::unistd::getpgrp() != nix::unistd::getpid() {
        // Somebody else leads the group, and that one's parent decides; it is as a shell set it up.
        return false;
    }
    nix::unistd::getsid(Some(parent)) != nix::unistd::getsid(None)
}
