//! What a program printed, by kind and not by wording: each program has words of its own.

use std::collections::BTreeMap;

/// Parts of lines, each program's own, and what kind of message they make it. The first that fits counts.
const KINDS: &[(&str, &str)] = &[
    ("[FATAL ", "error"),
    (": ERROR: ", "error"),
    ("ERROR (catatonit:", "error"),
    ("[WARN ", "warning"),
    (": WARN: ", "warning"),
    ("[INFO ", "log"),
    ("[DEBUG ", "log"),
    ("[TRACE ", "log"),
    (": INFO: ", "log"),
    (": DEBUG: ", "log"),
    (": TRACE: ", "log"),
    // getopt's own.
    (": invalid option -- ", "error"),
    (": unrecognized option ", "error"),
    (": option ", "error"),
    ("sage: ", "usage"),
    // dumb-init logs and complains in the same form. In what it logs a system call's number stands with the reason.
    ("(errno=", "log"),
    (": No such file or directory", "error"),
    (": Permission denied", "error"),
    (": Not a directory", "error"),
    ("[dumb-init] ", "log"),
    ("MIT License", "licence"),
    ("GNU General Public License", "licence"),
    ("tini version ", "version, as `tini version`"),
    ("dumb-init v", "version, as `dumb-init v`"),
];

/// Whether a line is an init's own.
pub fn is_message(line: &str) -> bool {
    kind(line).is_some()
}

/// Whether there is a text of several lines among these, as a help text or a licence.
pub fn is_text<'a>(mut lines: impl Iterator<Item = &'a str>) -> bool {
    lines.any(|line| matches!(kind(line), Some("usage" | "licence")))
}

fn kind(line: &str) -> Option<&'static str> {
    KINDS.iter().find(|(part, _)| line.contains(part)).map(|(_, kind)| *kind)
}

/// The kinds of the messages among these lines. Of warnings it counts how many. To refuse is one kind, be it by an error,
/// by the usage or by both.
pub fn kinds<'a>(lines: impl Iterator<Item = &'a str>, refused: bool) -> String {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for kind in lines.filter_map(kind) {
        *count.entry(kind).or_default() += 1;
    }
    let is_usage = count.contains_key("usage");
    if is_usage {
        // Some begin it with their version.
        count.retain(|kind, _| !kind.starts_with("version"));
    }
    if refused && (is_usage || count.contains_key("error")) {
        count.retain(|kind, _| !["usage", "error"].contains(kind));
        count.insert("refusal", 1);
    }
    let kinds = count.into_iter().map(|(kind, count)| match (kind, count) {
        ("warning", 2..) => format!("{count} warnings"),
        _ => kind.to_owned(),
    });
    kinds.collect::<Vec<_>>().join(", ")
}
