//! Values of options and variables. The first byte selects the setting; two values follow, each a line.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use rinit::cli::properties;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some((which, values)) = bytes.split_first() else {
        return Corpus::Reject;
    };
    let Ok(values) = std::str::from_utf8(values) else {
        return Corpus::Reject;
    };
    // No argument or variable can contain a NUL.
    if values.contains('\0') {
        return Corpus::Reject;
    }
    let (value, other) = values.split_once('\n').unwrap_or((values, ""));
    properties::option_and_variable_take_the_same_values(usize::from(*which), value, other);
    Corpus::Keep
});
