//! What is told holds words that others chose.

use super::*;
use crate::properties::cases;
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_record_is_too_much(text in any::<String>(), times in 0..300usize) {
        invariants::no_record_is_too_much(&text.repeat(times));
    }
}
