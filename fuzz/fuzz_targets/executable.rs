//! Files that could not be executed: ELF or not, with `#!` or without.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rinit::command::elf;
use rinit::command::refusal::{beginning, explain, foreign_machine, is_script, missing_part};
use rinit::failure::Kind;
use rinit::sys::Errno;
use rinit::sys::spawn::Error;
use std::ffi::{CStr, CString};
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
    explaining_never_panics(path, bytes);
});

/// The explanation for the file at `path`, which contains `file`, never panics and fits the file.
fn explaining_never_panics(path: &CStr, file: &[u8]) {
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
