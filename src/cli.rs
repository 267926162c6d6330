//! Reads the command line and the environment. The usual forms, `rinit COMMAND` and `rinit -- COMMAND`, are read
//! without clap.

use crate::failure::Failure;
use crate::options::{Options, Target};
use crate::persona::Persona;
use crate::sys::arguments::CStrArray;

mod parser;
mod settings;

pub use parser::Request;
use settings::SETTINGS;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;

/// Reads the command line, with rinit's own name in front, and the environment. A failure names the wrong option or
/// variable and what is allowed.
pub fn read(persona: &Persona, arguments: CStrArray, environment: CStrArray) -> Result<Request, Failure> {
    let arguments = arguments.tail(1);
    let is_option = |argument: &[u8]| argument.starts_with(b"-") && argument != b"-";
    let permutes = persona.permutes && environment.value_of(b"POSIXLY_CORRECT").is_none();
    let first = arguments.into_iter().next().ok_or_else(no_command)?.to_bytes();
    let options = settings::take_environment((persona.defaults)(), environment);
    let has_options = || permutes && arguments.into_iter().any(|argument| is_option(argument.to_bytes()));
    let request = match first {
        b"--" => Request::Run(options?, arguments.tail(1)),
        first if is_option(first) || has_options() => parser::parse(persona, options, arguments, permutes)?,
        _ => Request::Run(options?, arguments),
    };
    let Request::Run(mut options, command) = request else { return Ok(request) };
    for variable in persona.variables {
        if let Some(value) = environment.value_of(variable.name.as_bytes()) {
            (variable.take)(&mut options, value);
        }
    }
    persona.complete(&mut options);
    if options.kill_after.is_some() && !options.stop_sequence.is_empty() {
        return Err(Failure::own(
            "--kill-after (RINIT_KILL_AFTER) and --stop-sequence (RINIT_STOP_SEQUENCE) exclude each other: put the time and \
             KILL at the end of the sequence",
        ));
    }
    match (options.pause, command.is_empty()) {
        (true, false) if !persona.pauses_beside_command => {
            Err(Failure::own("--pause starts nothing, so it takes no command"))
        }
        (false, true) => Err(no_command()),
        _ => Ok(Request::Run(options, command)),
    }
}

/// Reads only the options that decide where and how errors are printed, for an error in the options themselves. Invalid
/// values are ignored.
#[inline(never)]
pub fn read_leniently(persona: &Persona, arguments: CStrArray, environment: CStrArray) -> Options {
    let mut options = (persona.defaults)();
    for setting in SETTINGS.iter().filter(|setting| matches!(setting.option, "log-format" | "termination-log")) {
        let mut apply = |value: &[u8]| drop(setting.apply(&mut options, setting.option, OsStr::from_bytes(value)));
        environment.value_of(setting.variable.as_bytes()).map(&mut apply);
        let mut is_value = false;
        for argument in arguments.tail(1) {
            let argument = argument.to_bytes();
            let option = argument.strip_prefix(b"--").filter(|_| !is_value);
            match option.and_then(|option| option.strip_prefix(setting.option.as_bytes())) {
                _ if option == Some(b"") => break,
                _ if is_value => apply(argument),
                Some([b'=', value @ ..]) => apply(value),
                _ => {}
            }
            is_value = option == Some(setting.option.as_bytes());
        }
    }
    options
}

/// The target of the rinit that is PID 1 here, by its name, command line and environment.
pub fn target_of_init() -> Target {
    let strings = |file| {
        let bytes = std::fs::read(format!("/proc/1/{file}")).unwrap_or_default();
        CStrArray::of(
            bytes
                .split_inclusive(|byte| *byte == 0)
                .filter_map(|string| Some(CStr::from_bytes_with_nul(string).ok()?.to_owned())),
        )
    };
    let arguments = strings("cmdline");
    let persona = Persona::named(arguments.into_iter().next().map_or(b"", CStr::to_bytes));
    match read(persona, arguments, strings("environ")) {
        Ok(Request::Run(options, _)) => options.target,
        _ => (persona.defaults)().target,
    }
}

fn no_command() -> Failure {
    Failure::own("no command given: rinit [OPTIONS] [--] COMMAND [ARG]...")
}

#[cfg(test)]
mod documents;
#[cfg(any(test, fuzzing))]
pub mod properties;
