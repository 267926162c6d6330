//! Starts main by one clone(2) that shares our memory until the exec, so that no page is copied. The parent prepares
//! all that the child needs.

use super::arguments::CStrArray;
use super::environment::Environment;
use super::pidfd::Pidfd;
use super::process::{self, own_pid};
use super::signals::{self, Disposition};
use super::{Errno, Pid, Result, descriptors, terminal, wait};
use crate::failure::Kind;
use crate::search::Candidates;
use crate::signal::{Signal, SignalSet};
use nix::unistd::{setpgid, setsid};
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::Relaxed};

/// What the child does before it becomes main.
pub struct Plan<'a> {
    /// The paths to try, in order.
    pub paths: Candidates<'a>,
    /// The arguments that main gets.
    pub argv: CStrArray,
    /// The environment that main gets.
    pub environment: &'a Environment,
    /// Whether main leads a session, and not only a group.
    pub session: bool,
    /// The terminal whose foreground group main's becomes. With `session`, it becomes the controlling terminal.
    pub terminal: Option<RawFd>,
    /// Sent to main when rinit, which has this PID, exits.
    pub parent_death: Option<(Signal, Pid)>,
    /// The signal mask to restore.
    pub mask: SignalSet,
    /// The disposition of SIGCHLD to restore.
    pub sigchld: Disposition,
}

/// Why main could not be started.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// No process could be created.
    Clone(Errno),
    /// The process could not get a group, or a session, of its own.
    Group(Errno),
    /// None of the paths could be executed. This is the error that execvp(3) would return.
    Exec {
        /// Index in `paths`.
        path: usize,
        /// The kernel's error.
        errno: Errno,
    },
}

/// What the child reads, and where it stores its error. It shares our memory, so no pipe is needed for that.
struct Shared<'a> {
    plan: &'a Plan<'a>,
    /// The child's error, or 0.
    errno: AtomicI32,
    /// Index of the path that `errno` is about, or `GROUP`.
    at: AtomicUsize,
}

const GROUP: usize = usize::MAX;

/// The size of the child's stack: several times what its few calls need, and larger in a build without optimisation. It
/// lies on our own stack, in pages that the loop uses later. A larger one would touch more pages even if they are not
/// used, as the compiler adds stack probes.
const STACK_SIZE: usize = if cfg!(debug_assertions) { 32 } else { 3 } * 1024;
/// With room for the longest path. With this size in every case, rinit keeps 4 kB more of private memory.
const LARGE_STACK_SIZE: usize = 2 * STACK_SIZE + 4096;

#[repr(align(16))]
struct Stack<const SIZE: usize>(MaybeUninit<[u8; SIZE]>);

/// Starts main and returns after its exec (clone(2) with CLONE_VFORK). All signals must be blocked.
pub fn start(plan: &Plan<'_>) -> std::result::Result<(Pid, Option<Pidfd>), Error> {
    let shared = Shared { plan, errno: AtomicI32::new(0), at: AtomicUsize::new(0) };
    // Without a pidfd if that fails: CLONE_PIDFD needs Linux 5.2 and a free descriptor, and a seccomp filter may refuse
    // it.
    let clone = if plan.paths.are_short() { clone::<STACK_SIZE> } else { clone::<LARGE_STACK_SIZE> };
    let (pid, pidfd) = clone(&shared, true).or_else(|_| clone(&shared, false)).map_err(Error::Clone)?;
    match shared.errno.load(Relaxed) {
        0 => Ok((pid, pidfd)),
        errno => {
            let errno = Errno::from_raw(errno);
            // It has exited, and only we can reap it, so this cannot fail.
            let _ = wait::reap(pid);
            Err(match shared.at.load(Relaxed) {
                GROUP => Error::Group(errno),
                path => Error::Exec { path, errno },
            })
        }
    }
}

#[inline(never)]
fn clone<const STACK: usize>(shared: &Shared<'_>, with_pidfd: bool) -> Result<(Pid, Option<Pidfd>)> {
    let mut stack = Stack::<STACK>(MaybeUninit::uninit());
    let mut pidfd: c_int = -1;
    let mut flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    if with_pidfd {
        flags |= libc::CLONE_PIDFD;
    }
    // SAFETY: CLONE_VFORK blocks us until the child has called exec or exited, so `stack` and `shared` outlive its use
    // of them. The child only makes system calls, and no signal handler is installed that could run in it.
    let pid = unsafe {
        let top = stack.0.as_mut_ptr().cast::<u8>().add(STACK);
        let shared = std::ptr::from_ref(shared).cast_mut().cast::<c_void>();
        Errno::result(libc::clone(become_main, top.cast(), flags, shared, &raw mut pidfd))?
    };
    // Nothing was written without CLONE_PIDFD, or by an old kernel that ignores it.
    if !with_pidfd || pidfd < 0 {
        return Ok((Pid::from_raw(pid), None));
    }
    // SAFETY: the kernel opened it for us.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok((Pid::from_raw(pid), descriptors::above_stdio(pidfd).ok().map(Pidfd::new)))
}

/// What the child does from clone to exec. Only system calls: memory, locks and allocator are the parent's.
extern "C" fn become_main(shared: *mut c_void) -> c_int {
    // SAFETY: `clone` passed a reference that outlives this process's use of it.
    let shared = unsafe { &*shared.cast::<Shared<'_>>() };
    let (errno, at) = prepare_and_exec(shared.plan);
    shared.at.store(at, Relaxed);
    shared.errno.store(errno as i32, Relaxed);
    // If the memory is not shared after all (qemu-user forks instead), the parent only learns this exit status.
    let found = !matches!(errno, Errno::ENOENT | Errno::ENOTDIR);
    let kind = if found { Kind::CannotExecute } else { Kind::NotFound };
    // SAFETY: exits without running the exit handlers of the parent.
    unsafe { libc::_exit(kind as c_int) }
}

fn prepare_and_exec(plan: &Plan<'_>) -> (Errno, usize) {
    let ourselves = Pid::from_raw(0);
    let led = if plan.session { setsid().map(drop) } else { setpgid(ourselves, ourselves) };
    if let Err(errno) = led {
        return (errno, GROUP);
    }
    if let Some(terminal) = plan.terminal {
        // If this fails the terminal is gone or belongs to another session: main will notice by itself.
        let _ = if plan.session { terminal::take(terminal) } else { terminal::set_foreground(terminal, own_pid()) };
    }
    if let Some((signal, parent)) = plan.parent_death {
        let _ = process::request_parent_death_signal(signal, parent);
    }
    plan.environment.name_pid(own_pid);
    plan.sigchld.restore();
    let _ = signals::set_mask(plan.mask);
    execute_first(plan)
}

/// Tries each path as execvp(3) does. It goes on if a file is missing or may not be accessed; any other error is final.
fn execute_first(plan: &Plan<'_>) -> (Errno, usize) {
    let mut denied = None;
    // The error if all paths are too long to be tried.
    let mut last = (Errno::ENAMETOOLONG, 0);
    let mut index = 0;
    let (argv, envp) = (plan.argv.as_ptr(), plan.environment.as_ptr());
    let answer = plan.paths.visit(|path| {
        // SAFETY: a C string and two arrays of them, each ended by a null pointer.
        unsafe { libc::execve(path.as_ptr(), argv, envp) };
        last = (Errno::last(), index);
        index += 1;
        match last.0 {
            Errno::EACCES => denied = denied.or(Some(last)),
            Errno::ENOENT | Errno::ENOTDIR | Errno::ESTALE | Errno::ENODEV | Errno::ETIMEDOUT | Errno::ENAMETOOLONG => {
            }
            _ => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    });
    if answer.is_break() { last } else { denied.unwrap_or(last) }
}
