//! Any text is a time or none, and what a time says is what it comes to.

use super::*;
use crate::properties::cases;
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_text_is_too_much(text in prop_oneof![any::<String>(), "[0-9]{0,25}[.]?[0-9]{0,25}(ms|s|m|h|x|)"]) {
        invariants::any_text_is_a_time_or_none(&text);
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
