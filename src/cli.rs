//! The command line and the environment → what to do. `rinit COMMAND` and `rinit -- COMMAND`, what nearly everybody
//! writes, are read without clap.

use crate::failure::Failure;
use crate::options::Options;
use crate::persona::{Persona, Stream};
use crate::report::table::Form;
use crate::sys::arguments::CStrArray;

mod parser;
mod settings;

use parser::Parsed;
use settings::SETTINGS;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What rinit was called for.
// There is one, for a moment.
#[allow(clippy::large_enum_variant)]
pub enum Request {
    /// To start a command, or with no words to do without one.
    Run(Options, CStrArray),
    /// To print this.
    Print(String, Stream),
    /// To print the process table.
    Report(Form),
}

/// Reads the command line (with the program's own name in front) and the environment. A failure names the option or the
/// variable that is wrong, and what is allowed.
pub fn read(persona: &Persona, words: CStrArray, environment: CStrArray) -> Result<Request, Failure> {
    let words = words.tail(1);
    let is_option = |word: &[u8]| word.starts_with(b"-") && word != b"-";
    let permutes = persona.permutes && environment.value_of(b"POSIXLY_CORRECT").is_none();
    let (given, command) = match words.into_iter().next().map(|word| word.to_bytes()) {
        None => return Err(no_command()),
        Some(b"--") => (None, words.tail(1)),
        Some(first) if is_option(first) || permutes && words.into_iter().any(|word| is_option(word.to_bytes())) => {
            match parser::parse(persona, words, permutes)? {
                Parsed::Print(text, to) => return Ok(Request::Print(text, to)),
                Parsed::Report(form) => return Ok(Request::Report(form)),
                Parsed::Run(given, command) => (Some(given), command),
            }
        }
        Some(_) => (None, words),
    };
    let mut options = (persona.defaults)();
    settings::take_environment(&mut options, environment)?;
    if let Some(given) = given {
        given.take(&mut options, persona)?;
    }
    take_foreign_environment(persona, &mut options, environment);
    complete(persona, &mut options)?;
    match (options.pause, command.is_empty()) {
        (true, false) if !persona.pauses_beside_command => {
            Err(Failure::own("--pause starts nothing, so it takes no command"))
        }
        (false, true) => Err(no_command()),
        _ => Ok(Request::Run(options, command)),
    }
}

/// What the command line and the environment say on how an error is printed, where they cannot be read as a whole: values
/// that are wrong count for nothing.
#[inline(never)]
pub fn read_leniently(persona: &Persona, words: CStrArray, environment: CStrArray) -> Options {
    let mut options = (persona.defaults)();
    for setting in SETTINGS.iter().filter(|setting| setting.affects_errors()) {
        let mut apply = |value: &[u8]| drop(setting.apply(&mut options, setting.option, OsStr::from_bytes(value)));
        environment.value_of(setting.variable.as_bytes()).map(&mut apply);
        let mut is_value = false;
        for word in words.tail(1) {
            let word = word.to_bytes();
            let option = word.strip_prefix(b"--").filter(|_| !is_value);
            match option.and_then(|option| option.strip_prefix(setting.option.as_bytes())) {
                _ if option == Some(b"") => break,
                _ if is_value => apply(word),
                Some([b'=', value @ ..]) => apply(value),
                _ => {}
            }
            is_value = option == Some(setting.option.as_bytes());
        }
    }
    options
}

fn take_foreign_environment(persona: &Persona, options: &mut Options, environment: CStrArray) {
    for variable in persona.variables {
        if let Some(value) = environment.value_of(variable.name.as_bytes()) {
            (variable.take)(options, value);
        }
    }
}

/// Adds what follows from the choices that were made, and refuses those that contradict each other.
fn complete(persona: &Persona, options: &mut Options) -> Result<(), Failure> {
    persona.complete(options);
    if options.kill_after.is_some() && !options.stop_sequence.is_empty() {
        return Err(Failure::own(
            "--kill-after (RINIT_KILL_AFTER) and --stop-sequence (RINIT_STOP_SEQUENCE) do not go together: put the time and \
             KILL at the end of the sequence",
        ));
    }
    Ok(())
}

fn no_command() -> Failure {
    Failure::own("no command given: rinit [OPTIONS] [--] COMMAND [ARG]...")
}

#[cfg(test)]
mod documents;
#[cfg(any(test, fuzzing))]
pub mod properties;
