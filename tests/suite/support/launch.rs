//! What a process is given at its start: plain data.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::{OwnedFd, RawFd};
use std::path::PathBuf;

/// Everything that execve(2) passes on.
pub struct Launch {
    pub program: PathBuf,
    /// The command line, the program's own name first.
    pub words: Vec<OsString>,
    /// `NAME=VALUE`, or whatever else a test likes.
    pub environment: Vec<OsString>,
    pub directory: PathBuf,
    /// The open ones by number; all others are closed.
    pub descriptors: BTreeMap<RawFd, OwnedFd>,
    /// The blocked signals.
    pub mask: u64,
    /// The ignored signals; all others have their default action.
    pub ignored: u64,
    /// Signals that wait for the process. They must be blocked.
    pub pending: Vec<i32>,
    /// Which limit (getrlimit(2)), the soft one and the hard one.
    pub limits: Vec<Limit>,
    /// The user and group to become; only root can.
    pub user: Option<u32>,
    /// A descriptor that is a terminal, to be the controlling one.
    pub terminal: Option<RawFd>,
}

/// One of the process's limits (getrlimit(2)).
pub struct Limit {
    pub resource: u32,
    pub soft: u64,
    pub hard: u64,
}
