//! Everything that a process inherits at its start, as plain data.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::{OwnedFd, RawFd};
use std::path::PathBuf;

/// Everything that execve(2) passes on.
pub struct Launch {
    pub program: PathBuf,
    /// The command line, with argv[0].
    pub words: Vec<OsString>,
    /// `NAME=VALUE`, or any other bytes.
    pub environment: Vec<OsString>,
    pub directory: PathBuf,
    /// The open descriptors by number; all others are closed.
    pub descriptors: BTreeMap<RawFd, OwnedFd>,
    /// The blocked signals.
    pub mask: u64,
    /// The ignored signals; all others have their default action.
    pub ignored: u64,
    /// The pending signals. They must be blocked.
    pub pending: Vec<i32>,
    /// The limits that differ from the test's own.
    pub limits: Vec<Limit>,
    /// The user and group to become; only root can.
    pub user: Option<u32>,
    /// A descriptor of a terminal, which becomes the controlling one.
    pub terminal: Option<RawFd>,
}

/// One of the process's limits (getrlimit(2)).
pub struct Limit {
    pub resource: u32,
    pub soft: u64,
    pub hard: u64,
}
