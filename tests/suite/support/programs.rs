//! The paths of the programs that the tests run.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The binary under test: the one that cargo built, or the one that the variable RINIT names.
pub fn rinit_binary() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
        let path = std::env::var_os("RINIT").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_rinit")), PathBuf::from);
        path.canonicalize().unwrap_or_else(|error| panic!("no rinit to test at {}: {error}", path.display()))
    });
    &BINARY
}

/// The test program.
pub fn puppet() -> &'static Path {
    static PUPPET: LazyLock<PathBuf> = LazyLock::new(|| example("puppet"));
    &PUPPET
}

/// rinit with an allocator that counts.
pub fn counting_rinit() -> PathBuf {
    example("counting")
}

/// An example target, which cargo puts beside the folder of the test's own binary.
fn example(name: &str) -> PathBuf {
    let suite = std::env::current_exe().expect("the path of the test's own binary");
    let profile = suite.ancestors().nth(2).expect("a folder above deps/");
    let path = profile.join("examples").join(name);
    assert!(
        path.exists(),
        "no test program at {}: build it with `cargo build --examples` (`cargo test` does so by itself)",
        path.display()
    );
    path
}
