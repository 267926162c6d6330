//! Thin typed wrappers of system calls, a file for each facility of the kernel. No policy, and all of the program's
//! `unsafe`.
#![allow(unsafe_code)]

pub mod all_processes;
pub mod arguments;
pub mod cgroup;
pub mod clock;
pub mod descriptors;
pub mod environment;
pub mod memory;
pub mod pidfd;
pub mod process;
pub mod procfs;
pub mod signals;
pub mod spawn;
pub mod stderr;
pub mod terminal;
pub mod wait;

pub use nix::errno::Errno;
pub use nix::unistd::Pid;

/// The result of a system call.
pub type Result<T> = std::result::Result<T, Errno>;

/// The kernel's reason in words, with the name of the errno, which people search for.
pub fn reason(errno: Errno) -> String {
    let mut text = errno.desc().to_owned();
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_lowercase();
    }
    format!("{text} ({errno:?})")
}
