//! The system calls that rinit makes, by name, and the errnos of each: those of its manual page, except the ones that
//! rinit's arguments rule out, and those of a seccomp filter (EPERM, ENOSYS) or a kernel without memory.

use nix::errno::Errno::{self, *};

type Known = (i64, &'static str, &'static [Errno]);

const KNOWN: &[Known] = &[
    // Returns the current break if it cannot be moved.
    (libc::SYS_brk, "brk", &[]),
    (libc::SYS_mmap, "mmap", &[ENOMEM, EPERM, EAGAIN]),
    (libc::SYS_munmap, "munmap", &[EINVAL, ENOMEM, EPERM]),
    (libc::SYS_mprotect, "mprotect", &[ENOMEM, EACCES]),
    (libc::SYS_mremap, "mremap", &[ENOMEM, EAGAIN]),
    (libc::SYS_madvise, "madvise", &[ENOMEM, EINVAL, EAGAIN, EPERM, ENOSYS]),
    (libc::SYS_rt_sigprocmask, "rt_sigprocmask", &[EPERM, ENOSYS]),
    (libc::SYS_rt_sigaction, "rt_sigaction", &[EPERM, ENOSYS]),
    (libc::SYS_rt_sigpending, "rt_sigpending", &[EPERM, ENOSYS]),
    (libc::SYS_rt_sigtimedwait, "rt_sigtimedwait", &[EINTR, EPERM, ENOSYS]),
    (libc::SYS_sigaltstack, "sigaltstack", &[EPERM, ENOMEM]),
    (libc::SYS_signalfd4, "signalfd4", &[EPERM, ENOSYS, EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM]),
    (libc::SYS_ppoll, "ppoll", &[EINTR, EINVAL, ENOMEM, EPERM, ENOSYS]),
    (libc::SYS_read, "read", &[EINTR, EAGAIN, EIO, EPERM, ENOSYS, ESRCH, ENOMEM]),
    (libc::SYS_write, "write", &[EINTR, EAGAIN, EIO, EPIPE, ENOSPC, EPERM, ENOSYS]),
    (libc::SYS_pwritev2, "pwritev2", &[EINTR, EAGAIN, EIO, EPIPE, EOPNOTSUPP, ENOSPC, EPERM, ENOSYS]),
    (libc::SYS_openat, "openat", &[EINTR, EACCES, EMFILE, ENFILE, ENOENT, ENOMEM, ENXIO, EPERM, ENOSYS]),
    (libc::SYS_close, "close", &[EINTR, EIO, EPERM, ENOSYS]),
    (libc::SYS_close_range, "close_range", &[EPERM, ENOSYS, EINVAL, EMFILE, ENOMEM]),
    (libc::SYS_fcntl, "fcntl", &[EMFILE, EPERM, ENOSYS, EINVAL]),
    (libc::SYS_fstat, "fstat", &[ENOMEM, EPERM, ENOSYS]),
    (libc::SYS_newfstatat, "newfstatat", &[EACCES, ENOENT, ENOMEM, EPERM, ENOSYS]),
    (libc::SYS_statx, "statx", &[EACCES, ENOENT, ENOMEM, EPERM, ENOSYS]),
    (libc::SYS_readlinkat, "readlinkat", &[EACCES, ENOENT, ENOMEM, EPERM, ENOSYS]),
    (libc::SYS_getdents64, "getdents64", &[ENOENT, EINVAL, EPERM, ENOSYS]),
    (libc::SYS_chdir, "chdir", &[EACCES, EIO, ENOMEM, EPERM, ENOSYS]),
    (libc::SYS_ioctl, "ioctl", &[ENOTTY, EIO, EPERM, ENOSYS]),
    (libc::SYS_prctl, "prctl", &[EINVAL, EPERM, ENOSYS]),
    (libc::SYS_clone, "clone", &[EAGAIN, ENOMEM, EPERM, ENOSYS, EINVAL, ENOSPC]),
    (libc::SYS_clone3, "clone3", &[EAGAIN, ENOMEM, EPERM, ENOSYS]),
    (libc::SYS_execve, "execve", &[EACCES, ENOENT, ENOMEM, ENOEXEC, E2BIG, EIO, ETXTBSY, EMFILE, EPERM, ENOSYS]),
    // No EINTR: rinit never waits in it while main runs.
    (libc::SYS_wait4, "wait4", &[EPERM, ENOSYS]),
    (libc::SYS_waitid, "waitid", &[EINTR, EINVAL, EPERM, ENOSYS]),
    (libc::SYS_kill, "kill", &[EPERM, ENOSYS]),
    (libc::SYS_pidfd_open, "pidfd_open", &[EPERM, ENOSYS, EMFILE, ENFILE, ENODEV, ENOMEM, EINVAL]),
    (libc::SYS_pidfd_send_signal, "pidfd_send_signal", &[EPERM, ENOSYS, EINVAL]),
    (libc::SYS_setpgid, "setpgid", &[EPERM, ENOSYS, EACCES]),
    (libc::SYS_setsid, "setsid", &[EPERM, ENOSYS]),
    (libc::SYS_getpgid, "getpgid", &[EPERM, ENOSYS, ESRCH]),
    (libc::SYS_getsid, "getsid", &[EPERM, ENOSYS, ESRCH]),
    (libc::SYS_clock_gettime, "clock_gettime", &[EPERM, ENOSYS]),
    (libc::SYS_clock_nanosleep, "clock_nanosleep", &[EINTR, EPERM, ENOSYS]),
    (libc::SYS_getrandom, "getrandom", &[EAGAIN, EPERM, ENOSYS]),
    (libc::SYS_futex, "futex", &[EPERM, ENOSYS]),
    (libc::SYS_prlimit64, "prlimit64", &[EPERM, ENOSYS]),
    (libc::SYS_rseq, "rseq", &[EPERM, ENOSYS]),
    (libc::SYS_set_robust_list, "set_robust_list", &[EPERM, ENOSYS]),
    (libc::SYS_set_tid_address, "set_tid_address", &[ENOSYS]),
    (libc::SYS_sched_getaffinity, "sched_getaffinity", &[EPERM, ENOSYS]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_arch_prctl, "arch_prctl", &[]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, "open", &[EINTR, EACCES, EMFILE, ENFILE, ENOENT, ENOMEM, ENXIO, EPERM, ENOSYS]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_poll, "poll", &[EINTR, EINVAL, ENOMEM, EPERM, ENOSYS]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_readlink, "readlink", &[EACCES, ENOENT, ENOMEM, EPERM, ENOSYS]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_stat, "stat", &[EACCES, ENOENT, ENOMEM, EPERM, ENOSYS]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_getpgrp, "getpgrp", &[ENOSYS]),
    // These cannot fail, and under a filter that refuses them no container would run.
    (libc::SYS_getpid, "getpid", &[]),
    (libc::SYS_getppid, "getppid", &[]),
    (libc::SYS_gettid, "gettid", &[]),
    (libc::SYS_exit, "exit", &[]),
    (libc::SYS_exit_group, "exit_group", &[]),
];

fn known(number: i64) -> &'static Known {
    let known = KNOWN.iter().find(|(known, ..)| *known == number);
    known.unwrap_or_else(|| panic!("rinit makes system call {number}, of which nothing is known here"))
}

/// The name of a call.
pub fn name(number: i64) -> &'static str {
    known(number).1
}

/// The errnos of a call.
pub fn errnos(number: i64) -> &'static [Errno] {
    known(number).2
}
