//! Memory: taken at the start, for options and for what is told. Where there is none, that is said.

use super::stderr;
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::sync::atomic::Ordering::Relaxed;

/// libc's allocator, but that no memory is an error like others before main runs: a line, and a status that says that rinit
/// itself failed. (Rust would end it by a signal, without a word.)
#[derive(Debug)]
pub struct ExitWhenOutOfMemory;

// SAFETY: hands everything on to System, and never returns what System did not.
unsafe impl GlobalAlloc for ExitWhenOutOfMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        there(unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        there(unsafe { System.realloc(memory, layout, size) })
    }
}

// Kept out of what allocates.
#[cold]
fn tell() {
    let mut line = [0; 160];
    let mut rest = &mut line[..];
    let _ = if stderr::JSON.load(Relaxed) {
        writeln!(rest, "{}no memory (malloc)\"}}", stderr::json_head("ERROR"))
    } else {
        writeln!(rest, "rinit: ERROR: no memory (malloc)")
    };
    let left = rest.len();
    let (said, _) = line.split_at_checked(line.len() - left).unwrap_or_default();
    let _ = stderr::write_now(said);
}

/// What there is.
fn there(memory: *mut u8) -> *mut u8 {
    if memory.is_null() {
        tell();
        // SAFETY: ends this process.
        unsafe { libc::_exit(i32::from(crate::failure::STATUS_OWN)) }
    }
    memory
}
