//! The termination message: why a container failed, in the file that Kubernetes reads.

use crate::support::{Rinit, Scratch, Status, puppet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

/// The contents of the file after a run with this main.
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
fn only_an_empty_regular_file_is_written() {
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

/// The contents of the file after a main that plays this part was stopped by TERM.
fn after_stop(options: &[&str], part: &str) -> String {
    let scratch = Scratch::new();
    let log = scratch.file("log", "", 0o666);
    let rinit = Rinit::as_pid1().options(["-q", "--termination-log", log.to_str().unwrap()]).options(options);
    let mut rinit = rinit.puppet(["play"].into_iter().chain(part.split(' '))).start_until_ready();
    rinit.send(libc::SIGTERM);
    rinit.finish();
    fs::read_to_string(log).unwrap()
}

#[test]
fn a_kill_is_written() {
    let ignores = "ignore TERM say ready pause";
    for options in [&["--kill-after", "10ms"][..], &["--stop-sequence", "TERM,10ms,KILL"]] {
        let text = after_stop(options, ignores);
        assert!(text.contains("main process 2 (puppet) was killed by SIGKILL"), "{options:?}: {text}");
    }
    // The grace period of the processes that outlive main.
    let text = after_stop(&["--grace", "10ms"], "[ group block-all pause ] say ready await TERM");
    assert!(text.starts_with("killed after the grace period of 10ms: PID 3, "), "{text}");
    // Processes that exit in time are not written.
    assert_eq!(after_stop(&["--grace", "inf"], "[ group pause ] block TERM say ready await TERM"), "");
}

#[test]
fn a_file_that_cannot_be_written_changes_nothing_else() {
    let scratch = Scratch::new();
    for (mode, is_written) in [(0o666, true), (0o444, false)] {
        let log = scratch.file(&format!("{mode:o}"), "", mode);
        let options = ["--termination-log", log.to_str().unwrap()];
        let rinit = Rinit::as_pid1().by_some_user().options(options).command(["sh", "-c", "exit 3"]);
        let finished = rinit.start().finish();
        assert_eq!((finished.status, finished.stderr.as_str()), (Status::Exited(3), ""));
        assert_eq!(!fs::read(&log).unwrap().is_empty(), is_written, "{mode:o}");
    }
}

#[test]
fn a_full_disk_changes_nothing_else() {
    let scratch = Scratch::new();
    let folder = scratch.folder("disk");
    // Main checks from inside that the file is empty and that the disk is full.
    let log = folder.join("log");
    let script = "test -f \"$0\" && ! test -s \"$0\" && ! echo x 2>/dev/null >>\"$0\" && exit 3";
    let finished = Rinit::as_pid1()
        .through(["on-full-disk", folder.to_str().unwrap()])
        .options(["--termination-log", log.to_str().unwrap()])
        .command(["sh", "-c", script, log.to_str().unwrap()])
        .start()
        .finish();
    assert_eq!((finished.status, finished.stderr.as_str()), (Status::Exited(3), ""));
}

#[test]
fn names_that_are_not_utf8_are_written_as_text() {
    let scratch = Scratch::new();
    let file = scratch.path("log");
    fs::write(&file, "").unwrap();
    let program = scratch.as_ref().join(OsStr::from_bytes(b"a\xff\x1b"));
    symlink(puppet(), &program).unwrap();
    let options = ["-q", "--termination-log", file.to_str().unwrap()].map(OsStr::new);
    let words = [program.as_os_str(), OsStr::new("exit"), OsStr::new("3")];
    Rinit::as_pid1().options(options).command(words).start().finish();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("main process 2 (a\u{fffd}") && text.ends_with(") exited with status 3\n"), "{text:?}");
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[test]
fn a_long_message_is_cut_at_4096_bytes_at_a_character_boundary() {
    let scratch = Scratch::new();
    let file = scratch.path("log");
    for first in ["", "x"] {
        fs::write(&file, "").unwrap();
        // Characters of two bytes.
        let text = message(&file, &[&format!("{first}{}", "\u{e4}".repeat(3000))]);
        assert!((4095..=4096).contains(&text.len()), "{}", text.len());
        assert!(text.starts_with("cannot execute ") && text.ends_with('\u{e4}'), "{text}");
    }
}

#[test]
fn what_main_wrote_stays() {
    let scratch = Scratch::new();
    let file = scratch.path("log");
    fs::write(&file, "").unwrap();
    let script = "echo \"main's own\" >\"$0\"; kill -SEGV $$";
    assert_eq!(message(&file, &["sh", "-c", script, file.to_str().unwrap()]), "main's own\n");
}
