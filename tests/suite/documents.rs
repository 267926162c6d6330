//! The man page's table of the columns of `--report` matches its output.

use crate::support::Rinit;

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
