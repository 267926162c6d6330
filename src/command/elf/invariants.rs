//! What holds of every file, whatever is in it.

use super::*;

/// It names a loader out of its own bytes, and a processor that there is, or neither.
pub fn no_file_is_too_much(file: &[u8]) {
    if let Some(name) = interpreter(file) {
        assert!(!name.contains(&0) && (name.is_empty() || file.windows(name.len()).any(|bytes| bytes == name)));
    }
    let known = ["x86", "powerpc64", "s390x", "arm", "x86_64", "aarch64", "riscv64"];
    assert!(machine(file).is_none_or(|machine| known.contains(&machine)));
}
