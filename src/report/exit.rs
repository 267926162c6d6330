//! Why main ended.

use crate::report::termination;
use crate::signal::{Signal, SignalSet};
use crate::sys::Pid;
use crate::sys::cgroup;
use crate::sys::wait::WaitStatus;
use log::{Level, log};

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
}

/// Tells how main ended: at info what was to be expected, at warn what was not.
pub fn tell(pid: Pid, status: WaitStatus, circumstances: Circumstances) {
    let level = level(status, circumstances);
    if circumstances.killed_by_us && status.term_signal() == Some(Signal::KILL) {
        log!(
            level,
            "main, PID {pid}, {status} by rinit: {}",
            if circumstances.has_sequence { "--stop-sequence" } else { "--kill-after" }
        );
    } else if status.term_signal() == Some(Signal::KILL) && level == Level::Warn {
        match cgroup::oom_kills() {
            Some(count) if count > 0 => log!(
                level,
                "main, PID {pid}, {status}: out of memory, most likely (the memory limit of this cgroup has killed {count})"
            ),
            _ => log!(level, "main, PID {pid}, {status}, which rinit did not send"),
        }
    } else if level == Level::Warn {
        log!(level, "main, PID {pid}, {status}, which rinit did not send");
    } else {
        if has_failed(status, circumstances) {
            termination::keep_text(&format_args!("main, PID {pid}, {status}"));
        }
        log!(level, "main, PID {pid}, {status}");
    }
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

fn level(status: WaitStatus, circumstances: Circumstances) -> Level {
    let Some(signal) = status.term_signal() else { return Level::Info };
    let from_terminal = is_from_terminal(signal, circumstances);
    let expected = circumstances.sent.contains(signal) && !status.core_dumped() || from_terminal;
    if expected && !circumstances.killed_by_us { Level::Info } else { Level::Warn }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level_of(raw: i32, sent: u64, killed_by_us: bool, has_terminal: bool) -> Level {
        let circumstances =
            Circumstances { sent: SignalSet(sent), killed_by_us, has_terminal, ..Circumstances::default() };
        level(WaitStatus::from_raw(raw), circumstances)
    }

    #[test]
    fn an_exit_and_a_plain_stop_are_ordinary() {
        assert_eq!(level_of(3 << 8, 0, false, false), Level::Info);
        assert_eq!(level_of(15, 1 << 14, false, false), Level::Info);
        assert_eq!(level_of(2, 0, false, true), Level::Info);
    }

    #[test]
    fn what_rinit_did_not_send_is_not() {
        assert_eq!(level_of(15, 0, false, false), Level::Warn);
        assert_eq!(level_of(11 | 0x80, 0, false, true), Level::Warn);
        assert_eq!(level_of(9, 0, false, false), Level::Warn);
        assert_eq!(level_of(9, 0, true, false), Level::Warn);
    }
}
