//! A process calls itself what it likes.

use super::*;
use crate::properties::cases;
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_name_is_too_much(name in prop_oneof![any::<String>(), "[\\PC\"\\\\\n\x1b\u{9b}]{0,99}"]) {
        invariants::no_name_is_too_much(&name);
    }
}
