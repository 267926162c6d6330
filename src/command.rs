//! Starts the command: looks up its path, and prepares its arguments, environment, process group and terminal.

use crate::failure::Failure;
use crate::jobs::{self, OwnGroup};
use crate::options::Options;
use crate::search::Candidates;
use crate::signal::SignalSet;
use crate::sys::arguments::CStrArray;
use crate::sys::environment::Environment;
use crate::sys::pidfd::Pidfd;
use crate::sys::signals::Disposition;
use crate::sys::spawn::{Error, Plan};
use crate::sys::terminal::{self, Terminal};
use crate::sys::{Errno, Pid, spawn};
use log::debug;
use refusal::{explain, is_script, no_shell};
use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;

pub mod elf;
pub mod refusal;

/// main, once it runs.
pub struct Child {
    /// Its PID, which is also the number of its group.
    pub pid: Pid,
    /// The command's name, as given.
    pub name: &'static CStr,
    /// Its pidfd, if the kernel gave one.
    pub pidfd: Option<Pidfd>,
    /// Whether it shares our controlling terminal, in the foreground or in the background.
    pub shares_terminal: bool,
    /// Whether it has a controlling terminal: ours, or one of a session of its own.
    pub has_terminal: bool,
    /// The process group that rinit was started in.
    pub own_group: OwnGroup,
}

/// What rinit changes for itself and restores for main: the values from rinit's own start.
pub struct Inherited {
    /// The signal mask.
    pub mask: SignalSet,
    /// The disposition of SIGCHLD.
    pub sigchld: Disposition,
}

const SHELL: &CStr = c"/bin/sh";

/// Starts the command, the first of these arguments. A failure says what cannot be started, and why.
pub fn start(arguments: CStrArray, options: &Options, inherited: &Inherited) -> Result<Child, Failure> {
    let name = arguments.into_iter().next().unwrap_or_default();
    let environment = Environment::new(CStrArray::environment(), &PID_VARIABLES);
    let paths = Candidates::new(name, CStrArray::followed_environment().value_of(b"PATH"));
    let terminal = Terminal::open();
    // Only needed with a terminal, and each system call here delays main.
    let own_group = if terminal.is_some() { jobs::terminal::own_group(inherited.mask) } else { OwnGroup::default() };
    let in_foreground = terminal.as_ref().filter(|terminal| {
        !options.session && own_group.gives_foreground() && terminal.foreground() == Ok(nix::unistd::getpgrp())
    });
    let descriptor = if options.session {
        if let Some(terminal) = &terminal {
            terminal.give_up();
        }
        terminal.as_ref().map(Terminal::descriptor).or_else(terminal::among_standard_streams)
    } else {
        in_foreground.map(Terminal::descriptor)
    };
    let plan = Plan {
        paths,
        argv: arguments,
        environment: &environment,
        session: options.session,
        terminal: descriptor,
        parent_death: options.parent_death.map(|signal| (signal, nix::unistd::getpid())),
        mask: inherited.mask,
        sigchld: inherited.sigchld,
    };
    match spawn::start(&plan).or_else(|error| start_script_or_explain(name, arguments, &plan, error)) {
        Ok((pid, pidfd)) => {
            debug!("main started: PID {pid}, {:?}", OsStr::from_bytes(name.to_bytes()));
            let shares_terminal = terminal.is_some() && !options.session;
            // A session can take over the terminal only if we lead the session that has it.
            let taken = options.session && descriptor.is_some() && (terminal.is_none() || own_group.leads_session);
            Ok(Child { pid, name, pidfd, shares_terminal, has_terminal: shares_terminal || taken, own_group })
        }
        Err(error) => {
            if let Some(terminal) = in_foreground {
                // The child had given it to its own group before it failed.
                let _ = terminal.set_foreground(nix::unistd::getpgrp());
            }
            Err(error)
        }
    }
}

/// The command could not be executed: starts it as a shell script if it is one, or explains the error.
fn start_script_or_explain(
    name: &CStr,
    arguments: CStrArray,
    plan: &Plan<'_>,
    error: Error,
) -> Result<(Pid, Option<Pidfd>), Failure> {
    let paths = plan.paths.to_vec();
    match error {
        Error::Exec { path, errno: Errno::ENOEXEC } if is_script(paths.get(path)) => {
            start_script(paths.get(path), arguments, plan).map_err(|error| match error {
                Error::Exec { errno, .. } => no_shell(SHELL, paths.get(path), errno),
                error => explain(name, &paths, error),
            })
        }
        error => Err(explain(name, &paths, error)),
    }
}

/// Starts a script for the shell: a text file without `#!` is one (execvp(3), POSIX).
fn start_script(path: Option<&CString>, arguments: CStrArray, plan: &Plan<'_>) -> Result<(Pid, Option<Pidfd>), Error> {
    let path = path.map_or(&b""[..], |path| path.to_bytes());
    // A path that begins with "-" would be an option to the shell.
    let before = if path.starts_with(b"-") { "./" } else { "" };
    let script = CString::new([before.as_bytes(), path].concat()).unwrap_or_default();
    let argv = CStrArray::of([SHELL.to_owned(), script].into_iter().chain(arguments.tail(1).map(CStr::to_owned)));
    spawn::start(&Plan { paths: Candidates::new(SHELL, None), argv, ..*plan })
}

/// Variables that hold the PID of the process they are meant for (sd_listen_fds(3), sd_watchdog_enabled(3),
/// systemd.exec(5)). They are set to main's PID if it was rinit's.
pub(crate) const PID_VARIABLES: [&[u8]; 3] = [b"LISTEN_PID", b"WATCHDOG_PID", b"SYSTEMD_EXEC_PID"];
