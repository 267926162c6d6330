//! How a process exited: the status of waitpid(2), decoded.

use crate::failure::Kind;
use crate::signal::Signal;
use std::fmt;

/// The raw status of waitpid(2). Not nix's type, which cannot hold a death by a real-time signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitStatus(i32);

impl WaitStatus {
    /// The child has exited, and its status is not known. No child that has exited has this number.
    pub const UNKNOWN: WaitStatus = WaitStatus(0x7f);

    /// From the number of waitpid(2).
    pub fn from_raw(raw: i32) -> WaitStatus {
        WaitStatus(raw)
    }

    /// The exit code, if it exited.
    pub fn exit_code(self) -> Option<u8> {
        (self.0 & 0x7f == 0).then_some((self.0 >> 8 & 0xff) as u8)
    }

    /// The signal that killed it, if one did.
    pub fn term_signal(self) -> Option<Signal> {
        let number = self.0 & 0x7f;
        if number == 0x7f { None } else { Signal::new(number) }
    }

    /// Whether the kernel wrote a core dump.
    pub fn core_dumped(self) -> bool {
        self.term_signal().is_some() && self.0 & 0x80 != 0
    }

    /// As a shell shows it in `$?`: the exit code, or 128 + the signal's number.
    pub fn shell_code(self) -> u8 {
        match (self.exit_code(), self.term_signal()) {
            (Some(code), _) => code,
            (None, Some(signal)) => (128 + signal.number()) as u8,
            // Unknown.
            (None, None) => Kind::Own as u8,
        }
    }
}

impl fmt::Display for WaitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.exit_code(), self.term_signal()) {
            (Some(code), _) => write!(f, "exited with status {code}"),
            (None, Some(signal)) if self.core_dumped() => {
                write!(f, "was killed by {signal} (core dumped)")
            }
            (None, Some(signal)) => write!(f, "was killed by {signal}"),
            (None, None) => f.write_str("exited with an unknown status"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_the_status() {
        for code in 0..=255 {
            let status = WaitStatus::from_raw(code << 8);
            assert_eq!(status.exit_code(), Some(code as u8));
            assert_eq!(status.term_signal(), None);
            assert_eq!(i32::from(status.shell_code()), code);
        }
    }

    #[test]
    fn a_death_by_signal_is_128_plus_its_number() {
        for number in 1..=64 {
            for core in [0, 0x80] {
                let status = WaitStatus::from_raw(number | core);
                assert_eq!(status.exit_code(), None);
                assert_eq!(status.term_signal(), Signal::new(number));
                assert_eq!(status.core_dumped(), core != 0);
                assert_eq!(i32::from(status.shell_code()), 128 + number);
            }
        }
    }

    #[test]
    fn a_stop_and_an_unknown_status_are_neither_an_exit_nor_a_death() {
        for status in [WaitStatus::from_raw(0x137f), WaitStatus::UNKNOWN] {
            assert_eq!((status.exit_code(), status.term_signal()), (None, None));
            assert_eq!(status.shell_code(), Kind::Own as u8);
        }
    }
}
