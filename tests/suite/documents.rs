//! The man page lists the columns and keys that `--report` prints, and the shell completions list the options of the help.

use crate::support::Rinit;
use std::collections::BTreeSet;

/// The rows of the table, each with its three cells: column, JSON key, meaning.
fn rows() -> impl Iterator<Item = [&'static str; 3]> {
    let (_, section) = include_str!("../../man/rinit.1").split_once("\n.Sh THE PROCESS TABLE\n").unwrap();
    let (_, list) = section.split_once(".It Em Column Ta Em JSON key Ta Em Meaning\n").unwrap();
    let list = list.split("\n.El").next().unwrap();
    list.lines().map(|row| {
        let row = row.strip_prefix(".It ").unwrap();
        // A row without a column starts with the divider.
        let row = row.strip_prefix("Ta ").map_or_else(
            || row.splitn(3, " Ta ").collect(),
            |row| std::iter::once("").chain(row.splitn(2, " Ta ")).collect::<Vec<_>>(),
        );
        row.try_into().unwrap()
    })
}

fn report(option: &str) -> String {
    Rinit::as_child().options([option]).start().finish().stdout
}

#[test]
fn the_man_page_has_the_columns_of_the_report() {
    let columns: Vec<&str> = rows().map(|[column, ..]| column).filter(|column| !column.is_empty()).collect();
    let printed = report("--report");
    let heading: Vec<&str> = printed.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(columns, heading);
}

#[test]
fn the_man_page_has_the_keys_and_types_of_the_report_in_json() {
    let described: Vec<(&str, bool)> = rows().map(|[_, key, meaning]| (key, meaning.starts_with("string"))).collect();
    let printed = report("--report=json");
    let object = printed.lines().next().unwrap().strip_prefix('{').unwrap().strip_suffix('}').unwrap();
    // No value of PID 1 has a comma before a quote.
    let pairs: Vec<(&str, bool)> = object
        .split(",\"")
        .map(|pair| {
            let (key, value) = pair.split_once("\":").unwrap();
            (key.trim_start_matches('"'), value.starts_with('"'))
        })
        .collect();
    assert_eq!(described, pairs);
}

/// The names of the options in a text: letters with one dash, words with two.
fn options_in(text: &str) -> BTreeSet<String> {
    let names = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').filter(|word| {
        let name = word.trim_start_matches('-');
        match word.len() - name.len() {
            1 => name.len() == 1,
            2 => name.len() > 1,
            _ => false,
        }
    });
    names.map(str::to_owned).collect()
}

/// The options of `--help`, all or those that take a value: a line about one begins with its names.
fn options_of_help(with_value: bool) -> BTreeSet<String> {
    let help = report("--help");
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let names = lines.map(|line| line.split("  ").next().unwrap());
    names.filter(|names| !with_value || names.contains(" <")).flat_map(options_in).collect()
}

#[test]
fn the_completion_of_bash_has_every_option() {
    let file = include_str!("../../completions/rinit.bash");
    let (_, list) = file.split_once("local options='").unwrap();
    assert_eq!(options_in(list.split('\'').next().unwrap()), options_of_help(false));
    let (with_value, _) = file.split_once(") option=${").unwrap();
    let (_, with_value) = with_value.rsplit_once(";;").unwrap();
    assert_eq!(options_in(with_value), options_of_help(true));
}

#[test]
fn the_completion_of_zsh_has_every_option() {
    let file = include_str!("../../completions/_rinit");
    let specifications = file.lines().map(str::trim_start).filter(|line| line.starts_with(['\'', '{']));
    let names = specifications.filter(|line| !line.starts_with("'(-):") && !line.starts_with("'*::"));
    let names = names.flat_map(|line| {
        // In front of the description, and behind the names that exclude this one.
        let names = line.split('[').next().unwrap();
        options_in(names.rsplit_once(')').map_or(names, |(_, names)| names))
    });
    assert_eq!(names.collect::<BTreeSet<_>>(), options_of_help(false));
}

#[test]
fn the_completion_of_fish_has_every_option() {
    let file = include_str!("../../completions/rinit.fish");
    let lines = file.lines().filter(|line| line.starts_with("complete "));
    let names = lines.flat_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let after = |option| words.windows(2).find(|pair| pair[0] == option).map(|pair| pair[1]);
        let letter = after("-s").map(|name| format!("-{name}"));
        [letter, after("-l").map(|name| format!("--{name}"))]
    });
    assert_eq!(names.flatten().collect::<BTreeSet<_>>(), options_of_help(false));
    let (_, with_value) = file.split_once("set -g __rinit_with_value").unwrap();
    assert_eq!(options_in(with_value.split("\n\n").next().unwrap()), options_of_help(true));
}
