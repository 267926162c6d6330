//! What to start and how: the command's path, its words and environment, its group and terminal. And, where it did not
//! start, why.

use crate::failure::{Failure, Kind};
use crate::options::Options;
use crate::search::Candidates;
use crate::signal::SignalSet;
use crate::sys::arguments::{Words, os};
use crate::sys::pidfd::Pidfd;
use crate::sys::signals::Disposition;
use crate::sys::spawn::{Error, PidText, Plan, Pointers};
use crate::sys::terminal::{self, Terminal};
use crate::sys::{Errno, Pid, reason, spawn};
use log::debug;
use std::ffi::{CStr, CString, OsStr, c_char};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

/// main, as it runs.
pub struct Child {
    /// Its PID, and that of its group.
    pub pid: Pid,
    /// The same process by descriptor, where the kernel gave one.
    pub pidfd: Option<Pidfd>,
    /// Whether it shares a controlling terminal with us, the foreground of which its group has or may come to have.
    pub has_terminal: bool,
}

/// What main gets back as rinit was given it.
pub struct Inherited {
    /// The signal mask.
    pub mask: SignalSet,
    /// What was done with SIGCHLD.
    pub sigchld: Disposition,
}

const SHELL: &CStr = c"/bin/sh";

/// Starts the command that `words` is.
pub fn start(words: Words, options: &Options, inherited: &Inherited) -> Result<Child, Failure> {
    let Some(name) = words.into_iter().next() else {
        return Err(Failure::own("no command given; usage: rinit [OPTIONS] [--] COMMAND [ARG]..."));
    };
    let environment = Environment::new();
    let paths = Candidates::new(name, environment.path);
    let terminal = Terminal::open();
    let in_foreground =
        terminal.as_ref().filter(|terminal| !options.session && terminal.foreground() == Ok(nix::unistd::getpgrp()));
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
        argv: words.as_ptr(),
        envp: environment.as_ptr(),
        listen_pid: environment.listen_pid.as_deref(),
        session: options.session,
        terminal: descriptor,
        parent_death: options.parent_death,
        mask: inherited.mask,
        sigchld: inherited.sigchld,
    };
    match spawn::start(&plan).or_else(|error| start_script_or_explain(name, words, &plan, error)) {
        Ok((pid, pidfd)) => {
            debug!("main started: PID {pid}, {:?}", OsStr::from_bytes(name.to_bytes()));
            Ok(Child { pid, pidfd, has_terminal: terminal.is_some() && !options.session })
        }
        Err(error) => {
            if let Some(terminal) = in_foreground {
                // The child took it along before it failed.
                let _ = terminal.set_foreground(nix::unistd::getpgrp());
            }
            Err(error)
        }
    }
}

/// What was to be started is a script after all, or it is said why it did not start.
fn start_script_or_explain(
    name: &CStr,
    words: Words,
    plan: &Plan<'_>,
    error: Error,
) -> Result<(Pid, Option<Pidfd>), Failure> {
    let paths = plan.paths.to_vec();
    match error {
        Error::Exec { path, errno: Errno::ENOEXEC } if is_script(paths.get(path)) => {
            start_script(paths.get(path), words, plan).map_err(|error| match error {
                Error::Exec { errno, .. } => no_shell(paths.get(path), errno),
                error => explain(name, &paths, error),
            })
        }
        error => Err(explain(name, &paths, error)),
    }
}

/// A file without `#!` that is text is a script for the shell (execvp(3), POSIX).
fn start_script(path: Option<&CString>, words: Words, plan: &Plan<'_>) -> Result<(Pid, Option<Pidfd>), Error> {
    let path: &CStr = path.map_or(c"", |path| path.as_c_str());
    // A path that begins with "-" would be an option to the shell.
    let dashed = CString::new([b"./", path.to_bytes()].concat()).unwrap_or_default();
    let path = if path.to_bytes().starts_with(b"-") { &dashed } else { path };
    let argv = Pointers::with_first(&[SHELL.as_ptr(), path.as_ptr()], words.tail(1));
    spawn::start(&Plan { paths: Candidates::new(SHELL, None), argv: argv.as_ptr(), ..*plan })
}

/// The environment for main: rinit's own, but that a LISTEN_PID which names rinit names main (sd_listen_fds(3)).
struct Environment {
    path: Option<&'static [u8]>,
    listen_pid: Option<Box<PidText>>,
    replaced: Option<Pointers>,
    given: Words,
}

impl Environment {
    fn new() -> Environment {
        let given = Words::environment();
        let path = Words::followed_environment().find_map(|entry| entry.to_bytes().strip_prefix(b"PATH="));
        let mut names_us = false;
        for entry in given {
            let entry = entry.to_bytes();
            if let Some(value) = entry.strip_prefix(b"LISTEN_PID=") {
                names_us |= value == std::process::id().to_string().as_bytes();
            }
        }
        let listen_pid = names_us.then(|| Box::new(PidText::new()));
        let replaced =
            listen_pid.as_ref().map(|text| {
                Pointers::new(given.map(|entry| {
                    if entry.to_bytes().starts_with(b"LISTEN_PID=") { text.as_ptr() } else { entry.as_ptr() }
                }))
            });
        Environment { path, listen_pid, replaced, given }
    }

    fn as_ptr(&self) -> *const *const c_char {
        self.replaced.as_ref().map_or(self.given.as_ptr(), Pointers::as_ptr)
    }
}

/// The first bytes of a file, as far as they can be read.
fn beginning(path: &CStr) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(OsStr::from_bytes(path.to_bytes())) {
        let _ = file.take(4096).read_to_end(&mut bytes);
    }
    bytes
}

/// Text, as a shell tells it from a binary: no NUL in what comes first.
fn is_script(path: Option<&CString>) -> bool {
    path.is_some_and(|path| {
        let first = beginning(path);
        !first.iter().take(256).any(|byte| *byte == 0)
    })
}

fn no_shell(script: Option<&CString>, errno: Errno) -> Failure {
    let script = script.map_or(OsStr::new(""), |path| os(path));
    let text =
        format!("cannot execute {script:?}: it has no #! line, and {SHELL:?} cannot be executed: {}", reason(errno));
    Failure::command(Kind::CannotExecute, text)
}

/// Says why the command did not start, and what to do where that is certain.
fn explain(command: &CStr, paths: &[CString], error: Error) -> Failure {
    let name = os(command);
    let (path, errno) = match error {
        Error::Clone(errno) => {
            return Failure::own(format!(
                "cannot start {name:?}: no new process: {}{}",
                reason(errno),
                limit_hint(errno)
            ));
        }
        Error::Group(errno) => {
            return Failure::own(format!(
                "cannot start {name:?}: no process group or session of its own: {}",
                reason(errno)
            ));
        }
        Error::Exec { path, errno } => (paths.get(path), errno),
    };
    if name.is_empty() {
        return Failure::command(Kind::NotFound, "cannot start \"\": the command is an empty word");
    }
    // None where all of them are too long to be tried.
    let path = path.map_or(command, CString::as_c_str);
    let shown = os(path);
    match errno {
        Errno::ENOENT | Errno::ENOTDIR => {
            if let Some((shown, hint)) = paths.iter().find_map(|path| Some((os(path), missing_part(path)?))) {
                return Failure::command(Kind::NotFound, format!("cannot execute {shown:?}: {hint}"));
            }
            let text = if paths.len() != 1 || paths.first().is_some_and(|only| only.as_bytes() != name.as_bytes()) {
                format!("cannot start {name:?}: not found in PATH")
            } else {
                format!("cannot execute {shown:?}: {}", reason(errno))
            };
            Failure::command(Kind::NotFound, text)
        }
        Errno::EACCES if std::path::Path::new(shown).is_dir() => {
            Failure::command(Kind::CannotExecute, format!("cannot execute {shown:?}: is a directory"))
        }
        Errno::ENOEXEC => {
            let hint = foreign_machine(&beginning(path)).unwrap_or_default();
            Failure::command(Kind::CannotExecute, format!("cannot execute {shown:?}: {}{hint}", reason(errno)))
        }
        errno => Failure::command(Kind::CannotExecute, format!("cannot execute {shown:?}: {}", reason(errno))),
    }
}

/// The limits behind a refused clone (clone(2)).
fn limit_hint(errno: Errno) -> &'static str {
    match errno {
        Errno::EAGAIN => "; a limit on processes is reached: the container's pids limit or RLIMIT_NPROC",
        _ => "",
    }
}

/// What the kernel means by "no such file" about a file that is there: the interpreter that it names.
fn missing_part(path: &CStr) -> Option<String> {
    let first = beginning(path);
    let (interpreter, kind) = match first.strip_prefix(b"#!") {
        Some(line) => {
            let line = line.split(|byte| *byte == b'\n').next()?;
            let word = line.trim_ascii_start().split(|byte| *byte == b' ' || *byte == b'\t').next()?;
            if word.ends_with(b"\r") {
                let shown = OsStr::from_bytes(word);
                return Some(format!("it has Windows line endings: its #! names {shown:?}, with a carriage return"));
            }
            (word.to_vec(), "its #! names")
        }
        None => (crate::elf::interpreter(&first)?, "it needs the dynamic loader"),
    };
    let shown = OsStr::from_bytes(&interpreter);
    (!std::path::Path::new(shown).exists()).then(|| format!("{kind} {shown:?}, which does not exist"))
}

fn foreign_machine(first: &[u8]) -> Option<String> {
    let (machine, own) = (crate::elf::machine(first)?, std::env::consts::ARCH);
    (machine != own).then(|| format!("; it was built for {machine}, and this is {own}"))
}

#[cfg(fuzzing)]
pub mod invariants;
