//! Reads options with clap: the definition, the result, and clap's errors in one line.

use super::settings::{SETTINGS, is_similar};
use crate::failure::Failure;
use crate::log::LogFilter;
use crate::options::{Options, Target};
use crate::persona::{Persona, Stream};
use crate::report::table::Form;
use crate::sys::arguments::{CStrArray, os};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};
use log::LevelFilter;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// What rinit is asked to do.
// There is only one value, and only while rinit starts.
#[allow(clippy::large_enum_variant)]
pub enum Request {
    /// Start this command; with `--pause` there is none.
    Run(Options, CStrArray),
    /// Print a text.
    Print(String, Stream),
    /// Print the process table.
    Report(Form),
}

/// Reads a command line that has options, and applies these to `options`, to which the environment has been applied.
/// `permutes`: options may also stand among the command's arguments.
// Not inlined: clap needs much of the stack, and most containers never call it.
#[inline(never)]
pub(super) fn parse(
    persona: &Persona,
    options: Result<Options, Failure>,
    arguments: CStrArray,
    permutes: bool,
) -> Result<Request, Failure> {
    let given: Vec<OsString> = arguments.map(|word| os(word).to_owned()).collect();
    let total = given.len();
    let mut parser = definition(persona, permutes);
    let matches = parser.try_get_matches_from_mut(given).map_err(|error| wrong_usage(&error, &parser))?;
    if matches.get_flag("help") {
        return Ok(Request::Print(help(persona), persona.help_to));
    }
    if matches.get_flag("version") {
        return Ok(Request::Print(version(persona), persona.version_to));
    }
    if matches.get_flag("license") {
        return Ok(Request::Print(include_str!("../../LICENSE").to_owned(), Stream::Stdout));
    }
    let found: Vec<&OsString> = matches.get_many("command").map(Iterator::collect).unwrap_or_default();
    if let Some(form) = matches.get_one::<OsString>("report") {
        return report(form, &found, &matches).map(Request::Report);
    }
    let command = if permutes {
        CStrArray::of(found.iter().filter_map(|word| CString::new(word.as_bytes()).ok()))
    } else {
        arguments.tail(total - found.len())
    };
    let mut options = options?;
    apply(&matches, &mut options, persona)?;
    Ok(Request::Run(options, command))
}

fn report(form: &OsStr, command: &[&OsString], matches: &ArgMatches) -> Result<Form, Failure> {
    if !command.is_empty() {
        return Err(Failure::own("--report starts nothing, so it takes no command"));
    }
    if matches.get_flag("pause") {
        return Err(Failure::own("--report prints and exits, so it does not go with --pause"));
    }
    match form.to_str() {
        Some("table") => Ok(Form::Table),
        Some("json") => Ok(Form::Json),
        _ => Err(Failure::own(format!("--report: bad value {:?}; allowed: table or json", form.to_string_lossy()))),
    }
}

/// Applies the options that were given.
fn apply(matches: &ArgMatches, options: &mut Options, persona: &Persona) -> Result<(), Failure> {
    for setting in SETTINGS {
        // A flag, or an option with values. RINIT_LOG has no option.
        if let Ok(Some(true)) = matches.try_get_one::<bool>(setting.option) {
            setting.apply(options, setting.option, OsStr::new("1"))?;
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

/// The version, in the form that dockerd can read.
fn version(persona: &Persona) -> String {
    let (before, after) = persona.version;
    format!("{before}{}{after} - git.{}\n", env!("CARGO_PKG_VERSION"), env!("RINIT_COMMIT"))
}

/// clap's error, which has several lines, in one line.
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
            match known.find(|known| is_similar(known.as_bytes(), name)) {
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

/// Flags without a variable of their own, and their letters.
const FLAGS: [(&str, Option<char>); 8] = [
    ("group", Some('g')),
    ("single-child", Some('c')),
    ("pause", Some('P')),
    ("verbose", Some('v')),
    ("quiet", Some('q')),
    ("license", Some('l')),
    ("version", Some('V')),
    ("help", Some('h')),
];

/// clap's definition of all options. `permutes`: options may also stand among the command's arguments.
pub(super) fn definition(persona: &Persona, permutes: bool) -> Command {
    let letter = |short: Option<char>| short.filter(|letter| persona.letters.contains(*letter));
    // RINIT_LOG has no option.
    let settings = || SETTINGS.iter().filter(|setting| setting.option != "log");
    let flags = settings().filter(|setting| setting.value.is_none()).map(|setting| (setting.option, setting.short));
    let flags = flags.chain(FLAGS).map(|(name, short)| {
        let flag = Arg::new(name).long(name).action(ArgAction::SetTrue).short(letter(short));
        match name {
            "group" => flag.overrides_with_all(["single-child", "target"]),
            "single-child" => flag.overrides_with_all(["group", "target"]),
            "verbose" => flag.action(ArgAction::Count).overrides_with("quiet"),
            "quiet" => flag.overrides_with("verbose"),
            "license" => flag.short(letter(Some('l')).or(Some('L'))),
            _ => flag,
        }
    });
    let valued = settings().filter_map(|setting| Some((setting, setting.value?))).map(|(setting, value)| {
        let option = Arg::new(setting.option)
            .short(letter(setting.short))
            .long(setting.option)
            .value_name(value)
            // As in getopt(3), the next argument is always the value: -1 is then a bad value, not an unknown option.
            .allow_hyphen_values(true)
            .value_parser(clap::value_parser!(OsString));
        match setting.option {
            "target" => option.overrides_with_all(["group", "single-child"]),
            "rewrite" | "map-exit" => option.action(ArgAction::Append),
            _ => option,
        }
    });
    Command::new("rinit")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .infer_long_args(persona.abbreviates)
        .args(flags)
        .args(valued)
        .arg(
            Arg::new("report")
                .long("report")
                .value_name("FORM")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("table")
                .value_parser(clap::value_parser!(OsString)),
        )
        .arg(
            Arg::new("command")
                .value_name("COMMAND")
                .num_args(0..)
                .trailing_var_arg(!permutes)
                .hide(true)
                .value_parser(clap::value_parser!(OsString)),
        )
}

const HELP: &str = include_str!("help.txt");

/// The text of `--help`. Only letters that options have under this name are listed.
pub(super) fn help(persona: &Persona) -> String {
    let mut text = String::with_capacity(HELP.len());
    for line in HELP.split_inclusive('\n') {
        match line.strip_prefix("  -").and_then(|rest| rest.split_once(", ")) {
            Some((letter, rest)) if letter == "l" && !persona.letters.contains(letter) => {
                text.extend(["  -L, ", rest]);
            }
            Some((letter, rest)) if !persona.letters.contains(letter) => text.extend(["      ", rest]),
            _ => text.push_str(line),
        }
    }
    text
}

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
