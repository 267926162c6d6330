//! The command line.

use super::run::SUBJECTS;
use clap::{Arg, ArgAction, Command, value_parser};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The options of a run.
pub struct Arguments {
    /// Far fewer repetitions: shows that everything works, without reliable figures.
    pub quick: bool,
    /// What to measure; empty means everything.
    pub subjects: Vec<String>,
    /// Other inits to measure, by name.
    pub inits: Vec<(String, PathBuf)>,
    pub markdown: PathBuf,
    pub picture: PathBuf,
    pub save: Option<PathBuf>,
    pub against: Option<PathBuf>,
}

/// Parses the arguments; exits on a wrong one.
pub fn read(words: &[OsString]) -> Arguments {
    let matches = command().get_matches_from(words);
    // `cargo test` runs a benchmark without --bench, only to check that it works.
    let quick = matches.get_flag("quick") || !matches.get_flag("bench");
    let subjects: Vec<String> = matches.get_many("subject").unwrap_or_default().cloned().collect();
    // Only a whole run is written to docs/.
    let folder = if quick || !subjects.is_empty() { Path::new(env!("CARGO_TARGET_TMPDIR")) } else { Path::new("docs") };
    let path = |name| matches.get_one::<PathBuf>(name).cloned();
    Arguments {
        quick,
        subjects,
        inits: matches.get_many("init").unwrap_or_default().cloned().collect(),
        markdown: path("markdown").unwrap_or_else(|| folder.join("performance.md")),
        picture: path("picture").unwrap_or_else(|| folder.join("performance.svg")),
        save: path("save"),
        against: path("against"),
    }
}

fn command() -> Command {
    let file = |name: &'static str| Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf));
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    Command::new("cargo bench --")
        .no_binary_name(true)
        .override_usage("cargo bench -- [OPTIONS] [SUBJECT]...")
        .about("Measures rinit beside tini, dumb-init and catatonit, where they are installed")
        .arg(
            Arg::new("subject")
                .value_name("SUBJECT")
                .action(ArgAction::Append)
                .value_parser(SUBJECTS.map(|(name, _)| name))
                .help("Measure this alone"),
        )
        .arg(
            flag("quick")
                .help("Measure little: to see that it works. Without --bench, which cargo gives, it is implied"),
        )
        .arg(
            Arg::new("init")
                .long("init")
                .value_name("NAME=PATH")
                .action(ArgAction::Append)
                .value_parser(named_path)
                .help("Measure this one too, started as PATH -- COMMAND"),
        )
        .arg(
            file("markdown")
                .help("Where the tables go [docs/performance.md; what is not a whole run goes below target/]"),
        )
        .arg(
            file("picture")
                .help("Where the picture goes [docs/performance.svg; what is not a whole run goes below target/]"),
        )
        .arg(file("save").help("Keep the figures, for --against"))
        .arg(file("against").help("Tell what has changed since the run that was saved there"))
        .arg(flag("bench").hide(true))
}

fn named_path(word: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = word.split_once('=').ok_or("must read NAME=PATH")?;
    let path = std::fs::canonicalize(path).map_err(|error| format!("{path}: {error}"))?;
    Ok((name.to_owned(), path))
}
