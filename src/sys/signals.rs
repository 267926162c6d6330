//! Signals: the mask, dispositions, receiving and sending. Raw system calls where libc's functions leave out 32 and 33.

use super::pidfd::Pidfd;
use super::{Errno, Pid, Result, descriptors};
use crate::signal::{Signal, SignalSet};
use nix::sys::time::TimeSpec;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Sets this thread's signal mask and returns the previous one (rt_sigprocmask(2)).
pub fn set_mask(mask: SignalSet) -> Result<SignalSet> {
    let mut before = SignalSet(0);
    // SAFETY: both sets are the kernel's 64 bits, of the size that is passed.
    let done = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask.0,
            &raw mut before.0,
            size_of::<u64>(),
        )
    };
    Errno::result(done).map(|_| before)
}

/// The disposition of SIGCHLD, to be restored in a child.
#[derive(Clone, Copy)]
pub struct Disposition(libc::sigaction);

/// Sets SIGCHLD to its default disposition and returns the previous one (sigaction(2)). If it were ignored, the kernel
/// would reap main, and its exit status would be lost.
pub fn default_sigchld() -> Result<Disposition> {
    set_sigchld(libc::SIG_DFL, 0)
}

/// Has the kernel reap our children from now on by ignoring SIGCHLD. Those that are dead already stay zombies.
/// SA_NOCLDWAIT has the same effect (sigaction(2)), but the signal would still be sent.
pub fn leave_reaping_to_kernel() -> Result<()> {
    set_sigchld(libc::SIG_IGN, 0).map(drop)
}

/// Has the kernel reap our children from now on, and send SIGCHLD all the same (sigaction(2), SA_NOCLDWAIT).
pub fn leave_reaping_to_kernel_with_notice() -> Result<()> {
    set_sigchld(libc::SIG_DFL, libc::SA_NOCLDWAIT).map(drop)
}

fn set_sigchld(disposition: libc::sighandler_t, flags: libc::c_int) -> Result<Disposition> {
    let wanted = libc::sigaction { sa_sigaction: disposition, sa_flags: flags, ..default_action() };
    sigaction(libc::SIGCHLD, Some(&wanted)).map(Disposition)
}

/// The default disposition, with an empty mask and no flags.
fn default_action() -> libc::sigaction {
    // SAFETY: plain numbers, and no handler: all zeros is the default disposition.
    unsafe { std::mem::zeroed() }
}

/// Sets the disposition of a signal, if `new` is one, and returns the previous one (sigaction(2)). No disposition here
/// has a handler.
fn sigaction(signal: libc::c_int, new: Option<&libc::sigaction>) -> Result<libc::sigaction> {
    let mut before = default_action();
    // SAFETY: a struct without a handler, or null, and room for another one.
    let done = unsafe { libc::sigaction(signal, new.map_or(std::ptr::null(), std::ptr::from_ref), &mut before) };
    Errno::result(done).map(|_| before)
}

impl Disposition {
    /// Restores it, unless it is the default that `default_sigchld` has set. Safe to call between clone and exec.
    pub fn restore(&self) {
        // Otherwise it is "ignored": handlers and flags do not survive an exec.
        if self.0.sa_sigaction != libc::SIG_DFL {
            let _ = sigaction(libc::SIGCHLD, Some(&self.0));
        }
    }
}

/// A received signal.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// The signal.
    pub signal: Signal,
    /// The sender's PID; 0 for the kernel and for a sender outside of this PID namespace.
    pub sender: i32,
    /// Whether it was sent by kill(2), so that the sender's PID cannot be forged (as by rt_sigqueueinfo(2)).
    pub by_kill: bool,
    /// Whether the kernel itself sent it.
    pub by_kernel: bool,
}

/// At most this many signals are received at once.
pub const BATCH: usize = 16;

/// A batch of signals, filled by `Inbox::receive`. Made once, so that the loop allocates nothing.
pub struct Batch {
    raw: [MaybeUninit<libc::signalfd_siginfo>; BATCH],
    filled: usize,
}

impl Batch {
    /// One without signals.
    pub fn empty() -> Batch {
        Batch { raw: [const { MaybeUninit::uninit() }; BATCH], filled: 0 }
    }

    /// The signals of the last `receive`, in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = Received> {
        self.raw.iter().take(self.filled).filter_map(|raw| {
            // SAFETY: the kernel or `put` has written the first `filled` entries.
            let info = unsafe { raw.assume_init_ref() };
            Some(Received {
                signal: Signal::new(i32::try_from(info.ssi_signo).ok()?)?,
                sender: info.ssi_pid.cast_signed(),
                by_kill: info.ssi_code == libc::SI_USER,
                by_kernel: info.ssi_code == libc::SI_KERNEL,
            })
        })
    }

    fn put(&mut self, info: &libc::siginfo_t) {
        let Some(slot) = self.raw.get_mut(self.filled) else {
            return;
        };
        // SAFETY: plain numbers, for which all zeros is a value.
        let mut raw: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
        raw.ssi_signo = info.si_signo.cast_unsigned();
        raw.ssi_code = info.si_code;
        // SAFETY: reads the bytes of the sender's PID, which are zero if there is none: the kernel clears the struct
        // first.
        raw.ssi_pid = unsafe { info.si_pid() }.cast_unsigned();
        slot.write(raw);
        self.filled += 1;
    }
}

/// Receives all signals of this process. They must be blocked.
pub enum Inbox {
    /// signalfd(2).
    Descriptor(OwnedFd),
    /// rt_sigtimedwait(2), for a kernel or a seccomp filter that has no signalfd.
    Wait,
}

impl Inbox {
    /// Opens a signalfd, or uses rt_sigtimedwait(2) if that fails.
    pub fn open() -> Inbox {
        let all = SignalSet::ALL;
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        // SAFETY: a set of 64 bits and its size.
        let fd = unsafe { libc::syscall(libc::SYS_signalfd4, -1, &raw const all.0, size_of::<u64>(), flags) };
        // SAFETY: a new descriptor, owned here alone.
        let fd = Errno::result(fd).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as RawFd) });
        fd.and_then(descriptors::above_stdio).map_or(Inbox::Wait, Inbox::Descriptor)
    }

    /// Whether `receive` can also wait for a process: an error if not.
    pub fn can_wait_for(&self, process: &Pidfd) -> Result<()> {
        match self {
            Inbox::Descriptor(fd) => poll(fd, Some(process), Some(Duration::ZERO)).map(drop),
            Inbox::Wait => Err(Errno::ENOSYS),
        }
    }

    /// Sleeps until a signal arrives, `process` has been reaped, or `limit` is over (None: no limit), and receives the
    /// pending signals, at most a batch. Returns whether `process` has been reaped; for this `can_wait_for` must have
    /// succeeded.
    pub fn receive(&self, batch: &mut Batch, process: Option<&Pidfd>, limit: Option<Duration>) -> Result<bool> {
        batch.filled = 0;
        let Inbox::Descriptor(fd) = self else { return wait_for_signals(batch, limit).map(|()| false) };
        let ready = match poll(fd, process, limit) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => return Err(Errno::EINTR),
            // A seccomp filter that allows signalfd but not ppoll, or no memory. Signals can be received without ppoll,
            // but only ppoll shows that `process` has been reaped.
            Err(_) => {
                let limit = if process.is_none() { limit } else { Some(limit.map_or(RETRY, |limit| limit.min(RETRY))) };
                return wait_for_signals(batch, limit).map(|()| false);
            }
        };
        if !ready.readable {
            return Ok(ready.reaped);
        }
        let room = size_of::<libc::signalfd_siginfo>() * BATCH;
        // SAFETY: `raw` has this much room, and the kernel writes only whole entries.
        let read = unsafe { libc::read(fd.as_raw_fd(), batch.raw.as_mut_ptr().cast(), room) };
        match Errno::result(read) {
            Ok(read) => batch.filled = read.unsigned_abs() / size_of::<libc::signalfd_siginfo>(),
            Err(Errno::EAGAIN) => {}
            Err(Errno::EINTR) => return Err(Errno::EINTR),
            Err(_) => return wait_for_signals(batch, Some(Duration::ZERO)).map(|()| ready.reaped),
        }
        Ok(ready.reaped)
    }
}

/// After a failure ppoll(2) is tried again this much later.
const RETRY: Duration = Duration::from_millis(100);

/// The longest wait: 68 years, which a 32-bit time_t can hold.
const LONGEST: Duration = Duration::from_secs(i32::MAX as u64);

/// What `poll` has seen.
struct Ready {
    readable: bool,
    reaped: bool,
}

/// Sleeps until `fd` is readable, `process` has been reaped, or `limit` is over (ppoll(2)). EINTR if this process was
/// stopped and continued (signal(7)).
fn poll(fd: &OwnedFd, process: Option<&Pidfd>, limit: Option<Duration>) -> Result<Ready> {
    // A pidfd is readable when its process is dead, but hangs up (POLLHUP) only when the exit status can be asked for.
    // The kernel ignores a negative descriptor.
    let mut entries = [
        libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 },
        libc::pollfd { fd: process.map_or(-1, |process| process.as_raw_fd()), events: 0, revents: 0 },
    ];
    let limit = limit.map(|limit| TimeSpec::from(limit.min(LONGEST)));
    let limit = limit.as_ref().map_or(std::ptr::null(), |limit| std::ptr::from_ref(limit.as_ref()));
    // SAFETY: two entries, an optional timeout that outlives the call, and no change to the signal mask.
    let done = unsafe { libc::ppoll(entries.as_mut_ptr(), 2, limit, std::ptr::null()) };
    let [fd, process] = entries;
    Errno::result(done).map(|_| Ready { readable: fd.revents != 0, reaped: process.revents & libc::POLLHUP != 0 })
}

/// As `Inbox::receive`, without the signalfd.
fn wait_for_signals(batch: &mut Batch, limit: Option<Duration>) -> Result<()> {
    let mut limit = limit;
    while batch.filled < BATCH {
        match sigtimedwait(SignalSet::ALL, limit) {
            Ok(info) => batch.put(&info),
            Err(Errno::EAGAIN) => break,
            Err(_) if batch.filled > 0 => break,
            Err(errno) => return Err(errno),
        }
        limit = Some(Duration::ZERO);
    }
    Ok(())
}

fn sigtimedwait(set: SignalSet, limit: Option<Duration>) -> Result<libc::siginfo_t> {
    // This system call takes two longs on every architecture, while libc's timespec has a 64-bit time_t on some 32-bit
    // ones.
    let limit = limit.map(|limit| limit.min(LONGEST));
    let limit = limit.map(|limit| [limit.as_secs() as libc::c_long, limit.subsec_nanos() as libc::c_long]);
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: plain numbers, for which all zeros is a value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: a set and its size, room for one siginfo, an optional timeout that outlives the call.
    let done =
        unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, &raw const set.0, &raw mut info, limit, size_of::<u64>()) };
    Errno::result(done).map(|_| info)
}

/// kill(2). A negative `pid` means a group, and the number 0 sends nothing.
fn kill(pid: libc::pid_t, number: libc::c_int) -> Result<()> {
    // SAFETY: two numbers.
    Errno::result(unsafe { libc::kill(pid, number) }).map(drop)
}

/// Sends to one process (kill(2)). ESRCH if there is no such process, EPERM if it may not be signalled.
pub fn send(pid: Pid, signal: Signal) -> Result<()> {
    if pid.as_raw() <= 0 {
        // 0 and negative numbers mean process groups or all processes.
        return Err(Errno::ESRCH);
    }
    kill(pid.as_raw(), signal.number())
}

/// Whether this process exists and may be signalled.
pub fn may_send(pid: Pid) -> bool {
    pid.as_raw() > 0 && kill(pid.as_raw(), 0).is_ok()
}

/// Sends to every process of a group (kill(2) with a negative PID). ESRCH if the group is empty, EPERM if none of its
/// processes may be signalled.
pub fn send_to_group(group: Pid, signal: Signal) -> Result<()> {
    if group.as_raw() <= 1 {
        // -1 would mean all processes, and 0 our own group.
        return Err(Errno::ESRCH);
    }
    kill(-group.as_raw(), signal.number())
}

/// Whether a process group has any member left.
pub fn group_exists(group: Pid) -> bool {
    group.as_raw() > 1 && kill(-group.as_raw(), 0) != Err(Errno::ESRCH)
}

/// Stops our own process group, including ourselves, as the terminal would. Returns true when we have been continued,
/// and false at once if the kernel discards the signal, as for an orphaned process group.
pub fn stop_own_group(signal: Signal) -> bool {
    if signal == Signal::STOP {
        // STOP was sent to main alone, so it stops rinit alone.
        return signal_hook::low_level::emulate_default_handler(signal.number()).is_ok();
    }
    if pending().contains(Signal::CONT) {
        // The group was stopped and continued in the meantime.
        return true;
    }
    let before = sigaction(signal.number(), Some(&default_action()));
    let _ = kill(0, signal.number());
    // The stop takes effect when the signal is unblocked. (signal-hook would stop us by STOP, and the shell would see
    // another signal than main's.)
    if let Ok(mask) = set_mask(SignalSet::ALL.without(signal)) {
        let _ = set_mask(mask);
    }
    if let Ok(before) = before {
        let _ = sigaction(signal.number(), Some(&before));
    }
    // Only CONT ends a stop, and it is pending then, as all signals are blocked. A stop signal that came after it, as from a
    // second Ctrl-Z, has discarded it, and is pending itself.
    [Signal::CONT, Signal::TSTP, Signal::TTIN, Signal::TTOU].into_iter().any(|one| pending().contains(one))
}

/// Whether this process ignores a signal.
pub fn is_ignored(signal: Signal) -> bool {
    sigaction(signal.number(), None).is_ok_and(|now| now.sa_sigaction == libc::SIG_IGN)
}

/// Sends to the other processes of our own group.
pub fn send_to_own_group(signal: Signal) {
    let _ = kill(0, signal.number());
    // The signal is pending for ourselves too, as all signals are blocked.
    discard(signal);
}

/// Dies by a signal, without a core dump. Returns if that is impossible, as for PID 1.
pub fn die_by(signal: Signal) {
    let _ = nix::sys::prctl::set_dumpable(false);
    let _ = sigaction(signal.number(), Some(&default_action()));
    let _ = send(nix::unistd::getpid(), signal);
    let _ = set_mask(SignalSet::ALL.without(signal));
}

/// Drops a signal if it is pending for us.
pub fn discard(signal: Signal) {
    let _ = sigtimedwait(SignalSet::EMPTY.with(signal), Some(Duration::ZERO));
}

/// The signals that are pending for us (rt_sigpending(2)).
pub fn pending() -> SignalSet {
    let mut set = SignalSet(0);
    // SAFETY: room for 64 bits, and their size.
    unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut set.0, size_of::<u64>()) };
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pids_that_mean_groups_or_all_processes_are_refused() {
        // URG is ignored by default, should it be sent.
        let urg = Signal::new(libc::SIGURG).unwrap();
        for number in [0, -1, -2, i32::MIN] {
            assert_eq!(send(Pid::from_raw(number), urg), Err(Errno::ESRCH), "{number}");
            assert!(!may_send(Pid::from_raw(number)), "{number}");
        }
        for number in [1, 0, -1, -2, i32::MIN] {
            assert_eq!(send_to_group(Pid::from_raw(number), urg), Err(Errno::ESRCH), "{number}");
        }
        assert!(may_send(nix::unistd::getpid()));
    }
}
