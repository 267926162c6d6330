//! The choices that an option or a variable makes: their names, the values that they take, and the error for any other.

use crate::duration;
use crate::failure::Failure;
use crate::log::{LogFilter, LogFormat};
use crate::options::{Options, Target};
use crate::signal::Signal;
use crate::stop_sequence::{self, StopSequence};
use crate::sys::arguments::CStrArray;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// A choice that an option or a variable makes: the value is read in one place, whichever it comes from.
pub(super) struct Setting {
    /// The long option, and its name in the parser.
    pub(super) option: &'static str,
    pub(super) short: Option<char>,
    pub(super) variable: &'static str,
    /// For messages.
    pub(super) allowed: &'static str,
    /// Takes a value into the options. An error is the part of it that is not allowed.
    take: for<'a> fn(&mut Options, &'a str) -> Result<(), &'a str>,
}

impl Setting {
    /// Takes a value that `name` (an option or a variable) has.
    pub(super) fn apply(&self, options: &mut Options, name: &str, value: &OsStr) -> Result<(), Failure> {
        let whole = value.to_string_lossy();
        let taken = value.to_str().ok_or(&*whole).and_then(|value| (self.take)(options, value));
        taken.map_err(|part| {
            // A list is long: what is wrong with which part is named.
            let wrong = (self.option == "stop-sequence").then(|| StopSequence::parse(&whole).err()).flatten();
            let part = match wrong {
                Some(wrong) => format!(" ({wrong})"),
                None if part == whole => String::new(),
                None => format!(" ({part:?})"),
            };
            Failure::own(format!("{name}: bad value {whole:?}{part}; allowed: {}", self.allowed))
        })
    }

    /// Whether it matters where the others cannot be read.
    pub(super) fn affects_errors(&self) -> bool {
        matches!(self.option, "log-format" | "termination-log")
    }

    /// Takes what an option without a value says.
    pub(super) fn turn_on(&self, options: &mut Options) {
        let _ = (self.take)(options, "1");
    }
}

/// All that have a variable.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        option: "target",
        short: Some('t'),
        variable: "RINIT_TARGET",
        allowed: "main, group or all",
        take: |options, value| {
            options.target = match value {
                "main" => Target::Main,
                "group" => Target::Group,
                "all" => Target::All,
                _ => return Err(value),
            };
            Ok(())
        },
    },
    Setting {
        option: "rewrite",
        short: Some('r'),
        variable: "RINIT_REWRITE",
        allowed: "FROM:TO, or a list of these with commas; FROM is a signal by name (TERM, SIGTERM, RTMIN+3) or number, but \
                  not KILL or STOP, which no process can catch, nor CHLD, which is about rinit's own children; TO is a \
                  signal, or 0 or none to drop it",
        take: |options, value| {
            value.split(',').try_for_each(|entry| {
                let (from, to) = entry.split_once(':').ok_or(entry)?;
                let rewritable = |signal: &Signal| !Signal::UNREWRITABLE.contains(*signal);
                let signal = Signal::parse(from).filter(rewritable).ok_or(from)?;
                let to = if to == "0" || to == "none" { None } else { Some(Signal::parse(to).ok_or(to)?) };
                options.rewrites.set(signal, to);
                Ok(())
            })
        },
    },
    Setting {
        option: "session",
        short: None,
        variable: "RINIT_SESSION",
        allowed: FLAG,
        take: |options, value| {
            options.session = flag(value).ok_or(value)?;
            Ok(())
        },
    },
    Setting {
        option: "warn-reaped",
        short: Some('w'),
        variable: "RINIT_WARN_REAPED",
        allowed: FLAG,
        take: |options, value| {
            options.warn_reaped = flag(value).ok_or(value)?;
            Ok(())
        },
    },
    Setting {
        option: "parent-death",
        short: Some('p'),
        variable: "RINIT_PARENT_DEATH",
        allowed: Signal::ALLOWED,
        take: |options, value| {
            options.parent_death = Some(Signal::parse(value).ok_or(value)?);
            Ok(())
        },
    },
    Setting {
        option: "subreaper",
        short: Some('s'),
        variable: "RINIT_SUBREAPER",
        allowed: FLAG,
        take: |options, value| {
            options.subreaper = flag(value).ok_or(value)?;
            Ok(())
        },
    },
    Setting {
        option: "map-exit",
        short: Some('e'),
        variable: "RINIT_MAP_EXIT",
        allowed: "CODE or CODE:TO, each 0 to 255, or a list of these with commas",
        take: |options, value| {
            value.split(',').try_for_each(|entry| {
                let (from, to) = entry.split_once(':').unwrap_or((entry, "0"));
                options.exit_map.set(status(from).ok_or(from)?, status(to).ok_or(to)?);
                Ok(())
            })
        },
    },
    Setting {
        option: "grace",
        short: None,
        variable: "RINIT_GRACE",
        allowed: duration::ALLOWED,
        take: |options, value| {
            options.grace = duration::parse(value).ok_or(value)?;
            Ok(())
        },
    },
    Setting {
        option: "kill-after",
        short: Some('k'),
        variable: "RINIT_KILL_AFTER",
        allowed: "a time above 0 such as 500ms, 5s, 1.5m, 1h, a plain number of seconds, or inf (never)",
        take: |options, value| {
            options.kill_after = duration::parse(value).ok_or(value)?;
            if options.kill_after == Some(Duration::ZERO) { Err(value) } else { Ok(()) }
        },
    },
    Setting {
        option: "stop-sequence",
        short: None,
        variable: "RINIT_STOP_SEQUENCE",
        allowed: stop_sequence::ALLOWED,
        take: |options, value| {
            options.stop_sequence = StopSequence::parse(value).map_err(|_| value)?;
            Ok(())
        },
    },
    Setting {
        option: "wait-all",
        short: None,
        variable: "RINIT_WAIT_ALL",
        allowed: FLAG,
        take: |options, value| {
            options.wait_all = flag(value).ok_or(value)?;
            Ok(())
        },
    },
    Setting {
        option: "report-after",
        short: None,
        variable: "RINIT_REPORT_AFTER",
        allowed: "a time such as 500ms, 5s, 1.5m, 1h, a plain number of seconds, or 0 or inf (never)",
        take: |options, value| {
            options.report_after = duration::parse(value).ok_or(value)?.filter(|limit| !limit.is_zero());
            Ok(())
        },
    },
    Setting {
        option: "termination-log",
        short: None,
        variable: "RINIT_TERMINATION_LOG",
        allowed: "an absolute path, or off",
        take: |options, value| {
            options.termination_log = match value {
                "off" => None,
                path => match CString::new(path) {
                    Ok(name) if path.starts_with('/') => Some(name.into()),
                    _ => return Err(value),
                },
            };
            Ok(())
        },
    },
    Setting {
        option: "log",
        short: None,
        variable: "RINIT_LOG",
        allowed: LogFilter::ALLOWED,
        take: |options, value| {
            match LogFilter::parse(value) {
                Ok(filter) => options.log = filter,
                // A mistake in a log filter is no reason for a service not to start.
                Err(part) => options.warnings.push(format!(
                    "RINIT_LOG: cannot read {part:?}, so the level is warn; allowed: {}",
                    LogFilter::ALLOWED
                )),
            }
            Ok(())
        },
    },
    Setting {
        option: "log-format",
        short: None,
        variable: "RINIT_LOG_FORMAT",
        allowed: "text or json",
        take: |options, value| {
            options.log_format = match value {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return Err(value),
            };
            Ok(())
        },
    },
];

const FLAG: &str = "1, true, yes or on, or 0, false, no or off";

fn flag(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn status(digits: &str) -> Option<u8> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The variables that are set, each as its option would take it. Of one that is there twice the first counts, as for
/// getenv(3); one that is empty is not set, as Compose has it where it finds nothing for `RINIT_GRACE=${GRACE}`.
pub(super) fn take_environment(options: &mut Options, environment: CStrArray) -> Result<(), Failure> {
    let mut seen = [false; SETTINGS.len()];
    for entry in environment {
        let Some(rest) = entry.to_bytes().strip_prefix(PREFIX) else { continue };
        let mut parts = rest.splitn(2, |byte| *byte == b'=');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        let own_part = |setting: &Setting| setting.variable.as_bytes().strip_prefix(PREFIX);
        if let Some((setting, seen)) =
            SETTINGS.iter().zip(&mut seen).find(|(setting, _)| own_part(setting) == Some(name))
        {
            if !std::mem::replace(seen, true) && !value.is_empty() {
                setting.apply(options, setting.variable, OsStr::from_bytes(value))?;
            }
        } else if let Some(meant) =
            SETTINGS.iter().find(|setting| own_part(setting).is_some_and(|known| is_similar(known, name)))
        {
            options.warnings.push(format!(
                "unknown variable \"RINIT_{}\"; {} is similar",
                String::from_utf8_lossy(name),
                meant.variable
            ));
        }
    }
    Ok(())
}

const PREFIX: &[u8] = b"RINIT_";

/// Whether `name` is most likely `known`, misspelt: one letter in three at most is missing, added, wrong or changed places with
/// the next. Not more: Kubernetes makes RINIT_PORT and the like for a service that is called rinit.
pub(super) fn is_similar(known: &[u8], name: &[u8]) -> bool {
    is_within((known.len() / 3).min(2), known, name)
}

fn is_within(edits: usize, known: &[u8], name: &[u8]) -> bool {
    let (Some((first, known_rest)), Some((letter, rest))) = (known.split_first(), name.split_first()) else {
        return known.len().max(name.len()) <= edits;
    };
    if first == letter {
        return is_within(edits, known_rest, rest);
    }
    let Some(left) = edits.checked_sub(1) else { return false };
    let swapped = known_rest.first() == Some(letter) && rest.first() == Some(first);
    is_within(left, known_rest, rest)
        || is_within(left, known_rest, name)
        || is_within(left, known, rest)
        || swapped && is_within(left, known_rest.get(1..).unwrap_or_default(), rest.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(variable: &str, value: &str) -> Option<Options> {
        let mut options = Options::default();
        let setting = SETTINGS.iter().find(|setting| setting.variable == variable).unwrap();
        (setting.take)(&mut options, value).ok().map(|()| options)
    }

    #[test]
    fn every_setting_refuses_what_is_empty_or_has_spaces() {
        for setting in SETTINGS.iter().filter(|setting| setting.option != "log") {
            for value in ["", " ", " 1", "1 ", "main ", "TERM,", ",", "\n", "-1"] {
                assert_eq!(take(setting.variable, value), None, "{} {value:?}", setting.variable);
            }
        }
    }

    #[test]
    fn statuses_are_mapped_by_code_and_by_pair() {
        let map = take("RINIT_MAP_EXIT", "143,1:2,255:254").unwrap().exit_map;
        assert_eq!([143, 1, 255, 2].map(|code| map.apply(code)), [0, 2, 254, 2]);
        for value in ["256", "1:256", "1:", ":1", "1:2:3", "+1", "1,,2", "0x1"] {
            assert_eq!(take("RINIT_MAP_EXIT", value), None, "{value}");
        }
    }

    #[test]
    fn a_wrong_log_filter_is_a_warning() {
        let options = take("RINIT_LOG", "debgu").unwrap();
        assert!(options.warnings.len() == 1 && options.log == Options::default().log);
    }

    #[test]
    fn a_misspelt_name_is_near_and_another_is_not() {
        let near = |known: &str, name: &str| is_similar(known.as_bytes(), name.as_bytes());
        for name in ["GRACEE", "GRCE", "GRAXE", "GARCE", "GRACE_", "RACE", "GRAC"] {
            assert!(near("GRACE", name), "{name}");
        }
        for name in ["", "PORT", "G", "GRACIOUS", "GRACE_PERIOD", "ECARG", "GGRACEE"] {
            assert!(!near("GRACE", name), "{name}");
        }
        assert!(near("KILL_AFTER", "KILAFTER") && near("KILL_AFTER", "KLIL_ATFER") && near("LOG", "LOGS"));
        assert!(!near("LOG", "PORT") && !near("LOG", "DO") && !near("KILL_AFTER", "KIL_AFT"));
        // What Kubernetes makes for a service called rinit.
        for made in ["PORT", "SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT_80_TCP", "PORT_80_TCP_ADDR"] {
            assert!(
                !SETTINGS.iter().any(|setting| near(setting.variable.trim_start_matches("RINIT_"), made)),
                "{made}"
            );
        }
    }

    #[test]
    fn a_flag_is_a_word_for_yes_or_no() {
        for (value, meant) in [("1", true), ("TRUE", true), ("yes", true), ("on", true), ("0", false), ("No", false)] {
            assert_eq!(flag(value), Some(meant));
        }
        assert_eq!(flag("2"), None);
    }
}
