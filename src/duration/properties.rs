//! What holds of every text that is read as a length of time.

use super::*;

/// What is read is a number and a unit, and comes to what they say.
pub fn parse_is_exact(text: &str) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::cases;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(cases(300))]

        #[test]
        fn any_text_is_an_exact_time_or_refused(text in prop_oneof![any::<String>(), "[0-9]{0,25}[.]?[0-9]{0,25}(ms|s|m|h|x|)"]) {
            parse_is_exact(&text);
        }

        #[test]
        fn a_time_in_any_unit_is_that_time(milliseconds in 0..u64::from(u32::MAX)) {
            let wanted = Some(Some(Duration::from_millis(milliseconds)));
            let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
            prop_assert_eq!(parse(&format!("{milliseconds}ms")), wanted);
            prop_assert_eq!(parse(&format!("{seconds}.{rest:03}s")), wanted);
            prop_assert_eq!(parse(&format!("{seconds}.{rest:03}")), wanted);
            if rest == 0 {
                prop_assert_eq!(parse(&format!("{seconds}")), wanted);
            }
            for (unit, length) in [("m", 60_000), ("h", 3_600_000)] {
                if milliseconds % length == 0 {
                    prop_assert_eq!(parse(&format!("{}{unit}", milliseconds / length)), wanted);
                }
            }
        }

        #[test]
        fn minutes_and_hours_are_sixty_of_the_unit_below(number in 0..100_000u64, fraction in 0..1000u64) {
            for (unit, below) in [("m", "s"), ("h", "m")] {
                let larger = parse(&format!("{number}.{fraction:03}{unit}")).flatten().unwrap();
                let smaller = parse(&format!("{number}.{fraction:03}{below}")).flatten().unwrap();
                prop_assert_eq!(larger, smaller * 60);
            }
        }
    }
}
