//! Whatever stands on the command line and in the environment: options or one clear error, and no panic.

use super::invariants::{self, NAMES};
use super::parser::definition;
use super::settings::SETTINGS;
use crate::persona::Persona;
use crate::properties::cases;
use proptest::collection::vec;
use proptest::prelude::*;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

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
        1 => word().prop_map(|word| OsString::from_vec([b"-", word.as_bytes()].concat())),
        1 => Just("--".into()),
        1 => Just("-".into()),
    ]
}

fn command_line() -> impl Strategy<Value = Vec<OsString>> {
    let words = vec(prop_oneof![4 => option(), 2 => value().prop_map(OsString::from), 1 => word()], 0..8);
    words.prop_map(|words| [vec!["rinit".into()], words].concat())
}

fn environment() -> impl Strategy<Value = Vec<OsString>> {
    let names = SETTINGS.iter().map(|setting| setting.variable).collect::<Vec<_>>();
    let known = (proptest::sample::select(names), value()).prop_map(|(name, value)| format!("{name}={value}").into());
    let unknown = "RINIT_[A-Z]{0,9}(=[ -~]{0,9})?".prop_map(OsString::from);
    vec(prop_oneof![known, unknown, word()], 0..4)
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn no_command_line_and_no_environment_is_too_much(
        name in proptest::sample::select(&NAMES[..]), given in command_line(), environment in environment()
    ) {
        invariants::no_command_line_is_too_much(name, &given, &environment);
    }

    #[test]
    fn the_command_keeps_its_words_whatever_they_look_like(
        first in word(), rest in vec(prop_oneof![option(), word()], 0..8), dashes: bool
    ) {
        prop_assume!(dashes || !first.as_bytes().starts_with(b"-"));
        invariants::the_command_keeps_its_words(dashes, &[vec![first], rest].concat());
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_value_means_the_same_wherever_it_stands(which: usize, value in value(), other in value()) {
        invariants::a_value_means_the_same_wherever_it_stands(which, &value, &other);
    }
}
