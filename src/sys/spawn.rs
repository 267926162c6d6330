//! Starting main: one clone that shares our memory until the exec, so that no page is copied, and all that the child
//! needs is prepared before it.

use super::arguments::CStrArray;
use super::environment::Environment;
use super::pidfd::Pidfd;
use super::signals::{self, Disposition};
use super::{Errno, Pid, Result, descriptors, terminal, wait};
use crate::failure;
use crate::search::Candidates;
use crate::signal::{Signal, SignalSet};
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
    /// The terminal whose foreground main's group shall be; in a session of its own, the controlling one.
    pub terminal: Option<RawFd>,
    /// Sent to main when rinit ends.
    pub parent_death: Option<Signal>,
    /// The mask to restore.
    pub mask: SignalSet,
    /// What was done with SIGCHLD.
    pub sigchld: Disposition,
}

/// Why main does not run.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// No process could be made.
    Clone(Errno),
    /// The process could not get a group, or a session, of its own.
    Group(Errno),
    /// None of the paths could be executed: the one that counts, as execvp(3) would choose it.
    Exec {
        /// Which of `paths`, from 0.
        path: usize,
        /// The kernel's answer.
        errno: Errno,
    },
}

/// Shared with the child, which answers here: no pipe is needed while the memory is the same.
struct Shared<'a> {
    plan: &'a Plan<'a>,
    /// Ourselves, where the child has to know.
    parent: Option<Pid>,
    /// 0 as long as nothing went wrong.
    errno: AtomicI32,
    /// Index of the path that `errno` is about, or `GROUP`.
    at: AtomicUsize,
}

const GROUP: usize = usize::MAX;

/// Several times what the child's few calls take; unoptimised they take more. It is a part of our own stack, which is there
/// anyhow, and the loop uses the same pages again; those of a larger one would be touched each, used or not (the compiler's
/// stack probes).
const STACK_SIZE: usize = if cfg!(debug_assertions) { 32 } else { 3 } * 1024;
/// With room for the longest path.
const LARGE_STACK_SIZE: usize = 2 * STACK_SIZE + 4096;

#[repr(align(16))]
struct Stack<const SIZE: usize>(MaybeUninit<[u8; SIZE]>);

/// Starts main and returns when it has been executed (clone(2) with CLONE_VFORK). All signals must be blocked.
pub fn start(plan: &Plan<'_>) -> std::result::Result<(Pid, Option<Pidfd>), Error> {
    let parent = plan.parent_death.map(|_| nix::unistd::getpid());
    let shared = Shared { plan, parent, errno: AtomicI32::new(0), at: AtomicUsize::new(0) };
    // A kernel before 5.2 knows no CLONE_PIDFD, a filter may refuse it, and there may be no descriptor left for it:
    // main can do without.
    let clone = if plan.paths.are_short() { clone::<STACK_SIZE> } else { clone::<LARGE_STACK_SIZE> };
    let (pid, pidfd) = clone(&shared, true).or_else(|_| clone(&shared, false)).map_err(Error::Clone)?;
    match shared.errno.load(Relaxed) {
        0 => Ok((pid, pidfd)),
        errno => {
            let errno = Errno::from_raw(errno);
            // It has ended already. Nobody but us may reap it, so there is no other outcome.
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
    // SAFETY: CLONE_VFORK keeps us here until the child has executed or ended, so `stack` and `shared` outlive its use
    // of them. The child makes system calls only, and no handler is installed that a signal could run.
    let pid = unsafe {
        let top = stack.0.as_mut_ptr().cast::<u8>().add(STACK);
        let shared = std::ptr::from_ref(shared).cast_mut().cast::<c_void>();
        Errno::result(libc::clone(become_main, top.cast(), flags, shared, &raw mut pidfd))?
    };
    // Without CLONE_PIDFD, or under an old kernel that takes no notice of it, nothing was written.
    if !with_pidfd || pidfd < 0 {
        return Ok((Pid::from_raw(pid), None));
    }
    // SAFETY: the kernel opened it for us.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok((Pid::from_raw(pid), descriptors::above_stdio(pidfd).ok().map(Pidfd::new)))
}

/// The child's way from clone to exec. Only system calls: the memory is the parent's, its locks and its allocator too.
extern "C" fn become_main(shared: *mut c_void) -> c_int {
    // SAFETY: `clone` passed a reference that outlives this process's use of it.
    let shared = unsafe { &*shared.cast::<Shared<'_>>() };
    let (errno, at) = prepare_and_exec(shared);
    shared.at.store(at, Relaxed);
    shared.errno.store(errno as i32, Relaxed);
    // Where the memory is not shared after all (qemu-user makes a fork of it) this is all that is told.
    let found = !matches!(errno, Errno::ENOENT | Errno::ENOTDIR);
    let status = if found { failure::STATUS_CANNOT_EXECUTE } else { failure::STATUS_NOT_FOUND };
    // SAFETY: ends this process without running what the parent registered for its own end.
    unsafe { libc::_exit(status.into()) }
}

fn prepare_and_exec(shared: &Shared<'_>) -> (Errno, usize) {
    let plan = shared.plan;
    // SAFETY: two numbers, or nothing.
    let led = unsafe { if plan.session { libc::setsid() } else { libc::setpgid(0, 0) } };
    if let Err(errno) = Errno::result(led) {
        return (errno, GROUP);
    }
    if let Some(terminal) = plan.terminal {
        // Where this fails the terminal has gone, or is another session's, and main will see that by itself.
        let _ = if plan.session { terminal::take(terminal) } else { terminal::set_foreground(terminal, own_pid()) };
    }
    if let Some(signal) = plan.parent_death {
        let _ = super::process::set_parent_death_signal(signal);
        if shared.parent.is_some_and(|parent| parent != nix::unistd::getppid()) {
            // The parent has ended before the call above: what it asks for is due now.
            let _ = signals::send(Pid::from_raw(own_pid()), signal);
        }
    }
    plan.environment.name_pid(own_pid);
    plan.sigchld.restore();
    let _ = signals::set_mask(plan.mask);
    execute_first(plan)
}

/// By the raw call: a libc may remember the parent's.
fn own_pid() -> libc::pid_t {
    // SAFETY: takes nothing.
    unsafe { libc::syscall(libc::SYS_getpid) as libc::pid_t }
}

/// Tries each path as execvp(3) does: what is missing or closed to us leads to the next one, all else is an answer.
fn execute_first(plan: &Plan<'_>) -> (Errno, usize) {
    let mut denied = None;
    // Where all of them are too long to be tried.
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
