//! Signals and lengths of time, as users write them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    rinit::signal::properties::parse_and_display_agree(text);
    rinit::duration::properties::parse_is_exact(text);
});
