//! Why main ended.

use crate::report::termination;
use crate::signal::{Signal, SignalSet};
use crate::status::WaitStatus;
use crate::sys::Pid;
use crate::sys::cgroup;
use log::{Level, log};
use std::ffi::CStr;

/// What is known about main's end besides its status.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances {
    /// What rinit has sent it.
    pub sent: SignalSet,
    /// Whether rinit killed it, for `--kill-after`.
    pub killed_by_us: bool,
    /// Whether a stop is under way, so that any signal that rinit sent may be a part of it.
    pub stopping: bool,
    /// Whether rinit exits with 0 then: `--map-exit` can turn any status into that.
    pub is_success: bool,
    /// Whether there is a `--stop-sequence`, so that the KILL was its last step.
    pub has_sequence: bool,
    /// Whether it had a terminal, where keys send signals.
    pub has_terminal: bool,
    /// Whether it is part of a pipeline there, the reader of which may be the first to exit.
    pub in_pipeline: bool,
}

/// Whether what is expected is a failure all the same: an exit with a status above 0, or a death by a signal that was no
/// stop. A program that handles the stop signal may exit as if it had died of it.
fn has_failed(status: WaitStatus, circumstances: Circumstances) -> bool {
    let code = status.shell_code();
    let signal = Signal::new(i32::from(code) - 128);
    let was_stop = signal.is_some_and(|signal| {
        let sent = circumstances.sent.contains(signal) && (signal.is_stop() || circumstances.stopping);
        sent || status.term_signal().is_some() && is_from_terminal(signal, circumstances)
    });
    !circumstances.is_success && !was_stop
}

/// Ctrl-C, Ctrl-\ and hanging up: the terminal's doing, or rather its user's.
fn is_from_terminal(signal: Signal, circumstances: Circumstances) -> bool {
    matches!(signal, Signal::INT | Signal::QUIT | Signal::HUP) && circumstances.has_terminal
}

/// Logs how the main process exited: at info what was to be expected, at warn what was not.
pub fn tell(pid: Pid, command: &CStr, status: WaitStatus, circumstances: Circumstances) {
    let name = command.to_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let remark = remark(status, circumstances);
    let level = if remark.is_some() { Level::Warn } else { Level::Info };
    let (name, remark) = (String::from_utf8_lossy(name), remark.unwrap_or_default());
    if level == Level::Info && has_failed(status, circumstances) {
        termination::keep_text(&format_args!("main process {pid} ({name}) {status}"));
    }
    log!(level, "main process {pid} ({name}) {status}{remark}");
}

/// What there is to add. None where it was to be expected.
fn remark(status: WaitStatus, circumstances: Circumstances) -> Option<String> {
    let Some(signal) = status.term_signal() else {
        // So a shell passes on that its child was killed.
        return if status.exit_code() == Some(137) { out_of_memory() } else { None };
    };
    let from_terminal = is_from_terminal(signal, circumstances);
    let from_reader = signal == Signal::PIPE && circumstances.has_terminal && circumstances.in_pipeline;
    let of_our_own = || match circumstances.killed_by_us {
        true if signal == Signal::KILL && circumstances.has_sequence => Some(" by rinit: --stop-sequence".to_owned()),
        true if signal == Signal::KILL => Some(" by rinit: --kill-after".to_owned()),
        _ if (from_terminal || from_reader) && !status.core_dumped() => None,
        _ if !circumstances.sent.contains(signal) => Some(", which rinit did not send".to_owned()),
        _ if !signal.requests_termination() && signal != Signal::KILL && !circumstances.has_sequence => {
            Some(", which was forwarded; it has no handler for it".to_owned())
        }
        _ if status.core_dumped() => Some(", which was forwarded".to_owned()),
        _ => None,
    };
    let is_foreign_kill = signal == Signal::KILL && !circumstances.killed_by_us && !circumstances.sent.contains(signal);
    if is_foreign_kill { out_of_memory().or_else(of_our_own) } else { of_our_own() }
}

fn out_of_memory() -> Option<String> {
    let count = cgroup::oom_kills().filter(|count| *count > 0)?;
    Some(format!(": out of memory, most likely (the memory limit of this cgroup has killed {count})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark_on(raw: i32, sent: u64, killed_by_us: bool, has_terminal: bool) -> String {
        let circumstances =
            Circumstances { sent: SignalSet(sent), killed_by_us, has_terminal, ..Circumstances::default() };
        remark(WaitStatus::from_raw(raw), circumstances).unwrap_or_default()
    }

    const fn set(signal: i32) -> u64 {
        1 << (signal - 1)
    }

    const CORE: i32 = 0x80;

    #[test]
    fn an_exit_and_a_plain_stop_are_ordinary() {
        assert_eq!(remark_on(3 << 8, 0, false, false), "");
        for signal in [2, 3, 15, 37] {
            assert_eq!(remark_on(signal, set(signal), false, false), "", "{signal}");
        }
        assert_eq!(remark_on(2, 0, false, true), "");
        assert_eq!(remark_on(1, set(1), false, true), "", "the terminal hung up");
        assert_eq!(remark_on(9, set(9), false, false), "", "TERM was rewritten to KILL");
    }

    #[test]
    fn what_rinit_did_not_send_is_not() {
        for (raw, has_terminal) in [(15, false), (11 | CORE, true), (10, false)] {
            assert_eq!(remark_on(raw, 0, false, has_terminal), ", which rinit did not send");
        }
        assert_ne!(remark_on(9, 0, false, false), "");
    }

    #[test]
    fn what_rinit_forwarded_and_is_no_stop_signal_is_not() {
        for signal in [1, 10, 12, 14, 13, 29, 34, 64] {
            let remark = remark_on(signal, set(signal), false, false);
            assert_eq!(remark, ", which was forwarded; it has no handler for it", "{signal}");
        }
        assert_eq!(remark_on(3 | CORE, set(3), false, false), ", which was forwarded");
    }

    #[test]
    fn the_kill_of_kill_after_is_rinits_own() {
        assert_eq!(remark_on(9, 0, true, false), " by rinit: --kill-after");
        assert_eq!(remark_on(9, set(15), true, false), " by rinit: --kill-after");
    }
}
