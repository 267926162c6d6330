//! What holds of every record that is written.

use super::*;

/// It is one line, with nothing in it that a terminal would obey, and short enough to be written whole or not at all.
pub fn a_record_is_one_short_line(text: &str) {
    let mut line = String::new();
    write!(Printable(&mut line), "{text}").unwrap();
    end_line(&mut line);
    assert!(line.len() <= stderr::LONGEST);
    assert!(!line.strip_suffix('\n').unwrap().contains(char::is_control));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::cases;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(cases(300))]

        #[test]
        fn any_text_makes_one_short_line(text in any::<String>(), times in 0..300usize) {
            a_record_is_one_short_line(&text.repeat(times));
        }

        /// By a JSON reader that knows nothing of rinit.
        #[test]
        fn a_json_reader_gets_the_message_back(bytes in vec(any::<u8>(), 0..40), times in 0..300usize) {
            let text = String::from_utf8_lossy(&bytes).repeat(times);
            let line = object(Level::Warn, &format_args!("{text}"));
            prop_assert!(line.len() <= stderr::LONGEST && !line.trim_end_matches('\n').contains(char::is_control));
            let read: tinyjson::JsonValue = line.strip_suffix('\n').unwrap().parse().unwrap();
            let message: &String = read["message"].get().unwrap();
            prop_assert!(*message == text || text.starts_with(message.strip_suffix("...").unwrap()));
            prop_assert_eq!(read["level"].get::<String>().unwrap(), "WARN");
            prop_assert_eq!(*read["pid"].get::<f64>().unwrap(), f64::from(std::process::id()));
            prop_assert_eq!(read["time"].get::<String>().unwrap().len(), "2026-01-31T12:00:00.000Z".len());
        }
    }
}
