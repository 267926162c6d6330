//! How rinit behaves under the name by which it was called: its own, or that of an init that it replaces. All
//! differences between them are data in this file.
//!
//! Observed with Debian's packages of tini 0.19, dumb-init 1.2.5 and catatonit 0.1.7.

use crate::failure::Kind;
use crate::log::{DEFAULT, LogFilter};
use crate::options::{Options, Target};
use crate::signal::{Signal, SignalSet};
use log::LevelFilter;
use std::time::Duration;

/// How rinit behaves under one name.
#[derive(Debug)]
pub struct Persona {
    /// The names: last parts of `argv[0]`.
    pub names: &'static [&'static str],
    /// The defaults of all options.
    pub defaults: fn() -> Options,
    /// Signals that are dropped, unless a rewrite says otherwise.
    pub dropped: &'static [Signal],
    /// Main leads a session by default, unless signals go to main alone; what that changes. None: main leads a session
    /// only with `--session`.
    pub session: Option<Session>,
    /// The options that have a letter. The long options are the same under every name.
    pub letters: &'static str,
    /// Whether options may also follow the command's name, up to a `--` (as in getopt(3), unless POSIXLY_CORRECT is
    /// set).
    pub permutes: bool,
    /// Whether long options can be abbreviated.
    pub abbreviates: bool,
    /// Whether a command beside `--pause` is ignored, and not an error.
    pub pauses_beside_command: bool,
    /// The log level of the first `-v`; each further one is a level more.
    pub first_verbose: LevelFilter,
    /// The other init's own environment variables. They win over options.
    pub variables: &'static [Variable],
    /// The exit status if the command could not be started.
    pub status: fn(Kind) -> u8,
    /// What the version has before and after its number.
    pub version: (&'static str, &'static str),
    /// Where the version is printed.
    pub version_to: Stream,
    /// Where the help is printed.
    pub help_to: Stream,
}

/// What a session of its own changes for main.
#[derive(Debug)]
pub struct Session {
    /// Signals that are rewritten unless the user rewrites them otherwise. In a session of its own main has no parent
    /// that could continue it, so the kernel discards the terminal's stop signals.
    pub rewrites: &'static [(Signal, Signal)],
    /// Sent to main's group when main has exited. A rewrite applies to it.
    pub parting: Option<Signal>,
}

/// An environment variable, and what it sets.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Applies a value. Accepts any, as the originals do.
    pub take: fn(&mut Options, &[u8]),
}

/// Where something is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// stdout.
    Stdout,
    /// stderr.
    Stderr,
}

/// rinit under its own name, and under any name that is not listed here.
const RINIT: Persona = Persona {
    names: &["rinit"],
    defaults: Options::default,
    dropped: &[],
    session: None,
    letters: "gctrpsekPwvqlVh",
    permutes: false,
    abbreviates: false,
    pauses_beside_command: false,
    first_verbose: LevelFilter::Info,
    variables: &[],
    status: |kind| kind as u8,
    version: ("rinit ", ""),
    version_to: Stream::Stdout,
    help_to: Stream::Stdout,
};

/// Mounted into the container by `podman run --init` in place of catatonit. Only main gets the signals, as under
/// catatonit and tini: many programs pass a signal on themselves, and take a second one as "now, without saving".
const PODMAN_INIT: Persona =
    Persona { names: &["podman-init"], defaults: || Options { target: Target::Main, ..Options::default() }, ..RINIT };

/// Mounted into the container by `docker run --init` in place of tini, so it reads tini's variables. dockerd can only
/// read tini's form of the version.
const DOCKER_INIT: Persona =
    Persona { names: &["docker-init"], variables: TINI_VARIABLES, version: TINI.version, ..PODMAN_INIT };

const TINI: Persona = Persona {
    names: &["tini", "tini-static"],
    defaults: || Options {
        target: Target::Main,
        unforwarded: FAULTS_AND_LIBC_SIGNALS,
        subreaper: false,
        warn_not_init: true,
        ..exit_with_main()
    },
    dropped: &[Signal::TTIN, Signal::TTOU],
    letters: "psvwgelh",
    permutes: true,
    variables: TINI_VARIABLES,
    status: |kind| if kind == Kind::Own { 1 } else { kind as u8 },
    version: ("tini version ", "_rinit"),
    ..RINIT
};

const DUMB_INIT: Persona = Persona {
    names: &["dumb-init"],
    defaults: || Options {
        unforwarded: LIBC_SIGNALS,
        suspending: SignalSet::EMPTY.with(Signal::TSTP).with(Signal::TTIN).with(Signal::TTOU),
        subreaper: false,
        ..exit_with_main()
    },
    session: Some(Session {
        rewrites: &[(Signal::TSTP, Signal::STOP), (Signal::TTIN, Signal::STOP), (Signal::TTOU, Signal::STOP)],
        parting: Some(Signal::TERM),
    }),
    letters: "crvhV",
    abbreviates: true,
    first_verbose: LevelFilter::Debug,
    variables: &[
        Variable {
            name: "DUMB_INIT_SETSID",
            take: |options, value| {
                if value == b"0" {
                    options.target = Target::Main;
                }
            },
        },
        Variable {
            name: "DUMB_INIT_DEBUG",
            take: |options, value| {
                if value == b"1" {
                    options.log = LogFilter::Level(LevelFilter::Debug);
                }
            },
        },
    ],
    status: |kind| if kind == Kind::Own { 1 } else { 2 },
    version: ("dumb-init v", "_rinit"),
    version_to: Stream::Stderr,
    help_to: Stream::Stderr,
    ..RINIT
};

const CATATONIT: Persona = Persona {
    names: &["catatonit"],
    defaults: || Options { target: Target::Main, unforwarded: FAULTS_AND_LIBC_SIGNALS, ..exit_with_main() },
    dropped: &[Signal::TSTP, Signal::TTIN, Signal::TTOU],
    letters: "ghLPV",
    permutes: true,
    abbreviates: true,
    pauses_beside_command: true,
    status: |_| 1,
    // The original calls itself tini here, so that engines can read the version.
    version: ("tini version ", "_rinit"),
    help_to: Stream::Stderr,
    ..RINIT
};

static OTHERS: [Persona; 5] = [TINI, DUMB_INIT, CATATONIT, DOCKER_INIT, PODMAN_INIT];

/// Defaults of the other inits: they exit with main, and write no termination message.
fn exit_with_main() -> Options {
    Options { grace: Some(Duration::ZERO), like_other_inits: true, termination_log: None, ..Options::default() }
}

/// The two signals that libc uses itself: the other inits do not block them, so they have their default action.
const LIBC_SIGNALS: SignalSet = SignalSet::of(&[32, 33]);

/// These, and the signals that the kernel sends for a program's own fault: tini and catatonit do not block them either.
const FAULTS_AND_LIBC_SIGNALS: SignalSet = SignalSet::of(&[
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGSYS,
    32,
    33,
]);

const TINI_VARIABLES: &[Variable] = &[
    // These two are on if they exist, with any value.
    Variable { name: "TINI_SUBREAPER", take: |options, _| options.subreaper = true },
    Variable { name: "TINI_KILL_PROCESS_GROUP", take: |options, _| options.target = Target::Group },
    Variable { name: "TINI_VERBOSITY", take: |options, value| options.log = LogFilter::Level(tini_level(value)) },
];

/// Reads the value as atoi(3) does: 0 if it is no number. Below 0 everything is logged.
fn tini_level(value: &[u8]) -> LevelFilter {
    let value = value.trim_ascii_start();
    if value.starts_with(b"-") {
        return LevelFilter::Trace;
    }
    let digits = value.strip_prefix(b"+").unwrap_or(value).iter().take_while(|byte| byte.is_ascii_digit());
    match digits.skip_while(|digit| **digit == b'0').collect::<Vec<_>>()[..] {
        [] => LevelFilter::Error,
        [b'1'] => DEFAULT,
        [b'2'] => LevelFilter::Info,
        [b'3'] => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    }
}

impl Persona {
    /// For an `argv[0]`, which may have a path or a login shell's dash in front.
    pub fn named(name: &[u8]) -> &'static Persona {
        let last = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let last = last.strip_prefix(b"-").unwrap_or(last);
        let has_name = |persona: &&Persona| persona.names.iter().any(|name| name.as_bytes() == last);
        OTHERS.iter().find(has_name).unwrap_or(&RINIT)
    }

    /// Applies what follows from the chosen options.
    pub fn complete(&self, options: &mut Options) {
        for signal in self.dropped {
            options.rewrites.set_default(*signal, None);
        }
        if let Some(session) = &self.session
            && options.target != Target::Main
        {
            options.session = true;
            options.parting = session.parting.and_then(|signal| options.rewrites.apply(signal));
            for (from, to) in session.rewrites {
                options.rewrites.set_default(*from, Some(*to));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(argv0: &str) -> &'static str {
        Persona::named(argv0.as_bytes()).names[0]
    }

    #[test]
    fn the_last_part_of_the_name_decides() {
        for argv0 in ["tini", "/usr/bin/tini", "/sbin/../x/tini", "-tini", "./tini-static"] {
            assert_eq!(name(argv0), "tini", "{argv0}");
        }
        assert_eq!(name("/usr/local/bin/dumb-init"), "dumb-init");
        assert_eq!(name("/sbin/docker-init"), "docker-init");
        assert_eq!(name("/catatonit"), "catatonit");
        assert_eq!(name("/run/podman-init"), "podman-init");
        for argv0 in ["rinit", "", "/", "tini/", "minitini", "tini2", "--tini", "init"] {
            assert_eq!(name(argv0), "rinit", "{argv0}");
        }
    }

    #[test]
    fn the_verbosity_is_read_as_atoi_does() {
        use LevelFilter::{Debug, Error, Info, Trace, Warn};
        let levels = [("0", Error), ("1", Warn), ("2", Info), ("3", Debug), ("4", Trace), ("10", Trace), ("-1", Trace)];
        let odd = [("", Error), ("x", Error), ("2x", Info), (" 2", Info), ("+3", Debug), ("01", Warn), ("00", Error)];
        for (value, level) in levels.into_iter().chain(odd) {
            assert_eq!(tini_level(value.as_bytes()), level, "{value:?}");
        }
    }

    #[test]
    fn a_session_brings_its_rewrites_unless_signals_go_to_main_alone() {
        let dumb_init = Persona::named(b"dumb-init");
        let mut options = (dumb_init.defaults)();
        options.rewrites.set(Signal::TTIN, None);
        dumb_init.complete(&mut options);
        assert_eq!((options.session, options.parting), (true, Some(Signal::TERM)));
        let sent = [Signal::TSTP, Signal::TTIN].map(|signal| options.rewrites.apply(signal));
        assert_eq!(sent, [Some(Signal::STOP), None]);

        let mut options = Options { target: Target::Main, ..(dumb_init.defaults)() };
        dumb_init.complete(&mut options);
        assert_eq!((options.session, options.parting), (false, None));
        assert_eq!(options.rewrites.apply(Signal::TSTP), Some(Signal::TSTP));
    }
}
