//! The termination message, in which Kubernetes shows why a container exited. From main's exit on, log lines about it are
//! kept, and written to the file when rinit exits. Without such a line nothing is allocated and no file is opened.

use crate::sys::descriptors;
use log::{Level, Record};
use nix::fcntl::OFlag;
use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};

/// The file; None for `off`. Borrowed: the default.
pub type Path = Option<Cow<'static, CStr>>;

/// Where the kubelet mounts the file by default.
pub const DEFAULT: Path = Some(Cow::Borrowed(c"/dev/termination-log"));

/// Kubernetes reads at most this many bytes.
const LONGEST: usize = 4096;

static PATH: OnceLock<Path> = OnceLock::new();
static KEEPING: AtomicBool = AtomicBool::new(false);
static KEPT: Mutex<String> = Mutex::new(String::new());

/// Sets the file. Later calls have no effect.
pub fn set(path: Path) {
    let _ = PATH.set(path);
}

/// Keeps records at warn or above from now on, as these say why the container exits. Raises the log's level to warn, so that
/// `keep` gets them also where the log does not show them.
pub fn begin() {
    if let Some(Some(_)) = PATH.get() {
        KEEPING.store(true, Relaxed);
        log::set_max_level(log::max_level().max(Level::Warn.to_level_filter()));
    }
}

/// Keeps a record, unless it is part of the slow stop report: such a stop may still succeed.
pub fn keep(record: &Record<'_>) {
    if record.level() <= Level::Warn && !record.target().ends_with("slow_stop") {
        keep_text(record.args());
    }
}

/// Keeps a line that the log prints below warn, or not at all.
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

/// Writes what was kept, if there is something. Errors are not reported: most containers have no such file. The default is
/// used by PID 1 only: the exit of any other process is not the container's.
pub fn write() {
    let Some(Some(path)) = PATH.get() else { return };
    let Ok(kept) = KEPT.lock() else { return };
    // Not in the middle of a UTF-8 character.
    let end = (0..=LONGEST.min(kept.len())).rev().find(|end| kept.is_char_boundary(*end));
    let text = kept.get(..end.unwrap_or_default()).unwrap_or_default();
    if !text.is_empty() && (matches!(path, Cow::Owned(_)) || nix::unistd::getpid().as_raw() == 1) {
        let _ = fill(path, text.as_bytes());
    }
}

/// Writes `text` to the file if it is a regular one and empty. Does not create it, follows no symbolic link, and never
/// blocks, not even for the reader of a FIFO.
fn fill(path: &CStr, text: &[u8]) -> io::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let mut file = File::from(descriptors::open(path, flags)?);
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() == 0 { file.write_all(text) } else { Ok(()) }
}
