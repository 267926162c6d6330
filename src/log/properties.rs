//! What is told holds words that others chose.

use super::*;
use crate::properties::cases;
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_record_is_too_much(text in any::<String>(), times in 0..300usize) {
        invariants::no_record_is_too_much(&text.repeat(times));
    }

    /// By a JSON reader that knows nothing of rinit.
    #[test]
    fn an_object_is_read_as_what_was_said(bytes in vec(any::<u8>(), 0..40), times in 0..300usize) {
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
