//! Why rinit cannot start the command: an error message, and the kind that decides the exit status.

use std::fmt;

/// rinit itself failed, or an option is wrong: the command was not started. These three are the statuses of `docker
/// run`, env(1) and timeout(1).
pub const STATUS_OWN: u8 = 125;
/// The command was found but cannot be executed.
pub const STATUS_CANNOT_EXECUTE: u8 = 126;
/// The command was not found.
pub const STATUS_NOT_FOUND: u8 = 127;

/// What failed: decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// rinit itself, or a wrong option.
    Own,
    /// The command was found but cannot be executed.
    CannotExecute,
    /// The command was not found.
    NotFound,
}

/// A failure before main runs: one line for the log.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// What failed.
    pub kind: Kind,
    text: String,
}

impl Failure {
    /// A failure of rinit's own, or a wrong option.
    pub fn own(text: impl Into<String>) -> Failure {
        Failure { kind: Kind::Own, text: text.into() }
    }

    /// A command that cannot be started.
    pub fn command(kind: Kind, text: impl Into<String>) -> Failure {
        Failure { kind, text: text.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
