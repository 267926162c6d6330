//! Whatever stands on the command line and in the environment: options or one clear error, and no panic.

use super::*;
use crate::failure::Kind;
use crate::properties::cases;
use proptest::collection::vec;
use proptest::prelude::*;
use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;

/// For the message of a case that fails.
impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.option)
    }
}

/// Any word without a NUL, which the kernel would not let through.
fn word() -> impl Strategy<Value = OsString> {
    vec(1..=255u8, 0..12).prop_map(OsString::from_vec)
}

/// A value that some option may take, or nearly so.
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

/// A word that looks like an option: known, unknown, cut short, with a value, or several letters at once.
fn option() -> impl Strategy<Value = OsString> {
    let names = parser(Persona::named(b"rinit"), false)
        .get_arguments()
        .filter_map(|arg| arg.get_long().map(str::to_owned))
        .collect::<Vec<_>>();
    let long = proptest::sample::select(names);
    prop_oneof![
        4 => long.clone().prop_map(|name| format!("--{name}").into()),
        4 => (long.clone(), value()).prop_map(|(name, value)| format!("--{name}={value}").into()),
        1 => (long, 0..9usize).prop_map(|(name, cut)| format!("--{}", name.get(..cut).unwrap_or(&name)).into()),
        4 => "-[a-zA-Z0-9?=]{1,4}".prop_map(OsString::from),
        1 => word().prop_map(|word| OsString::from_vec([b"-", word.as_bytes()].concat())),
        1 => Just("--".into()),
        1 => Just("-".into()),
    ]
}

fn command_line() -> impl Strategy<Value = Vec<OsString>> {
    let words = vec(prop_oneof![4 => option(), 2 => value().prop_map(OsString::from), 1 => word()], 0..8);
    words.prop_map(|words| [vec!["rinit".into()], words].concat())
}

fn variable(setting: &Setting, value: &str) -> OsString {
    format!("{}={value}", setting.variable).into()
}

fn environment() -> impl Strategy<Value = Vec<OsString>> {
    let known = (any_setting(), value()).prop_map(|(setting, value)| variable(setting, &value));
    let unknown = "RINIT_[A-Z]{0,9}(=[ -~]{0,9})?".prop_map(OsString::from);
    vec(prop_oneof![known, unknown, word()], 0..4)
}

fn any_setting() -> impl Strategy<Value = &'static Setting> {
    proptest::sample::select(SETTINGS.iter().collect::<Vec<_>>())
}

/// Settings that have the same values on the command line as in their variable.
fn valued() -> impl Strategy<Value = &'static Setting> {
    let parser = parser(Persona::named(b"rinit"), false);
    let takes_values = |setting: &&Setting| {
        let mut arguments = parser.get_arguments();
        arguments.any(|argument| argument.get_long() == Some(setting.option) && argument.get_action().takes_values())
    };
    let valued: Vec<&'static Setting> = SETTINGS.iter().filter(takes_values).collect();
    assert!(valued.len() >= 6, "{}", valued.len());
    proptest::sample::select(valued)
}

/// As the kernel would hand it over.
fn words(words: &[OsString]) -> Words {
    Words::of(words.iter().map(|word| CString::new(word.as_bytes()).unwrap()))
}

/// As rinit itself; other personas are tested beside the originals.
fn read_as_rinit(given: &[OsString], environment: &[OsString]) -> Result<Request, Failure> {
    read(Persona::named(b"rinit"), words(given), words(environment))
}

fn options(words: &[OsString], environment: &[OsString]) -> Result<Options, Failure> {
    match read_as_rinit(words, environment)? {
        Request::Run(options, _) => Ok(options),
        Request::Print(..) | Request::Report(_) => Err(Failure::own("no command")),
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn no_command_line_and_no_environment_is_too_much(
        name in proptest::sample::select(&["rinit", "docker-init", "tini", "dumb-init", "catatonit"][..]),
        given in command_line(),
        environment in environment(),
    ) {
        match read(Persona::named(name.as_bytes()), words(&given), words(&environment)) {
            Ok(Request::Run(options, command)) => {
                let command: Vec<OsString> = command.map(|word| os(word).to_owned()).collect();
                prop_assert!(options.pause || !command.is_empty());
                // The others take options from behind the command's name too.
                prop_assert!(name != "rinit" || given.ends_with(&command), "{:?}", command);
            }
            Ok(Request::Print(text, _)) => prop_assert!(!text.is_empty()),
            Ok(Request::Report(_)) => {}
            Err(failure) => {
                prop_assert_eq!(failure.kind, Kind::Own);
                prop_assert!(!failure.to_string().is_empty());
            }
        }
    }

    #[test]
    fn the_command_keeps_its_words_whatever_they_look_like(
        first in word(), rest in vec(prop_oneof![option(), word()], 0..8), dashes: bool
    ) {
        prop_assume!(dashes || !first.as_bytes().starts_with(b"-"));
        let command = [vec![first], rest].concat();
        let before: &[OsString] = if dashes { &["rinit".into(), "--".into()] } else { &["rinit".into()] };
        let read = read_as_rinit(&[before, &command[..]].concat(), &[]);
        let run = match read {
            Ok(Request::Run(options, words)) => Some((options, words.map(|word| os(word).to_owned()).collect())),
            _ => None,
        };
        prop_assert_eq!(run, Some((Options::default(), command)));
    }

    #[test]
    fn a_variable_takes_what_its_option_takes(setting in valued(), value in value()) {
        let by_variable = options(&["rinit".into(), "x".into()], &[variable(setting, &value)]);
        let by_option = options(&["rinit".into(), format!("--{}={value}", setting.option).into(), "x".into()], &[]);
        match (by_variable, by_option) {
            (Err(variable), Err(option)) => {
                prop_assert!(variable.to_string().contains(setting.variable), "{}", variable);
                prop_assert!(option.to_string().contains(setting.option), "{}", option);
            }
            (variable, option) => prop_assert_eq!(variable, option),
        }
    }

    #[test]
    fn an_option_wins_over_its_variable(setting in valued(), value in value(), other in value()) {
        // What is in a list adds to it.
        prop_assume!(!setting.allowed.contains("list"));
        let words: [OsString; 3] = ["rinit".into(), format!("--{}={value}", setting.option).into(), "x".into()];
        if let (Ok(both), Ok(alone)) = (options(&words, &[variable(setting, &other)]), options(&words, &[])) {
            prop_assert_eq!(both, alone);
        }
    }

    #[test]
    fn of_a_variable_that_is_there_twice_the_first_counts(setting in any_setting(), first in value(), second in value()) {
        let words = ["rinit".into(), "x".into()];
        let both = options(&words, &[variable(setting, &first), variable(setting, &second)]);
        prop_assert_eq!(both, options(&words, &[variable(setting, &first)]));
    }

    #[test]
    fn what_is_said_about_a_bad_value_names_it_and_what_is_allowed(setting in any_setting(), value in value()) {
        if let Err(failure) = options(&["rinit".into(), "x".into()], &[variable(setting, &value)]) {
            let text = failure.to_string();
            prop_assert!(text.contains(&format!("{value:?}")) && text.contains(setting.allowed), "{}", text);
        }
    }
}
