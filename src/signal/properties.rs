//! What holds for every text that is read as a signal.

use super::*;

/// A signal that was read is displayed in a form that reads as the same signal. Case and the prefix SIG make no
/// difference.
pub fn parse_and_display_agree(text: &str) {
    let read = Signal::parse(text);
    if let Some(signal) = read {
        assert!((1..=64).contains(&signal.number()));
        assert_eq!(Signal::parse(&signal.number().to_string()), read);
        if !matches!(signal.number(), 32 | 33) {
            assert_eq!(Signal::parse(&signal.to_string()), read);
        }
    }
    assert_eq!(Signal::parse(&text.to_ascii_lowercase()), read);
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number && !text.to_ascii_uppercase().starts_with("SIG") {
        assert_eq!(Signal::parse(&format!("SIG{text}")), read);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::cases;
    use proptest::prelude::*;

    /// What users might write: names in any case, numbers, offsets, and similar texts.
    fn attempt() -> impl Strategy<Value = String> {
        let name = proptest::sample::select(NAMES).prop_map(|(name, _)| name.to_owned());
        prop_oneof![
            any::<String>(),
            "(?i)(SIG)?(RTMIN|RTMAX)[+-]?[0-9]{0,3}",
            "[+-]?[0-9]{1,4}",
            (proptest::sample::select(&["", "SIG", "sig", "SIGSIG", " "][..]), name, "[ a-z0-9]?")
                .prop_map(|(before, name, after)| format!("{before}{name}{after}")),
        ]
    }

    proptest! {
        #![proptest_config(cases(300))]

        #[test]
        fn a_displayed_signal_parses_to_itself(text in attempt()) {
            parse_and_display_agree(&text);
        }

        #[test]
        fn signal_numbers_are_1_to_64(number: i32) {
            prop_assert_eq!(Signal::new(number).is_some(), (1..=64).contains(&number));
        }

        #[test]
        fn a_set_of_numbers_holds_the_valid_ones(numbers in proptest::collection::vec(-2..70, 0..9)) {
            let set = SignalSet::of(&numbers);
            for number in 1..=64 {
                prop_assert_eq!(set.contains(Signal::new(number).unwrap()), numbers.contains(&number), "{}", number);
            }
        }

        #[test]
        fn less_removes_the_members_of_the_other_set(one: u64, other: u64, number in 1..=64) {
            let signal = Signal::new(number).unwrap();
            let [one, other] = [one, other].map(SignalSet);
            prop_assert_eq!(one.less(other).contains(signal), one.contains(signal) && !other.contains(signal));
        }

        #[test]
        fn with_and_without_change_one_member(raw: u64, number in 1..=64, other in 1..=64) {
            let [signal, other] = [number, other].map(|number| Signal::new(number).unwrap());
            let set = SignalSet(raw);
            prop_assert!(set.with(signal).contains(signal));
            prop_assert!(!set.without(signal).contains(signal));
            if other != signal {
                prop_assert_eq!(set.with(signal).contains(other), set.contains(other));
                prop_assert_eq!(set.without(signal).contains(other), set.contains(other));
            }
        }
    }
}
