//! A seccomp filter that refuses system calls, as those of container engines do (seccomp(2)).
#![allow(unsafe_code)]

use std::ffi::{c_int, c_long, c_ulong};

/// Has the kernel answer with `errno` to the calls that `list` names by number, with commas. `clone-pidfd` among them is
/// clone(2) where it is asked for a pidfd, `pidfd-info` is ioctl(2) with PIDFD_GET_INFO.
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

/// Has somebody else decide what each system call answers (seccomp_unotify(2)): whoever gets the descriptor that is sent
/// through `socket`, which is closed by the next exec.
pub fn be_supervised(socket: c_int) {
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let (is, answer) = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::BPF_RET | libc::BPF_K);
    let mut filter = [
        step(load, 0, 0),
        // The call that hands over the descriptor has nobody yet who could decide.
        step(is, libc::SYS_sendmsg as u32, 1),
        step(answer, libc::SECCOMP_RET_ALLOW, 0),
        step(answer, libc::SECCOMP_RET_USER_NOTIF, 0),
    ];
    // SAFETY: numbers.
    unsafe { libc::fcntl(socket, libc::F_SETFD, libc::FD_CLOEXEC) };
    let listener = install(&mut filter, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
    hand_over(socket, listener as c_int);
}

/// Sends a descriptor (unix(7), SCM_RIGHTS).
fn hand_over(socket: c_int, fd: c_int) {
    let mut byte = 0u8;
    let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let mut control = [0u64; 8];
    // SAFETY: plain numbers and pointers, for which all zeros is a value. The control buffer is aligned and large enough
    // for one header and one descriptor, and everything outlives the call.
    let sent = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(size_of::<c_int>() as u32) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<c_int>() as u32) as _;
        libc::CMSG_DATA(header).cast::<c_int>().write_unaligned(fd);
        libc::sendmsg(socket, &raw const message, 0)
    };
    assert_eq!(sent, 1, "sendmsg: {}", nix::errno::Errno::last());
}

fn install(filter: &mut [libc::sock_filter], flags: c_ulong) -> c_long {
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

/// One step of the filter; `otherwise` steps are passed over where its question is answered with no.
fn step(code: u32, value: u32, otherwise: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: otherwise, k: value }
}
