//! rinit: PID 1 for containers. The README says what it does.
//!
//! How it gets from `argv` to the exit status:
//!
//! ```text
//! argv, environment
//!    │  persona: which init rinit stands in for, by argv[0]
//!    │  cli: reads the options
//!    ▼
//! Options ──► command: starts main ──────► Child
//!    │                                       │
//!    ▼              Event                    ▼
//! lifecycle ◄─────────────────────────── init: the loop
//! (decides: no   ────────────────────────►   │  waits in the kernel for signals and for main's exit
//!  system call)     Action                   │  reaping: reaps orphans and learns main's exit status
//!                                            │  drain: the remaining processes, once main has exited
//!                                            │  report: what rinit logs about exits and slow stops
//!                                            ▼
//!                                       exit status
//! ```
//!
//! [`persona`], [`cli`] → [`options`] → [`command`] → [`init`] ⇄ [`lifecycle`], with [`reaping`], [`drain`] and [`report`].
//! [`jobs`] has the rules about terminals, [`status`] decodes exit statuses. [`sys`] wraps
//! system calls, and is the only place with `unsafe`.
#![cfg_attr(any(test, fuzzing), allow(clippy::unwrap_used, clippy::indexing_slicing))]

use std::ffi::c_int;
use std::io::Write;

pub mod cli;
pub mod command;
pub mod drain;
pub mod duration;
pub mod failure;
pub mod family;
pub mod init;
pub mod jobs;
pub mod json;
pub mod lifecycle;
pub mod log;
pub mod options;
pub mod persona;
pub mod printable;
#[cfg(test)]
mod properties;
pub mod reaping;
pub mod report;
pub mod search;
pub mod shell;
pub mod signal;
pub mod status;
pub mod stop_sequence;
pub mod sys;

use cli::Request;
use command::Inherited;
use failure::Failure;
use nix::sys::prctl;
use persona::{Persona, Stream};
use report::termination;
use signal::SignalSet;
use std::mem::ManuallyDrop;
use sys::all_processes::AllProcesses;
use sys::arguments::CStrArray;
use sys::signals;

/// Runs rinit: takes the command line, with rinit's own name in front, and returns the exit status.
pub fn run(arguments: CStrArray) -> c_int {
    // First of all: a signal that arrives while rinit starts stays pending until it can be forwarded to main.
    let mask = signals::set_mask(SignalSet::ALL);
    let persona = Persona::named(arguments.into_iter().next().map_or(b"", |name| name.to_bytes()));
    match mask.map_err(|errno| cannot("block signals", errno)).and_then(|mask| try_run(persona, arguments, mask)) {
        Ok(status) => status.into(),
        Err(failure) => {
            // If the options could be read, the log and the file of the termination message stay as they were set then.
            let options = cli::read_leniently(persona, arguments, CStrArray::followed_environment());
            log::start(&log::LogFilter::default(), options.log_format);
            termination::set(options.termination_log);
            termination::begin();
            match command::refusal::shebang_advice(arguments) {
                Some(advice) => ::log::error!("{advice}"),
                None => ::log::error!("{failure}"),
            }
            termination::write();
            (persona.status)(failure.kind).into()
        }
    }
}

fn try_run(persona: &Persona, arguments: CStrArray, mask: SignalSet) -> Result<u8, Failure> {
    let (mut options, arguments) = match cli::read(persona, arguments, CStrArray::followed_environment())? {
        Request::Run(options, arguments) => (options, arguments),
        Request::Print(text, to) => return print(&text, to, mask),
        Request::Report(form) => return print_table(form, mask),
    };
    log::start(&options.log, options.log_format);
    termination::set(options.termination_log.take());
    let sigchld = signals::default_sigchld().map_err(|errno| cannot("set the disposition of SIGCHLD", errno))?;
    // If a seccomp filter refuses waitpid, rinit would never learn that main has exited.
    sys::wait::can_wait().map_err(|errno| cannot("wait for children (waitpid)", errno))?;
    let request = |signal| sys::process::request_parent_death_signal(signal, nix::unistd::getppid());
    let parent_death = options.parent_death.map_or(Ok(()), request);
    let all_processes = AllProcesses::of_our_namespace();
    let needs_subreaper = options.subreaper && all_processes.is_none();
    let subreaper = if needs_subreaper { prctl::set_child_subreaper(true) } else { Ok(()) };
    if options.warn_not_init
        && !options.subreaper
        && all_processes.is_none()
        && prctl::get_child_subreaper() != Ok(true)
    {
        ::log::warn!(
            "rinit is not PID 1 and not a subreaper (-s or TINI_SUBREAPER makes it one), so it cannot reap orphans"
        );
    }
    let child = match options.pause {
        true => None,
        false => Some(command::start(arguments, &options, &Inherited { mask, sigchld })?),
    };
    if options.unforwarded != SignalSet::EMPTY {
        let _ = signals::set_mask(SignalSet::ALL.less(options.unforwarded));
    }
    for warning in &options.warnings {
        ::log::warn!("{warning}");
    }
    if let Err(errno) = parent_death {
        ::log::warn!("--parent-death: cannot ask for a signal when rinit's parent exits: {}", sys::reason(errno));
    }
    if let Err(errno) = subreaper {
        ::log::warn!(
            "rinit is not PID 1 and cannot become a subreaper, so it cannot reap orphans: {}",
            sys::reason(errno)
        );
    }
    if options.wait_all && options.grace.is_none() {
        ::log::warn!(
            "--wait-all with --grace inf: no process is killed, and rinit exits when the last one has exited by itself"
        );
    }
    // Never dropped: the process is about to exit, and the kernel frees everything.
    let mut init = ManuallyDrop::new(init::Init::new(child, all_processes, options));
    let status = init.run();
    termination::write();
    init.die_as_main(status);
    Ok(status)
}

// Not inlined into `try_run`, whose stack frame stays for as long as main runs.
#[inline(never)]
fn print_table(form: report::table::Form, mask: SignalSet) -> Result<u8, Failure> {
    print(&report::table::print(form, cli::target_of_init())?, Stream::Stdout, mask)
}

/// Prints the text, with the signal mask that rinit was started with: Ctrl-C works while a slow reader blocks the write.
fn print(text: &str, to: Stream, mask: SignalSet) -> Result<u8, Failure> {
    let _ = signals::set_mask(mask);
    let mut stdout = std::io::stdout().lock();
    let (what, written) = match to {
        Stream::Stdout => ("write to stdout", stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())),
        Stream::Stderr => ("write to stderr", std::io::stderr().write_all(text.as_bytes())),
    };
    written.map(|()| 0).map_err(|error| {
        let errno = sys::Errno::from_raw(error.raw_os_error().unwrap_or_default());
        cannot(what, errno)
    })
}

fn cannot(what: &str, errno: sys::Errno) -> Failure {
    Failure::own(format!("cannot {what}: {}", sys::reason(errno)))
}
