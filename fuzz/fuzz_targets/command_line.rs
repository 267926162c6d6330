//! Command lines and environments: arguments, a line feed, and variables, each ended by a NUL. The first byte selects the
//! name under which rinit is called.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use rinit::cli::properties;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some((which, rest)) = bytes.split_first() else {
        return Corpus::Reject;
    };
    let mut parts = rest.splitn(2, |byte| *byte == b'\n').map(|part| {
        part.split(|byte| *byte == 0).map(|word| OsStr::from_bytes(word).to_owned()).collect::<Vec<OsString>>()
    });
    let given = parts.next().unwrap_or_default();
    let environment = parts.next().unwrap_or_default();
    let name = properties::NAMES[usize::from(*which) % properties::NAMES.len()];
    properties::any_command_line_gives_options_or_one_error(name, &[&[name.into()], &given[..]].concat(), &environment);
    properties::the_command_keeps_its_arguments(true, &given);
    if !given[0].as_bytes().starts_with(b"-") {
        properties::the_command_keeps_its_arguments(false, &given);
    }
    Corpus::Keep
});
