//! Expected values for the reports of rinit.
#![allow(unsafe_code)]

use crate::family::spawn;
use crate::output::say;
use crate::prefixes::execute;
use std::ffi::{OsString, c_int};

/// Runs the program in `words` and prints whether it dumped core.
pub fn print_core(words: &[OsString]) -> c_int {
    let child = spawn(|| {
        execute(words);
    });
    let mut status = 0;
    // SAFETY: writes one integer.
    let pid = unsafe { libc::waitpid(child.as_raw(), &raw mut status, 0) };
    assert_eq!(pid, child.as_raw(), "waitpid");
    say(if libc::WCOREDUMP(status) { "core dumped" } else { "no core" });
    0
}
