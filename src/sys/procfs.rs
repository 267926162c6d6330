//! Reads /proc/PID (proc(5)) into plain values.

use super::{Errno, Pid, Result, descriptors};
use crate::signal::{Signal, SignalSet, Treatment};
use nix::fcntl::OFlag;
use std::ffi::CStr;
use std::fmt::Write as _;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// A /proc that shows our own PID namespace. Without it nothing is known about other processes.
#[derive(Clone, Copy, Debug)]
pub struct Procfs(());

impl Procfs {
    /// None if it is not mounted, or shows another PID namespace, whose PIDs mean other processes.
    pub fn of_our_namespace() -> Option<Procfs> {
        let ourselves = std::fs::read_link("/proc/self").ok()?;
        (ourselves.to_str()?.parse() == Ok(std::process::id())).then_some(Procfs(()))
    }

    /// All processes that it shows except ourselves and the kernel's threads, nearly always sorted by PID.
    pub fn processes(self) -> impl Iterator<Item = Pid> {
        let us = nix::unistd::getpid();
        let is_of_kernel = move |pid: Pid| self.stat(pid).is_some_and(|stat| stat.is_of_kernel);
        // Containers have no kernel threads, so there is no need to read a file for each process.
        let has_kernel = self.shows_the_kernel();
        let pids = descriptors::folder(c"/proc").filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok());
        pids.map(Pid::from_raw).filter(move |pid| *pid != us && !(has_kernel && is_of_kernel(*pid)))
    }

    /// Whether this is the first PID namespace, that of the machine: there PID 2 is a kernel thread.
    pub fn shows_the_kernel(self) -> bool {
        self.stat(Pid::from_raw(2)).is_some_and(|stat| stat.is_of_kernel)
    }

    /// /proc/PID/stat; None if the process is gone.
    pub fn stat(self, pid: Pid) -> Option<Stat> {
        let mut buffer = [0; 1024];
        Stat::parse(read(pid, "stat", &mut buffer).ok()?)
    }

    /// /proc/PID/status; None if the process is gone.
    pub fn status(self, pid: Pid) -> Option<Status> {
        let mut buffer = [0; 8192];
        let file = open(pid, "status").ok()?;
        let mut filled = fill(&file, &mut buffer, 0).ok()?;
        // A process can be in 65,536 groups, which are listed before the signals: they are cut out, and reading goes
        // on.
        while filled == buffer.len() {
            const GROUPS: &[u8] = b"\nGroups:";
            let start = buffer.windows(GROUPS.len()).position(|bytes| bytes == GROUPS)? + GROUPS.len();
            let line = buffer.get(start..).unwrap_or_default();
            let end = start + line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
            if end == start {
                break;
            }
            buffer.copy_within(end.., start);
            filled -= end - start;
            filled = fill(&file, &mut buffer, filled).ok()?;
        }
        Some(Status::parse(buffer.get(..filled)?))
    }

    /// The command line for display, or the name in brackets if it is empty, as in ps(1).
    pub fn command(self, pid: Pid) -> String {
        let shown = self.arguments(pid).join(" ");
        if !shown.trim().is_empty() {
            return shown.trim_end().to_owned();
        }
        format!("[{}]", self.name(pid).unwrap_or_default())
    }

    /// The arguments of the command line, `argv[0]` first, from its first 256 bytes. Empty if the process is gone.
    pub fn arguments(self, pid: Pid) -> Vec<String> {
        let mut buffer = [0; 256];
        let line = read(pid, "cmdline", &mut buffer).unwrap_or_default();
        line.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
    }

    /// The name of the process, at most 15 bytes, which it can change. None if it is gone.
    pub fn name(self, pid: Pid) -> Option<String> {
        let name = text(pid, "comm")?;
        Some(name.strip_suffix('\n').unwrap_or(&name).to_owned())
    }

    /// Its stdin, as the target of /proc/PID/fd/0 (`pipe:[INODE]`, `/dev/null`, `host:[N]` under gVisor). None if it is
    /// gone, has no stdin, or if we may not read that (proc(5), ptrace access mode).
    pub fn stdin(self, pid: Pid) -> Option<PathBuf> {
        std::fs::read_link(format!("/proc/{pid}/fd/0")).ok()
    }

    /// The kernel function in which it sleeps; `0` if it does not sleep, or if we may not read that.
    pub fn sleeps_in(self, pid: Pid) -> Option<String> {
        text(pid, "wchan")
    }

    /// Whether two processes share the same open file as stdin. A /dev/null that is open for reading only does not
    /// count, as it cannot be told from one that each has opened by itself. None if we may not read that.
    pub fn shares_stdin(self, one: Pid, other: Pid) -> Option<bool> {
        let mut buffers = [[0; 128]; 2];
        let [buffer, other_buffer] = &mut buffers;
        let (details, others) = (read(one, "fdinfo/0", buffer).ok()?, read(other, "fdinfo/0", other_buffer).ok()?);
        // O_CLOEXEC is the descriptor's own: Node.js sets it.
        let flags = |details| Some(open_flags(details)? & !libc::O_CLOEXEC);
        let same = self.stdin(one)? == self.stdin(other)?
            && flags(details)? == flags(others)?
            && besides_flags(details).eq(besides_flags(others));
        let read_only = flags(details)? & libc::O_ACCMODE == libc::O_RDONLY;
        Some(same && !(read_only && self.stdin(one)?.as_os_str() == "/dev/null"))
    }
}

/// The flags of an open file, from a descriptor's fdinfo.
fn open_flags(details: &[u8]) -> Option<i32> {
    let octal = details.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"flags:"))?;
    i32::from_str_radix(std::str::from_utf8(octal).ok()?.trim(), 8).ok()
}

/// The other lines: position, mount and inode are the same for the same open file.
fn besides_flags(details: &[u8]) -> impl Iterator<Item = &[u8]> {
    details.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"flags:"))
}

/// The fields of proc_pid_stat(5) that rinit uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// One letter, as ps(1) shows it.
    pub state: u8,
    /// The parent; 0 where it is outside our PID namespace.
    pub parent: Pid,
    /// The process group.
    pub group: Pid,
    /// The session.
    pub session: Pid,
    /// Whether there is a controlling terminal.
    pub has_terminal: bool,
    /// The number of threads; others may be alive when the leader is dead.
    pub threads: u32,
    /// When it was started, in clock ticks since boot.
    pub started: u64,
    /// Resident memory, in pages.
    pub resident: u64,
    /// Whether it is a kernel thread, which cannot be killed. Only the first PID namespace has these.
    pub is_of_kernel: bool,
    /// Whether it has executed no program since it was forked.
    pub is_fork: bool,
}

impl Stat {
    /// Parses the file. The name may contain anything, also parentheses, blanks and newlines: it ends at the last `)`.
    pub fn parse(text: &[u8]) -> Option<Stat> {
        let end = text.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(text.get(end + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        // Numbered as in the manual page, where the state is the third field.
        let mut number = 3;
        let mut field = |wanted: usize| {
            let text = fields.nth(wanted.checked_sub(number)?)?;
            number = wanted + 1;
            Some(text)
        };
        let pid = |text: &str| text.parse().ok().map(Pid::from_raw);
        let state = *field(3)?.as_bytes().first()?;
        let (parent, group, session) = (pid(field(4)?)?, pid(field(5)?)?, pid(field(6)?)?);
        let has_terminal = field(7)? != "0";
        let flags = field(9)?.parse::<u32>().ok()?;
        Some(Stat {
            state,
            parent,
            group,
            session,
            has_terminal,
            is_of_kernel: flags & PF_KTHREAD != 0,
            is_fork: flags & PF_FORKNOEXEC != 0,
            threads: field(20)?.parse().ok()?,
            started: field(22)?.parse().ok()?,
            resident: field(24).and_then(|pages| pages.parse().ok()).unwrap_or(0),
        })
    }

    /// Whether it is a zombie. A dead leader with living threads is not.
    pub fn is_dead(&self) -> bool {
        is_dead(self.state, self.threads)
    }
}

/// The longest name of a field of proc_pid_status(5) that rinit uses.
const LONGEST_NAME: usize = "voluntary_ctxt_switches".len();

/// Among the flags of proc_pid_stat(5).
const PF_KTHREAD: u32 = 0x0020_0000;
const PF_FORKNOEXEC: u32 = 0x40;

fn is_dead(state: u8, threads: u32) -> bool {
    matches!(state, b'X' | b'x') || state == b'Z' && threads <= 1
}

/// The fields of proc_pid_status(5) that rinit uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// One letter, as ps(1) shows it.
    pub state: u8,
    /// The parent; 0 where it is outside our PID namespace.
    pub parent: Option<Pid>,
    /// The number of threads; others may be alive when the leader is dead.
    pub threads: u32,
    /// How often the first thread has gone to sleep, or given up the processor in another way.
    pub sleeps: u64,
    /// The process group (Linux 4.1).
    pub group: Option<Pid>,
    /// The session (Linux 4.1).
    pub session: Option<Pid>,
    /// The real user ID.
    pub user: u32,
    /// Signals that are pending: it blocks them, or does not run.
    pub pending: SignalSet,
    /// Whether the three sets below are known: gVisor's /proc does not show them.
    pub shows_signals: bool,
    /// Signals that it ignores.
    pub ignored: SignalSet,
    /// Signals that it blocks.
    pub blocked: SignalSet,
    /// Signals that it handles.
    pub caught: SignalSet,
    /// Its PID in its own PID namespace, if that is below ours.
    pub nested: Option<Pid>,
}

impl Status {
    /// Parses the file. Missing lines count as empty: an older kernel, or a /proc that shows less.
    pub fn parse(text: &[u8]) -> Status {
        let mut status = Status::default();
        for line in text.split(|byte| *byte == b'\n') {
            // Most lines do not matter, and the drain reads thousands of these files.
            let Some(colon) = line.iter().take(LONGEST_NAME + 1).position(|byte| *byte == b':') else {
                continue;
            };
            let (name, value) = line.split_at(colon);
            let value = || std::str::from_utf8(value.get(1..).unwrap_or_default()).unwrap_or_default().trim();
            let set = || SignalSet(u64::from_str_radix(value(), 16).unwrap_or(0));
            let numbers = || value().split_ascii_whitespace().map(|number| number.parse().ok());
            match name {
                b"State" => status.state = value().bytes().next().unwrap_or_default(),
                b"PPid" => status.parent = numbers().next().flatten().map(Pid::from_raw),
                b"Threads" => status.threads = value().parse().unwrap_or(0),
                b"voluntary_ctxt_switches" => status.sleeps = value().parse().unwrap_or(0),
                // The first is in our namespace, the last in its own.
                b"NSpgid" => status.group = numbers().next().flatten().map(Pid::from_raw),
                b"NSsid" => status.session = numbers().next().flatten().map(Pid::from_raw),
                b"NSpid" => status.nested = numbers().skip(1).last().flatten().map(Pid::from_raw),
                b"Uid" => {
                    status.user = value().split_ascii_whitespace().next().and_then(|id| id.parse().ok()).unwrap_or(0)
                }
                // Those of the thread, and those of the whole process.
                b"SigPnd" | b"ShdPnd" => status.pending.0 |= set().0,
                b"SigIgn" => (status.ignored, status.shows_signals) = (set(), true),
                b"SigBlk" => status.blocked = set(),
                b"SigCgt" => status.caught = set(),
                _ => {}
            }
        }
        status
    }

    /// As `Stat::is_dead`.
    pub fn is_dead(&self) -> bool {
        is_dead(self.state, self.threads)
    }

    /// Whether it is the init of a PID namespace below ours.
    pub fn is_nested_init(&self) -> bool {
        self.nested == Some(Pid::from_raw(1))
    }

    /// What the process does with a signal.
    pub fn treatment(&self, signal: Signal) -> Treatment {
        // The kernel keeps a blocked signal, even an ignored one, for sigwait(3) and signalfd(2).
        if self.blocked.contains(signal) {
            Treatment::Blocks
        } else if self.ignored.contains(signal) {
            Treatment::Ignores
        } else if self.caught.contains(signal) {
            Treatment::Handles
        } else if self.shows_signals {
            Treatment::Default
        } else {
            Treatment::Unknown
        }
    }
}

/// The first bytes of /proc/PID/NAME.
fn text(pid: Pid, name: &str) -> Option<String> {
    let mut buffer = [0; 128];
    Some(String::from_utf8_lossy(read(pid, name, &mut buffer).ok()?).into_owned())
}

/// Reads /proc/PID/NAME into `buffer`; the rest is cut off.
fn read<'a>(pid: Pid, name: &str, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    let filled = fill(&open(pid, name)?, buffer, 0)?;
    Ok(buffer.get(..filled).unwrap_or_default())
}

fn open(pid: Pid, name: &str) -> Result<OwnedFd> {
    let mut path = String::with_capacity(32);
    let _ = write!(path, "/proc/{pid}/{name}\0");
    let path = CStr::from_bytes_with_nul(path.as_bytes()).map_err(|_| Errno::EINVAL)?;
    descriptors::open(path, OFlag::O_RDONLY).and_then(descriptors::above_stdio)
}

/// Reads on into `buffer` after its first `filled` bytes. Returns how many are filled then.
fn fill(file: &OwnedFd, buffer: &mut [u8], mut filled: usize) -> Result<usize> {
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        let wanted = free.len();
        match nix::unistd::read(file, free) {
            Ok(read) => {
                filled += read;
                // The kernel creates these files in one piece, so a short read is the last one.
                if read < wanted {
                    break;
                }
            }
            Err(Errno::EINTR) => {}
            // ESRCH: the process exited while its file was open.
            Err(errno) => return Err(errno),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocked_wins_over_ignored_and_handled() {
        let term = SignalSet::EMPTY.with(Signal::TERM);
        let mut status = Status::default();
        assert_eq!(status.treatment(Signal::TERM), Treatment::Unknown);
        status.shows_signals = true;
        assert_eq!(status.treatment(Signal::TERM), Treatment::Default);
        status.caught = term;
        assert_eq!(status.treatment(Signal::TERM), Treatment::Handles);
        status.ignored = term;
        assert_eq!(status.treatment(Signal::TERM), Treatment::Ignores);
        status.blocked = term;
        assert_eq!(status.treatment(Signal::TERM), Treatment::Blocks);
    }

    const REST: &str = " S 7 42 43 34816 42 4194304 1 2 3 4 5 6 7 8 20 0 3 0 123456 8192 99 5";

    #[test]
    fn a_truncated_stat_is_refused() {
        let text = format!("9 (sh){}", REST.trim_end_matches(" 8192 99 5"));
        let whole = text.find("123456").unwrap() + "123456".len();
        for end in 0..text.len() {
            assert_eq!(Stat::parse(&text.as_bytes()[..end]).is_some(), end > whole - "123456".len(), "{end}");
        }
    }

    #[test]
    fn a_dead_leader_with_living_threads_is_not_dead() {
        let with = |state: char, threads: u32| {
            let text = format!("9 (sh) {state} 7 42 43 0 42 0 1 2 3 4 5 6 7 8 20 0 {threads} 0 1 8192 9");
            Stat::parse(text.as_bytes()).unwrap().is_dead()
        };
        assert!(with('Z', 1) && with('X', 0));
        assert!(!with('Z', 2) && !with('S', 1) && !with('T', 1));
    }

    #[test]
    fn masks_and_nesting() {
        let text = b"Name:\tx\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t7\nState:\tZ (zombie)\nPPid:\t5\nThreads:\t2\nNSpid:\t9\t1\nNSpgid:\t8\t0\nNSsid:\t7\t0\nSigBlk:\t0000000000004000\nSigIgn:\t8000000000000001\nSigCgt:\tjunk\n";
        let status = Status::parse(text);
        assert!(status.is_nested_init() && !status.is_dead());
        assert_eq!(status.sleeps, 12);
        assert_eq!((status.state, status.threads, status.session), (b'Z', 2, Some(Pid::from_raw(7))));
        assert_eq!((status.parent, status.group), (Some(Pid::from_raw(5)), Some(Pid::from_raw(8))));
        assert!(status.ignored.contains(Signal::HUP) && status.ignored.contains(Signal::new(64).unwrap()));
        assert_eq!(status.treatment(Signal::TERM), Treatment::Blocks);
        assert_eq!(status.treatment(Signal::HUP), Treatment::Ignores);
        assert_eq!(Status::parse(b"NSpid:\t9\n").nested, None);
        assert_eq!(Status::parse(b"\xff:\n:::\nNSpid:\n"), Status::default());
    }

    #[test]
    fn our_own_namespace_is_read() {
        let procfs = Procfs::of_our_namespace().unwrap();
        let us = nix::unistd::getpid();
        let stat = procfs.stat(us).unwrap();
        assert_eq!(stat.parent, nix::unistd::getppid());
        assert!(stat.started <= crate::sys::clock::ticks_since_boot());
        assert!(!procfs.processes().any(|pid| pid == us));
        assert!(!procfs.command(us).is_empty());
    }
}

#[cfg(any(test, fuzzing))]
pub mod properties;
