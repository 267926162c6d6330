//! What holds of every record that is written.

use super::*;

/// It is one line, with nothing in it that a terminal would obey, and short enough to be written whole or not at all.
pub fn no_record_is_too_much(text: &str) {
    let mut line = String::new();
    write!(Printable(&mut line), "{text}").unwrap();
    end_line(&mut line);
    assert!(line.len() <= stderr::LONGEST);
    assert!(!line.strip_suffix('\n').unwrap().contains(char::is_control));
}
