//! Command lines and environments: arguments, a line feed, and variables, each ended by a NUL. The first byte selects the
//! name under which rinit is called.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use rinit::cli::invariants;
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
    let name = invariants::NAMES[usize::from(*which) % invariants::NAMES.len()];
    invariants::no_command_line_is_too_much(name, &[&[name.into()], &given[..]].concat(), &environment);
    invariants::the_command_keeps_its_words(true, &given);
    if !given[0].as_bytes().starts_with(b"-") {
        invariants::the_command_keeps_its_words(false, &given);
    }
    Corpus::Keep
});
