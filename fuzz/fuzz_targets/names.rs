//! Names that processes give themselves, as the table and the log show them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let name = String::from_utf8_lossy(bytes);
    rinit::report::table::properties::a_name_stays_on_its_line(&name);
    rinit::log::properties::a_record_is_one_short_line(&name);
});
