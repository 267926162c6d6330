//! What holds for every text that is read as a file of a cgroup.

use super::*;

/// A path is the end of a line, and a count is the number after its name.
pub fn parse_never_panics(text: &str) {
    if let Some(path) = path_of(text, str::is_empty) {
        assert!(text.lines().any(|line| line.ends_with(path)));
    }
    if let Some(path) = path_of(text, has_memory) {
        assert!(text.lines().any(|line| line.contains("memory") && line.ends_with(path)));
    }
    if let Some(kills) = count(text) {
        assert!(text.lines().any(|line| line.starts_with("oom_kill ") && line.contains(&kills.to_string())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::cases;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(cases(300))]

        #[test]
        fn parsing_never_panics(text in prop_oneof![any::<String>(), "([0-9]{0,2}:[a-z,]{0,9}:/[ -~]{0,9}\n){0,9}"]) {
            parse_never_panics(&text);
        }

        #[test]
        fn a_path_may_hold_colons_and_commas(path in "/[ -~]{0,30}", number in 0..99u8) {
            let text = format!("12:cpu,cpuacct:/x\n{number}:a,memory,b:{path}\n0::/y\n");
            prop_assert_eq!(path_of(&text, has_memory), Some(path.as_str()));
            prop_assert_eq!(path_of(&text, str::is_empty), Some("/y"));
        }

        #[test]
        fn the_count_is_read_among_other_lines(kills: u64, before in "([a-z_]{1,12} [0-9]{1,9}\n){0,9}") {
            prop_assume!(!before.lines().any(|line| line.starts_with("oom_kill ")));
            prop_assert_eq!(count(&format!("{before}oom_kill {kills}\nhigh 1\n")), Some(kills));
        }
    }
}
