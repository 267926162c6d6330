//! Shared by the property tests (proptest). Each run makes new random cases, and a failure shows the smallest one that
//! fails.

use proptest::test_runner::Config;

/// `usual` cases in `cargo test`; the variable PROPTEST_CASES asks for another number.
pub(crate) fn cases(usual: u32) -> Config {
    let config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { config } else { Config { cases: usual, ..config } }
}
