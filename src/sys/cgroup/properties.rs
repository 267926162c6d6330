//! The files of cgroups are the kernel's, but their paths hold names that others chose.

use super::*;
use crate::properties::cases;
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_text_is_too_much(text in prop_oneof![any::<String>(), "([0-9]{0,2}:[a-z,]{0,9}:/[ -~]{0,9}\n){0,9}"]) {
        invariants::no_text_is_too_much(&text);
    }

    #[test]
    fn a_path_may_hold_colons_and_commas(path in "/[ -~]{0,30}", number in 0..99u8) {
        let text = format!("12:cpu,cpuacct:/x\n{number}:a,memory,b:{path}\n0::/y\n");
        let named = |names: &str| names.split(',').any(|name| name == "memory");
        prop_assert_eq!(path_of(&text, named), Some(path.as_str()));
        prop_assert_eq!(path_of(&text, str::is_empty), Some("/y"));
    }

    #[test]
    fn the_count_is_the_kernels(kills: u64, before in "([a-z_]{1,12} [0-9]{1,9}\n){0,9}") {
        prop_assume!(!before.lines().any(|line| line.starts_with("oom_kill ")));
        prop_assert_eq!(count(&format!("{before}oom_kill {kills}\nhigh 1\n")), Some(kills));
    }
}
