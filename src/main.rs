//! C's `main`, and nothing else.
#![no_main]

use rinit::sys::arguments::Words;
use rinit::sys::memory::OrExit;
use std::ffi::{c_char, c_int};

#[global_allocator]
static MEMORY: OrExit = OrExit;

/// Where libc enters. Rust's own start is left out: it would ignore SIGPIPE, open /dev/null over closed descriptors and
/// map a signal stack, and main would inherit the first two.
///
/// # Safety
/// Called once, by libc.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: as libc's start handed them over.
    rinit::run(unsafe { Words::from_main(argc, argv) })
}
