//! The main of a measured init: it reads instructions from stdin, line by line, and answers on stdout.

use super::family;
use super::machine::now;
use nix::sys::signal::{SigSet, Signal};
use std::io::{Write, stdin, stdout};
use std::process::ExitCode;

/// The instructions for main.
#[derive(Clone, Copy, Debug)]
pub enum Line {
    /// Start so many orphans that keep running; answers with 0 if the machine does not allow so many.
    Crowd(u32),
    /// Create so many orphans and let them exit one by one; answers with 0 if the machine does not allow so many.
    OrphansInTurn(u32),
    /// Create so many orphans and let them exit at once; answers with the nanoseconds that it took.
    Storm(u32),
    /// Wait for so many USR1 and answer with the time at which each one arrived.
    Arrivals(u32),
    /// Exit, and answer with the time.
    Leave,
}

impl Line {
    pub fn to_text(self) -> String {
        match self {
            Line::Crowd(count) => format!("crowd {count}\n"),
            Line::OrphansInTurn(count) => format!("orphans {count}\n"),
            Line::Storm(count) => format!("storm {count}\n"),
            Line::Arrivals(count) => format!("arrivals {count}\n"),
            Line::Leave => "leave 0\n".to_owned(),
        }
    }

    fn from_text(text: &str) -> Option<Line> {
        let (word, count) = text.split_once(' ')?;
        let count = count.parse().ok()?;
        Some(match word {
            "crowd" => Line::Crowd(count),
            "orphans" => Line::OrphansInTurn(count),
            "storm" => Line::Storm(count),
            "arrivals" => Line::Arrivals(count),
            "leave" => Line::Leave,
            _ => return None,
        })
    }
}

/// Answers with a number: eight bytes.
fn answer(number: u64) {
    stdout().write_all(&number.to_ne_bytes()).and_then(|()| stdout().flush()).expect("the reader is there");
}

/// Follows instructions until it is to exit or stdin is at its end.
pub fn play() -> ExitCode {
    let arrivals = SigSet::from(Signal::SIGUSR1);
    arrivals.thread_block().expect("USR1 can be blocked");
    answer(1);
    for line in stdin().lines() {
        let line = line.expect("text");
        match Line::from_text(&line).unwrap_or_else(|| panic!("main does not know {line:?}")) {
            Line::Crowd(count) => answer(family::crowd(count).into()),
            Line::OrphansInTurn(count) => answer(family::orphans_in_turn(count).into()),
            Line::Storm(count) => answer(family::storm(count).as_nanos() as u64),
            Line::Arrivals(count) => {
                for _ in 0..count {
                    arrivals.wait().expect("a signal");
                    answer(now());
                }
            }
            Line::Leave => {
                answer(now());
                break;
            }
        }
    }
    ExitCode::SUCCESS
}

/// A well-behaved service: prints that it is ready, and exits at once when it is asked to.
pub fn serve() -> ExitCode {
    let stop = SigSet::from(Signal::SIGTERM);
    stop.thread_block().expect("TERM can be blocked");
    println!("ready");
    stop.wait().expect("a signal");
    ExitCode::SUCCESS
}
