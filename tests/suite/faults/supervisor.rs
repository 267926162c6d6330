//! Decides about every system call of rinit (seccomp_unotify(2)): lets the kernel run it, or makes it fail.
#![allow(unsafe_code)]

use nix::errno::Errno;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// The process that makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    Rinit,
    /// rinit's child before it executes main.
    Child,
    /// Main and all other processes.
    Other,
}

/// A recorded system call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub caller: Caller,
    pub number: i64,
    pub arguments: [u64; 6],
    /// Whether it was made to fail.
    pub failed: bool,
}

/// Which calls fail, and how.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub caller: Caller,
    pub number: i64,
    pub which: Which,
    pub errno: i32,
}

/// Selects calls of a kind by their index, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Each,
    Only(usize),
    /// This call and all later ones.
    From(usize),
}

impl Which {
    fn is(self, number: usize) -> bool {
        match self {
            Which::Each => true,
            Which::Only(only) => only == number,
            Which::From(first) => first <= number,
        }
    }
}

/// All calls so far.
pub type Calls = Arc<Mutex<Vec<Call>>>;

/// Supervises in a thread of its own until every supervised process has exited.
pub struct Supervisor {
    pub calls: Calls,
    thread: JoinHandle<()>,
}

impl Supervisor {
    /// Gets the descriptor of the filter from `socket`.
    pub fn start(socket: UnixStream, fault: Option<Fault>) -> Supervisor {
        let calls = Calls::default();
        let seen = calls.clone();
        let thread = std::thread::spawn(move || Decisions::new(receive(&socket), fault, seen).make());
        Supervisor { calls, thread }
    }

    /// All recorded calls.
    pub fn finish(self) -> Vec<Call> {
        self.thread.join().expect("the supervisor's thread");
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Decisions {
    listener: OwnedFd,
    fault: Option<Fault>,
    calls: Calls,
    /// rinit's PID, which is the puppet's before.
    rinit: u32,
    /// Whether the puppet has executed rinit.
    is_rinit: bool,
    /// The PID of rinit's first child.
    child: Option<u32>,
    /// Whether the child's last call was an execve.
    may_be_main: bool,
    /// Whether it has executed main.
    is_main: bool,
    /// The number of calls that could have been made to fail.
    matched: usize,
}

impl Decisions {
    fn new(listener: OwnedFd, fault: Option<Fault>, calls: Calls) -> Decisions {
        let (rinit, child) = (0, None);
        let (is_rinit, may_be_main, is_main, matched) = (false, false, false, 0);
        Decisions { listener, fault, calls, rinit, is_rinit, child, may_be_main, is_main, matched }
    }

    fn make(mut self) {
        loop {
            let mut wait = libc::pollfd { fd: self.listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one entry.
            unsafe { libc::poll(&raw mut wait, 1, -1) };
            if wait.revents & libc::POLLIN == 0 {
                return;
            }
            // SAFETY: plain numbers; the kernel wants them to be zero.
            let mut notice: libc::seccomp_notif = unsafe { std::mem::zeroed() };
            // SAFETY: room for one notice.
            let got = unsafe { libc::ioctl(wait.fd, RECEIVE as _, &raw mut notice) };
            if got == -1 {
                // The calling process has been killed or interrupted meanwhile.
                continue;
            }
            let errno = self.decide(notice.pid, notice.data);
            let answer = libc::seccomp_notif_resp {
                id: notice.id,
                val: 0,
                error: -errno,
                flags: if errno == 0 { libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32 } else { 0 },
            };
            // SAFETY: one answer. ENOENT if the caller no longer waits for it.
            unsafe { libc::ioctl(wait.fd, SEND as _, &raw const answer) };
        }
    }

    /// The errno of the answer; 0 lets the kernel run the call.
    fn decide(&mut self, pid: u32, call: libc::seccomp_data) -> i32 {
        let number = i64::from(call.nr);
        if self.rinit == 0 {
            self.rinit = pid;
        }
        let caller = self.caller(pid, number);
        let hit = self.fault.filter(|fault| (fault.caller, fault.number) == (caller, number));
        let number_of_its_kind = self.matched;
        self.matched += usize::from(hit.is_some());
        let hit = hit.filter(|fault| fault.which.is(number_of_its_kind));
        let made = Call { caller, number, arguments: call.args, failed: hit.is_some() };
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(made);
        if pid == self.rinit && number == libc::SYS_execve {
            self.is_rinit = true;
        }
        hit.map_or(0, |fault| fault.errno)
    }

    fn caller(&mut self, pid: u32, number: i64) -> Caller {
        if pid == self.rinit {
            return if self.is_rinit { Caller::Rinit } else { Caller::Other };
        }
        if *self.child.get_or_insert(pid) != pid || self.is_main {
            return Caller::Other;
        }
        let goes_on = [libc::SYS_execve, libc::SYS_exit, libc::SYS_exit_group].contains(&number);
        if self.may_be_main && !goes_on {
            self.is_main = true;
            return Caller::Other;
        }
        self.may_be_main = number == libc::SYS_execve;
        Caller::Child
    }
}

/// SECCOMP_IOCTL_NOTIF_RECV and _SEND: _IOWR('!', 0 and 1, the struct).
const RECEIVE: u64 = 3 << 30 | (size_of::<libc::seccomp_notif>() as u64) << 16 | 0x2100;
const SEND: u64 = 3 << 30 | (size_of::<libc::seccomp_notif_resp>() as u64) << 16 | 0x2101;

/// Takes one descriptor out of a socket (unix(7), SCM_RIGHTS).
fn receive(socket: &UnixStream) -> OwnedFd {
    let mut byte = 0u8;
    let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let mut control = [0u64; 8];
    // SAFETY: plain numbers and pointers, for which all zeros is a value; everything outlives the call. The message is the
    // puppet's, with one descriptor, which has no other owner.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
        (message.msg_control, message.msg_controllen) = (control.as_mut_ptr().cast(), size_of_val(&control) as _);
        let got = libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC);
        assert_eq!(got, 1, "no filter: {}", Errno::last());
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        assert!(!header.is_null(), "no descriptor");
        OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned())
    }
}
