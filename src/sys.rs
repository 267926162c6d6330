//! The kernel: a file a facility, each a thin typed wrapper. No policy, and all of the program's `unsafe`.
#![allow(unsafe_code)]

pub mod arguments;
pub mod cgroup;
pub mod clock;
pub mod descriptors;
pub mod empty_file;
pub mod environment;
pub mod everyone;
pub mod memory;
pub mod pidfd;
pub mod poll;
pub mod process;
pub mod procfs;
pub mod signals;
pub mod spawn;
pub mod stderr;
pub mod terminal;
pub mod wait;

pub use nix::errno::Errno;
pub use nix::unistd::Pid;

/// The outcome of a system call.
pub type Result<T> = std::result::Result<T, Errno>;

/// The kernel's reason in words, with the errno's name: what people search for.
pub fn reason(errno: Errno) -> String {
    let mut text = errno.desc().to_owned();
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_lowercase();
    }
    format!("{text} ({errno:?})")
}
