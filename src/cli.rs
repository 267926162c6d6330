//! The command line and the environment → what to do. `rinit COMMAND` and `rinit -- COMMAND`, what nearly everybody
//! writes, are read without clap.

use crate::duration;
use crate::failure::Failure;
use crate::options::{LogFilter, Options, Target};
use crate::persona::{Persona, Stream};
use crate::report::table::Form;
use crate::signal::Signal;
use crate::sys::arguments::{Words, os};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};
use log::LevelFilter;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// What rinit was called for.
pub enum Request {
    /// To start a command, or with no words to do without one.
    Run(Options, Words),
    /// To print this.
    Print(String, Stream),
    /// To print the process table.
    Report(Form),
}

/// A choice that an option or a variable makes: the value is read in one place, whichever it comes from.
struct Setting {
    /// clap's name for it, and the long option.
    option: &'static str,
    short: Option<char>,
    variable: &'static str,
    allowed: &'static str,
    /// Takes a value into the options; None if it is not allowed.
    take: fn(&mut Options, &str) -> Option<()>,
}

impl Setting {
    /// Takes a value that `name` (an option or a variable) has.
    fn apply(&self, options: &mut Options, name: &str, value: &OsStr) -> Result<(), Failure> {
        let taken = value.to_str().and_then(|value| (self.take)(options, value));
        taken.ok_or_else(|| {
            let value = value.to_string_lossy();
            Failure::own(format!("{name}: bad value {value:?}; allowed: {}", self.allowed))
        })
    }
}

const SETTINGS: &[Setting] = &[
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
                _ => return None,
            };
            Some(())
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
                let (from, to) = entry.split_once(':')?;
                let from = Signal::parse(from).filter(|from| !Signal::UNREWRITABLE.contains(*from))?;
                let to = if to == "0" || to == "none" { None } else { Some(Signal::parse(to)?) };
                options.rewrites.set(from, to);
                Some(())
            })
        },
    },
    Setting {
        option: "session",
        short: None,
        variable: "RINIT_SESSION",
        allowed: FLAG,
        take: |options, value| {
            options.session = flag(value)?;
            Some(())
        },
    },
    Setting {
        option: "warn-reaped",
        short: Some('w'),
        variable: "RINIT_WARN_REAPED",
        allowed: FLAG,
        take: |options, value| {
            options.warn_reaped = flag(value)?;
            Some(())
        },
    },
    Setting {
        option: "parent-death",
        short: Some('p'),
        variable: "RINIT_PARENT_DEATH",
        allowed: Signal::ALLOWED,
        take: |options, value| {
            options.parent_death = Some(Signal::parse(value)?);
            Some(())
        },
    },
    Setting {
        option: "subreaper",
        short: Some('s'),
        variable: "RINIT_SUBREAPER",
        allowed: FLAG,
        take: |options, value| {
            options.subreaper = flag(value)?;
            Some(())
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
                options.exit_map.set(status(from)?, status(to)?);
                Some(())
            })
        },
    },
    Setting {
        option: "grace",
        short: None,
        variable: "RINIT_GRACE",
        allowed: duration::ALLOWED,
        take: |options, value| {
            options.grace = duration::parse(value)?;
            Some(())
        },
    },
    Setting {
        option: "kill-after",
        short: Some('k'),
        variable: "RINIT_KILL_AFTER",
        allowed: "a time above 0 such as 500ms, 5s, 1.5m, 1h, a plain number of seconds, or inf (never)",
        take: |options, value| {
            options.kill_after = duration::parse(value)?;
            (options.kill_after != Some(Duration::ZERO)).then_some(())
        },
    },
    Setting {
        option: "wait-all",
        short: None,
        variable: "RINIT_WAIT_ALL",
        allowed: FLAG,
        take: |options, value| {
            options.wait_all = flag(value)?;
            Some(())
        },
    },
    Setting {
        option: "report-after",
        short: None,
        variable: "RINIT_REPORT_AFTER",
        allowed: "a time such as 500ms, 5s, 1.5m, 1h, a plain number of seconds, or 0 or inf (never)",
        take: |options, value| {
            options.report_after = duration::parse(value)?.filter(|limit| !limit.is_zero());
            Some(())
        },
    },
    Setting {
        option: "log",
        short: Some('v'),
        variable: "RINIT_LOG",
        allowed: LOG_ALLOWED,
        take: |options, value| {
            match log_spec(value) {
                Ok(()) => options.log = LogFilter::Spec(value.to_owned()),
                // A word in a log filter is no reason for a service not to start.
                Err(part) => options.bad_log = Some(part.to_owned()),
            }
            Some(())
        },
    },
];

/// What RINIT_LOG may be.
pub const LOG_ALLOWED: &str =
    "off, error, warn, info, debug or trace, or env_logger's MODULE=LEVEL with commas, MODULE being rinit or below";

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

/// env_logger's syntax, checked here, the bad part if there is one: its own parser takes a misspelt level for the name of a module, and prints what it
/// cannot read by itself.
fn log_spec(value: &str) -> Result<(), &str> {
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
        None => Ok(()),
    }
}

/// Reads the command line (with the program's own name in front) and the environment.
pub fn read(persona: &Persona, words: Words, environment: Words) -> Result<Request, Failure> {
    let words = words.tail(1);
    let is_option = |word: &[u8]| word.starts_with(b"-") && word != b"-";
    let first = words.into_iter().next().map(|word| word.to_bytes());
    let command_words = match first {
        None => return Err(no_command()),
        Some(b"--") => command(words.tail(1))?,
        Some(first) if !is_option(first) => {
            let permutes = persona.permutes && words.into_iter().any(|word| is_option(word.to_bytes()));
            if permutes && !is_set(environment, b"POSIXLY_CORRECT") {
                return read_options(persona, words, environment, Order::Permuted);
            }
            words
        }
        Some(_) => return read_options(persona, words, environment, Order::OptionsFirst),
    };
    let mut options = (persona.defaults)();
    take_environment(&mut options, environment)?;
    take_foreign_environment(persona, &mut options, environment);
    persona.complete(&mut options);
    Ok(Request::Run(options, command_words))
}

/// Where options can stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The first word that is none ends them.
    OptionsFirst,
    /// Between the command's words too, up to a `--`.
    Permuted,
}

fn is_set(environment: Words, name: &[u8]) -> bool {
    value_of(environment, name).is_some()
}

/// Of a variable that is there twice the first counts, as for getenv(3).
fn value_of(mut environment: Words, name: &[u8]) -> Option<&'static [u8]> {
    environment.find_map(|entry| entry.to_bytes().strip_prefix(name)?.strip_prefix(b"="))
}

fn take_foreign_environment(persona: &Persona, options: &mut Options, environment: Words) {
    for variable in persona.variables {
        if let Some(value) = value_of(environment, variable.name.as_bytes()) {
            (variable.take)(options, value);
        }
    }
}

fn command(words: Words) -> Result<Words, Failure> {
    if words.is_empty() { Err(no_command()) } else { Ok(words) }
}

fn no_command() -> Failure {
    Failure::own("no command given: rinit [OPTIONS] [--] COMMAND [ARG]...")
}

/// The variables that are set, each as its option would take it. Those that are nobody's are left alone: Kubernetes makes
/// RINIT_PORT and the like for a service that is called rinit.
fn take_environment(options: &mut Options, environment: Words) -> Result<(), Failure> {
    let mut seen = [false; SETTINGS.len()];
    for entry in environment {
        if !entry.to_bytes().starts_with(b"RINIT_") {
            continue;
        }
        for (setting, seen) in SETTINGS.iter().zip(&mut seen) {
            let value =
                entry.to_bytes().strip_prefix(setting.variable.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
            // Of a variable that is there twice the first counts, as for getenv(3).
            if let Some(value) = value
                && !std::mem::replace(seen, true)
            {
                setting.apply(options, setting.variable, OsStr::from_bytes(value))?;
            }
        }
    }
    Ok(())
}

// clap's part is large, in code and on the stack, and most containers never enter it.
#[inline(never)]
fn read_options(persona: &Persona, words: Words, environment: Words, order: Order) -> Result<Request, Failure> {
    let given: Vec<OsString> = words.map(|word| os(word).to_owned()).collect();
    let total = given.len();
    let permutes = order == Order::Permuted || persona.permutes && !is_set(environment, b"POSIXLY_CORRECT");
    let mut parser = parser(persona, permutes);
    let matches = parser.try_get_matches_from_mut(given).map_err(|error| wrong_usage(&error))?;
    if matches.get_flag("help") {
        return Ok(Request::Print(parser.render_help().to_string(), persona.help_to));
    }
    if matches.get_flag("version") {
        return Ok(Request::Print(version(persona), persona.version_to));
    }
    if matches.get_flag("license") {
        return Ok(Request::Print(include_str!("../LICENSE").to_owned(), Stream::Stdout));
    }
    let found: Vec<&OsString> = matches.get_many("command").map(Iterator::collect).unwrap_or_default();
    if let Some(form) = matches.get_one::<OsString>("report") {
        return report(form, &found, &matches);
    }
    let mut options = (persona.defaults)();
    take_environment(&mut options, environment)?;
    take_options(&mut options, &matches, persona)?;
    take_foreign_environment(persona, &mut options, environment);
    persona.complete(&mut options);
    let words = if permutes {
        Words::of(found.iter().filter_map(|word| CString::new(word.as_bytes()).ok()))
    } else {
        words.tail(total - found.len())
    };
    match (options.pause, words.is_empty()) {
        (true, false) if !persona.pauses_beside_command => {
            Err(Failure::own("--pause starts nothing, so it takes no command"))
        }
        (true, _) => Ok(Request::Run(options, words)),
        (false, _) => Ok(Request::Run(options, command(words)?)),
    }
}

fn report(form: &OsStr, command: &[&OsString], matches: &ArgMatches) -> Result<Request, Failure> {
    if !command.is_empty() {
        return Err(Failure::own("--report starts nothing, so it takes no command"));
    }
    if matches.get_flag("pause") {
        return Err(Failure::own("--report prints and exits, so it does not go with --pause"));
    }
    match form.to_str() {
        Some("table") => Ok(Request::Report(Form::Table)),
        Some("json") => Ok(Request::Report(Form::Json)),
        _ => Err(Failure::own(format!("--report: bad value {:?}; allowed: table or json", form.to_string_lossy()))),
    }
}

fn take_options(options: &mut Options, matches: &ArgMatches, persona: &Persona) -> Result<(), Failure> {
    for setting in SETTINGS {
        let Ok(Some(values)) = matches.try_get_many::<OsString>(setting.option) else {
            continue;
        };
        for value in values {
            let name = match setting.short {
                Some(short) => format!("-{short}, --{}", setting.option),
                None => format!("--{}", setting.option),
            };
            setting.apply(options, &name, value)?;
        }
    }
    if matches.get_flag("subreaper") {
        options.subreaper = true;
    }
    if matches.get_flag("wait-all") {
        options.wait_all = true;
    }
    if matches.get_flag("session") {
        options.session = true;
    }
    if matches.get_flag("warn-reaped") {
        options.warn_reaped = true;
    }
    options.pause = matches.get_flag("pause");
    if matches.get_flag("group") {
        options.target = Target::Group;
    }
    if matches.get_flag("single-child") {
        options.target = Target::Main;
    }
    match (matches.get_flag("quiet"), matches.get_count("verbose")) {
        (true, _) => options.log = LogFilter::Level(LevelFilter::Error),
        (false, 0) => {}
        (false, times) => {
            let more = (1..times).fold(persona.first_verbose, |level, _| level.increment_severity());
            options.log = LogFilter::Level(more);
        }
    }
    Ok(())
}

/// The form that `docker info` reads an init's version from.
fn version(persona: &Persona) -> String {
    let (before, behind) = persona.version;
    format!("{before}{}{behind} - git.{}\n", env!("CARGO_PKG_VERSION"), env!("RINIT_COMMIT"))
}

/// One line out of clap's several.
fn wrong_usage(error: &clap::Error) -> Failure {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(" "),
        _ => String::new(),
    };
    let option = word(ContextKind::InvalidArg);
    let value = word(ContextKind::InvalidValue);
    let text = match error.kind() {
        ErrorKind::UnknownArgument => format!("unknown option {option:?}; rinit --help lists them"),
        ErrorKind::InvalidValue | ErrorKind::WrongNumberOfValues if value.is_empty() => {
            format!("{option}: a value is missing")
        }
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues => {
            format!("{option} takes no value, but got {value:?}")
        }
        _ => error.to_string().lines().next().unwrap_or_default().replacen("error: ", "", 1),
    };
    Failure::own(text)
}

fn parser(persona: &Persona, permutes: bool) -> Command {
    let letter = |short: Option<char>| short.filter(|letter| persona.letters.contains(*letter));
    let flag = |name: &'static str, short: Option<char>, help: &'static str| {
        Arg::new(name).short(letter(short)).long(name).action(ArgAction::SetTrue).help(help)
    };
    let valued = |name: &'static str, value: &'static str, help: &'static str| {
        let setting = SETTINGS.iter().find(|setting| setting.option == name);
        Arg::new(name)
            .short(letter(setting.and_then(|setting| setting.short)))
            .long(name)
            .value_name(value)
            // As for getopt(3): the next word is the value, and a negative number so a bad value and no unknown option.
            .allow_hyphen_values(true)
            .value_parser(clap::value_parser!(OsString))
            .help(help)
    };
    Command::new("rinit")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .infer_long_args(persona.abbreviates)
        .override_usage("rinit [OPTIONS] [--] COMMAND [ARG]...")
        .help_template(HELP)
        .arg(
            flag("group", Some('g'), "Forward signals to main's process group (default) [RINIT_TARGET=group]")
                .overrides_with_all(["single-child", "target"]),
        )
        .arg(
            flag("single-child", Some('c'), "Forward signals to main alone [RINIT_TARGET=main]")
                .overrides_with_all(["group", "target"]),
        )
        .arg(
            valued("target", "WHO", "Forward signals to main, group or all [RINIT_TARGET]")
                .overrides_with_all(["group", "single-child"]),
        )
        .arg(
            valued(
                "rewrite",
                "FROM:TO",
                "Send TO where FROM arrives, or nothing if TO is 0 or none; can be repeated [RINIT_REWRITE]",
            )
            .action(ArgAction::Append),
        )
        .arg(flag(
            "session",
            None,
            "Have main lead a session of its own, with the terminal, if there is one [RINIT_SESSION=1]",
        ))
        .arg(valued(
            "parent-death",
            "SIG",
            "Send SIG to main when rinit's parent, or rinit itself, ends [RINIT_PARENT_DEATH]",
        ))
        .arg(flag(
            "subreaper",
            Some('s'),
            "Adopt orphans where rinit is not PID 1 (default; RINIT_SUBREAPER=0 turns it off)",
        ))
        .arg(
            valued(
                "map-exit",
                "CODE[:TO]",
                "Exit with TO (0) where main exits with CODE; can be repeated [RINIT_MAP_EXIT]",
            )
            .action(ArgAction::Append),
        )
        .arg(valued(
            "grace",
            "TIME",
            "Kill the others this long after main's end (5s; 0 at once, inf never) [RINIT_GRACE]",
        ))
        .arg(valued("kill-after", "TIME", "Kill main this long after the first stop signal (never) [RINIT_KILL_AFTER]"))
        .arg(valued(
            "report-after",
            "TIME",
            "Tell who holds up a stop this long after it was asked for (5s; 0 never) [RINIT_REPORT_AFTER]",
        ))
        .arg(flag("pause", Some('P'), "Start no command: reap orphans until TERM or INT, then exit with 0"))
        .arg(flag("warn-reaped", Some('w'), "Say at level warn which orphans are reaped [RINIT_WARN_REAPED=1]"))
        .arg(flag("wait-all", None, "Outlive main for as long as others live [RINIT_WAIT_ALL=1]"))
        .arg(
            flag("verbose", Some('v'), "Say more: info, -vv debug, -vvv trace [RINIT_LOG]")
                .action(ArgAction::Count)
                .overrides_with("quiet"),
        )
        .arg(flag("quiet", Some('q'), "Say errors only [RINIT_LOG=error]").overrides_with("verbose"))
        .arg(
            Arg::new("report")
                .long("report")
                .value_name("FORM")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("table")
                .value_parser(clap::value_parser!(OsString))
                .help("Print the container's process table and exit: table or json"),
        )
        .arg(flag("license", letter(Some('l')).or(Some('L')), "Print the licence and exit"))
        .arg(flag("version", Some('V'), "Print the version and exit"))
        .arg(flag("help", Some('h'), "Print this and exit"))
        .arg(
            Arg::new("command")
                .value_name("COMMAND")
                .num_args(0..)
                .trailing_var_arg(!permutes)
                .hide(true)
                .value_parser(clap::value_parser!(OsString)),
        )
}

const HELP: &str = "\
rinit starts COMMAND, forwards signals to it, reaps orphans, and exits with its status.

Usage: {usage}

{options}

An option on the command line wins over its variable, which stands in [brackets]. SIG is a
name (TERM, SIGTERM, RTMIN+3) or a number; TIME is 500ms, 5s, 1.5m, 1h, a plain number of
seconds, or inf.

When COMMAND has ended, the others in the container (as PID 1; else rinit's descendants) get
TERM, have until the grace is over to end, and are killed then. WHO all means these too.

Exit status: COMMAND's own, or 128+n when signal n ended it; 125 when rinit failed or an
option is wrong, 126 when COMMAND cannot be executed, 127 when it is not found.
";

impl Setting {
    #[cfg(test)]
    fn named(variable: &str) -> &'static Setting {
        SETTINGS.iter().find(|setting| setting.variable == variable).unwrap()
    }
}

#[cfg(test)]
mod documents;

#[cfg(test)]
mod tests {
    use super::*;

    fn take(variable: &str, value: &str) -> Option<Options> {
        let mut options = Options::default();
        (Setting::named(variable).take)(&mut options, value).map(|()| options)
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
    fn a_log_filter_names_levels_and_modules_of_rinit() {
        for value in ["off", "DEBUG", "rinit", "rinit=debug", "info,rinit::init=trace", "warn/pattern"] {
            assert_eq!(take("RINIT_LOG", value).unwrap().log, LogFilter::Spec(value.to_owned()));
        }
        for value in ["debgu", "rinit=", "rinit=loud", "rinit=a=b", "other=info", "warn,,info", "a/b/c"] {
            let options = take("RINIT_LOG", value).unwrap();
            assert!(options.bad_log.is_some() && options.log == Options::default().log, "{value}");
        }
    }

    #[test]
    fn a_flag_is_a_word_for_yes_or_no() {
        for (value, meant) in [("1", true), ("TRUE", true), ("yes", true), ("on", true), ("0", false), ("No", false)] {
            assert_eq!(flag(value), Some(meant));
        }
        assert_eq!(flag("2"), None);
    }

    #[test]
    fn the_parser_is_consistent() {
        for name in ["rinit", "docker-init", "tini", "dumb-init", "catatonit"] {
            for permutes in [true, false] {
                parser(Persona::named(name.as_bytes()), permutes).debug_assert();
            }
        }
    }
}

#[cfg(any(test, fuzzing))]
pub mod invariants;
#[cfg(test)]
mod properties;
