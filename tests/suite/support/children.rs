//! Children of the test process: starting them in a PID namespace, signalling them, waiting for them.
#![allow(unsafe_code)]

use super::LIMIT;
use super::failure::{Failure, Step};
use super::launch::Launch;
use super::stage::{self, Role, Stage};
use super::status::Status;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

/// A process that the test started and that only the test can reap.
pub struct Child {
    pid: libc::pid_t,
    pidfd: OwnedFd,
    status: Option<Status>,
}

/// Between clone and exec a child holds a copy of every descriptor. If one of these is open for writing on a file that
/// another test is about to execute, that exec fails with "text file busy".
static STARTING: RwLock<()> = RwLock::new(());

/// While this guard is held no child is between clone and exec.
pub fn none_starting() -> RwLockWriteGuard<'static, ()> {
    STARTING.write().unwrap_or_else(PoisonError::into_inner)
}

/// A child reports this in place of a failed step when it has started another process.
const STARTED_ANOTHER: i32 = -1;

impl Child {
    /// Starts a program as PID 1 of a new PID namespace.
    pub fn start_as_pid1(launch: Launch) -> Result<Child, Failure> {
        let mut flags = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_PIDFD;
        if !nix::unistd::geteuid().is_root() {
            flags |= libc::CLONE_NEWUSER;
        }
        let stage = Stage::new(launch);
        let _starting = STARTING.read().unwrap_or_else(PoisonError::into_inner);
        let (reports, report) = report_pipe();
        let (pid, pidfd) = clone(flags, Step::MakeNamespace, || {
            // SAFETY: in the child of a fork-like clone.
            unsafe { stage.perform(Role::Pid1, report.as_raw_fd()) }
        })?;
        let child = Child { pid, pidfd: pidfd.expect("asked for with CLONE_PIDFD"), status: None };
        drop((stage, report));
        match read_report(reports)[..] {
            [] => Ok(child),
            [failure, ..] => Err(Failure::from_raw(failure)),
        }
    }

    /// Starts a program in the PID namespace of `self`, as `docker exec` does: its parent is outside.
    pub fn start_inside(&self, launch: Launch) -> Result<Child, Failure> {
        let mut namespaces = libc::CLONE_NEWPID | libc::CLONE_NEWNS;
        if !nix::unistd::geteuid().is_root() {
            namespaces |= libc::CLONE_NEWUSER;
        }
        let stage = Stage::new(launch);
        let _starting = STARTING.read().unwrap_or_else(PoisonError::into_inner);
        let (reports, report) = report_pipe();
        let (between, _) = clone(0, Step::CloneInside, || {
            let report = report.as_raw_fd();
            // SAFETY: two numbers.
            if unsafe { libc::setns(self.pidfd.as_raw_fd(), namespaces) } == -1 {
                stage::give_up(stage::failed(Step::JoinNamespace), report);
            }
            // setns(2) moves only the next child into the PID namespace. With CLONE_PARENT it is a child of the test.
            let cloned = clone(libc::CLONE_PARENT, Step::CloneInside, || {
                // SAFETY: in the child of a fork-like clone.
                unsafe { stage.perform(Role::Member, report) }
            });
            match cloned {
                Ok((pid, _)) => stage::write_to_harness([STARTED_ANOTHER, pid], report),
                Err(failure) => stage::give_up(failure, report),
            }
            // SAFETY: ends this process without running what the test process registered for its own exit.
            unsafe { libc::_exit(0) }
        })?;
        drop((stage, report));
        reap(between);
        let mut child = None;
        let mut failure = None;
        // The two processes may write in any order.
        for message in read_report(reports) {
            match message {
                [STARTED_ANOTHER, pid] => {
                    child = Some(Child { pid, pidfd: open_pidfd(pid), status: None });
                }
                message => failure = Some(Failure::from_raw(message)),
            }
        }
        match failure {
            None => Ok(child.expect("a PID or a failure was reported")),
            Some(failure) => Err(failure),
        }
    }

    /// Its PID in the test's own namespace.
    pub fn pid(&self) -> libc::pid_t {
        self.pid
    }

    /// Sends a signal from outside its namespace, as `docker kill` does.
    pub fn send(&self, signal: i32) {
        self.send_with(signal, std::ptr::null()).unwrap_or_else(|errno| panic!("cannot send signal {signal}: {errno}"));
    }

    /// Sends a signal with a value, as sigqueue(3) does.
    pub fn queue(&self, signal: i32, value: i32) {
        // SAFETY: plain numbers, for which all zeros is a value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        info.si_signo = signal;
        info.si_code = libc::SI_QUEUE;
        // SAFETY: sigqueue's part of the union: PID, user, and a value 8 bytes further on in the siginfo.
        unsafe {
            let fields = (&raw mut info).cast::<i32>();
            fields.add(4).write(std::process::id().cast_signed());
            fields.add(6).write(value);
        }
        self.send_with(signal, &raw const info).unwrap_or_else(|errno| panic!("cannot queue signal {signal}: {errno}"));
    }

    fn send_with(&self, signal: i32, info: *const libc::siginfo_t) -> nix::Result<()> {
        // SAFETY: an open descriptor, a number, null or a siginfo that is only read, and no flags.
        let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.pidfd.as_raw_fd(), signal, info, 0) };
        Errno::result(sent).map(drop)
    }

    /// Becomes readable when the process has exited.
    pub fn exit_event(&self) -> PollFd<'_> {
        PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)
    }

    /// Waits until it has exited. None if that takes longer than the limit.
    pub fn wait(&mut self) -> Option<Status> {
        if self.status.is_none() {
            let limit = PollTimeout::try_from(LIMIT).expect("a limit that poll(2) can take");
            let exited = Errno::result(loop {
                match poll(&mut [self.exit_event()], limit) {
                    Err(Errno::EINTR) => {}
                    exited => break exited.expect("poll on a pidfd"),
                }
            });
            if exited != Ok(0) {
                self.status = Some(reap(self.pid));
            }
        }
        self.status
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.status.is_none() {
            let _ = self.send_with(libc::SIGKILL, std::ptr::null());
            if self.wait().is_none() && !std::thread::panicking() {
                panic!("process {} has not exited after KILL", self.pid);
            }
        }
    }
}

/// Forks by the bare system call, because libc's fork takes locks and runs registered handlers. All signals are blocked in
/// the child. Returns in the parent only.
fn clone(flags: i32, step: Step, child: impl FnOnce()) -> Result<(libc::pid_t, Option<OwnedFd>), Failure> {
    let flags = (flags | libc::SIGCHLD) as libc::c_ulong;
    let mut pidfd: RawFd = -1;
    let mut before = 0u64;
    let all = u64::MAX;
    // SAFETY: two sets of their named size. Without CLONE_VM the child runs on a copy of this stack, as after a fork; it
    // makes system calls only, and never returns from here.
    let pid = unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const all, &raw mut before, size_of::<u64>());
        let no_stack = 0usize;
        let pid = libc::syscall(libc::SYS_clone, flags, no_stack, &raw mut pidfd, 0usize, 0usize);
        if pid == 0 {
            child();
            libc::_exit(127);
        }
        pid
    };
    let failure = stage::failed(step);
    stage::set_mask(before)?;
    if pid == -1 {
        return Err(failure);
    }
    // SAFETY: a descriptor that the kernel opened for us, if it did.
    let pidfd = (pidfd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(pidfd) });
    Ok((pid as libc::pid_t, pidfd))
}

fn open_pidfd(pid: libc::pid_t) -> OwnedFd {
    // SAFETY: the PID of our own child, which has not been reaped; the descriptor has no other owner.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        assert!(fd >= 0, "pidfd_open: {}", Errno::last());
        OwnedFd::from_raw_fd(fd as RawFd)
    }
}

fn reap(pid: libc::pid_t) -> Status {
    let mut raw = 0;
    // SAFETY: writes one integer.
    while unsafe { libc::waitpid(pid, &raw mut raw, 0) } == -1 {
        assert_eq!(Errno::last(), Errno::EINTR, "waitpid for {pid}");
    }
    Status::from_raw(raw)
}

/// A pipe that the exec closes, so that end of file means success.
fn report_pipe() -> (std::fs::File, OwnedFd) {
    let (read, write) = std::io::pipe().expect("a pipe");
    (OwnedFd::from(read).into(), stage::out_of_the_way(write.into()))
}

fn read_report(mut reports: std::fs::File) -> Vec<[i32; 2]> {
    let mut bytes = Vec::new();
    reports.read_to_end(&mut bytes).expect("the child's report");
    let number = |bytes: &[u8]| i32::from_ne_bytes(bytes.try_into().expect("four bytes"));
    let messages = bytes.chunks(8);
    messages.map(|message| [number(&message[..4]), number(&message[4..])]).collect()
}
