//! What holds for every process name in the table.

use super::*;

/// It stays on its line, and within its quotes.
pub fn a_name_stays_on_its_line(name: &str) {
    assert!(!printable(name).contains(char::is_control));
    let quoted = quoted(name);
    assert!(!quoted.contains(char::is_control));
    assert_eq!(unquoted(&quoted), name);
    let row = |name: &str| ["1", "root", "sleeping", "1s", "1K", "default", name].map(str::to_owned);
    let text = lay_out(&[row("first"), row(&printable(name)), row("last")], 70);
    assert_eq!(text.lines().count(), 3);
    assert!(text.lines().all(|line| line.chars().count() <= 70));
}

/// Reads a JSON string (RFC 8259).
fn unquoted(text: &str) -> String {
    let mut letters = text.strip_prefix('"').unwrap().strip_suffix('"').unwrap().chars();
    let mut name = String::new();
    while let Some(letter) = letters.next() {
        assert_ne!(letter, '"', "an end in the middle of {text}");
        name.push(match letter {
            '\\' => match letters.next().unwrap() {
                'u' => {
                    let digits: String = letters.by_ref().take(4).collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap()
                }
                letter => letter,
            },
            letter => letter,
        });
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::cases;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(cases(300))]

        #[test]
        fn any_name_stays_on_its_line(name in prop_oneof![any::<String>(), "[\\PC\"\\\\\n\x1b\u{9b}]{0,99}"]) {
            a_name_stays_on_its_line(&name);
        }
    }
}
