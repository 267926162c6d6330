//! Signals: the mask, the dispositions, receiving and sending. By raw system calls where libc would leave out 32 and 33.

use super::pidfd::Pidfd;
use super::{Errno, Pid, Result, descriptors, poll};
use crate::signal::{Signal, SignalSet};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Sets this thread's mask and returns the one before it (rt_sigprocmask(2)).
pub fn set_mask(mask: SignalSet) -> Result<SignalSet> {
    let mut before = SignalSet(0);
    // SAFETY: both sets are 64 bits in the kernel's order, and their size is the one that is named.
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

/// What a process does with SIGCHLD, to be handed back as it was.
#[derive(Clone, Copy)]
pub struct Disposition(libc::sigaction);

/// Gives SIGCHLD its default disposition and returns the one before (sigaction(2)). Whoever ignores it has its children
/// reaped by the kernel, and would never learn main's status.
pub fn default_sigchld() -> Result<Disposition> {
    set_sigchld(libc::SIG_DFL, 0)
}

/// Has the kernel reap our children from now on. Those that are dead already stay. SA_NOCLDWAIT would do that too
/// (sigaction(2)), but where SIGCHLD is ignored it is not even sent.
pub fn leave_reaping_to_kernel() -> Result<()> {
    set_sigchld(libc::SIG_IGN, 0).map(drop)
}

/// Has the kernel reap our children from now on, and send SIGCHLD all the same (sigaction(2), SA_NOCLDWAIT).
pub fn leave_reaping_to_kernel_with_notice() -> Result<()> {
    set_sigchld(libc::SIG_DFL, libc::SA_NOCLDWAIT).map(drop)
}

fn set_sigchld(disposition: libc::sighandler_t, flags: libc::c_int) -> Result<Disposition> {
    // SAFETY: all zeros is the default disposition with an empty mask and no flags.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    let wanted = libc::sigaction { sa_sigaction: disposition, sa_flags: flags, ..before };
    // SAFETY: two structs that outlive the call, and no handler in them.
    Errno::result(unsafe { libc::sigaction(libc::SIGCHLD, &wanted, &mut before) })?;
    Ok(Disposition(before))
}

impl Disposition {
    /// Sets it for SIGCHLD again, where it is not what `default_sigchld` has set. Safe to call between clone and exec.
    pub fn restore(&self) {
        // Of what we were given only "ignored" is another one: no handler and no flag outlives an exec.
        if self.0.sa_sigaction != libc::SIG_DFL {
            // SAFETY: what sigaction returned before.
            unsafe { libc::sigaction(libc::SIGCHLD, &self.0, std::ptr::null_mut()) };
        }
    }
}

/// A signal that arrived, and from whom.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Which one.
    pub signal: Signal,
    /// The sender's PID where one is told; 0 for the kernel and for senders outside this PID namespace.
    pub sender: i32,
    /// Whether kill(2) sent it, so that the sender's PID cannot have been made up (rt_sigqueueinfo(2)).
    pub by_kill: bool,
    /// Whether the kernel sent it of its own accord.
    pub by_kernel: bool,
}

/// How many signals one wake-up takes at most.
pub const BATCH: usize = 16;

/// A batch of signals, filled by `Inbox::receive`. Taken once, so that the loop needs no memory of its own.
pub struct Batch {
    raw: [MaybeUninit<libc::signalfd_siginfo>; BATCH],
    filled: usize,
}

impl Batch {
    /// An empty one.
    pub fn new() -> Batch {
        Batch { raw: [const { MaybeUninit::uninit() }; BATCH], filled: 0 }
    }

    /// What the last `receive` brought, in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = Received> {
        self.raw.iter().take(self.filled).filter_map(|raw| {
            // SAFETY: the first `filled` entries were written by the kernel or by `put`.
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
        // SAFETY: reads the bytes where a sender's PID would be; the kernel clears the struct before it fills it.
        raw.ssi_pid = unsafe { info.si_pid() }.cast_unsigned();
        slot.write(raw);
        self.filled += 1;
    }
}

impl Default for Batch {
    fn default() -> Batch {
        Batch::new()
    }
}

/// Where all signals of this process arrive. They must be blocked.
pub enum Inbox {
    /// signalfd(2).
    Descriptor(OwnedFd),
    /// rt_sigtimedwait(2), for a kernel or a seccomp filter that has no signalfd.
    Wait,
}

impl Inbox {
    /// Opens it. Without a signalfd, or a descriptor that is left for one, there is the other way.
    pub fn open() -> Inbox {
        let all = SignalSet::ALL;
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        // SAFETY: a set of 64 bits and its size.
        let fd = unsafe { libc::syscall(libc::SYS_signalfd4, -1, &raw const all.0, size_of::<u64>(), flags) };
        // SAFETY: a new descriptor, and nobody else's.
        let fd = Errno::result(fd).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as RawFd) });
        fd.and_then(descriptors::above_stdio).map_or(Inbox::Wait, Inbox::Descriptor)
    }

    /// Whether `receive` can wait for a process too: an error if not.
    pub fn can_wait_for(&self, process: &Pidfd) -> Result<()> {
        match self {
            Inbox::Descriptor(fd) => poll::until(fd.as_fd(), Some(process.as_fd()), Some(Duration::ZERO)).map(drop),
            Inbox::Wait => Err(Errno::ENOSYS),
        }
    }

    /// Sleeps until a signal has arrived, until `process` has been reaped, or until `limit` is over (None: for ever), and
    /// takes what is there, up to a batch. Whether `process` has been reaped, for which `can_wait_for` must have said yes.
    pub fn receive(&self, batch: &mut Batch, process: Option<&Pidfd>, limit: Option<Duration>) -> Result<bool> {
        batch.filled = 0;
        let Inbox::Descriptor(fd) = self else { return wait_for_signals(batch, limit).map(|()| false) };
        let ready = match poll::until(fd.as_fd(), process.map(AsFd::as_fd), limit) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => return Err(Errno::EINTR),
            // A filter that knows signalfd and not ppoll, or no memory: the signals are there for either. But the end of
            // `process` is not.
            Err(_) => {
                let limit = if process.is_none() { limit } else { Some(limit.map_or(RETRY, |limit| limit.min(RETRY))) };
                return wait_for_signals(batch, limit).map(|()| false);
            }
        };
        if !ready.readable {
            return Ok(ready.reaped);
        }
        let room = size_of::<libc::signalfd_siginfo>() * BATCH;
        // SAFETY: `raw` has that much room, and the kernel writes whole entries only.
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

/// How soon ppoll(2) is tried again where it has failed.
const RETRY: Duration = Duration::from_millis(100);

/// As `Inbox::receive`, without a descriptor.
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
    // This call's timespec is two longs on every architecture; libc's has a 64-bit time_t on some 32-bit ones.
    let limit = limit.map(poll::timespec).map(|limit| [limit.tv_sec as libc::c_long, limit.tv_nsec as libc::c_long]);
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: a set and its size, room for one siginfo, an optional timeout that outlives the call.
    let done = unsafe {
        libc::syscall(libc::SYS_rt_sigtimedwait, &raw const set.0, info.as_mut_ptr(), limit, size_of::<u64>())
    };
    // SAFETY: all zeros is a siginfo, and the kernel filled it where it answered with a signal.
    Errno::result(done).map(|_| unsafe { info.assume_init() })
}

/// Sends to one process (kill(2)). ESRCH where there is none, EPERM where it is not ours to signal.
pub fn send(pid: Pid, signal: Signal) -> Result<()> {
    if pid.as_raw() <= 0 {
        // 0, -1 and below mean groups or everybody.
        return Err(Errno::ESRCH);
    }
    // SAFETY: two numbers.
    Errno::result(unsafe { libc::kill(pid.as_raw(), signal.number()) }).map(drop)
}

/// Whether a signal to this process would be allowed.
pub fn may_send(pid: Pid) -> bool {
    // SAFETY: signal 0 is sent to nobody.
    pid.as_raw() > 0 && Errno::result(unsafe { libc::kill(pid.as_raw(), 0) }).is_ok()
}

/// Sends to every process of a group (kill(2) with a negative PID). ESRCH where nobody is left in it, EPERM where none of
/// them is ours to signal.
pub fn send_to_group(group: Pid, signal: Signal) -> Result<()> {
    if group.as_raw() <= 1 {
        // -1 would mean everybody, and 0 our own group.
        return Err(Errno::ESRCH);
    }
    // SAFETY: two numbers.
    Errno::result(unsafe { libc::kill(-group.as_raw(), signal.number()) }).map(drop)
}

/// Whether a process group has any member left.
pub fn group_exists(group: Pid) -> bool {
    // SAFETY: signal 0 is sent to nobody; a group's number is above 1 here, so -group is no "everybody".
    group.as_raw() > 1 && Errno::result(unsafe { libc::kill(-group.as_raw(), 0) }) != Err(Errno::ESRCH)
}

/// Stops our whole process group, ourselves among it, as the terminal would. Returns when we have been continued, or at
/// once where the kernel discards the signal, as for an orphaned process group: whether we were stopped.
pub fn stop_own_group(signal: Signal) -> bool {
    if signal == Signal::STOP {
        // Somebody stopped main alone: so do we.
        return signal_hook::low_level::emulate_default_handler(signal.number()).is_ok();
    }
    if pending().contains(Signal::CONT) {
        // The group has been stopped and continued meanwhile.
        return true;
    }
    // SAFETY: all zeros is the default disposition with an empty mask and no flags.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    let default = before;
    // SAFETY: two structs that outlive the calls and have no handler in them; numbers else.
    unsafe {
        libc::sigaction(signal.number(), &default, &mut before);
        libc::kill(0, signal.number());
    }
    // Here it takes effect. signal-hook would stop us by STOP, and the shell would see another signal than main's.
    if let Ok(mask) = set_mask(SignalSet::ALL.without(signal)) {
        let _ = set_mask(mask);
    }
    // SAFETY: what sigaction returned before.
    unsafe { libc::sigaction(signal.number(), &before, std::ptr::null_mut()) };
    // Nothing but a CONT ends a stop, and it is blocked here.
    pending().contains(Signal::CONT)
}

/// Whether this process ignores a signal.
pub fn is_ignored(signal: Signal) -> bool {
    // SAFETY: all zeros is the default disposition.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: asks only, into a struct that outlives the call.
    unsafe { libc::sigaction(signal.number(), std::ptr::null(), &mut now) };
    now.sa_sigaction == libc::SIG_IGN
}

/// Sends to the other processes of our own group.
pub fn send_to_own_group(signal: Signal) {
    // SAFETY: two numbers.
    unsafe { libc::kill(0, signal.number()) };
    // Our own copy; all signals are blocked here.
    discard(signal);
}

/// Ends this process by a signal, without a core dump. Returns where that cannot be done, as for PID 1.
pub fn die_by(signal: Signal) {
    // SAFETY: all zeros is the default disposition with an empty mask and no flags.
    let default: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: a prctl that takes a number; a struct that outlives the call and has no handler in it; numbers otherwise.
    unsafe {
        libc::prctl(libc::PR_SET_DUMPABLE, 0 as libc::c_ulong);
        libc::sigaction(signal.number(), &default, std::ptr::null_mut());
        libc::kill(libc::getpid(), signal.number());
    }
    let _ = set_mask(SignalSet::ALL.without(signal));
}

/// Takes one signal that waits, if it does, and forgets it.
pub fn discard(signal: Signal) {
    let _ = sigtimedwait(SignalSet::EMPTY.with(signal), Some(Duration::ZERO));
}

/// Signals that have been sent to us and wait (rt_sigpending(2)).
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
    fn what_would_reach_everybody_or_our_own_group_is_sent_to_nobody() {
        // Of URG nobody would take notice.
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
