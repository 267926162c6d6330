//! Signals as plain values: numbers, names, sets. Nothing here asks the kernel.

use std::fmt;

/// A signal that Linux has: 1 to 64, the two that libc keeps to itself (32 and 33) among them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

/// The number that users mean by RTMIN. The kernel's first real-time signal is 32, but glibc takes two for itself, and
/// Docker, systemd and `kill -l` count from 34, in a container with musl too (where `kill -l` counts from 35).
const RTMIN: u8 = 34;
const RTMAX: u8 = 64;

/// Names by number, after signal(7); where a number has two, the one that is shown comes first.
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
    /// The end that no process can refuse.
    pub const KILL: Signal = Signal::of(libc::SIGKILL);
    /// A file grew over its limit (RLIMIT_FSIZE).
    pub const XFSZ: Signal = Signal::of(libc::SIGXFSZ);
    /// The CPU time limit is reached (RLIMIT_CPU).
    pub const XCPU: Signal = Signal::of(libc::SIGXCPU);
    /// A write to a pipe that nobody reads.
    pub const PIPE: Signal = Signal::of(libc::SIGPIPE);
    /// The polite request to end.
    pub const TERM: Signal = Signal::of(libc::SIGTERM);
    /// A child ended or stopped.
    pub const CHLD: Signal = Signal::of(libc::SIGCHLD);
    /// Go on after a stop.
    pub const CONT: Signal = Signal::of(libc::SIGCONT);
    /// The stop that no process can refuse.
    pub const STOP: Signal = Signal::of(libc::SIGSTOP);
    /// The terminal's stop, as Ctrl-Z sends it.
    pub const TSTP: Signal = Signal::of(libc::SIGTSTP);
    /// The terminal's stop for who reads from the background.
    pub const TTIN: Signal = Signal::of(libc::SIGTTIN);
    /// The terminal's stop for who writes from the background.
    pub const TTOU: Signal = Signal::of(libc::SIGTTOU);
    /// systemd's "end in order": what it sends to the init of a container.
    pub const RTMIN_3: Signal = Signal(RTMIN + 3);

    /// No process gets the first two to see, and CHLD is for rinit, about its own children.
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

    /// What `parse` takes, for messages.
    pub const ALLOWED: &str = "a signal's name (TERM, SIGTERM, RTMIN+3) or number from 1 to 64";

    /// Whether it can only mean that the process is to exit: a stop signal, except HUP, on which many programs read their
    /// configuration again and go on.
    pub fn requests_termination(self) -> bool {
        self.is_stop() && self != Signal::HUP
    }

    /// Whether it asks for an end and ends by default: what `docker stop` and a terminal send, and systemd's own.
    pub fn is_stop(self) -> bool {
        matches!(self, Signal::TERM | Signal::INT | Signal::QUIT | Signal::HUP | Signal::RTMIN_3)
    }
}

/// As `SIGTERM` or `SIGRTMIN+3`; 32 and 33 have no name that users know.
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

/// A set of signals, bit n-1 for signal n: the kernel's own form, in which 32 and 33 are signals like the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SignalSet(pub u64);

impl SignalSet {
    /// No signal.
    pub const EMPTY: SignalSet = SignalSet(0);

    /// All 64. The kernel takes KILL and STOP out of a mask by itself (sigprocmask(2)).
    pub const ALL: SignalSet = SignalSet(u64::MAX);

    /// The signals with these numbers; what is no signal's number counts for nothing.
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

    /// The same set and `signal`.
    pub const fn with(self, signal: Signal) -> SignalSet {
        SignalSet(self.0 | 1 << (signal.0 - 1))
    }

    /// The same set less those in `other`.
    pub const fn less(self, other: SignalSet) -> SignalSet {
        SignalSet(self.0 & !other.0)
    }

    /// The same set less `signal`.
    pub const fn without(self, signal: Signal) -> SignalSet {
        SignalSet(self.0 & !(1 << (signal.0 - 1)))
    }

    /// All that can be blocked: what a rinit blocks.
    pub const BLOCKABLE: SignalSet = SignalSet::ALL.without(Signal::KILL).without(Signal::STOP);

    /// Whether `signal` is in it.
    pub fn contains(self, signal: Signal) -> bool {
        self.0 >> (signal.0 - 1) & 1 == 1
    }
}

/// What a process does with a signal, as far as /proc shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Treatment {
    /// /proc does not show it (gVisor).
    Unknown,
    /// The default action of signal(7).
    Default,
    /// It has a handler.
    Handles,
    /// It blocks the signal, and may take it from a signalfd or by sigwait(3).
    Blocks,
    /// It ignores the signal.
    Ignores,
}

/// What is sent in the place of each signal: itself, another one, or nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rewrites([u8; 64]);

impl Rewrites {
    const AS_IT_IS: u8 = u8::MAX;
    const NOTHING: u8 = 0;

    /// Each signal stays what it is.
    pub const NONE: Rewrites = Rewrites([Rewrites::AS_IT_IS; 64]);

    /// Has `to` sent in the place of `from`, or nothing; the last word on a signal counts.
    pub fn set(&mut self, from: Signal, to: Option<Signal>) {
        if let Some(entry) = self.0.get_mut(usize::from(from.0 - 1)) {
            *entry = to.map_or(Rewrites::NOTHING, |to| to.0);
        }
    }

    /// As `set`, but for a signal that has a word already.
    pub fn set_if_unsaid(&mut self, from: Signal, to: Option<Signal>) {
        if self.word_on(from) == Rewrites::AS_IT_IS {
            self.set(from, to);
        }
    }

    /// What to send where `signal` has come; None for nothing. Not applied twice: 1 to 2 and 2 to 3 make 2 out of 1.
    pub fn apply(&self, signal: Signal) -> Option<Signal> {
        match self.word_on(signal) {
            Rewrites::AS_IT_IS => Some(signal),
            number => Signal::new(number.into()),
        }
    }

    fn word_on(&self, signal: Signal) -> u8 {
        self.0.get(usize::from(signal.0 - 1)).copied().unwrap_or(Rewrites::AS_IT_IS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rewrite_of_a_signal_counts_and_is_applied_once() {
        let signal = |number| Signal::new(number).unwrap();
        let mut rewrites = Rewrites::NONE;
        rewrites.set(signal(1), Some(signal(2)));
        rewrites.set(signal(2), Some(signal(3)));
        rewrites.set(signal(64), Some(signal(4)));
        rewrites.set(signal(64), None);
        rewrites.set_if_unsaid(signal(64), Some(signal(5)));
        rewrites.set_if_unsaid(signal(63), Some(signal(5)));
        let sent = [1, 2, 3, 63, 64].map(|number| rewrites.apply(signal(number)).map(Signal::number));
        assert_eq!(sent, [Some(2), Some(3), Some(3), Some(5), None]);
    }

    #[test]
    fn every_signal_is_shown_by_a_name_that_is_read_back() {
        for number in 1..=64 {
            let signal = Signal::new(number).unwrap();
            assert_eq!(signal.number(), number);
            assert_eq!(Signal::parse(&number.to_string()), Some(signal));
            if number != 32 && number != 33 {
                let shown = signal.to_string();
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
    fn what_is_no_signal_is_refused() {
        for text in [
            "",
            " ",
            "0",
            "65",
            "-1",
            "+9",
            "1 ",
            " TERM",
            "TERM ",
            "SIG",
            "SIGSIGTERM",
            "NOPE",
            "RTMIN+31",
            "RTMIN-1",
            "RTMAX+1",
            "RTMAX-31",
            "RTMIN+",
            "RTMIN++1",
            "99999999999",
            "1.5",
            "TÉRM",
        ] {
            assert_eq!(Signal::parse(text), None, "{text:?}");
        }
        assert_eq!(Signal::new(0), None);
        assert_eq!(Signal::new(65), None);
        assert_eq!(Signal::new(256 + 15), None);
    }

    #[test]
    fn a_set_holds_bit_n_less_one_for_signal_n() {
        let set = SignalSet(1 << 14 | 1 << 63);
        assert!(set.contains(Signal::TERM));
        assert!(set.contains(Signal::new(64).unwrap()));
        assert!(!set.contains(Signal::HUP));
    }
}

#[cfg(any(test, fuzzing))]
pub mod properties;
