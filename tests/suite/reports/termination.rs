//! The termination message: why a container ended badly, where Kubernetes looks for it.

use crate::support::{Rinit, Scratch, puppet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// What is in the file after this main.
fn message(at: &Path, words: &[&str]) -> String {
    let log = at.to_str().unwrap();
    Rinit::as_pid1().options(["-q", "--termination-log", log]).command(words).start().finish();
    fs::read_to_string(at).unwrap()
}

#[test]
fn a_failure_is_written_at_any_level_and_an_exit_with_0_is_not() {
    let scratch = Scratch::new();
    let file = scratch.path("log");
    for (words, expected) in [
        (&["sh", "-c", "exit 0"][..], ""),
        (&["sh", "-c", "exit 3"], "main process 2 (sh) exited with status 3\n"),
        (&["sh", "-c", "kill -SEGV $$"], "main process 2 (sh) was killed by SIGSEGV, which rinit did not send\n"),
        (&["no-such-program"], "cannot start \"no-such-program\": not found in PATH\n"),
    ] {
        fs::write(&file, "").unwrap();
        assert_eq!(message(&file, words), expected, "{words:?}");
    }
}

#[test]
fn a_plain_stop_writes_nothing() {
    let scratch = Scratch::new();
    let file = scratch.path("log");
    fs::write(&file, "").unwrap();
    let options = ["--termination-log", file.to_str().unwrap()];
    let mut rinit =
        Rinit::as_pid1().options(options).command([puppet().to_str().unwrap(), "pause"]).start_until_ready();
    rinit.send(libc::SIGTERM);
    rinit.finish();
    assert_eq!(fs::read_to_string(&file).unwrap(), "");
}

#[test]
fn what_is_no_empty_regular_file_stays_as_it_is() {
    let scratch = Scratch::new();
    let [own, target, link, fifo, missing] =
        ["own", "target", "link", "fifo", "missing"].map(|name| scratch.path(name));
    fs::write(&own, "main's own").unwrap();
    assert_eq!(message(&own, &["sh", "-c", "exit 3"]), "main's own");
    fs::write(&target, "").unwrap();
    symlink(&target, &link).unwrap();
    assert_eq!(message(&link, &["sh", "-c", "exit 3"]), "");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for path in [&fifo, &missing, &scratch.folder("folder")] {
        let options = ["--termination-log", path.to_str().unwrap()];
        let finished = Rinit::as_pid1().options(options).command(["sh", "-c", "exit 3"]).start().finish();
        assert_eq!(finished.stderr, "");
    }
    assert!(!missing.exists());
}
