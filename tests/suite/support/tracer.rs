//! Holds a process at each of its system calls (ptrace(2)), so that a test can observe it and act between two calls.
#![allow(unsafe_code)]

use super::LIMIT;
use nix::errno::Errno;
use std::ffi::{c_long, c_void};
use std::marker::PhantomData;
use std::time::{Duration, Instant};

/// A traced process. Dropping this detaches from it.
pub struct Tracer {
    pid: libc::pid_t,
    /// ptrace works only from the thread that attached.
    _of_this_thread: PhantomData<*const ()>,
}

/// A system call at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub number: c_long,
    pub arguments: [u64; 6],
}

impl Tracer {
    /// Attaches to a child of this process.
    pub(super) fn new(pid: libc::pid_t) -> Tracer {
        let tracer = Tracer { pid, _of_this_thread: PhantomData };
        tracer.request(libc::PTRACE_SEIZE, 0, libc::PTRACE_O_TRACESYSGOOD as usize as *mut c_void);
        tracer.request(libc::PTRACE_INTERRUPT, 0, std::ptr::null_mut());
        tracer.wait_for_stop();
        tracer
    }

    /// Lets it run to the start of its next call; exit_group is the last one.
    pub fn next_call(&mut self) -> Call {
        loop {
            self.request(libc::PTRACE_SYSCALL, 0, std::ptr::null_mut());
            self.wait_for_stop();
            if let Some(call) = self.call() {
                return call;
            }
        }
    }

    /// Lets it run to the start of the next call for which `wanted` is true.
    pub fn call_that(&mut self, wanted: impl Fn(&Call) -> bool) -> Call {
        loop {
            let call = self.next_call();
            if wanted(&call) {
                return call;
            }
            assert_ne!(call.number, libc::SYS_exit_group, "it exits without that call");
        }
    }

    /// The call at whose start it is held.
    fn call(&self) -> Option<Call> {
        // struct ptrace_syscall_info of <linux/ptrace.h>: the kind of stop in the first byte; the call's number and arguments
        // after three words.
        const ENTRY: u8 = 1;
        const GET_SYSCALL_INFO: libc::c_uint = 0x420e;
        let mut info = [0u64; 12];
        self.request(GET_SYSCALL_INFO as _, size_of_val(&info), info.as_mut_ptr().cast());
        let [about, _, _, number, arguments @ ..] = info;
        let arguments = arguments[..6].try_into().expect("six");
        (about.to_ne_bytes()[0] == ENTRY).then_some(Call { number: number as c_long, arguments })
    }

    fn wait_for_stop(&self) {
        let end = Instant::now() + LIMIT;
        let mut status = 0;
        // SAFETY: writes one integer.
        while unsafe { libc::waitpid(self.pid, &raw mut status, libc::WNOHANG | libc::__WALL) } == 0 {
            assert!(Instant::now() < end, "not held within {LIMIT:?}");
            // No pollable event reports this stop.
            std::thread::sleep(Duration::from_micros(100));
        }
        assert!(libc::WIFSTOPPED(status), "it has exited: {status:#x}");
    }

    fn request(&self, request: RequestNumber, address: usize, data: *mut c_void) {
        // SAFETY: the callers' requests take numbers, or write as many bytes to `data` as they say.
        let done = unsafe { libc::ptrace(request, self.pid, address as *mut c_void, data) };
        Errno::result(done).unwrap_or_else(|errno| panic!("ptrace request {request}: {errno}"));
    }
}

#[cfg(target_env = "musl")]
type RequestNumber = libc::c_int;
#[cfg(not(target_env = "musl"))]
type RequestNumber = libc::c_uint;

impl Drop for Tracer {
    fn drop(&mut self) {
        // SAFETY: numbers. It fails where the process was killed meanwhile.
        unsafe {
            libc::ptrace(libc::PTRACE_DETACH, self.pid, std::ptr::null_mut::<c_void>(), std::ptr::null_mut::<c_void>())
        };
    }
}
