//! Why rinit cannot start the command: an error message, and the kind that decides the exit status.

use std::fmt;

/// What failed, with rinit's exit status for it: those of `docker run`, env(1) and timeout(1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// rinit itself, or a wrong option: the command was not started.
    Own = 125,
    /// The command was found but cannot be executed.
    CannotExecute = 126,
    /// The command was not found.
    NotFound = 127,
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
