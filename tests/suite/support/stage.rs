//! What the child does between clone and exec. Any thread of the test process may hold a lock at the moment of the clone, so
//! this code only makes system calls, by number where libc's function does more, and all memory is prepared before.
#![allow(unsafe_code)]

use super::failure::{Failure, Step};
use super::launch::{Launch, Limit};
use nix::errno::Errno;
use std::convert::Infallible;
use std::ffi::{CStr, CString, c_char, c_long};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The harness moves its own descriptors up to here, out of the way of those that a program inherits.
const HARNESS_DESCRIPTORS: RawFd = 200;

/// Whether the child is the first process of a new namespace, which it must set up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Pid1,
    Member,
}

/// A launch with all its memory prepared.
pub struct Stage {
    program: CString,
    /// The open program, for a user who may not have access to its path.
    program_file: Option<OwnedFd>,
    argv: Pointers,
    envp: Pointers,
    directory: CString,
    /// Each descriptor, and the number that it gets.
    descriptors: Vec<(OwnedFd, RawFd)>,
    /// The standard streams to close.
    closed: Vec<RawFd>,
    mask: u64,
    ignored: u64,
    pending: Vec<i32>,
    limits: Vec<Limit>,
    user: Option<u32>,
    terminal: Option<RawFd>,
    /// The files to write for a new user namespace.
    maps: Vec<(&'static CStr, Vec<u8>)>,
}

impl Stage {
    pub fn new(launch: Launch) -> Stage {
        let file = |_| std::fs::File::open(&launch.program).map(OwnedFd::from);
        let program_file = launch.user.map(file).transpose().expect("the program can be read");
        let closed = (0..=2).filter(|fd| !launch.descriptors.contains_key(fd));
        Stage {
            closed: closed.collect(),
            program: c_string(launch.program.as_os_str().as_bytes()),
            program_file: program_file.map(out_of_the_way),
            argv: Pointers::new(launch.words.iter().map(|word| c_string(word.as_bytes()))),
            envp: Pointers::new(launch.environment.iter().map(|entry| c_string(entry.as_bytes()))),
            directory: c_string(Path::as_os_str(&launch.directory).as_bytes()),
            descriptors: launch
                .descriptors
                .into_iter()
                .map(|(place, fd)| {
                    assert!(place < HARNESS_DESCRIPTORS, "{place} may be the harness's own");
                    (out_of_the_way(fd), place)
                })
                .collect(),
            mask: launch.mask,
            ignored: launch.ignored,
            pending: launch.pending,
            limits: launch.limits,
            user: launch.user,
            terminal: launch.terminal,
            maps: if nix::unistd::geteuid().is_root() { Vec::new() } else { user_maps() },
        }
    }

    /// The child's part: executes the program, or writes the reason for a failure to `report` and exits.
    ///
    /// # Safety
    /// Only for the child of a fork-like clone: it replaces the whole process.
    pub unsafe fn perform(&self, role: Role, report: RawFd) -> ! {
        // SAFETY: the caller's promise.
        let failure = match unsafe { self.steps(role) } {
            Err(failure) => failure,
            Ok(never) => match never {},
        };
        give_up(failure, report)
    }

    unsafe fn steps(&self, role: Role) -> Result<Infallible, Failure> {
        if role == Role::Pid1 {
            self.set_up_namespace()?;
        }
        // SAFETY: takes nothing, and a fresh child leads no group yet.
        done(Step::StartSession, unsafe { libc::setsid() }.into())?;
        self.place_descriptors()?;
        if let Some(terminal) = self.terminal {
            // SAFETY: a descriptor and a number.
            let taken = unsafe { libc::ioctl(terminal, libc::TIOCSCTTY, 0) };
            done(Step::TakeTerminal, taken.into())?;
        }
        self.set_dispositions()?;
        for limit in &self.limits {
            let (soft, hard) = (limit.soft, limit.hard);
            let limits = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
            let nothing = std::ptr::null_mut::<libc::rlimit64>();
            // SAFETY: one struct that is only read, and a null pointer that the call allows.
            let set = unsafe { libc::syscall(libc::SYS_prlimit64, 0, limit.resource, &raw const limits, nothing) };
            done(Step::SetLimits, set)?;
        }
        // SAFETY: a C string.
        let changed = unsafe { libc::chdir(self.directory.as_ptr()) };
        done(Step::ChangeDirectory, changed.into())?;
        if let Some(user) = self.user {
            become_user(user)?;
        }
        // If the test process is killed, this process is too. After the change of user, which resets this setting.
        // SAFETY: this prctl takes a number.
        let asked = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        done(Step::FollowParent, asked.into())?;
        set_mask(self.mask)?;
        for signal in &self.pending {
            // SAFETY: numbers.
            let raised = unsafe { libc::syscall(libc::SYS_kill, libc::getpid(), *signal) };
            done(Step::Raise, raised)?;
        }
        self.execute()
    }

    fn set_up_namespace(&self) -> Result<(), Failure> {
        for (path, text) in &self.maps {
            // SAFETY: a C string, a buffer that is only read, and a descriptor that is closed once.
            let written = unsafe {
                let fd = libc::open(path.as_ptr(), libc::O_WRONLY);
                let written = libc::write(fd, text.as_ptr().cast(), text.len());
                libc::close(fd);
                written
            };
            done(Step::MapUser, written as c_long)?;
        }
        let none = std::ptr::null();
        let private = libc::MS_REC | libc::MS_PRIVATE;
        // SAFETY: C strings and null pointers where the call takes no notice of them.
        let made = unsafe { libc::mount(none, c"/".as_ptr(), none, private, none.cast()) };
        done(Step::MakeMountsPrivate, made.into())?;
        let proc = c"proc".as_ptr();
        let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        // SAFETY: as above.
        let mounted = unsafe { libc::mount(proc, c"/proc".as_ptr(), proc, flags, none.cast()) };
        done(Step::MountProc, mounted.into())
    }

    fn place_descriptors(&self) -> Result<(), Failure> {
        // Descriptors of the harness and of other tests are closed by the exec.
        // SAFETY: numbers.
        let marked = unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
        done(Step::PlaceDescriptors, marked)?;
        for (fd, place) in &self.descriptors {
            // SAFETY: numbers; nothing in this process relies on what was at `place`.
            let placed = unsafe { libc::dup3(fd.as_raw_fd(), *place, 0) };
            done(Step::PlaceDescriptors, placed.into())?;
        }
        for fd in &self.closed {
            // SAFETY: a number; nothing in this process relies on it.
            unsafe { libc::close(*fd) };
        }
        Ok(())
    }

    fn set_dispositions(&self) -> Result<(), Failure> {
        for signal in super::catchable() {
            let ignored = self.ignored >> (signal - 1) & 1 == 1;
            // The kernel's own sigaction on 64-bit systems: the handler first, then flags, restorer and mask.
            let action = [if ignored { libc::SIG_IGN } else { libc::SIG_DFL }, 0, 0, 0];
            let nothing = std::ptr::null_mut::<usize>();
            // SAFETY: a struct that is only read, a null pointer that the call allows, and the size of a set.
            let set =
                unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, action.as_ptr(), nothing, size_of::<u64>()) };
            done(Step::SetDispositions, set)?;
        }
        Ok(())
    }

    fn execute(&self) -> Result<Infallible, Failure> {
        let (argv, envp) = (self.argv.as_ptr(), self.envp.as_ptr());
        // SAFETY: C strings and arrays of them, each ended by a null pointer.
        unsafe {
            match &self.program_file {
                None => libc::execve(self.program.as_ptr(), argv, envp).into(),
                Some(file) => {
                    libc::syscall(libc::SYS_execveat, file.as_raw_fd(), c"".as_ptr(), argv, envp, libc::AT_EMPTY_PATH)
                }
            }
        };
        Err(failed(Step::Execute))
    }
}

/// Reports a failure to the harness and exits.
pub fn give_up(failure: Failure, report: RawFd) -> ! {
    write_to_harness(failure.to_raw(), report);
    // SAFETY: ends this process without running what the test process registered for its own end.
    unsafe { libc::_exit(127) }
}

/// Writes two numbers to the harness.
pub fn write_to_harness(message: [i32; 2], report: RawFd) {
    // SAFETY: a buffer that is only read.
    unsafe { libc::write(report, message.as_ptr().cast(), size_of_val(&message)) };
}

/// Sets this thread's mask, including the two signals that libc hides.
pub fn set_mask(mask: u64) -> Result<(), Failure> {
    let nothing = std::ptr::null_mut::<u64>();
    // SAFETY: a set that is only read, a null pointer that the call allows, and the set's size.
    let set = unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const mask, nothing, size_of::<u64>())
    };
    done(Step::SetMask, set)
}

/// Not by libc's functions: they would wait for threads that do not exist in this copy of the process.
fn become_user(user: u32) -> Result<(), Failure> {
    let no_groups = std::ptr::null::<u32>();
    // SAFETY: numbers, and an empty list.
    let changed = unsafe {
        [
            libc::syscall(libc::SYS_setgroups, 0, no_groups),
            libc::syscall(libc::SYS_setresgid, user, user, user),
            libc::syscall(libc::SYS_setresuid, user, user, user),
        ]
    };
    changed.into_iter().try_for_each(|changed| done(Step::ChangeUser, changed))
}

fn done(step: Step, result: c_long) -> Result<(), Failure> {
    if result == -1 { Err(failed(step)) } else { Ok(()) }
}

/// The failure of the step that has just returned an error.
pub fn failed(step: Step) -> Failure {
    Failure { step, errno: Errno::last() }
}

/// Maps the test's user to root in the new user namespace.
fn user_maps() -> Vec<(&'static CStr, Vec<u8>)> {
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    vec![
        (c"/proc/self/setgroups", b"deny".to_vec()),
        (c"/proc/self/uid_map", format!("0 {user} 1").into_bytes()),
        (c"/proc/self/gid_map", format!("0 {group} 1").into_bytes()),
    ]
}

/// Moves a descriptor of the harness out of the range that programs use.
pub fn out_of_the_way(fd: OwnedFd) -> OwnedFd {
    // SAFETY: an open descriptor; the copy has no other owner.
    unsafe {
        let copy = libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, HARNESS_DESCRIPTORS);
        assert!(copy >= 0, "cannot move a descriptor: {}", Errno::last());
        OwnedFd::from_raw_fd(copy)
    }
}

fn c_string(bytes: &[u8]) -> CString {
    CString::new(bytes).expect("no NUL in an argument")
}

/// C strings and the array that execve(2) takes them in.
struct Pointers {
    array: Vec<*const c_char>,
    /// What the array points to.
    _strings: Vec<CString>,
}

impl Pointers {
    fn new(strings: impl Iterator<Item = CString>) -> Pointers {
        let strings: Vec<CString> = strings.collect();
        let pointers = strings.iter().map(|string| string.as_ptr());
        Pointers { array: pointers.chain([std::ptr::null()]).collect(), _strings: strings }
    }

    fn as_ptr(&self) -> *const *const c_char {
        self.array.as_ptr()
    }
}
