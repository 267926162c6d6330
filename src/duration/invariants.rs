//! What holds of every text that is read as a length of time.

use super::*;

/// What is read is a number and a unit, and comes to what they say.
pub fn any_text_is_a_time_or_none(text: &str) {
    let Some(Some(length)) = parse(text) else {
        return;
    };
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits) {
        Some("ms") => 0.001,
        Some("m") => 60.0,
        Some("h") => 3600.0,
        _ => 1.0,
    };
    let number: f64 = digits.parse().unwrap();
    // As near as floating point comes to it, and a nanosecond for each digit that is cut off.
    let wanted = number * unit;
    assert!((length.as_secs_f64() - wanted).abs() <= wanted * 1e-9 + 1e-8, "{text:?} was taken for {length:?}");
    assert_eq!(parse(&format!("{}.{:09}s", length.as_secs(), length.subsec_nanos())), Some(Some(length)));
}
