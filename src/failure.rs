//! The one error for people: what was tried, on what, why it failed, and with which status rinit ends.

use std::fmt;

/// rinit itself failed, or was asked for something it does not know: nothing was started. As `docker run`, env(1) and
/// timeout(1) have it.
pub const STATUS_OWN: u8 = 125;
/// The command was found but cannot be executed.
pub const STATUS_CANNOT_EXECUTE: u8 = 126;
/// There is no such command.
pub const STATUS_NOT_FOUND: u8 = 127;

/// What failed, as far as an exit status tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// rinit itself, or what it was asked for.
    Own,
    /// The command was found but cannot be executed.
    CannotExecute,
    /// There is no such command.
    NotFound,
}

/// A failure before main runs: one line.
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
