//! Where a command's name leads: the name, a NUL, and PATH, if there is one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::ffi::CString;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let name = CString::new(parts.next().unwrap_or_default()).expect("no NUL: it was split there");
    // An environment's entry ends at the first one.
    let path = parts.next().map(|rest| rest.split(|byte| *byte == 0).next().unwrap_or_default());
    rinit::search::properties::paths_are_those_of_execvp(&name, path);
});
