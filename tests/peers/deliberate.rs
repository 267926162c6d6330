//! The one table of what rinit does not as the program whose name it has, and why.

use crate::cases::Case;
use crate::observe::Field;

/// A difference that is meant.
pub struct Deliberate {
    /// Whose name.
    pub name: &'static str,
    pub original: &'static str,
    pub rinit: &'static str,
    pub reason: &'static str,
    /// Whether a difference in a field is this one.
    pub explains: fn(&Seen) -> bool,
}

/// A difference that a case showed.
pub struct Seen<'a> {
    pub case: &'a Case,
    pub field: Field,
    pub original: &'a str,
    pub rinit: &'a str,
}

pub const TABLE: &[Deliberate] = &[];

/// For the README.
pub fn markdown() -> String {
    let head = "| name | the original | rinit by that name | why |\n|---|---|---|---|\n";
    let rows =
        TABLE.iter().map(|row| format!("| {} | {} | {} | {} |\n", row.name, row.original, row.rinit, row.reason));
    head.to_owned() + &rows.collect::<String>()
}
