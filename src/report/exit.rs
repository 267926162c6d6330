//! Why main ended.

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
    /// Whether it had a terminal, where keys send signals.
    pub has_terminal: bool,
    /// Whether it is part of a pipeline there, the reader of which may be the first to exit.
    pub in_pipeline: bool,
}

/// Tells how main ended: at info what was to be expected, at warn what was not.
pub fn tell(pid: Pid, status: WaitStatus, circumstances: Circumstances) {
    let level = level(status, circumstances);
    if circumstances.killed_by_us && status.term_signal() == Some(Signal::KILL) {
        log!(level, "main, PID {pid}, {status} by rinit: --kill-after");
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
        log!(level, "main, PID {pid}, {status}");
    }
}

fn level(status: WaitStatus, circumstances: Circumstances) -> Level {
    let Some(signal) = status.term_signal() else { return Level::Info };
    // Ctrl-C, Ctrl-\ and hanging up: the terminal's doing, or rather its user's.
    let from_terminal = matches!(signal, Signal::INT | Signal::QUIT | Signal::HUP) && circumstances.has_terminal;
    let from_reader = signal == Signal::PIPE && circumstances.has_terminal && circumstances.in_pipeline;
    let expected = circumstances.sent.contains(signal) && !status.core_dumped() || from_terminal || from_reader;
    if expected && !circumstances.killed_by_us { Level::Info } else { Level::Warn }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level_of(raw: i32, sent: u64, killed_by_us: bool, has_terminal: bool) -> Level {
        let circumstances = Circumstances { sent: SignalSet(sent), killed_by_us, has_terminal, in_pipeline: false };
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
