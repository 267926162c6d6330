//! The log, on stderr: `rinit[PID]: LEVEL: text` or a JSON object, one line a record. It never waits for a reader.
//!
//! env_logger is set up when the first record is logged, which in most containers is never.

use crate::json::Escaped;
use crate::printable::Printable;
use crate::report::termination;
use crate::sys::stderr;
use env_logger::fmt::Formatter;
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The level without `-v`, `-q` and RINIT_LOG.
pub const DEFAULT: LevelFilter = LevelFilter::Warn;

/// Which records are logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFilter {
    /// All up to a level.
    Level(LevelFilter),
    /// env_logger's syntax, checked.
    Spec(String),
}

impl Default for LogFilter {
    fn default() -> LogFilter {
        LogFilter::Level(DEFAULT)
    }
}

impl LogFilter {
    /// What `parse` accepts, for error messages.
    pub const ALLOWED: &str = "off, error, warn, info, debug or trace, or env_logger's MODULE=LEVEL with commas, MODULE being \
                               rinit or below";

    /// Reads env_logger's syntax; an error is the part that is wrong. env_logger's own parser takes a misspelt level
    /// for the name of a module, and prints by itself what it cannot read.
    pub fn parse(value: &str) -> Result<LogFilter, &str> {
        let level = |text: &str| text.parse::<LevelFilter>().is_ok();
        let module = |text: &str| text == "rinit" || text.starts_with("rinit::");
        let (directives, pattern) = value.split_once('/').unwrap_or((value, ""));
        let known = |directive: &str| match directive.split_once('=') {
            Some((name, text)) => module(name) && level(text),
            None => level(directive) || module(directive),
        };
        match directives.split(',').find(|directive| !known(directive)) {
            Some(bad) => Err(bad),
            None if pattern.contains('/') => Err(pattern),
            None => Ok(LogFilter::Spec(value.to_owned())),
        }
    }
}

/// The format of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: `rinit[PID]: LEVEL: text`.
    Text,
    /// For programs: a JSON object.
    Json,
}

struct Lazy {
    filter: OnceLock<LogFilter>,
    logger: OnceLock<env_logger::Logger>,
}

static LOGGER: Lazy = Lazy { filter: OnceLock::new(), logger: OnceLock::new() };

/// Starts logging. The first call wins.
pub fn start(filter: &LogFilter, format: LogFormat) {
    if LOGGER.filter.set(filter.clone()).is_ok() {
        stderr::JSON.store(format == LogFormat::Json, Relaxed);
    }
    let most = match filter {
        LogFilter::Level(level) => *level,
        // Only env_logger can evaluate its syntax.
        LogFilter::Spec(_) => LOGGER.logger().filter(),
    };
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(most);
    }
}

impl Lazy {
    fn logger(&self) -> &env_logger::Logger {
        self.logger.get_or_init(|| {
            let mut builder = env_logger::Builder::new();
            match self.filter.get() {
                Some(LogFilter::Spec(spec)) => builder.parse_filters(spec),
                Some(LogFilter::Level(level)) => builder.filter_level(*level),
                None => builder.filter_level(DEFAULT),
            };
            let target = env_logger::Target::Pipe(Box::new(Stderr));
            builder.target(target).format(write_record).build()
        })
    }
}

impl Log for Lazy {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.logger().enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        termination::keep(record);
        self.logger().log(record);
    }

    fn flush(&self) {}
}

fn write_record(to: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    to.write_all(line(record.level(), record.args()).as_bytes())
}

fn line(level: Level, text: &fmt::Arguments<'_>) -> String {
    if stderr::JSON.load(Relaxed) {
        return object(level, text);
    }
    let mut line = String::new();
    let (before, after) = colours(level);
    let _ = write!(line, "rinit[{}]: {before}{level}{after}: ", std::process::id());
    let _ = write!(Printable(&mut line), "{text}");
    end_line(&mut line);
    line
}

fn object(level: Level, text: &fmt::Arguments<'_>) -> String {
    const END: &str = "\"}\n";
    let mut line = stderr::json_head(level.as_str()).to_string();
    let mut message = Escaped::up_to(stderr::LONGEST - CUT.len() - END.len(), &mut line);
    let _ = write!(message, "{text}");
    if message.is_cut() {
        line.push_str(CUT);
    }
    line.push_str(END);
    line
}

/// Marks the end of a message that was cut.
const CUT: &str = "...";

/// Escape sequences around a level's name: on a terminal a colour, unless the user wants none (no-color.org).
fn colours(level: Level) -> (&'static str, &'static str) {
    let wanted = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match level {
        _ if !wanted => ("", ""),
        Level::Error => ("\x1b[31m", "\x1b[0m"),
        Level::Warn => ("\x1b[33m", "\x1b[0m"),
        Level::Info => ("\x1b[32m", "\x1b[0m"),
        Level::Debug | Level::Trace => ("\x1b[2m", "\x1b[0m"),
    }
}

/// Ends a line, and cuts it so that a pipe takes it whole or not at all.
fn end_line(line: &mut String) {
    if line.len() >= stderr::LONGEST {
        let mut end = stderr::LONGEST - CUT.len() - 1;
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.truncate(end);
        line.push_str(CUT);
    }
    line.push('\n');
}

/// stderr as env_logger's target: each call has one line.
struct Stderr;

/// Lines that could not be written since the last one that could.
static LOST: AtomicU64 = AtomicU64::new(0);

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let lost = LOST.load(Relaxed);
        let written = if lost == 0 {
            stderr::write_now(line)
        } else {
            let plural = if lost == 1 { "" } else { "s" };
            let notice = self::line(Level::Warn, &format_args!("{lost} line{plural} lost here: stderr was full"));
            stderr::write_now(notice.as_bytes()).and_then(|()| {
                LOST.store(0, Relaxed);
                stderr::write_now(line)
            })
        };
        if written.is_err() {
            LOST.fetch_add(1, Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_levels_and_modules_of_rinit() {
        for value in ["off", "DEBUG", "rinit", "rinit=debug", "info,rinit::init=trace", "warn/pattern"] {
            assert_eq!(LogFilter::parse(value), Ok(LogFilter::Spec(value.to_owned())));
        }
        for (value, wrong) in [
            ("debgu", "debgu"),
            ("rinit=", "rinit="),
            ("rinit=loud", "rinit=loud"),
            ("rinit=a=b", "rinit=a=b"),
            ("other=info", "other=info"),
            ("warn,,info", ""),
            ("a/b/c", "a"),
            ("warn/b/c", "b/c"),
        ] {
            assert_eq!(LogFilter::parse(value), Err(wrong), "{value}");
        }
    }

    #[test]
    fn a_line_is_no_longer_than_a_pipe_takes_whole() {
        for length in [1, stderr::LONGEST - 2, stderr::LONGEST - 1, stderr::LONGEST, 3 * stderr::LONGEST] {
            let mut line = "é".repeat(length / 2) + if length % 2 == 1 { "x" } else { "" };
            end_line(&mut line);
            assert!(line.len() <= stderr::LONGEST, "{length}");
            assert!(line.ends_with('\n'));
            assert_eq!(line.ends_with("...\n"), length >= stderr::LONGEST, "{length}");
        }
    }
}

#[cfg(any(test, fuzzing))]
pub mod properties;
