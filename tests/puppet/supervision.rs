//! A seccomp filter that lets another process decide about system calls (seccomp_unotify(2)).
#![allow(unsafe_code)]

use crate::refusal::{install, step};
use std::ffi::c_int;

/// Lets another process decide about each system call (seccomp_unotify(2)): the one that receives the descriptor sent
/// through `socket`, which the next exec closes.
pub fn be_supervised(socket: c_int) {
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let (is, answer) = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::BPF_RET | libc::BPF_K);
    let mut filter = [
        step(load, 0, 0),
        // The call that hands over the descriptor must not wait for a decision.
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
