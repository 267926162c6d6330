//! What rinit was asked to do: plain data, made once from the command line and the environment.

use crate::log::{LogFilter, LogFormat};
use crate::report::termination;
use crate::signal::{Rewrites, Signal, SignalSet};
use crate::stop_sequence::StopSequence;
use std::time::Duration;

/// Everything that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether there is no command: rinit only reaps, until TERM or INT.
    pub pause: bool,
    /// Who gets the forwarded signals.
    pub target: Target,
    /// What is sent in the place of a signal that arrives.
    pub rewrites: Rewrites,
    /// Signals that are not forwarded: rinit itself takes their default action.
    pub unforwarded: SignalSet,
    /// Signals that are forwarded and then stop rinit too.
    pub suspending: SignalSet,
    /// Whether main leads a session of its own, and not only a group.
    pub session: bool,
    /// Sent to main when rinit's parent, or rinit itself, ends.
    pub parent_death: Option<Signal>,
    /// Whether orphans are adopted where rinit is not PID 1.
    pub subreaper: bool,
    /// Whether it is a warning where rinit is not PID 1 and does not adopt orphans either.
    pub warn_not_init: bool,
    /// Whether each orphan that is reaped is a warning.
    pub warn_reaped: bool,
    /// What is exited with for each status of main's.
    pub exit_map: ExitMap,
    /// How long the remaining processes may take to exit once main has exited, before they are killed. None: for ever.
    pub grace: Option<Duration>,
    /// Sent to main's group when main has ended, where nobody is waited for.
    pub parting: Option<Signal>,
    /// How long after the first stop signal main is killed. None: never.
    pub kill_after: Option<Duration>,
    /// What is sent in place of the first stop signal. Without steps: that signal itself.
    pub stop_sequence: StopSequence,
    /// Whether rinit outlives main for as long as others live.
    pub wait_all: bool,
    /// Whether rinit keeps to what other inits do on a terminal: it exits with 128 + n where a signal ends main, and leaves an
    /// interactive shell alone that ignores TERM.
    pub like_other_inits: bool,
    /// How long after the first stop signal it is told who has not ended. None: never.
    pub report_after: Option<Duration>,
    /// Where it is written why the container ended badly.
    pub termination_log: termination::Path,
    /// What is said.
    pub log: LogFilter,
    /// The form of a line of the log.
    pub log_format: LogFormat,
    /// What was wrong with the variables, but not so wrong that the command should not start.
    pub warnings: Vec<String>,
}

/// Those of rinit by its own name.
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

/// Who gets a forwarded signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// main's process group.
    Group,
    /// main alone.
    Main,
    /// Everybody that rinit answers for: as PID 1 all processes of the namespace, else its descendants.
    All,
}

impl Target {
    /// The one of the two that reaches more.
    pub fn or_wider(self, other: Target) -> Target {
        match (self, other) {
            (Target::All, _) | (_, Target::All) => Target::All,
            (Target::Group, _) | (_, Target::Group) => Target::Group,
            (Target::Main, Target::Main) => Target::Main,
        }
    }
}

/// Exit statuses that are to be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ExitMap(Vec<(u8, u8)>);

impl ExitMap {
    /// Has `to` in the place of `from`; the last word on a status counts.
    pub fn set(&mut self, from: u8, to: u8) {
        self.0.retain(|(known, _)| *known != from);
        self.0.push((from, to));
    }

    /// What to exit with for `code`. Not applied twice: 1 to 2 and 2 to 3 make 2 out of 1.
    pub fn apply(&self, code: u8) -> u8 {
        self.0.iter().find(|(from, _)| *from == code).map_or(code, |(_, to)| *to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_on_a_status_counts_and_is_applied_once() {
        let mut map = ExitMap::default();
        map.set(1, 2);
        map.set(2, 3);
        map.set(143, 7);
        map.set(143, 0);
        assert_eq!([0, 1, 2, 3, 143].map(|code| map.apply(code)), [0, 2, 3, 3, 0]);
    }
}
