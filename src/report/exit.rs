//! Why main exited.

use crate::report::termination;
use crate::signal::{Signal, SignalSet};
use crate::status::WaitStatus;
use crate::sys::Pid;
use crate::sys::cgroup;
use log::{Level, log};
use std::ffi::CStr;

/// How the main process exited, and what rinit knows about the cause.
#[derive(Clone, Copy, Debug)]
pub struct MainExit {
    /// Its exit status.
    pub status: WaitStatus,
    /// The signals that rinit has sent it.
    pub sent: SignalSet,
    /// Whether rinit killed it, for `--kill-after` or `--stop-sequence`.
    pub killed_by_rinit: bool,
    /// Whether a stop is under way, so that any signal that rinit sent may be a part of it.
    pub stopping: bool,
    /// Whether rinit exits with 0: `--map-exit` can turn any status into that.
    pub is_success: bool,
    /// Whether there is a `--stop-sequence`.
    pub has_sequence: bool,
    /// Whether it had a terminal, where keys send signals.
    pub has_terminal: bool,
    /// Whether it was part of a pipeline on that terminal, whose reader may exit before it.
    pub in_pipeline: bool,
}

impl MainExit {
    /// Logs it: at info an expected exit, at warn any other.
    pub fn log(&self, pid: Pid, command: &CStr) {
        let name = command.to_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let remark = self.remark();
        let level = if remark.is_some() { Level::Warn } else { Level::Info };
        let (name, status, remark) = (String::from_utf8_lossy(name), self.status, remark.unwrap_or_default());
        if level == Level::Info && self.has_failed() {
            termination::keep_text(&format_args!("main process {pid} ({name}) {status}"));
        }
        log!(level, "main process {pid} ({name}) {status}{remark}");
    }

    /// Whether an exit that needs no remark is still a failure: a status above 0, or a death by a signal that was no
    /// stop. A program that handles the stop signal may exit with the status of a death by it (128 + its number).
    fn has_failed(&self) -> bool {
        let signal = Signal::new(i32::from(self.status.shell_code()) - 128);
        let was_stop = signal.is_some_and(|signal| {
            let sent = self.sent.contains(signal) && (signal.is_stop() || self.stopping);
            sent || self.status.term_signal().is_some() && self.is_from_terminal(signal)
        });
        !self.is_success && !was_stop
    }

    /// Whether the terminal sends this signal: Ctrl-C, Ctrl-\, or a hangup.
    fn is_from_terminal(&self, signal: Signal) -> bool {
        matches!(signal, Signal::INT | Signal::QUIT | Signal::HUP) && self.has_terminal
    }

    /// What to add about the cause. None for an expected exit.
    fn remark(&self) -> Option<String> {
        let Some(signal) = self.status.term_signal() else {
            // A shell exits with this status when its child was killed.
            return if self.status.exit_code() == Some(137) { out_of_memory() } else { None };
        };
        let sent = self.sent.contains(signal);
        let from_reader = signal == Signal::PIPE && self.has_terminal && self.in_pipeline;
        let text = match self.killed_by_rinit {
            true if signal == Signal::KILL && self.has_sequence => " by rinit: --stop-sequence",
            true if signal == Signal::KILL => " by rinit: --kill-after",
            _ if (self.is_from_terminal(signal) || from_reader) && !self.status.core_dumped() => return None,
            _ if !sent && signal == Signal::KILL => return out_of_memory().or(Some(NOT_SENT.to_owned())),
            _ if !sent => NOT_SENT,
            _ if !signal.requests_termination() && signal != Signal::KILL && !self.has_sequence => {
                ", which was forwarded; it has no handler for it"
            }
            _ if self.status.core_dumped() => ", which was forwarded",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

const NOT_SENT: &str = ", which rinit did not send";

fn out_of_memory() -> Option<String> {
    let count = cgroup::oom_kills().filter(|count| *count > 0)?;
    Some(format!(": out of memory, most likely (the memory limit of this cgroup has killed {count})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark_on(raw: i32, sent: u64, killed_by_rinit: bool, has_terminal: bool) -> String {
        let exit = MainExit {
            status: WaitStatus::from_raw(raw),
            sent: SignalSet(sent),
            killed_by_rinit,
            stopping: false,
            is_success: false,
            has_sequence: false,
            has_terminal,
            in_pipeline: false,
        };
        exit.remark().unwrap_or_default()
    }

    const fn set(signal: i32) -> u64 {
        1 << (signal - 1)
    }

    const CORE: i32 = 0x80;

    #[test]
    fn exits_and_stops_need_no_remark() {
        assert_eq!(remark_on(3 << 8, 0, false, false), "");
        for signal in [2, 3, 15, 37] {
            assert_eq!(remark_on(signal, set(signal), false, false), "", "{signal}");
        }
        assert_eq!(remark_on(2, 0, false, true), "");
        assert_eq!(remark_on(1, set(1), false, true), "", "the terminal hung up");
        assert_eq!(remark_on(9, set(9), false, false), "", "TERM was rewritten to KILL");
    }

    #[test]
    fn signals_that_rinit_did_not_send_are_remarked() {
        for (raw, has_terminal) in [(15, false), (11 | CORE, true), (10, false)] {
            assert_eq!(remark_on(raw, 0, false, has_terminal), ", which rinit did not send");
        }
        assert_ne!(remark_on(9, 0, false, false), "");
    }

    #[test]
    fn forwarded_signals_that_are_no_stop_are_remarked() {
        for signal in [1, 10, 12, 14, 13, 29, 34, 64] {
            let remark = remark_on(signal, set(signal), false, false);
            assert_eq!(remark, ", which was forwarded; it has no handler for it", "{signal}");
        }
        assert_eq!(remark_on(3 | CORE, set(3), false, false), ", which was forwarded");
    }

    #[test]
    fn the_kill_of_kill_after_is_named() {
        assert_eq!(remark_on(9, 0, true, false), " by rinit: --kill-after");
        assert_eq!(remark_on(9, set(15), true, false), " by rinit: --kill-after");
    }
}
