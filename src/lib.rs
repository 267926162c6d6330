//! rinit: PID 1 for containers. See the README for what it does and for whom.
//!
//! The way from `argv` to the exit status, in one direction:
//!
//! ```text
//! argv, environment
//!    │  persona: who rinit is, by argv[0]
//!    │  cli: the words, once
//!    ▼
//! Options ──► command: main is started ──► Child
//!    │                                       │
//!    ▼              Event                    ▼
//! lifecycle ◄─────────────────────────── init: the loop
//! (decides: no   ────────────────────────►   │  waits in the kernel for signals and for main's end
//!  system call)     Action                   │  reaping: who reaps, and main's status
//!                                            │  drain: the remaining processes, once main has exited
//!                                            │  report: what is told
//!                                            ▼
//!                                       exit status
//! ```
//!
//! [`persona`], [`cli`] → [`options`] → [`command`] → [`init`] ⇄ [`lifecycle`], with [`reaping`], [`drain`] and [`report`].
//! [`jobs`] has the rules about terminals, [`status`] how a process ended. [`sys`] is the kernel, and the only place with `unsafe`.
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
use persona::{Persona, Stream};
use report::termination;
use signal::SignalSet;
use std::mem::ManuallyDrop;
use sys::arguments::Words;
use sys::everyone::Everyone;
use sys::signals;

/// All of rinit, from the command line, its own name in front, to the exit status.
pub fn run(words: Words) -> c_int {
    // First of all: what arrives while rinit starts waits until main can have it.
    let mask = signals::set_mask(SignalSet::ALL);
    let persona = Persona::named(words.into_iter().next().map_or(b"", |name| name.to_bytes()));
    match mask.map_err(|errno| cannot("block signals", errno)).and_then(|mask| attend(persona, words, mask)) {
        Ok(status) => status.into(),
        Err(failure) => {
            // Where the options could be read, this was done before, and that stays.
            let options = cli::read_leniently(persona, words, Words::followed_environment());
            log::start(&log::LogFilter::default(), options.log_format);
            termination::set(options.termination_log);
            termination::begin();
            match command::shebang::advice(words) {
                Some(advice) => ::log::error!("{advice}"),
                None => ::log::error!("{failure}"),
            }
            termination::write();
            persona.statuses.of(failure.kind).into()
        }
    }
}

fn attend(persona: &Persona, words: Words, mask: SignalSet) -> Result<u8, Failure> {
    let (mut options, words) = match cli::read(persona, words, Words::followed_environment())? {
        Request::Run(options, words) => (options, words),
        Request::Print(text, to) => return print(&text, to, mask),
        Request::Report(form) => return print_table(form, mask),
    };
    log::start(&options.log, options.log_format);
    termination::set(options.termination_log.take());
    let sigchld = signals::default_sigchld().map_err(|errno| cannot("set what is done with SIGCHLD", errno))?;
    // A filter that refuses this would leave rinit waiting for main for ever.
    sys::wait::can_wait().map_err(|errno| cannot("wait for children (waitpid)", errno))?;
    let unheard = follow_parent(&options);
    let everyone = Everyone::of_our_namespace();
    let adopted = if everyone.is_none() { adopt_orphans(&options) } else { Ok(()) };
    if options.warn_not_init && !options.subreaper && everyone.is_none() && !sys::process::is_subreaper() {
        ::log::warn!(
            "not PID 1, and not told to adopt orphans (-s, TINI_SUBREAPER): orphans pass it by and are not reaped"
        );
    }
    let child = match options.pause {
        true => None,
        false => Some(command::start(words, &options, &Inherited { mask, sigchld })?),
    };
    if options.unforwarded != SignalSet::EMPTY {
        let _ = signals::set_mask(SignalSet::ALL.less(options.unforwarded));
    }
    for warning in &options.warnings {
        ::log::warn!("{warning}");
    }
    if let Err(errno) = unheard {
        ::log::warn!("main will not be told when rinit's parent ends: {}", sys::reason(errno));
    }
    if let Err(errno) = adopted {
        ::log::warn!("rinit is not PID 1 and cannot become a subreaper, so orphans pass it by: {}", sys::reason(errno));
    }
    if options.wait_all && options.grace.is_none() {
        ::log::warn!(
            "--wait-all with --grace inf: nobody is killed, rinit ends when the last process has ended by itself"
        );
    }
    // Never dropped: the end of the process takes all of it along.
    let mut init = ManuallyDrop::new(init::Init::new(child, everyone, options));
    let status = init.attend();
    termination::write();
    init.die_as_main(status);
    Ok(status)
}

/// Asks for the signal of `--parent-death`. It arrives like any other, and is forwarded like any other.
fn follow_parent(options: &options::Options) -> sys::Result<()> {
    options.parent_death.map_or(Ok(()), sys::process::follow_parent)
}

/// Where rinit is not PID 1, orphans go to whoever is, unless it asks for them.
fn adopt_orphans(options: &options::Options) -> sys::Result<()> {
    if options.subreaper { sys::process::become_subreaper() } else { Ok(()) }
}

// Kept out of `attend`, whose place on the stack is there for as long as main runs.
#[inline(never)]
fn print_table(form: report::table::Form, mask: SignalSet) -> Result<u8, Failure> {
    print(&report::table::print(form)?, Stream::Stdout, mask)
}

/// Prints what was asked for. With the mask that was there before, so that Ctrl-C works on a reader that is slow.
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
