//! Signals as plain values: numbers, names, sets. No system calls.

use std::fmt;

/// A signal of Linux: 1 to 64, including the two that libc uses itself (32 and 33).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

/// The number that users mean by RTMIN. The kernel's first real-time signal is 32, but glibc uses two itself. Docker,
/// systemd and `kill -l` count from 34, also for a container with musl (where `kill -l` counts from 35).
const RTMIN: u8 = 34;
const RTMAX: u8 = 64;

/// Names by number, from signal(7). Where a number has two names, the first one is displayed.
const NAMES: &[(&str, Signal)] = &[
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("ILL", Signal::of(libc::SIGILL)),
    ("TRAP", Signal::of(libc::SIGTRAP)),
    ("ABRT", Signal::of(libc::SIGABRT)),
    ("IOT", Signal::of(libc::SIGIOT)),
    ("BUS", Signal::of(libc::SIGBUS)),
    ("FPE", Signal::of(libc::SIGFPE)),
    ("KILL", Signal::KILL),
    ("USR1", Signal::of(libc::SIGUSR1)),
    ("SEGV", Signal::of(libc::SIGSEGV)),
    ("USR2", Signal::of(libc::SIGUSR2)),
    ("PIPE", Signal::PIPE),
    ("ALRM", Signal::of(libc::SIGALRM)),
    ("TERM", Signal::TERM),
    ("STKFLT", Signal::of(libc::SIGSTKFLT)),
    ("CHLD", Signal::CHLD),
    ("CLD", Signal::CHLD),
    ("CONT", Signal::CONT),
    ("STOP", Signal::STOP),
    ("TSTP", Signal::TSTP),
    ("TTIN", Signal::TTIN),
    ("TTOU", Signal::TTOU),
    ("URG", Signal::of(libc::SIGURG)),
    ("XCPU", Signal::XCPU),
    ("XFSZ", Signal::XFSZ),
    ("VTALRM", Signal::of(libc::SIGVTALRM)),
    ("PROF", Signal::of(libc::SIGPROF)),
    ("WINCH", Signal::of(libc::SIGWINCH)),
    ("IO", Signal::of(libc::SIGIO)),
    ("POLL", Signal::of(libc::SIGPOLL)),
    ("PWR", Signal::of(libc::SIGPWR)),
    ("SYS", Signal::of(libc::SIGSYS)),
];

impl Signal {
    /// Hangup.
    pub const HUP: Signal = Signal::of(libc::SIGHUP);
    /// Interrupt, as Ctrl-C sends it.
    pub const INT: Signal = Signal::of(libc::SIGINT);
    /// Quit, as Ctrl-\ sends it.
    pub const QUIT: Signal = Signal::of(libc::SIGQUIT);
    /// Kills: cannot be caught.
    pub const KILL: Signal = Signal::of(libc::SIGKILL);
    /// The file size limit was exceeded (RLIMIT_FSIZE).
    pub const XFSZ: Signal = Signal::of(libc::SIGXFSZ);
    /// The CPU time limit was exceeded (RLIMIT_CPU).
    pub const XCPU: Signal = Signal::of(libc::SIGXCPU);
    /// A write to a pipe without a reader.
    pub const PIPE: Signal = Signal::of(libc::SIGPIPE);
    /// The usual request to exit.
    pub const TERM: Signal = Signal::of(libc::SIGTERM);
    /// A child exited or stopped.
    pub const CHLD: Signal = Signal::of(libc::SIGCHLD);
    /// Continues a stopped process.
    pub const CONT: Signal = Signal::of(libc::SIGCONT);
    /// Stops: cannot be caught.
    pub const STOP: Signal = Signal::of(libc::SIGSTOP);
    /// The terminal's stop, as Ctrl-Z sends it.
    pub const TSTP: Signal = Signal::of(libc::SIGTSTP);
    /// A background process read from the terminal.
    pub const TTIN: Signal = Signal::of(libc::SIGTTIN);
    /// A background process wrote to the terminal.
    pub const TTOU: Signal = Signal::of(libc::SIGTTOU);
    /// systemd's request to halt, as it is sent to the init of a container.
    pub const RTMIN_3: Signal = Signal(RTMIN + 3);

    /// Signals that cannot be rewritten: KILL and STOP cannot be caught, and CHLD is about rinit's own children.
    pub const UNREWRITABLE: SignalSet = SignalSet::of(&[libc::SIGKILL, libc::SIGSTOP, libc::SIGCHLD]);

    const fn of(number: i32) -> Signal {
        Signal(number as u8)
    }

    /// The signal with this number; None unless it is 1 to 64.
    pub fn new(number: i32) -> Option<Signal> {
        u8::try_from(number).ok().filter(|number| (1..=64).contains(number)).map(Signal)
    }

    /// The number, as kill(2) takes it.
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }

    /// Reads a name with or without SIG, in either case, a number, `RTMIN+n` or `RTMAX-n`.
    pub fn parse(text: &str) -> Option<Signal> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().and_then(Signal::new);
        }
        let name = text.to_ascii_uppercase();
        let name = name.strip_prefix("SIG").unwrap_or(&name);
        let offset = |digits: &str, sign: char| -> Option<u8> {
            if digits.is_empty() {
                return Some(0);
            }
            let digits = digits.strip_prefix(sign)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
            digits.parse().ok().filter(|offset| *offset <= RTMAX - RTMIN)
        };
        if let Some(rest) = name.strip_prefix("RTMIN") {
            return offset(rest, '+').map(|offset| Signal(RTMIN + offset));
        }
        if let Some(rest) = name.strip_prefix("RTMAX") {
            return offset(rest, '-').map(|offset| Signal(RTMAX - offset));
        }
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, signal)| *signal)
    }

    /// What `parse` accepts, for error messages.
    pub const ALLOWED: &str = "a signal's name (TERM, SIGTERM, RTMIN+3) or number from 1 to 64";

    /// Whether it can only be a request to exit: a stop signal, except HUP, on which many programs reread their
    /// configuration and go on.
    pub fn requests_termination(self) -> bool {
        self.is_stop() && self != Signal::HUP
    }

    /// Whether it is a stop signal: by default it kills, and it is sent by `docker stop`, a terminal or systemd to end
    /// a process.
    pub fn is_stop(self) -> bool {
        matches!(self, Signal::TERM | Signal::INT | Signal::QUIT | Signal::HUP | Signal::RTMIN_3)
    }
}

/// As `SIGTERM` or `SIGRTMIN+3`. 32 and 33 have no name, and are displayed by number.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = NAMES.iter().find(|(_, signal)| signal == self) {
            return write!(f, "SIG{name}");
        }
        match self.0 {
            RTMIN => f.write_str("SIGRTMIN"),
            RTMAX => f.write_str("SIGRTMAX"),
            number if number > RTMIN => write!(f, "SIGRTMIN+{}", number - RTMIN),
            number => write!(f, "signal {number}"),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set of signals, bit n-1 for signal n, as in the kernel: libc's type leaves out 32 and 33.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SignalSet(pub u64);

impl SignalSet {
    /// No signal.
    pub const EMPTY: SignalSet = SignalSet(0);

    /// All 64. The kernel takes KILL and STOP out of a mask by itself (sigprocmask(2)).
    pub const ALL: SignalSet = SignalSet(u64::MAX);

    /// The signals with these numbers. Other numbers are left out.
    pub const fn of(numbers: &[i32]) -> SignalSet {
        let mut set = 0;
        let mut rest = numbers;
        while let [number, more @ ..] = rest {
            if *number >= 1 && *number <= 64 {
                set |= 1 << (*number - 1);
            }
            rest = more;
        }
        SignalSet(set)
    }

    /// The set with `signal` added.
    pub const fn with(self, signal: Signal) -> SignalSet {
        SignalSet(self.0 | 1 << (signal.0 - 1))
    }

    /// The set with the members of `other` removed.
    pub const fn less(self, other: SignalSet) -> SignalSet {
        SignalSet(self.0 & !other.0)
    }

    /// The set with `signal` removed.
    pub const fn without(self, signal: Signal) -> SignalSet {
        SignalSet(self.0 & !(1 << (signal.0 - 1)))
    }

    /// All signals that can be blocked. rinit blocks them all.
    pub const BLOCKABLE: SignalSet = SignalSet::ALL.without(Signal::KILL).without(Signal::STOP);

    /// Whether `signal` is in it.
    pub fn contains(self, signal: Signal) -> bool {
        self.0 >> (signal.0 - 1) & 1 == 1
    }
}

/// What a process does with a signal, as far as /proc shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Treatment {
    /// /proc does not show it (gVisor).
    Unknown,
    /// The default action of signal(7).
    Default,
    /// It has a handler.
    Handles,
    /// It blocks the signal, and may receive it through a signalfd or sigwait(3).
    Blocks,
    /// It ignores the signal.
    Ignores,
}

/// What to send in place of each signal: the signal itself, another one, or nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rewrites([u8; 64]);

impl Rewrites {
    const AS_IT_IS: u8 = u8::MAX;
    const NOTHING: u8 = 0;

    /// No signal is rewritten.
    pub const NONE: Rewrites = Rewrites([Rewrites::AS_IT_IS; 64]);

    /// Rewrites `from` to `to`, or drops it. The last rule for a signal wins.
    pub fn set(&mut self, from: Signal, to: Option<Signal>) {
        if let Some(entry) = self.0.get_mut(usize::from(from.0 - 1)) {
            *entry = to.map_or(Rewrites::NOTHING, |to| to.0);
        }
    }

    /// As `set`, unless there is a rule for the signal already.
    pub fn set_default(&mut self, from: Signal, to: Option<Signal>) {
        if self.entry(from) == Rewrites::AS_IT_IS {
            self.set(from, to);
        }
    }

    /// What to send when `signal` was received; None for nothing. Applied once: with 1 to 2 and 2 to 3, 1 becomes 2.
    pub fn apply(&self, signal: Signal) -> Option<Signal> {
        match self.entry(signal) {
            Rewrites::AS_IT_IS => Some(signal),
            number => Signal::new(number.into()),
        }
    }

    fn entry(&self, signal: Signal) -> u8 {
        self.0.get(usize::from(signal.0 - 1)).copied().unwrap_or(Rewrites::AS_IT_IS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rewrite_of_a_signal_wins_and_is_applied_once() {
        let signal = |number| Signal::new(number).unwrap();
        let mut rewrites = Rewrites::NONE;
        rewrites.set(signal(1), Some(signal(2)));
        rewrites.set(signal(2), Some(signal(3)));
        rewrites.set(signal(64), Some(signal(4)));
        rewrites.set(signal(64), None);
        rewrites.set_default(signal(64), Some(signal(5)));
        rewrites.set_default(signal(63), Some(signal(5)));
        let sent = [1, 2, 3, 63, 64].map(|number| rewrites.apply(signal(number)).map(Signal::number));
        assert_eq!(sent, [Some(2), Some(3), Some(3), Some(5), None]);
    }

    #[test]
    fn every_displayed_name_parses_to_its_signal() {
        for number in 1..=64 {
            let signal = Signal::new(number).unwrap();
            assert_eq!(signal.number(), number);
            assert_eq!(Signal::parse(&number.to_string()), Some(signal));
            let shown = signal.to_string();
            if number == 32 || number == 33 {
                assert_eq!((shown, format!("{signal:?}")), (format!("signal {number}"), format!("signal {number}")));
            } else {
                assert_eq!(Signal::parse(&shown), Some(signal), "{shown}");
                assert_eq!(Signal::parse(&shown.to_lowercase()), Some(signal), "{shown}");
                assert_eq!(Signal::parse(shown.strip_prefix("SIG").unwrap()), Some(signal), "{shown}");
            }
        }
    }

    #[test]
    fn real_time_signals_count_from_34_and_down_from_64() {
        for (text, number) in [("RTMIN", 34), ("RTMIN+3", 37), ("SIGRTMIN+30", 64), ("RTMAX", 64), ("rtmax-30", 34)] {
            assert_eq!(Signal::parse(text), Signal::new(number), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let no_number = ["", " ", "0", "65", "-1", "+9", "1 ", "99999999999", "1.5"];
        let no_name = [" TERM", "TERM ", "SIG", "SIGSIGTERM", "NOPE", "TÉRM"];
        let no_offset = ["RTMIN+31", "RTMIN-1", "RTMAX+1", "RTMAX-31", "RTMIN+", "RTMIN++1"];
        for text in no_number.into_iter().chain(no_name).chain(no_offset) {
            assert_eq!(Signal::parse(text), None, "{text:?}");
        }
        assert_eq!([0, 65, 256 + 15].map(Signal::new), [None; 3]);
    }

    #[test]
    fn bit_n_minus_one_is_signal_n() {
        let set = SignalSet(1 << 14 | 1 << 63);
        assert!(set.contains(Signal::TERM));
        assert!(set.contains(Signal::new(64).unwrap()));
        assert!(!set.contains(Signal::HUP));
    }
}

#[cfg(any(test, fuzzing))]
pub mod properties;
