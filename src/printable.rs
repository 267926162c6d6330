//! Text that others chose, such as the name of a command: a newline or an escape sequence in it could forge a line of
//! the log or control a terminal.

use std::fmt::{self, Write};

/// Appends text to a string, with its control characters escaped.
pub struct Printable<'a>(pub &'a mut String);

impl Write for Printable<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            if letter.is_control() {
                self.0.extend(letter.escape_default());
            } else {
                self.0.push(letter);
            }
        }
        Ok(())
    }
}

/// The text with its control characters escaped.
pub fn printable(text: &str) -> String {
    let mut printed = String::new();
    let _ = Printable(&mut printed).write_str(text);
    printed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\nb\x1b[31m\u{9b}\tü"), "a\\nb\\u{1b}[31m\\u{9b}\\tü");
    }
}
