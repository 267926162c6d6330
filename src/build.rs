//! Build script: passes the commit to the compiler, for `rinit --version`.

use std::process::Command;

fn main() {
    // A source tarball has no .git. RINIT_COMMIT names the commit there; without it 0000000 is shown.
    let hash = std::env::var("RINIT_COMMIT").ok().filter(|hash| !hash.is_empty());
    let hash = hash.or_else(commit).unwrap_or_else(|| "0000000".to_owned());
    println!("cargo::rustc-env=RINIT_COMMIT={hash}");
    println!("cargo::rerun-if-env-changed=RINIT_COMMIT");
    println!("cargo::rerun-if-changed=src/build.rs");
    // HEAD changes with a checkout, logs/HEAD with every commit.
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}

/// The commit of HEAD, if this folder is the top of a work tree: a tarball that is unpacked inside another repository
/// must not show the commit of that repository.
fn commit() -> Option<String> {
    let here = std::fs::canonicalize(std::env::var_os("CARGO_MANIFEST_DIR")?).ok()?;
    let top = std::fs::canonicalize(git(&["rev-parse", "--show-toplevel"])?).ok()?;
    if here != top {
        return None;
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(words).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
