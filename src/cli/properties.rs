//! What holds for every command line and every environment.

use super::settings::{SETTINGS, Setting};
use super::{Request, read};
use crate::failure::{Failure, Kind};
use crate::options::Options;
use crate::persona::Persona;
use crate::sys::arguments::{CStrArray, os};
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStrExt;

/// The names under which rinit reads its arguments differently.
pub const NAMES: [&str; 5] = ["rinit", "docker-init", "tini", "dumb-init", "catatonit"];

/// As the kernel would pass them.
fn arguments(arguments: &[OsString]) -> CStrArray {
    CStrArray::of(arguments.iter().map(|argument| CString::new(argument.as_bytes()).unwrap()))
}

/// Under the name rinit. Other names are compared with the original programs in tests of their own.
fn read_as_rinit(given: &[OsString], environment: &[OsString]) -> Result<Request, Failure> {
    read(Persona::named(b"rinit"), arguments(given), arguments(environment))
}

fn options(arguments: &[OsString], environment: &[OsString]) -> Result<Options, Failure> {
    match read_as_rinit(arguments, environment)? {
        Request::Run(options, _) => Ok(options),
        Request::Print(..) | Request::Report(_) => Err(Failure::own("no command")),
    }
}

fn variable(setting: &Setting, value: &str) -> OsString {
    format!("{}={value}", setting.variable).into()
}

/// Any command line gives options and a command, or one clear error. No argument may contain a NUL.
pub fn any_command_line_gives_options_or_one_error(name: &str, given: &[OsString], environment: &[OsString]) {
    match read(Persona::named(name.as_bytes()), arguments(given), arguments(environment)) {
        Ok(Request::Run(options, command)) => {
            let command: Vec<OsString> = command.map(|argument| os(argument).to_owned()).collect();
            assert!(options.pause || !command.is_empty());
            // Under the other names options may follow the command's name.
            assert!(name != "rinit" || given.ends_with(&command), "{command:?}");
        }
        Ok(Request::Print(text, _)) => assert!(!text.is_empty()),
        Ok(Request::Report(_)) => {}
        Err(failure) => {
            assert_eq!(failure.kind, Kind::Own);
            assert!(!failure.to_string().is_empty());
        }
    }
}

/// Everything after `--`, or from the first non-option argument on, belongs to the command.
pub fn the_command_keeps_its_arguments(dashes: bool, command: &[OsString]) {
    let before: &[OsString] = if dashes { &["rinit".into(), "--".into()] } else { &["rinit".into()] };
    let run = match read_as_rinit(&[before, command].concat(), &[]) {
        Ok(Request::Run(options, arguments)) => {
            Some((options, arguments.map(|argument| os(argument).to_owned()).collect()))
        }
        _ => None,
    };
    assert_eq!(run, Some((Options::default(), command.to_vec())));
}

/// A value means the same as an option and as a variable, or is refused as both with an error that names it. If a
/// variable is there twice the first one wins, and an option wins over its variable. `which` is the index of a setting,
/// and starts again after the last one.
pub fn option_and_variable_take_the_same_values(which: usize, value: &str, other: &str) {
    let argument: OsString = "x".into();
    let plain = ["rinit".into(), argument.clone()];
    let any = SETTINGS.iter().cycle().nth(which % SETTINGS.len()).unwrap();
    let by_variable = options(&plain, &[variable(any, value)]);
    if value.is_empty() {
        assert_eq!(by_variable, Ok(Options::default()), "an empty variable is not set");
        return;
    }
    let twice = options(&plain, &[variable(any, value), variable(any, other)]);
    assert_eq!(twice, by_variable, "the first of two variables wins");
    if let Err(failure) = &by_variable {
        let text = failure.to_string();
        assert!(text.contains(&format!("{value:?}")) && text.contains(any.allowed), "{text}");
    }

    let valued = || SETTINGS.iter().filter(|setting| setting.value.is_some());
    let setting = valued().cycle().nth(which % valued().count()).unwrap();
    let by_variable = options(&plain, &[variable(setting, value)]);
    let with_option = ["rinit".into(), format!("--{}={value}", setting.option).into(), argument];
    let by_option = options(&with_option, &[]);
    match (by_variable, &by_option) {
        (Err(variable), Err(option)) => {
            assert!(variable.to_string().contains(setting.variable), "{variable}");
            assert!(option.to_string().contains(setting.option), "{option}");
        }
        (variable, option) => assert_eq!(variable, *option),
    }
    // Lists add up.
    if !setting.allowed.contains("list")
        && let (Ok(both), Ok(alone)) = (options(&with_option, &[variable(setting, other)]), by_option)
    {
        assert_eq!(both, alone, "the option wins over its variable");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parser::definition;
    use crate::properties::cases;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::os::unix::ffi::OsStringExt;

    /// Any argument without a NUL.
    fn argument() -> impl Strategy<Value = OsString> {
        vec(1..=255u8, 0..12).prop_map(OsString::from_vec)
    }

    /// A value that some option may accept, or a similar one.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,8}",
            "(main|group|all|1|0|yes|no|on|off|true|false)",
            "(SIG)?(TERM|INT|RTMIN[+]3|9|64|65|0|none)(:(USR1|0|none|))?",
            "[0-9]{1,3}(:[0-9]{1,3})?(,[0-9]{1,3}(:[0-9]{1,3})?){0,3}",
            "([0-9]{1,4}([.][0-9]{1,3})?(ms|s|m|h)?|inf)",
            "(off|error|warn|info|debug|trace|rinit(::[a-z]{1,6})?)(=(info|loud))?(,debug)?(/x)?",
            "(table|json)",
        ]
    }

    /// An argument that looks like an option: known, unknown, abbreviated, with a value, or several letters at once.
    fn option() -> impl Strategy<Value = OsString> {
        let names = definition(Persona::named(b"rinit"), false)
            .get_arguments()
            .filter_map(|arg| arg.get_long().map(str::to_owned))
            .collect::<Vec<_>>();
        let long = proptest::sample::select(names);
        prop_oneof![
            4 => long.clone().prop_map(|name| format!("--{name}").into()),
            4 => (long.clone(), value()).prop_map(|(name, value)| format!("--{name}={value}").into()),
            1 => (long, 0..9usize).prop_map(|(name, cut)| format!("--{}", name.get(..cut).unwrap_or(&name)).into()),
            4 => "-[a-zA-Z0-9?=]{1,4}".prop_map(OsString::from),
            1 => argument().prop_map(|argument| OsString::from_vec([b"-", argument.as_bytes()].concat())),
            1 => Just("--".into()),
            1 => Just("-".into()),
        ]
    }

    fn command_line() -> impl Strategy<Value = Vec<OsString>> {
        let arguments = vec(prop_oneof![4 => option(), 2 => value().prop_map(OsString::from), 1 => argument()], 0..8);
        arguments.prop_map(|arguments| [vec!["rinit".into()], arguments].concat())
    }

    fn environment() -> impl Strategy<Value = Vec<OsString>> {
        let names = SETTINGS.iter().map(|setting| setting.variable).collect::<Vec<_>>();
        let known =
            (proptest::sample::select(names), value()).prop_map(|(name, value)| format!("{name}={value}").into());
        let unknown = "RINIT_[A-Z]{0,9}(=[ -~]{0,9})?".prop_map(OsString::from);
        vec(prop_oneof![known, unknown, argument()], 0..4)
    }

    proptest! {
        #![proptest_config(cases(100))]

        #[test]
        fn every_command_line_and_environment_is_read_or_refused(
            name in proptest::sample::select(&NAMES[..]), given in command_line(), environment in environment()
        ) {
            any_command_line_gives_options_or_one_error(name, &given, &environment);
        }

        #[test]
        fn the_command_keeps_arguments_that_look_like_options(
            first in argument(), rest in vec(prop_oneof![option(), argument()], 0..8), dashes: bool
        ) {
            prop_assume!(dashes || !first.as_bytes().starts_with(b"-"));
            the_command_keeps_its_arguments(dashes, &[vec![first], rest].concat());
        }
    }

    proptest! {
        #![proptest_config(cases(500))]

        #[test]
        fn a_value_means_the_same_as_option_and_as_variable(which: usize, value in value(), other in value()) {
            option_and_variable_take_the_same_values(which, &value, &other);
        }
    }
}
