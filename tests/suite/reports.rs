//! What rinit reports: what delays a stop, why main exited, the process table, and a log that never blocks.

mod end;
mod hints;
mod log;
mod slow_stop;
mod table;
mod termination;

use crate::support::{Finished, Rinit, puppet};

/// The puppet as the command, under a name that does not depend on the machine.
fn play(rinit: Rinit, words: &str) -> Rinit {
    let folder = puppet().parent().unwrap();
    rinit.directory(folder).command(["./puppet", "play"].into_iter().chain(words.split(' ')))
}

/// rinit's log: each line's level and text.
fn log_lines(finished: &Finished) -> Vec<(&str, &str)> {
    finished.stderr.lines().map(parts).collect()
}

fn parts(line: &str) -> (&str, &str) {
    let parts = line.strip_prefix("rinit[").and_then(|line| line.split_once("]: "));
    let parts = parts.and_then(|(_, record)| record.split_once(": "));
    parts.unwrap_or_else(|| panic!("no line of rinit's: {line:?}"))
}
