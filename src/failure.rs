//! The one error for people: what was tried, on what, why it failed, and with which status rinit ends.

use std::fmt;

/// rinit itself failed, or was asked for something it does not know: nothing was started. As `docker run`, env(1) and
/// timeout(1) have it.
pub const STATUS_OWN: u8 = 125;
/// The command was found but cannot be executed.
pub const STATUS_CANNOT_EXECUTE: u8 = 126;
/// There is no such command.
pub const STATUS_NOT_FOUND: u8 = 127;

/// A failure before main runs: one line, and the status that rinit exits with.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// 125, 126 or 127.
    pub status: u8,
    text: String,
}

impl Failure {
    /// A failure of rinit's own, or a wrong option.
    pub fn own(text: impl Into<String>) -> Failure {
        Failure { status: STATUS_OWN, text: text.into() }
    }

    /// A command that cannot be started.
    pub fn command(status: u8, text: impl Into<String>) -> Failure {
        Failure { status, text: text.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
