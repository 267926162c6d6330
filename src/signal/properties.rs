//! Any text is a signal that can be shown and read back, or none.

use super::*;
use crate::properties::cases;
use proptest::prelude::*;

/// What users might write: names in any case, numbers, offsets, and what is nearly one of these.
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
    fn what_is_read_is_read_again_as_it_is_shown_in_any_case_with_sig_or_without(text in attempt()) {
        invariants::any_text_is_a_signal_or_none(&text);
    }

    #[test]
    fn only_1_to_64_are_numbers_of_signals(number: i32) {
        prop_assert_eq!(Signal::new(number).is_some(), (1..=64).contains(&number));
    }

    #[test]
    fn a_set_of_numbers_holds_the_signals_among_them(numbers in proptest::collection::vec(-2..70, 0..9)) {
        let set = SignalSet::of(&numbers);
        for number in 1..=64 {
            prop_assert_eq!(set.contains(Signal::new(number).unwrap()), numbers.contains(&number), "{}", number);
        }
    }

    #[test]
    fn less_takes_away_what_is_in_the_other_set(one: u64, other: u64, number in 1..=64) {
        let signal = Signal::new(number).unwrap();
        let [one, other] = [one, other].map(SignalSet);
        prop_assert_eq!(one.less(other).contains(signal), one.contains(signal) && !other.contains(signal));
    }

    #[test]
    fn the_two_without_a_name_are_shown_by_number(number in 32..=33) {
        let signal = Signal::new(number).unwrap();
        prop_assert_eq!(format!("{signal} {signal:?}"), format!("signal {number} signal {number}"));
    }

    #[test]
    fn a_set_holds_what_was_put_into_it_and_nothing_else(raw: u64, number in 1..=64, other in 1..=64) {
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
