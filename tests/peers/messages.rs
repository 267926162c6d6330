//! Classifies what a program printed by kind, because each program has its own wording.

use std::collections::BTreeMap;

/// Phrases of each program, and the kind of message that they indicate. The first match wins.
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
    // getopt's messages.
    (": invalid option -- ", "error"),
    (": unrecognized option ", "error"),
    (": option ", "error"),
    ("sage: ", "usage"),
    // dumb-init's log lines and errors have the same form. Its log lines contain a reason after the system call.
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

/// Whether a line was printed by an init.
pub fn is_message(line: &str) -> bool {
    kind(line).is_some()
}

/// Whether these lines contain a longer text, such as a help text or a licence.
pub fn is_text<'a>(mut lines: impl Iterator<Item = &'a str>) -> bool {
    lines.any(|line| matches!(kind(line), Some("usage" | "licence")))
}

fn kind(line: &str) -> Option<&'static str> {
    KINDS.iter().find(|(part, _)| line.contains(part)).map(|(_, kind)| *kind)
}

/// The kinds of the messages in these lines, with the number of warnings. A refusal is one kind, whether by an error, by the
/// usage, or by both.
pub fn kinds<'a>(lines: impl Iterator<Item = &'a str>, refused: bool) -> String {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for kind in lines.filter_map(kind) {
        *count.entry(kind).or_default() += 1;
    }
    let is_usage = count.contains_key("usage");
    if is_usage {
        // Some print their version first.
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
