//! Why a command did not start, in words: from the kernel's errno, and from the file's first bytes.

use super::elf;
use crate::failure::{Failure, Kind};
use crate::sys::arguments::{CStrArray, os};
use crate::sys::spawn::Error;
use crate::sys::{Errno, reason};
use std::ffi::{CStr, CString, OsStr};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

/// The command is a script, and the shell cannot be started.
pub fn no_shell(shell: &CStr, script: Option<&CString>, errno: Errno) -> Failure {
    let script = script.map_or(OsStr::new(""), |path| os(path));
    let text =
        format!("cannot execute {script:?}: it has no #! line, and {shell:?} cannot be executed: {}", reason(errno));
    Failure::command(Kind::CannotExecute, text)
}

/// Explains why the command did not start, with a hint if the cause is certain.
pub fn explain(command: &CStr, paths: &[CString], error: Error) -> Failure {
    let name = os(command);
    let (path, errno) = match error {
        Error::Clone(errno) => {
            return Failure::own(format!(
                "cannot start {name:?}: cannot create a process: {}{}",
                reason(errno),
                limit_hint(errno)
            ));
        }
        Error::Group(errno) => {
            return Failure::own(format!(
                "cannot start {name:?}: cannot create its process group or session: {}",
                reason(errno)
            ));
        }
        Error::Exec { path, errno } => (paths.get(path), errno),
    };
    if name.is_empty() {
        return Failure::command(Kind::NotFound, "cannot start \"\": the command's name is empty");
    }
    // None if all paths are too long to be tried.
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

/// The likely reason if clone(2) fails.
fn limit_hint(errno: Errno) -> &'static str {
    match errno {
        Errno::EAGAIN => "; the limit on processes is reached: the container's pids limit or RLIMIT_NPROC",
        _ => "",
    }
}

/// What is missing if the kernel answers "no such file" although the file exists: the interpreter that it names.
pub fn missing_part(path: &CStr) -> Option<String> {
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
        None => (elf::interpreter(&first)?, "it needs the dynamic loader"),
    };
    let shown = OsStr::from_bytes(&interpreter);
    (!std::path::Path::new(shown).exists()).then(|| format!("{kind} {shown:?}, which does not exist"))
}

/// A hint, if the file was built for another processor.
pub fn foreign_machine(first: &[u8]) -> Option<String> {
    let (machine, own) = (elf::machine(first)?, std::env::consts::ARCH);
    (machine != own).then(|| format!("; it was built for {machine}, and this is {own}"))
}

/// Whether the file is text, by the test of shells: no NUL in its first bytes.
pub fn is_script(path: Option<&CString>) -> bool {
    path.is_some_and(|path| {
        let first = beginning(path);
        !first.iter().take(256).any(|byte| *byte == 0)
    })
}

/// The first bytes of a file; none if it cannot be read.
pub fn beginning(path: &CStr) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(OsStr::from_bytes(path.to_bytes())) {
        let _ = file.take(4096).read_to_end(&mut bytes);
    }
    bytes
}

/// The `#!` line to use instead, if rinit is the program of one and got its several arguments as one (execve(2),
/// "Interpreter scripts").
pub fn shebang_advice(mut arguments: CStrArray) -> Option<String> {
    let (argument, script) = (arguments.nth(1)?, arguments.next()?);
    let file = beginning(script);
    let line = file.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?.trim_ascii();
    let is_several = argument.to_bytes().iter().any(|byte| matches!(byte, b' ' | b'\t'));
    (is_several && line.strip_suffix(argument.to_bytes())?.ends_with(b" ")).then(|| {
        format!(
            "{:?}: the kernel passes {:?} of the #! line as one argument; make the line #!/usr/bin/env -S {}",
            os(script),
            os(argument),
            OsStr::from_bytes(line).display()
        )
    })
}
