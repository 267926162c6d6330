//! The termination message: what Kubernetes shows of why a container ended. What was logged about that is kept from main's
//! exit on, and written at the end. Without such a line nothing is allocated, opened or asked.

use crate::sys::empty_file;
use log::{Level, Record};
use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};

/// The file, and None for `off`. Borrowed: the one that Kubernetes mounts unless told otherwise.
pub type Path = Option<Cow<'static, CStr>>;

/// Where the kubelet mounts the file by default.
pub const DEFAULT: Path = Some(Cow::Borrowed(c"/dev/termination-log"));

/// What Kubernetes takes of it.
const LONGEST: usize = 4096;

static PATH: OnceLock<Path> = OnceLock::new();
static KEEPING: AtomicBool = AtomicBool::new(false);
static KEPT: Mutex<String> = Mutex::new(String::new());

/// Sets the file. The first one stays.
pub fn set(path: Path) {
    let _ = PATH.set(path);
}

/// From now on what is logged at warn or above is about why the container ends. Records that the log does not show are
/// handed to `keep` too.
pub fn begin() {
    if let Some(Some(_)) = PATH.get() {
        KEEPING.store(true, Relaxed);
        log::set_max_level(log::max_level().max(Level::Warn.to_level_filter()));
    }
}

/// Keeps a record, unless it is one of the report on a slow stop: that may still come to a good end.
pub fn keep(record: &Record<'_>) {
    if record.level() <= Level::Warn && !record.target().ends_with("slow_stop") {
        keep_text(record.args());
    }
}

/// Keeps what the log says below warn, or not at all.
pub fn keep_text(text: &fmt::Arguments<'_>) {
    if !KEEPING.load(Relaxed) {
        return;
    }
    if let Ok(mut kept) = KEPT.lock()
        && kept.len() < LONGEST
    {
        let _ = write!(crate::printable::Printable(&mut kept), "{text}");
        kept.push('\n');
    }
}

/// Writes what was kept, if anything was. Whatever is in the way, nothing is said of it: most containers have no such file.
/// The default is for PID 1: the exit of any other process is not the container's, and what it wrote would be in the way.
pub fn write() {
    let Some(Some(path)) = PATH.get() else { return };
    let Ok(kept) = KEPT.lock() else { return };
    // Not in the middle of a letter.
    let end = (0..=LONGEST.min(kept.len())).rev().find(|end| kept.is_char_boundary(*end));
    let text = kept.get(..end.unwrap_or_default()).unwrap_or_default();
    if !text.is_empty() && (matches!(path, Cow::Owned(_)) || nix::unistd::getpid().as_raw() == 1) {
        let _ = empty_file::fill(path, text.as_bytes());
    }
}
