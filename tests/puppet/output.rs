//! Printing without std's stdout, which buffers and silently accepts a closed descriptor.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::fmt::Display;

/// Prints a line with one call, so that lines of several processes do not mix.
pub fn say(text: impl Display) {
    say_to(1, text);
}

/// Prints a line to any descriptor.
pub fn say_to(fd: c_int, text: impl Display) {
    let line = format!("{text}\n");
    let mut rest = line.as_bytes();
    while !rest.is_empty() {
        // SAFETY: a buffer that is only read.
        let written = unsafe { libc::write(fd, rest.as_ptr().cast(), rest.len()) };
        if written <= 0 {
            return;
        }
        rest = rest.split_at(written.unsigned_abs()).1;
    }
}
