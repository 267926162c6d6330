//! The options, where there are any: clap's part, from the definition to what it makes of the words, and its errors in one
//! line.

use super::settings::{SETTINGS, is_near, take_environment};
use super::{Order, Request, command, is_set, take_foreign_environment};
use crate::failure::Failure;
use crate::options::{LogFilter, Options, Target};
use crate::persona::{Persona, Stream};
use crate::report::table::Form;
use crate::sys::arguments::{Words, os};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};
use log::LevelFilter;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Reads words among which options are.
// clap's part is large, in code and on the stack, and most containers never enter it.
#[inline(never)]
pub(super) fn read(persona: &Persona, words: Words, environment: Words, order: Order) -> Result<Request, Failure> {
    let given: Vec<OsString> = words.map(|word| os(word).to_owned()).collect();
    let total = given.len();
    let permutes = order == Order::Permuted || persona.permutes && !is_set(environment, b"POSIXLY_CORRECT");
    let mut parser = definition(persona, permutes);
    let matches = parser.try_get_matches_from_mut(given).map_err(|error| wrong_usage(&error, &parser))?;
    if matches.get_flag("help") {
        return Ok(Request::Print(parser.render_help().to_string(), persona.help_to));
    }
    if matches.get_flag("version") {
        return Ok(Request::Print(version(persona), persona.version_to));
    }
    if matches.get_flag("license") {
        return Ok(Request::Print(include_str!("../../LICENSE").to_owned(), Stream::Stdout));
    }
    let found: Vec<&OsString> = matches.get_many("command").map(Iterator::collect).unwrap_or_default();
    if let Some(form) = matches.get_one::<OsString>("report") {
        return report(form, &found, &matches);
    }
    let mut options = (persona.defaults)();
    take_environment(&mut options, environment)?;
    take_options(&mut options, &matches, persona)?;
    take_foreign_environment(persona, &mut options, environment);
    super::complete(persona, &mut options)?;
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
        // A flag, or an option with values. RINIT_LOG has no option of its own.
        if let Ok(Some(true)) = matches.try_get_one::<bool>(setting.option) {
            setting.turn_on(options);
        }
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

/// The form that dockerd reads an init's version from. It takes only tini's name in front.
fn version(persona: &Persona) -> String {
    let (before, behind) = persona.version;
    format!("{before}{}{behind} - git.{}\n", env!("CARGO_PKG_VERSION"), env!("RINIT_COMMIT"))
}

/// One line out of clap's several.
fn wrong_usage(error: &clap::Error, parser: &Command) -> Failure {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(" "),
        _ => String::new(),
    };
    let option = word(ContextKind::InvalidArg);
    let value = word(ContextKind::InvalidValue);
    let text = match error.kind() {
        ErrorKind::UnknownArgument => {
            let mut known = parser.get_arguments().filter_map(Arg::get_long);
            let name = option.trim_start_matches('-').as_bytes();
            match known.find(|known| is_near(known.as_bytes(), name)) {
                Some(near) => format!("unknown option {option:?}; --{near} is similar"),
                None => format!("unknown option {option:?}; rinit --help lists them"),
            }
        }
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

/// What there is to choose, with the words of `--help`. `permutes`: options can stand between the command's words too.
pub(super) fn definition(persona: &Persona, permutes: bool) -> Command {
    let letter = |short: Option<char>| short.filter(|letter| persona.letters.contains(*letter));
    let flag = |name: &'static str, short: Option<char>, help: &'static str| {
        Arg::new(name).short(letter(short)).long(name).action(ArgAction::SetTrue).help(help)
    };
    let of_setting = |name: &str| SETTINGS.iter().find(|setting| setting.option == name)?.short;
    let valued = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name)
            .short(letter(of_setting(name)))
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
            flag("group", Some('g'), "Forward signals to main's process group (rinit's default) [RINIT_TARGET=group]")
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
            of_setting("subreaper"),
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
            "Kill what remains this long after main's exit (30s; 0 at once, inf never) [RINIT_GRACE]",
        ))
        .arg(valued(
            "kill-after",
            "TIME",
            "Kill main this long after the first stop signal except HUP (never) [RINIT_KILL_AFTER]",
        ))
        .arg(valued(
            "stop-sequence",
            "LIST",
            "Send these at a stop, as in 10s,TERM,20s,KILL: times and signals [RINIT_STOP_SEQUENCE]",
        ))
        .arg(valued(
            "report-after",
            "TIME",
            "Say what holds up a stop this long after its signal (5s; 0 never) [RINIT_REPORT_AFTER]",
        ))
        .arg(flag("pause", Some('P'), "Start no command: reap orphans until TERM or INT, then exit with 0"))
        .arg(flag(
            "warn-reaped",
            of_setting("warn-reaped"),
            "Say at level warn which orphans are reaped [RINIT_WARN_REAPED=1]",
        ))
        .arg(flag("wait-all", None, "Outlive main as long as other processes remain [RINIT_WAIT_ALL=1]"))
        .arg(
            flag("verbose", Some('v'), "Say more: info, -vv debug, -vvv trace [RINIT_LOG]")
                .action(ArgAction::Count)
                .overrides_with("quiet"),
        )
        .arg(flag("quiet", Some('q'), "Say errors only [RINIT_LOG=error]").overrides_with("verbose"))
        .arg(valued("log-format", "FORM", "Log as text or json, an object a line (text) [RINIT_LOG_FORMAT]"))
        .arg(valued(
            "termination-log",
            "PATH",
            "Write there why it ended badly, or off (/dev/termination-log) [RINIT_TERMINATION_LOG]",
        ))
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

When COMMAND has exited, each remaining process of the container (as PID 1; otherwise each
descendant of rinit) is asked to exit once, by its parent or by TERM from rinit, and killed when
the grace period is over; after 5s if it ignores TERM. WHO all means these too.

Exit status: COMMAND's own, or 128+n when signal n ended it; 125 when rinit failed or an
option is wrong, 126 when COMMAND cannot be executed, 127 when it is not found.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        for name in ["rinit", "docker-init", "tini", "dumb-init", "catatonit"] {
            for permutes in [true, false] {
                definition(Persona::named(name.as_bytes()), permutes).debug_assert();
            }
        }
    }
}
