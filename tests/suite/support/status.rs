//! How a process ended. nix's own type cannot represent a death by a real-time signal.

/// A wait status, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It exited with this code.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
}

impl Status {
    /// Decodes the status that wait4(2) returns.
    pub fn from_raw(raw: i32) -> Status {
        match raw & 0x7f {
            0 => Status::Exited(raw >> 8 & 0xff),
            signal => Status::Killed(signal),
        }
    }
}
