//! JSON strings (RFC 8259).

use std::fmt::{self, Write};

/// Appends text to a JSON string, and escapes what needs it.
pub struct Escaped<'a> {
    to: &'a mut String,
    /// The maximum length of `to`.
    limit: usize,
    is_cut: bool,
}

impl<'a> Escaped<'a> {
    /// Appends to `to` until that is `limit` bytes long; no escape sequence is cut in two.
    pub fn up_to(limit: usize, to: &'a mut String) -> Escaped<'a> {
        Escaped { to, limit, is_cut: false }
    }

    /// Whether text was cut off.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            let before = self.to.len();
            match letter {
                _ if self.is_cut => return Ok(()),
                '"' | '\\' => self.to.extend(['\\', letter]),
                letter if letter.is_control() => write!(self.to, "\\u{:04x}", u32::from(letter))?,
                letter => self.to.push(letter),
            }
            if self.to.len() > self.limit {
                self.to.truncate(before);
                self.is_cut = true;
            }
        }
        Ok(())
    }
}

/// A JSON string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    let _ = Escaped::up_to(usize::MAX, &mut quoted).write_str(text);
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_backslashes_and_control_characters_are_escaped() {
        assert_eq!(quoted("a\"b\\c\n\u{7f}é"), "\"a\\\"b\\\\c\\u000a\\u007fé\"");
    }

    #[test]
    fn a_cut_splits_no_escape_sequence_and_no_character() {
        for limit in 0..16 {
            let mut text = String::new();
            let mut escaped = Escaped::up_to(limit, &mut text);
            escaped.write_str("a\n").and_then(|()| escaped.write_str("é\"b")).unwrap();
            assert_eq!(escaped.is_cut(), limit < 12, "{limit}");
            let whole = ["a", "\\u000a", "é", "\\\"", "b"];
            assert!((0..=5).any(|parts| whole[..parts].concat() == text), "{limit}: {text}");
            assert!(text.len() <= limit);
        }
    }
}
