//! Files that could not be executed: ELF or not, with `#!` or without.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rinit::command::{self, elf};
use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

/// A file in memory that is read by its path, as the command's is.
static FILE: LazyLock<(File, CString)> = LazyLock::new(|| {
    let path = format!("/dev/shm/rinit-fuzz-{}", std::process::id());
    let file = File::options().read(true).write(true).create_new(true).open(&path).expect("a file in /dev/shm");
    std::fs::remove_file(path).expect("its name's removal");
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    (file, CString::new(path).expect("a path without NUL"))
});

fuzz_target!(|bytes: &[u8]| {
    elf::properties::parse_never_panics(bytes);
    let (file, path) = &*FILE;
    file.set_len(0).expect("an empty file");
    file.write_all_at(bytes, 0).expect("a full file");
    command::properties::explaining_never_panics(path, bytes);
});
