//! Settings: what can be set by an option or by an environment variable, the values allowed, and the errors for others.

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

/// An option and its variable. A value is read in the same way from both.
pub(super) struct Setting {
    /// The long option.
    pub(super) option: &'static str,
    pub(super) short: Option<char>,
    /// The name of the option's value. None: a flag, or a variable without an option.
    pub(super) value: Option<&'static str>,
    pub(super) variable: &'static str,
    /// The allowed values, for messages.
    pub(super) allowed: &'static str,
    /// Applies a value. The error is the part of it that is not allowed.
    take: Take,
}

type Take = for<'a> fn(&mut Options, &'a str) -> Result<(), &'a str>;

const fn setting(
    option: &'static str,
    short: Option<char>,
    value: &'static str,
    variable: &'static str,
    allowed: &'static str,
    take: Take,
) -> Setting {
    Setting { option, short, value: Some(value), variable, allowed, take }
}

const fn flag(option: &'static str, short: Option<char>, variable: &'static str, take: Take) -> Setting {
    Setting { option, short, value: None, variable, allowed: FLAG, take }
}

impl Setting {
    /// Applies the value of `name`, an option or a variable.
    pub(super) fn apply(&self, options: &mut Options, name: &str, value: &OsStr) -> Result<(), Failure> {
        let whole = value.to_string_lossy();
        let taken = value.to_str().ok_or(&*whole).and_then(|value| (self.take)(options, value));
        taken.map_err(|part| {
            // A list may be long, so the error says which part is wrong and why.
            let wrong = (self.option == "stop-sequence").then(|| StopSequence::parse(&whole).err()).flatten();
            let part = match wrong {
                Some(wrong) => format!(" ({wrong})"),
                None if part == whole => String::new(),
                None => format!(" ({part:?})"),
            };
            Failure::own(format!("{name}: bad value {whole:?}{part}; allowed: {}", self.allowed))
        })
    }
}

/// All options that have a variable.
pub(super) const SETTINGS: &[Setting] = &[
    setting("target", Some('t'), "TARGET", "RINIT_TARGET", "main, group or all", |options, value| {
        options.target = Target::parse(value).ok_or(value)?;
        Ok(())
    }),
    setting(
        "rewrite",
        Some('r'),
        "FROM:TO",
        "RINIT_REWRITE",
        "FROM:TO, or a list of these with commas; FROM is a signal by name (TERM, SIGTERM, RTMIN+3) or number, but \
         not KILL or STOP, which no process can catch, nor CHLD, which is about rinit's own children; TO is a \
         signal, or 0 or none to drop it",
        |options, value| {
            value.split(',').try_for_each(|entry| {
                let (from, to) = entry.split_once(':').ok_or(entry)?;
                let rewritable = |signal: &Signal| !Signal::UNREWRITABLE.contains(*signal);
                let signal = Signal::parse(from).filter(rewritable).ok_or(from)?;
                let to = if to == "0" || to == "none" { None } else { Some(Signal::parse(to).ok_or(to)?) };
                options.rewrites.set(signal, to);
                Ok(())
            })
        },
    ),
    flag("session", None, "RINIT_SESSION", |options, value| {
        options.session = yes_or_no(value)?;
        Ok(())
    }),
    flag("warn-reaped", Some('w'), "RINIT_WARN_REAPED", |options, value| {
        options.warn_reaped = yes_or_no(value)?;
        Ok(())
    }),
    setting("parent-death", Some('p'), "SIG", "RINIT_PARENT_DEATH", Signal::ALLOWED, |options, value| {
        options.parent_death = Some(Signal::parse(value).ok_or(value)?);
        Ok(())
    }),
    flag("subreaper", Some('s'), "RINIT_SUBREAPER", |options, value| {
        options.subreaper = yes_or_no(value)?;
        Ok(())
    }),
    setting(
        "map-exit",
        Some('e'),
        "CODE[:TO]",
        "RINIT_MAP_EXIT",
        "CODE or CODE:TO, each 0 to 255, or a list of these with commas",
        |options, value| {
            value.split(',').try_for_each(|entry| {
                let (from, to) = entry.split_once(':').unwrap_or((entry, "0"));
                options.exit_map.set(status(from).ok_or(from)?, status(to).ok_or(to)?);
                Ok(())
            })
        },
    ),
    setting("grace", None, "TIME", "RINIT_GRACE", duration::ALLOWED, |options, value| {
        options.grace = duration::parse(value).ok_or(value)?;
        Ok(())
    }),
    setting(
        "kill-after",
        Some('k'),
        "TIME",
        "RINIT_KILL_AFTER",
        "a time above 0 such as 500ms, 5s, 1.5m, 1h, a plain number of seconds, or inf (never)",
        |options, value| {
            options.kill_after = duration::parse(value).ok_or(value)?;
            if options.kill_after == Some(Duration::ZERO) { Err(value) } else { Ok(()) }
        },
    ),
    setting("stop-sequence", None, "LIST", "RINIT_STOP_SEQUENCE", stop_sequence::ALLOWED, |options, value| {
        options.stop_sequence = StopSequence::parse(value).map_err(|_| value)?;
        Ok(())
    }),
    flag("wait-all", None, "RINIT_WAIT_ALL", |options, value| {
        options.wait_all = yes_or_no(value)?;
        Ok(())
    }),
    setting(
        "report-after",
        None,
        "TIME",
        "RINIT_REPORT_AFTER",
        "a time such as 500ms, 5s, 1.5m, 1h, a plain number of seconds, or 0 or inf (never)",
        |options, value| {
            options.report_after = duration::parse(value).ok_or(value)?.filter(|limit| !limit.is_zero());
            Ok(())
        },
    ),
    setting("termination-log", None, "PATH", "RINIT_TERMINATION_LOG", "an absolute path, or off", |options, value| {
        options.termination_log = match value {
            "off" => None,
            path => match CString::new(path) {
                Ok(name) if path.starts_with('/') => Some(name.into()),
                _ => return Err(value),
            },
        };
        Ok(())
    }),
    setting("log-format", None, "FORM", "RINIT_LOG_FORMAT", "text or json", |options, value| {
        options.log_format = match value {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            _ => return Err(value),
        };
        Ok(())
    }),
    Setting {
        option: "log",
        short: None,
        value: None,
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
];

const FLAG: &str = "1, true, yes or on, or 0, false, no or off";

fn yes_or_no(value: &str) -> Result<bool, &str> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(value),
    }
}

fn status(digits: &str) -> Option<u8> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Applies the variables that are set. If one is there twice the first wins, as in getenv(3). An empty value is
/// ignored: Compose passes one for `RINIT_GRACE=${GRACE}` if GRACE is not set.
pub(super) fn take_environment(mut options: Options, environment: CStrArray) -> Result<Options, Failure> {
    let mut seen = [false; SETTINGS.len()];
    for entry in environment {
        let Some(rest) = entry.to_bytes().strip_prefix(PREFIX) else { continue };
        let mut parts = rest.splitn(2, |byte| *byte == b'=');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        let without_prefix = |setting: &Setting| setting.variable.as_bytes().strip_prefix(PREFIX);
        if let Some((setting, seen)) =
            SETTINGS.iter().zip(&mut seen).find(|(setting, _)| without_prefix(setting) == Some(name))
        {
            if !std::mem::replace(seen, true) && !value.is_empty() {
                setting.apply(&mut options, setting.variable, OsStr::from_bytes(value))?;
            }
        } else if let Some(meant) =
            SETTINGS.iter().find(|setting| without_prefix(setting).is_some_and(|known| is_similar(known, name)))
        {
            options.warnings.push(format!(
                "unknown variable \"RINIT_{}\"; {} is similar",
                String::from_utf8_lossy(name),
                meant.variable
            ));
        }
    }
    Ok(options)
}

const PREFIX: &[u8] = b"RINIT_";

/// Whether `name` is probably a misspelt `known`: at most one letter in three, and two in all, is missing, added, wrong
/// or swapped with the next. With a higher limit RINIT_PORT and the like would be similar to a variable; Kubernetes
/// sets these for a service called rinit.
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
    fn every_setting_refuses_empty_values_and_spaces() {
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
    fn a_misspelt_name_is_similar_and_another_is_not() {
        let near = |known: &str, name: &str| is_similar(known.as_bytes(), name.as_bytes());
        for name in ["GRACEE", "GRCE", "GRAXE", "GARCE", "GRACE_", "RACE", "GRAC"] {
            assert!(near("GRACE", name), "{name}");
        }
        for name in ["", "PORT", "G", "GRACIOUS", "GRACE_PERIOD", "ECARG", "GGRACEE"] {
            assert!(!near("GRACE", name), "{name}");
        }
        assert!(near("KILL_AFTER", "KILAFTER") && near("KILL_AFTER", "KLIL_ATFER") && near("LOG", "LOGS"));
        assert!(!near("LOG", "PORT") && !near("LOG", "DO") && !near("KILL_AFTER", "KIL_AFT"));
        // Kubernetes sets these for a service called rinit.
        for made in ["PORT", "SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT_80_TCP", "PORT_80_TCP_ADDR"] {
            assert!(
                !SETTINGS.iter().any(|setting| near(setting.variable.trim_start_matches("RINIT_"), made)),
                "{made}"
            );
        }
    }

    #[test]
    fn a_flag_is_yes_or_no() {
        for (value, meant) in [("1", true), ("TRUE", true), ("yes", true), ("on", true), ("0", false), ("No", false)] {
            assert_eq!(yes_or_no(value), Ok(meant));
        }
        assert_eq!(yes_or_no("2"), Err("2"));
    }
}
