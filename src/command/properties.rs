//! What holds of every file that was to be executed.

use super::refusal::{beginning, explain, foreign_machine, is_script, missing_part};
use crate::failure::Kind;
use crate::sys::Errno;
use crate::sys::spawn::Error;
use std::ffi::CStr;

/// What is said about the file at `path`, which holds `file`, is said in words and is about it.
pub fn explaining_never_panics(path: &CStr, file: &[u8]) {
    let first = beginning(path);
    assert!(file.starts_with(&first) && first.len() == file.len().min(4096));
    let path = path.to_owned();
    assert_eq!(is_script(Some(&path)), !file.iter().take(256).any(|byte| *byte == 0));
    if let Some(hint) = missing_part(&path) {
        assert!(file.starts_with(b"#!") || file.starts_with(b"\x7fELF"), "{hint}");
    }
    assert!(foreign_machine(file).is_none() || file.starts_with(b"\x7fELF"));
    for errno in [Errno::ENOENT, Errno::ENOEXEC, Errno::EACCES] {
        let failure = explain(&path, std::slice::from_ref(&path), Error::Exec { path: 0, errno });
        assert_ne!(failure.kind, Kind::Own, "{failure}");
    }
}
