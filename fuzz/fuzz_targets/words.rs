//! Signals and lengths of time, as users write them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    rinit::signal::invariants::any_text_is_a_signal_or_none(text);
    rinit::duration::invariants::any_text_is_a_time_or_none(text);
});
