//! Names that processes give themselves, as the table and the log show them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let name = String::from_utf8_lossy(bytes);
    rinit::report::table::invariants::no_name_is_too_much(&name);
    rinit::log::invariants::no_record_is_too_much(&name);
});
