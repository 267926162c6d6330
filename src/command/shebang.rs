//! rinit as the program of a `#!` line (execve(2), "Interpreter scripts").

use super::refusal::beginning;
use crate::sys::arguments::{CStrArray, os};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What to write instead, where rinit's first argument is all of a script's `#!` line behind rinit's name, and should have been
/// several.
pub fn advice(mut words: CStrArray) -> Option<String> {
    let (argument, script) = (words.nth(1)?, words.next()?);
    let file = beginning(script);
    let line = file.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?.trim_ascii();
    let is_several = argument.to_bytes().iter().any(|byte| matches!(byte, b' ' | b'\t'));
    (is_several && line.strip_suffix(argument.to_bytes())?.ends_with(b" ")).then(|| {
        format!(
            "{:?}: the kernel passes {:?} of the #! line as one argument; make the line #!/usr/bin/env -S {}",
            os(script),
            os(argument),
            OsStr::from_bytes(line).display()
        )
    })
}
