//! C's `main`, which calls the library.
#![no_main]

use rinit::sys::arguments::CStrArray;
use rinit::sys::memory::ExitWhenOutOfMemory;
use std::ffi::{c_char, c_int};

#[global_allocator]
static MEMORY: ExitWhenOutOfMemory = ExitWhenOutOfMemory;

/// The entry point that libc calls. Rust's own runtime start is left out: it would ignore SIGPIPE, open /dev/null over
/// closed descriptors and map a signal stack, and the command would inherit the first two.
///
/// # Safety
/// Called once, by libc.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(_argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: libc passed it, and it is never freed.
    rinit::run(unsafe { CStrArray::from_raw(argv) })
}
