//! The options: plain data, read once from the command line and the environment.

use crate::log::{LogFilter, LogFormat};
use crate::report::termination;
use crate::signal::{Rewrites, Signal, SignalSet};
use crate::stop_sequence::StopSequence;
use std::time::Duration;

/// All options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Without a command: rinit only reaps, until TERM or INT.
    pub pause: bool,
    /// The recipients of forwarded signals.
    pub target: Target,
    /// Which signal is sent in place of a received one.
    pub rewrites: Rewrites,
    /// Signals that are not forwarded: they have their default action on rinit itself.
    pub unforwarded: SignalSet,
    /// Signals that are forwarded, and then stop rinit as well.
    pub suspending: SignalSet,
    /// Whether main leads a session of its own, and not only a process group.
    pub session: bool,
    /// Sent to main when rinit's parent, or rinit itself, exits.
    pub parent_death: Option<Signal>,
    /// Whether rinit becomes a subreaper where it is not PID 1, and so the parent of orphans.
    pub subreaper: bool,
    /// Whether to warn if rinit is neither PID 1 nor a subreaper.
    pub warn_not_init: bool,
    /// Whether to warn of each orphan that is reaped.
    pub warn_reaped: bool,
    /// rinit's exit status for each of main's.
    pub exit_map: ExitMap,
    /// How long the remaining processes may take to exit once main has exited, before they are killed. None: as long as
    /// they like.
    pub grace: Option<Duration>,
    /// Sent to main's group when main has exited, where rinit does not wait for remaining processes.
    pub parting: Option<Signal>,
    /// Main is killed this long after the first stop signal. None: never.
    pub kill_after: Option<Duration>,
    /// What is sent in place of the first stop signal. Empty: that signal itself.
    pub stop_sequence: StopSequence,
    /// Whether rinit waits for the remaining processes as long as they like once main has exited.
    pub wait_all: bool,
    /// Whether rinit behaves on a terminal as other inits do: it exits with 128 + n when a signal has killed main, and
    /// sends no HUP to an interactive shell that ignores TERM.
    pub like_other_inits: bool,
    /// A slow stop is reported this long after the first stop signal. None: never.
    pub report_after: Option<Duration>,
    /// The file for the termination message: why the container failed.
    pub termination_log: termination::Path,
    /// Which records are logged.
    pub log: LogFilter,
    /// The format of the log.
    pub log_format: LogFormat,
    /// Mistakes in variables that are no reason not to start the command.
    pub warnings: Vec<String>,
}

/// The defaults of rinit under its own name.
impl Default for Options {
    fn default() -> Options {
        Options {
            pause: false,
            target: Target::Group,
            rewrites: Rewrites::NONE,
            unforwarded: SignalSet::EMPTY,
            suspending: SignalSet::EMPTY,
            session: false,
            parent_death: None,
            subreaper: true,
            warn_not_init: false,
            warn_reaped: false,
            exit_map: ExitMap::default(),
            grace: Some(Duration::from_secs(30)),
            parting: None,
            kill_after: None,
            stop_sequence: StopSequence::default(),
            wait_all: false,
            like_other_inits: false,
            report_after: Some(Duration::from_secs(5)),
            termination_log: termination::DEFAULT,
            log: LogFilter::default(),
            log_format: LogFormat::Text,
            warnings: Vec::new(),
        }
    }
}

/// The recipients of a forwarded signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// main's process group.
    Group,
    /// main alone.
    Main,
    /// All processes that rinit is responsible for: as PID 1 those of the namespace, otherwise its descendants.
    All,
}

impl Target {
    /// Reads `main`, `group` or `all`.
    pub fn parse(text: &str) -> Option<Target> {
        match text {
            "main" => Some(Target::Main),
            "group" => Some(Target::Group),
            "all" => Some(Target::All),
            _ => None,
        }
    }

    /// The one of the two that reaches more processes.
    pub fn or_wider(self, other: Target) -> Target {
        match (self, other) {
            (Target::All, _) | (_, Target::All) => Target::All,
            (Target::Group, _) | (_, Target::Group) => Target::Group,
            (Target::Main, Target::Main) => Target::Main,
        }
    }
}

/// Exit statuses to replace.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ExitMap(Vec<(u8, u8)>);

impl ExitMap {
    /// Replaces `from` by `to`. The last rule for a status wins.
    pub fn set(&mut self, from: u8, to: u8) {
        self.0.retain(|(known, _)| *known != from);
        self.0.push((from, to));
    }

    /// The exit status for `code`. Applied once: with 1 to 2 and 2 to 3, 1 becomes 2.
    pub fn apply(&self, code: u8) -> u8 {
        self.0.iter().find(|(from, _)| *from == code).map_or(code, |(_, to)| *to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rule_for_a_status_wins_and_is_applied_once() {
        let mut map = ExitMap::default();
        map.set(1, 2);
        map.set(2, 3);
        map.set(143, 7);
        map.set(143, 0);
        assert_eq!([0, 1, 2, 3, 143].map(|code| map.apply(code)), [0, 2, 3, 3, 0]);
    }
}
