//! Any name, any PATH.

use super::*;
use crate::properties::cases;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Folders of all lengths, those around the two that matter before all.
fn folder() -> impl Strategy<Value = Vec<u8>> {
    let letter = prop_oneof![Just(b'/'), Just(b'a'), 1..=255u8];
    let length = prop_oneof![4 => 0..9usize, 1 => SHORT - 5..SHORT + 5, 1 => LONGEST - 5..LONGEST + 5];
    (letter, length).prop_map(|(letter, length)| vec![letter; length])
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_path_is_too_much(name in folder(), path in option::of(vec(folder(), 0..5))) {
        let path = path.map(|folders| folders.join(&b':'));
        invariants::no_path_is_too_much(&CString::new(name).unwrap(), path.as_deref());
    }
}
