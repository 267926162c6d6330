//! A seccomp filter that refuses system calls, as those of container engines do (seccomp(2)).
#![allow(unsafe_code)]

use std::ffi::{c_int, c_long, c_ulong};

/// Makes the calls in `list`, numbers separated by commas, fail with `errno`. `clone-pidfd` stands for clone(2) with
/// CLONE_PIDFD, `pidfd-info` for ioctl(2) with PIDFD_GET_INFO.
pub fn refuse(errno: c_int, list: &str) {
    const NUMBER: u32 = 0;
    const FIRST_ARGUMENT: u32 = 16;
    const SECOND_ARGUMENT: u32 = 24;
    /// Kind and number of PIDFD_GET_INFO, without the size of the struct (ioctl(2)).
    const GET_INFO: u32 = 0xff0b;
    let refusal = libc::SECCOMP_RET_ERRNO | errno.unsigned_abs();
    let (load, answer) = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, libc::BPF_RET | libc::BPF_K);
    let (is, has) = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K);
    let mut filter = vec![step(load, NUMBER, 0)];
    for number in list.split(',').filter_map(|word| word.parse().ok()) {
        filter.extend([step(is, number, 1), step(answer, refusal, 0)]);
    }
    if list.split(',').any(|word| word == "clone-pidfd") {
        let pidfd = libc::CLONE_PIDFD.cast_unsigned();
        filter.extend([
            step(is, libc::SYS_clone as u32, 3),
            step(load, FIRST_ARGUMENT, 0),
            step(has, pidfd, 1),
            step(answer, refusal, 0),
        ]);
    }
    if list.split(',').any(|word| word == "pidfd-info") {
        filter.extend([
            step(load, NUMBER, 0),
            step(is, libc::SYS_ioctl as u32, 4),
            step(load, SECOND_ARGUMENT, 0),
            step(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0xffff, 0),
            step(is, GET_INFO, 1),
            step(answer, refusal, 0),
        ]);
    }
    filter.push(step(answer, libc::SECCOMP_RET_ALLOW, 0));
    install(&mut filter, 0);
}

/// Installs a filter for this process's system calls. Returns the result of seccomp(2).
pub fn install(filter: &mut [libc::sock_filter], flags: c_ulong) -> c_long {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    let (yes, no): (c_ulong, c_ulong) = (1, 0);
    // SAFETY: numbers, and a program that outlives the call, which copies it.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, yes, no, no, no);
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
    };
    assert!(done >= 0, "seccomp: {}", nix::errno::Errno::last());
    done
}

/// One instruction of the filter; if its condition is false, `otherwise` instructions are skipped.
pub fn step(code: u32, value: u32, otherwise: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: otherwise, k: value }
}
