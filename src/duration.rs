//! Points in time, and lengths of time as users write them.

use std::time::Duration;

/// A point in time, counted from any fixed one.
pub type Moment = Duration;

/// What `parse` accepts, for error messages.
pub const ALLOWED: &str = "a time such as 500ms, 5s, 1.5m, 1h, a plain number of seconds, or inf";

/// Reads `500ms`, `5s`, `2m`, `1h`, a plain number of seconds, each with or without a fraction, or `inf`. The inner
/// None means `inf`, the outer one an invalid text.
pub fn parse(text: &str) -> Option<Option<Duration>> {
    if text == "inf" {
        return Some(None);
    }
    let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit: u64 = match unit {
        "ms" => 1_000_000,
        "" | "s" => NANOSECONDS,
        "m" => 60 * NANOSECONDS,
        "h" => 3600 * NANOSECONDS,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    // Exact, unlike floating point: adds up the fraction in nanoseconds, digit by digit.
    let (nanoseconds, _) = fraction.bytes().fold((0u64, unit), |(sum, place), digit| {
        let place = place / 10;
        (sum.saturating_add(place.saturating_mul(u64::from(digit - b'0'))), place)
    });
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    Some(Some(Duration::from_nanos(whole.checked_add(nanoseconds)?)))
}

const NANOSECONDS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_fractions() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("5", 5 * NANOSECONDS),
            ("5s", 5 * NANOSECONDS),
            ("500ms", 500_000_000),
            ("1.5s", 1_500_000_000),
            ("0.25", 250_000_000),
            ("1.5m", 90 * NANOSECONDS),
            ("2h", 7200 * NANOSECONDS),
            ("0.001ms", 1_000),
            ("0.0000000009", 0),
        ] {
            assert_eq!(parse(text), Some(Some(Duration::from_nanos(nanoseconds))), "{text}");
        }
        assert_eq!(parse("inf"), Some(None));
    }

    #[test]
    fn anything_else_is_refused() {
        let wrong = ["", " ", "s", "-1", "+1", "1 s", "1d", "1S", "1sec", "1.", ".5", "1.2.3", "1e3", "1,5", "0x1"];
        let other = ["INF", "infinity", "nan", "é", "1é", "99999999999999999999", "18446744074s", "5124096h"];
        for text in wrong.into_iter().chain(other) {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}

#[cfg(any(test, fuzzing))]
pub mod properties;
