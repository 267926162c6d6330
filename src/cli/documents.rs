//! An option or a variable that is in one of the clap definition, `--help`, the man page and the README's table is in
//! all of them.

use super::parser::definition;
use super::settings::SETTINGS;
use crate::persona::Persona;
use std::collections::{BTreeMap, BTreeSet};

const MAN: &str = include_str!("../../man/rinit.1");
const README: &str = include_str!("../../README.md");

/// The letter and the variables of an option.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Described {
    letter: Option<char>,
    variables: BTreeSet<String>,
}

type Options = BTreeMap<String, Described>;

/// The clap definition. SETTINGS has the variables; flags that set a value of another option share its variable.
fn defined() -> Options {
    let definition = definition(Persona::named(b"rinit"), false);
    let arguments = definition.get_arguments().filter(|argument| !argument.is_hide_set());
    arguments
        .map(|argument| {
            let long = argument.get_long().unwrap();
            let option = match long {
                "group" | "single-child" => "target",
                "verbose" | "quiet" => "log",
                long => long,
            };
            let variables = SETTINGS.iter().filter(|setting| setting.option == option);
            let variables = variables.map(|setting| setting.variable.to_owned()).collect();
            (long.to_owned(), Described { letter: argument.get_short(), variables })
        })
        .collect()
}

/// The names of variables in a text, without their values.
fn variables(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
    words.filter(|word| word.starts_with("RINIT_")).map(str::to_owned).collect()
}

/// Adds an option by its names, such as `-g, --group`, with the variables of its description.
fn describe(options: &mut Options, names: &[&str], variables: &BTreeSet<String>) {
    let mut letter = None;
    for name in names {
        match name.strip_prefix("--") {
            Some(long) => {
                let long = long.split(['=', '[', '.']).next().unwrap().to_owned();
                let before = options.insert(long, Described { letter: letter.take(), variables: variables.clone() });
                assert_eq!(before, None, "{name} is there twice");
            }
            None => letter = name.chars().nth(1),
        }
    }
}

fn help() -> Options {
    let text = super::parser::help(Persona::named(b"rinit"));
    let mut options = Options::new();
    // An option's line begins with its names; the description may continue below.
    let mut items: Vec<String> = Vec::new();
    for line in text.lines() {
        match line.trim_start().starts_with('-') {
            true => items.push(line.to_owned()),
            false if line.starts_with("     ") => items.last_mut().unwrap().push_str(line),
            false => {}
        }
    }
    for item in items {
        let names: Vec<&str> = item.split([' ', ',']).filter(|word| word.starts_with('-')).collect();
        // The description may name other forms of the option, such as `-vv`.
        let names: Vec<&str> = names.into_iter().take_while(|name| name.len() <= 2 || name.starts_with("--")).collect();
        describe(&mut options, &names, &variables(&item));
    }
    options
}

/// From one heading of the man page to the next.
fn section(name: &str) -> &'static str {
    let (_, rest) = MAN.split_once(&format!("\n.Sh {name}\n")).unwrap();
    rest.split("\n.Sh ").next().unwrap()
}

fn man() -> Options {
    let mut options = Options::new();
    for item in section("OPTIONS").split("\n.It Fl ").skip(1) {
        let (names, text) = item.split_once('\n').unwrap();
        let names: Vec<String> = names
            .split([' ', ','])
            .filter(|word| {
                word.starts_with('-') || word.len() == 1 && word.chars().all(|letter| letter.is_alphabetic())
            })
            .map(|word| format!("-{word}"))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        describe(&mut options, &names, &variables(text));
    }
    options
}

/// The rows of the README's table of options.
fn readme() -> Options {
    let (_, rest) = README.split_once("\n## Options\n").unwrap();
    let text = rest.split("\n## ").next().unwrap();
    let mut options = Options::new();
    for row in text.lines().filter(|line| line.starts_with("| `-")) {
        // A bar within a cell is written `\|`.
        let row = row.replace("\\|", "/");
        let cells: Vec<&str> = row.split('|').collect();
        let names: Vec<&str> = cells[1].split('`').filter(|code| code.starts_with('-')).collect();
        let names: Vec<&str> = names.iter().map(|name| name.split(' ').next().unwrap()).collect();
        describe(&mut options, &names, &variables(cells[2]));
    }
    options
}

#[track_caller]
fn assert_same(described: Options) {
    let defined = defined();
    let names = |options: &Options| options.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&described), names(&defined));
    for (name, option) in defined {
        assert_eq!(described[&name], option, "--{name}");
    }
}

#[test]
fn the_help_has_every_option_and_its_variable() {
    assert_same(help());
}

#[test]
fn the_man_page_has_every_option_and_its_variable() {
    assert_same(man());
}

#[test]
fn the_readme_has_every_option_and_its_variable() {
    assert_same(readme());
}

#[test]
fn the_man_page_lists_every_variable() {
    let listed: BTreeSet<&str> =
        section("ENVIRONMENT").lines().filter_map(|line| line.strip_prefix(".It Ev ")).collect();
    let of_personas = ["docker-init", "tini", "dumb-init", "catatonit"].map(|name| Persona::named(name.as_bytes()));
    let of_personas = of_personas.iter().flat_map(|persona| persona.variables.iter().map(|variable| variable.name));
    let known = SETTINGS.iter().map(|setting| setting.variable).chain(of_personas);
    // Variables of others that rinit reads.
    let others = ["NO_COLOR", "PATH", "POSIXLY_CORRECT"];
    let pids = crate::command::PID_VARIABLES.map(|name| std::str::from_utf8(name).unwrap());
    assert_eq!(listed, known.chain(others).chain(pids).collect());
}

#[test]
fn the_man_page_has_the_letters_and_statuses_of_every_name() {
    use crate::failure::Kind;
    for name in ["tini", "dumb-init", "catatonit"] {
        let persona = Persona::named(name.as_bytes());
        let row =
            section("NAMES OF OTHER PROGRAMS").lines().find_map(|line| line.strip_prefix(&format!(".It {name} Ta ")));
        let cells: Vec<&str> = row.unwrap().split(" Ta ").collect();
        let statuses = [Kind::Own, Kind::CannotExecute, Kind::NotFound].map(|kind| (persona.status)(kind).to_string());
        assert_eq!(cells[1..4], statuses, "{name}");
        let letters = |text: &str| text.chars().filter(|letter| *letter != ' ').collect::<BTreeSet<_>>();
        assert_eq!(letters(cells[4]), letters(persona.letters), "{name}");
    }
}
