//! Processes that play a part, word by word, so that a test shows in one line which processes there are and what each does:
//! `[ ignore TERM pause ] await TERM exit 7` is a process with a child that ignores TERM. A process that starts a child
//! continues once the child waits for the first time, executes another program, or has exited.
#![allow(unsafe_code)]

use crate::family::spawn;
use crate::output::say;
use crate::prefixes::execute;
use crate::signals;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{Pid, getpid, setpgid, setsid, setuid};
use std::ffi::{OsString, c_int, c_void};
use std::io::{PipeWriter, Read};
use std::str::FromStr;

/// Plays the part in `words` and all parts inside it.
pub fn play(words: &[OsString]) -> c_int {
    let words: Vec<&str> = words.iter().map(|word| word.to_str().expect("UTF-8")).collect();
    Actor { gate: None }.perform(Part(&words))
}

/// The rest of a process's part.
#[derive(Clone, Copy)]
struct Part<'a>(&'a [&'a str]);

impl<'a> Part<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(word)
    }

    fn word(&mut self) -> &'a str {
        self.next().expect("another word")
    }

    fn number(&mut self) -> c_int {
        let word = self.word();
        word.parse().unwrap_or_else(|_| panic!("{word:?} is not a number"))
    }

    fn signal(&mut self) -> Signal {
        let word = self.word();
        Signal::from_str(&format!("SIG{word}")).unwrap_or_else(|_| panic!("{word:?} is not a signal"))
    }

    /// Returns the words up to the closing bracket.
    fn inner(&mut self) -> Part<'a> {
        assert_eq!(self.word(), "[");
        self.up_to_bracket()
    }

    /// Returns the words between the next pair of brackets.
    fn up_to_bracket(&mut self) -> Part<'a> {
        let mut depth = 0;
        let end = self.0.iter().position(|word| {
            match *word {
                "[" => depth += 1,
                "]" => depth -= 1,
                _ => {}
            }
            depth < 0
        });
        let (inner, rest) = self.0.split_at(end.expect("a closing bracket"));
        self.0 = &rest[1..];
        Part(inner)
    }
}

/// A process that plays a part.
struct Actor {
    /// The process that started this one waits until this is closed.
    gate: Option<PipeWriter>,
}

impl Actor {
    /// Returns the exit status.
    fn perform(&mut self, mut part: Part<'_>) -> c_int {
        while let Some(word) = part.next() {
            match word {
                "[" => self.start(part.up_to_bracket(), || {}),
                "times" => {
                    let count = part.number();
                    let inner = part.inner();
                    (0..count).for_each(|_| self.start(inner, || {}));
                }
                // Starts children one after the other until this signal arrives, which must be blocked.
                "until" => {
                    let signal = part.signal();
                    let inner = part.inner();
                    while !is_pending(signal) {
                        self.start(inner, || {});
                    }
                }
                // A child that its parent traces. It stays stopped until the parent handles that.
                "traced" => self.start_traced(part.inner()),
                // A child that is the init of a PID namespace; later children are members of it.
                "nested" => self.start_nested(part.inner()),
                // A child that shares its memory with the parent, which sleeps until it is gone (vfork(2)).
                "vfork" => self.vfork(part.inner()),
                // Continues in a new thread, while the first thread exits.
                "lose-leader" => self.lose_leader(part),
                "run" => return execute(&part.0.iter().map(OsString::from).collect::<Vec<_>>()),

                "say" => say(part.word()),
                "exit" => return part.number(),
                "die" => return signals::die(part.signal() as c_int),
                // Prints its name and the number of each signal that arrives, up to this last one.
                "print" => return self.print(part.word(), part.signal()),
                // Saves when it is asked to exit, until a USR1. A second request interrupts the saving.
                "save" => return self.save(part.word()),
                "pause" => self.pause(),
                "await" => self.wait_for(part.signal()),
                "stdin" => {
                    self.gate = None;
                    let _ = std::io::stdin().read_to_end(&mut Vec::new());
                }
                "stop" => {
                    self.gate = None;
                    signals::send(getpid().as_raw(), &[libc::SIGSTOP]);
                }
                "attend" => self.attend(),
                "pass-on" => pass_on(part.signal()),
                "bomb" => self.fork_for_ever(),

                "ignore" => set_handler(part.signal(), SigHandler::SigIgn),
                "default" => set_handler(part.signal(), SigHandler::SigDfl),
                "handle" => set_handler(part.signal(), SigHandler::Handler(do_nothing)),
                "block" => set_of(part.signal()).thread_block().expect("sigprocmask"),
                "unblock" => set_of(part.signal()).thread_unblock().expect("sigprocmask"),
                "block-all" => signals::block_all(),

                "group" => setpgid(Pid::from_raw(0), Pid::from_raw(0)).expect("setpgid"),
                "session" => drop(setsid().expect("setsid")),
                "terminal" => take_terminal(part.number()),
                // Waits until this PID is free.
                "await-pid" => await_pid(part.number()),
                "user" => setuid(part.number().cast_unsigned().into()).expect("setuid"),
                // Sets the PID that the namespace's next process gets.
                "next-pid" => set_next_pid(part.number()),
                other => panic!("unknown word in a part: {other:?}"),
            }
        }
        0
    }

    /// Starts a child, which runs `first` and then plays its part.
    fn start(&mut self, part: Part<'_>, first: impl FnOnce()) {
        let (mut waits, gate) = std::io::pipe().expect("a pipe");
        spawn(|| {
            // Closes the parent's, too.
            self.gate = Some(gate);
            first();
            exit(self.perform(part));
        });
        let _ = waits.read_to_end(&mut Vec::new());
    }

    fn start_traced(&mut self, part: Part<'_>) {
        spawn(|| {
            self.gate = None;
            let (no_pid, nothing) = (0, std::ptr::null_mut::<c_void>());
            // SAFETY: a request that takes no notice of the rest.
            let asked = unsafe { libc::ptrace(libc::PTRACE_TRACEME, no_pid, nothing, nothing) };
            Errno::result(asked).expect("PTRACE_TRACEME");
            signals::send(getpid().as_raw(), &[libc::SIGSTOP]);
            exit(self.perform(part));
        });
    }

    fn start_nested(&mut self, part: Part<'_>) {
        unshare(CloneFlags::CLONE_NEWPID).expect("a PID namespace");
        self.start(part, || {
            unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
            mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), None::<&str>).expect("a /proc");
        });
    }

    fn vfork(&mut self, part: Part<'_>) {
        const STACK: usize = 1 << 20;
        self.gate = None;
        let mut stack = vec![0u128; STACK / size_of::<u128>()];
        let mut child = |part| Actor { gate: None }.perform(part);
        let mut performance = Performance { perform: &mut child, part };
        // SAFETY: only the child uses the stack, whose end is aligned. Memory is shared, but only one of the two runs.
        let pid = unsafe {
            let top = stack.as_mut_ptr().add(stack.len()).cast();
            let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
            libc::clone(perform_in_child, top, flags, (&raw mut performance).cast())
        };
        assert!(pid > 0, "clone: {}", Errno::last());
    }

    fn lose_leader(&mut self, part: Part<'_>) -> ! {
        std::thread::scope(|threads| {
            threads.spawn(|| exit(self.perform(part)));
            // SAFETY: ends this thread alone. What it lends to the other thread stays in place.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
            unreachable!("the thread has exited")
        })
    }

    fn print(&mut self, name: &str, last: Signal) -> c_int {
        signals::block_all();
        // An ignored signal would stay pending while it is blocked.
        let ignored: SigSet = Signal::iterator().filter(|signal| is_ignored(*signal)).collect();
        ignored.thread_unblock().expect("sigprocmask");
        self.gate = None;
        loop {
            let signal = signals::receive();
            if signal != libc::SIGCHLD {
                say(format_args!("{name} {signal}"));
            }
            if signal == last as c_int {
                return 0;
            }
        }
    }

    fn save(&mut self, name: &str) -> c_int {
        let set: SigSet = [Signal::SIGTERM, Signal::SIGUSR1].into_iter().collect();
        set.thread_block().expect("sigprocmask");
        self.gate = None;
        let receive = || set.wait().expect("sigwait");
        while receive() != Signal::SIGTERM {}
        say(format_args!("{name} saves"));
        let (what, status) = match receive() {
            Signal::SIGTERM => ("lost", 1),
            _ => ("saved", 0),
        };
        say(format_args!("{name} {what}"));
        status
    }

    fn pause(&mut self) -> ! {
        self.gate = None;
        loop {
            nix::unistd::pause();
        }
    }

    fn wait_for(&mut self, signal: Signal) {
        let set = set_of(signal);
        set.thread_block().expect("sigprocmask");
        self.gate = None;
        set.wait().expect("sigwait");
    }

    /// Lets tracees run as they would untraced, until the last child has exited.
    fn attend(&mut self) {
        self.gate = None;
        while let Some((pid, status)) = wait() {
            if libc::WIFSTOPPED(status) {
                let signal = match libc::WSTOPSIG(status) {
                    libc::SIGSTOP => 0,
                    signal => signal,
                };
                let nothing = std::ptr::null_mut::<c_void>();
                // SAFETY: a request that takes a PID and a signal.
                unsafe { libc::ptrace(libc::PTRACE_CONT, pid, nothing, libc::c_long::from(signal)) };
            }
        }
    }

    fn fork_for_ever(&mut self) -> ! {
        self.gate = None;
        loop {
            // SAFETY: this program has one thread.
            if unsafe { libc::fork() } == -1 {
                std::thread::yield_now();
            }
        }
    }
}

/// A part and how to play it, for a child that takes one pointer.
struct Performance<'a> {
    perform: &'a mut dyn FnMut(Part<'a>) -> c_int,
    part: Part<'a>,
}

extern "C" fn perform_in_child(performance: *mut c_void) -> c_int {
    // SAFETY: what `vfork` handed over, in the memory of a parent that sleeps.
    let performance = unsafe { &mut *performance.cast::<Performance<'_>>() };
    exit((performance.perform)(performance.part))
}

extern "C" fn do_nothing(_: c_int) {}

fn exit(status: c_int) -> ! {
    // SAFETY: ends this process without what the one that it was copied from has yet to do.
    unsafe { libc::_exit(status) }
}

/// Waits until a child has exited or, if it is traced, is stopped. None if there is no child.
fn wait() -> Option<(libc::pid_t, c_int)> {
    let mut status = 0;
    // SAFETY: writes one integer.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, 0) };
    (pid > 0).then_some((pid, status))
}

fn set_of(signal: Signal) -> SigSet {
    [signal].into_iter().collect()
}

/// Sends a signal to each of our children.
fn pass_on(signal: Signal) {
    let children = std::fs::read_to_string("/proc/thread-self/children").expect("/proc");
    for child in children.split_whitespace() {
        signals::send(child.parse().expect("a PID"), &[signal as c_int]);
    }
}

fn set_handler(signal: Signal, handler: SigHandler) {
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: a handler that does nothing, if any.
    unsafe { sigaction(signal, &action) }.expect("sigaction");
}

fn is_pending(signal: Signal) -> bool {
    let mut pending = SigSet::empty();
    // SAFETY: writes one set, which has libc's form.
    unsafe { libc::sigpending((&raw mut pending).cast()) };
    pending.contains(signal)
}

fn is_ignored(signal: Signal) -> bool {
    // SAFETY: plain numbers, for which all zeros is a value; the call fills them in and changes nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal as c_int, std::ptr::null(), &raw mut action);
        action.sa_sigaction == libc::SIG_IGN
    }
}

/// Makes the terminal that is open at `fd` the controlling terminal of this session.
fn take_terminal(fd: c_int) {
    // SAFETY: a descriptor and a number.
    let taken = unsafe { libc::ioctl(fd, libc::TIOCSCTTY, 0) };
    Errno::result(taken).expect("TIOCSCTTY");
}

fn await_pid(pid: c_int) {
    loop {
        set_next_pid(pid);
        let child = spawn(|| {});
        let _ = nix::sys::wait::waitpid(child, None);
        if child.as_raw() == pid {
            return;
        }
        std::thread::yield_now();
    }
}

fn set_next_pid(pid: c_int) {
    std::fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).expect("ns_last_pid");
}
