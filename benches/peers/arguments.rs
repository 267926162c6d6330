//! The command line.

use super::run::SUBJECTS;
use clap::{Arg, ArgAction, Command, value_parser};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::exit;

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

const HELP: &str = "\
Measures rinit beside tini, dumb-init and catatonit, if they are installed.

    cargo bench -- [OPTION...] [SUBJECT...]

      --quick            few repetitions, to see that it works; the figures are not reliable
      --init NAME=PATH   also measures the init PATH, started as PATH -- COMMAND; may be repeated
      --markdown FILE    where the tables go [docs/performance.md, or below target/ if not everything is measured]
      --picture FILE     where the picture goes [docs/performance.svg, or below target/ if not everything is measured]
      --save FILE        keeps the figures, for --against
      --against FILE     prints what has changed since the run that --save kept
      --help             prints this

Without a SUBJECT everything is measured. The subjects:";

/// Parses the arguments; exits on a wrong one, and after `--help`.
pub fn read(words: &[OsString]) -> Arguments {
    let help = || format!("{HELP} {}", SUBJECTS.map(|(name, _)| name).join(", "));
    let matches = command().try_get_matches_from(words).unwrap_or_else(|error| {
        eprintln!("{error}\n{}", help());
        exit(2)
    });
    if matches.get_flag("help") {
        println!("{}", help());
        exit(0)
    }
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
    let file = |name: &'static str| Arg::new(name).long(name).value_parser(value_parser!(PathBuf));
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let subjects = SUBJECTS.map(|(name, _)| name);
    Command::new("cargo bench --")
        .no_binary_name(true)
        .arg(Arg::new("subject").action(ArgAction::Append).value_parser(subjects))
        .arg(Arg::new("init").long("init").action(ArgAction::Append).value_parser(named_path))
        .args(["markdown", "picture", "save", "against"].map(file))
        .args(["quick", "bench", "help"].map(flag))
}

fn named_path(word: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = word.split_once('=').ok_or("must read NAME=PATH")?;
    let path = std::fs::canonicalize(path).map_err(|error| format!("{path}: {error}"))?;
    Ok((name.to_owned(), path))
}
