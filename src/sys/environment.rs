//! The environment that a child gets: ours, except that variables which hold our PID hold the child's.

use super::Pid;
use super::arguments::CStrArray;
use std::ffi::{CStr, c_char};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Beside LISTEN_PID systemd 258 sets LISTEN_PIDFDID, the inode of a pidfd for that PID. It is left out, as it would be
/// wrong for the child, and services do without it.
const PIDFD: &[u8] = b"FDID=";

/// An environment for a child.
pub struct Environment {
    entries: CStrArray,
    pids: Vec<PidText>,
}

impl Environment {
    /// `given`, in which each variable among `names` that holds our PID will hold the child's. Where there is none,
    /// nothing is copied.
    pub fn new(given: CStrArray, names: &[&'static [u8]]) -> Environment {
        let holds_ours = |name: &&&[u8]| given.value_of(name).is_some_and(is_our_pid);
        let pids: Vec<PidText> = names.iter().filter(holds_ours).map(|name| PidText::new(name)).collect();
        let entry = |entry: &'static CStr| {
            let named = pids.iter().find_map(|pid| Some((pid, entry.to_bytes().strip_prefix(pid.name)?)));
            match named {
                Some((_, rest)) if rest.starts_with(PIDFD) => None,
                Some((pid, rest)) if rest.strip_prefix(b"=").is_some_and(is_our_pid) => Some(pid.text.as_ptr().cast()),
                _ => Some(entry.as_ptr()),
            }
        };
        // SAFETY: entries of `given`, which live as long as the process, and texts that are never freed and end with a
        // zero.
        let entries = if pids.is_empty() { given } else { unsafe { CStrArray::of_pointers(given.filter_map(entry)) } };
        Environment { entries, pids }
    }

    /// Fills in the PID that `pid` returns, which only the child knows before its exec. Writes into memory that it
    /// shares with the parent; takes none.
    pub(super) fn name_pid(&self, pid: impl Fn() -> Pid) {
        for text in &self.pids {
            text.set(pid());
        }
    }

    /// For execve(2).
    pub fn as_ptr(&self) -> *const *const c_char {
        self.entries.as_ptr()
    }
}

fn is_our_pid(value: &[u8]) -> bool {
    value == std::process::id().to_string().as_bytes()
}

/// Room for an entry `NAME=` and a PID. Never freed, as the environment is not.
struct PidText {
    name: &'static [u8],
    text: &'static [AtomicU8],
}

impl PidText {
    /// `NAME=`, with no number yet.
    fn new(name: &'static [u8]) -> PidText {
        // Ten digits are the longest PID, and a zero ends them.
        let text: Vec<AtomicU8> = name.iter().chain(b"=").chain(&[0; 11]).copied().map(AtomicU8::new).collect();
        PidText { name, text: text.leak() }
    }

    fn set(&self, pid: Pid) {
        let mut rest = pid.as_raw().unsigned_abs();
        let digits = rest.checked_ilog10().unwrap_or(0) as usize + 1;
        for byte in self.text.iter().skip(self.name.len() + 1).take(digits).rev() {
            byte.store(b'0' + (rest % 10) as u8, Relaxed);
            rest /= 10;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    fn entries(environment: &Environment) -> Vec<String> {
        environment.entries.map(|entry| entry.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn our_pid_becomes_the_childs() {
        let ours = std::process::id();
        let given = [
            "PATH=/bin".to_owned(),
            format!("LISTEN_PID={ours}"),
            "LISTEN_PIDFDID=1".to_owned(),
            "LISTEN_PID=1x".to_owned(),
            "WATCHDOG_PID=0".to_owned(),
            "WATCHDOG_PIDFDID=1".to_owned(),
        ];
        let given = CStrArray::of(given.map(|entry| CString::new(entry).unwrap()).into_iter());
        let environment = Environment::new(given, &[b"LISTEN_PID", b"WATCHDOG_PID"]);
        for pid in [1, 9, 10, 4_194_304, i32::MAX] {
            environment.name_pid(|| Pid::from_raw(pid));
            let listen = format!("LISTEN_PID={pid}");
            let wanted = ["PATH=/bin", &listen, "LISTEN_PID=1x", "WATCHDOG_PID=0", "WATCHDOG_PIDFDID=1"];
            assert_eq!(entries(&environment), wanted);
        }
    }

    #[test]
    fn an_environment_without_our_pid_is_not_copied() {
        let given = CStrArray::of([c"PATH=/bin".to_owned(), c"LISTEN_PID=0".to_owned()].into_iter());
        assert_eq!(Environment::new(given, &[b"LISTEN_PID"]).as_ptr(), given.as_ptr());
    }
}
