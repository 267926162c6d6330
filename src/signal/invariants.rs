//! What holds of every text that is read as a signal.

use super::*;

/// What is read is read again as it is shown; case and the word SIG make no difference.
pub fn any_text_is_a_signal_or_none(text: &str) {
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
