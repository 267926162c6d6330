//! Memory allocation, which reading options and logging need. When memory runs out, rinit logs an error and exits.

use super::stderr;
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::sync::atomic::Ordering::Relaxed;

/// libc's allocator, except that rinit exits with an error line and its own status when it is out of memory. (Rust
/// would abort by a signal.)
#[derive(Debug)]
pub struct ExitWhenOutOfMemory;

// SAFETY: passes every call on to System, and returns only what System returned.
unsafe impl GlobalAlloc for ExitWhenOutOfMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        or_exit(unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        or_exit(unsafe { System.realloc(memory, layout, size) })
    }
}

// Kept out of the code that allocates.
#[cold]
fn log_out_of_memory() {
    let mut line = [0; 160];
    let mut rest = &mut line[..];
    let _ = if stderr::JSON.load(Relaxed) {
        writeln!(rest, "{}out of memory (malloc)\"}}", stderr::json_head("ERROR"))
    } else {
        writeln!(rest, "rinit: ERROR: out of memory (malloc)")
    };
    let unused = rest.len();
    let (written, _) = line.split_at_checked(line.len() - unused).unwrap_or_default();
    let _ = stderr::write_now(written);
}

/// The allocated memory. Exits if the allocation failed.
fn or_exit(memory: *mut u8) -> *mut u8 {
    if memory.is_null() {
        log_out_of_memory();
        // SAFETY: exits, and never returns.
        unsafe { libc::_exit(crate::failure::Kind::Own as i32) }
    }
    memory
}
