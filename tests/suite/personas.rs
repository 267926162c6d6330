//! Under another init's name rinit behaves like that init. Another suite (tests/peers) compares all cases with the
//! originals, which must be installed for it; these tests run everywhere.

use crate::support::{Finished, Rinit, Running, Scratch, Status, puppet, rinit_binary};

fn called(name: &str) -> Rinit {
    Rinit::as_pid1().name(name)
}

fn status_of(name: &str, options: &[&str], status: &str) -> Status {
    called(name).options(options).puppet(["exit", status]).start().finish().status
}

fn printing(rinit: Rinit) -> Running {
    rinit.puppet(["print-signals", "15"]).start_until_ready()
}

#[test]
fn entrypoints_of_published_images_work_unchanged() {
    for (name, options) in [
        ("/usr/bin/tini", &["-g", "--"][..]),
        ("/tini", &["--"]),
        ("/tini", &["-e", "143", "--"]),
        ("/tini", &["-v", "-s", "-p", "SIGTERM", "--"]),
        ("/sbin/../x/tini-static", &["-wg"]),
        ("-tini", &["-gv", "--"]),
        ("dumb-init", &[]),
        ("dumb-init", &["--rewrite", "15:3", "--"]),
        ("/usr/local/bin/dumb-init", &["-c", "--"]),
        ("dumb-init", &["-r", "15:3", "-r2:0", "--verbose"]),
        ("/usr/libexec/podman/catatonit", &["-g", "--"]),
        ("/sbin/docker-init", &["--"]),
        ("/run/podman-init", &["--"]),
    ] {
        assert_eq!(status_of(name, options, "7"), Status::Exited(7), "{name} {options:?}");
    }
    assert_eq!(status_of("/tini", &["-e", "143", "--"], "143"), Status::Exited(0));
}

#[test]
fn rinit_works_as_the_interpreter_in_a_shebang_line() {
    let scratch = Scratch::new();
    let link = scratch.path("dumb-init");
    std::os::unix::fs::symlink(rinit_binary(), &link).unwrap();
    let text = format!("#!{} /bin/sh\necho \"$0\" \"$1\"\nexit 5\n", link.display());
    let script = scratch.program("script", text);
    let words = [script.to_str().unwrap(), "word"];
    let finished = Rinit::as_pid1().absent().command(words).start().finish();
    assert_eq!(finished.status, Status::Exited(5), "{finished:?}");
    assert_eq!(finished.stdout, format!("{} word\n", script.display()));
}

#[test]
fn the_name_of_a_link_or_copy_selects_the_persona() {
    let scratch = Scratch::new();
    for kind in ["symbolic", "hard", "copy"] {
        scratch.folder(kind);
        let name = format!("{kind}/tini");
        let copy = || scratch.program(&name, std::fs::read(rinit_binary()).unwrap());
        let path = scratch.path(&name);
        match kind {
            "symbolic" => std::os::unix::fs::symlink(rinit_binary(), &path).unwrap(),
            // A hard link is impossible if the folder is on another file system.
            "hard" => std::fs::hard_link(rinit_binary(), &path).unwrap_or_else(|_| drop(copy())),
            _ => drop(copy()),
        }
        let finished = Rinit::as_pid1().absent().command([path.to_str().unwrap(), "--version"]).start().finish();
        assert_eq!(finished.status, Status::Exited(0), "{kind}: {finished:?}");
        assert!(finished.stdout.starts_with("tini version "), "{kind}: {finished:?}");
    }
}

fn printed(name: &str, option: &str) -> Finished {
    let finished = called(name).options([option]).start().finish();
    assert_eq!(finished.status, Status::Exited(0), "{name} {option}: {finished:?}");
    finished
}

#[test]
fn the_version_has_the_originals_form_on_the_originals_stream() {
    for (name, option, form) in [
        ("tini", "--version", "tini version "),
        ("catatonit", "-V", "tini version "),
        ("docker-init", "--version", "tini version "),
    ] {
        let finished = printed(name, option);
        assert!(finished.stdout.starts_with(form) && finished.stdout.contains(" - git."), "{name}: {finished:?}");
        assert_eq!(finished.stderr, "");
    }
    let finished = printed("dumb-init", "-V");
    assert!(finished.stderr.starts_with("dumb-init v"), "{finished:?}");
    assert_eq!(finished.stdout, "");
}

#[test]
fn the_help_goes_to_the_originals_stream_and_lists_the_originals_letters() {
    let help = printed("tini", "-h").stdout;
    assert!(
        help.contains("-g, --group") && help.contains("    --rewrite") && !help.contains("-r, --rewrite"),
        "{help}"
    );
    let help = printed("dumb-init", "-h").stderr;
    assert!(help.contains("-r, --rewrite") && help.contains("    --group") && !help.contains("-g, --group"), "{help}");
    let help = printed("catatonit", "-h").stderr;
    assert!(help.contains("-P, --pause") && help.contains("-L, --license"), "{help}");
}

#[test]
fn failures_have_the_originals_statuses() {
    for (name, wrong, not_found, cannot_execute) in
        [("tini", 1, 127, 126), ("dumb-init", 1, 2, 2), ("catatonit", 1, 1, 1), ("docker-init", 125, 127, 126)]
    {
        let failing = |words: &[&str]| {
            let finished = called(name).options(words).start().finish();
            assert_eq!(finished.stderr.lines().filter(|line| line.contains("ERROR")).count(), 1, "{finished:?}");
            assert_eq!(finished.stdout, "");
            finished.status
        };
        assert_eq!(failing(&[]), Status::Exited(wrong), "{name}");
        assert_eq!(failing(&["--"]), Status::Exited(wrong), "{name}");
        assert_eq!(failing(&["--no-such-option", "true"]), Status::Exited(wrong), "{name}");
        assert_eq!(failing(&["-x", "true"]), Status::Exited(wrong), "{name}");
        assert_eq!(failing(&["--", "no-such-command"]), Status::Exited(not_found), "{name}");
        assert_eq!(failing(&["--", "/"]), Status::Exited(cannot_execute), "{name}");
    }
}

#[test]
fn tini_and_catatonit_take_options_after_the_command_up_to_two_dashes() {
    let puppet = puppet().to_str().unwrap();
    for name in ["tini", "catatonit"] {
        let words = [puppet, "args", "one", "-g", "--", "-x", "--"];
        let finished = called(name).options(words).start().finish();
        assert_eq!(finished.stdout, "one\n-x\n--\n", "{name}: {finished:?}");
        let refused = called(name).options([puppet, "args", "-x"]).start().finish();
        assert_eq!(refused.status, Status::Exited(1), "{name}: {refused:?}");
        let posix = called(name).variable("POSIXLY_CORRECT", "").options([puppet, "args", "-g", "--", "-x"]);
        assert_eq!(posix.start().finish().stdout, "-g\n--\n-x\n", "{name}");
    }
    let finished = called("dumb-init").options([puppet, "args", "-c", "--", "-x"]).start().finish();
    assert_eq!(finished.stdout, "-c\n--\n-x\n");
}

#[test]
fn an_argument_that_is_not_utf_8_survives_being_moved() {
    use std::os::unix::ffi::OsStrExt;
    let word = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    let words = [puppet().as_os_str(), "args".as_ref(), word, "-s".as_ref(), "--".as_ref(), "-\u{fc}".as_ref()];
    let finished = called("tini").options(words).start().finish();
    assert_eq!(finished.stdout, "\\xff\\xfe\n-\\xc3\\xbc\n", "{finished:?}");
}

#[test]
fn tini_says_so_where_it_is_not_pid_1_and_adopts_no_orphans() {
    let warned = |rinit: Rinit| {
        let finished = rinit.puppet(["exit", "0"]).start().finish();
        assert_eq!(finished.status, Status::Exited(0));
        assert!(finished.stderr.is_empty() || finished.stderr.contains("WARN: rinit is not PID 1"), "{finished:?}");
        !finished.stderr.is_empty()
    };
    let tini = || Rinit::as_child().name("tini");
    assert!(warned(tini()));
    assert!(!warned(tini().options(["-s"])));
    assert!(!warned(tini().variable("TINI_SUBREAPER", "")));
    assert!(!warned(tini().variable("TINI_VERBOSITY", "0")));
    assert!(!warned(called("tini")));
    for name in ["dumb-init", "catatonit", "docker-init"] {
        assert!(!warned(Rinit::as_child().name(name)), "{name}");
    }
}

#[test]
fn targets_and_sessions_are_as_in_the_originals() {
    for (name, options, session, group) in [
        ("tini", &[][..], false, false),
        ("tini", &["-g"], false, true),
        ("dumb-init", &[], true, true),
        ("dumb-init", &["-c"], false, false),
        ("catatonit", &[], false, false),
        ("catatonit", &["-g"], false, true),
        ("docker-init", &[], false, false),
        ("docker-init", &["-g"], false, true),
        ("podman-init", &[], false, false),
        ("podman-init", &["--target", "group"], false, true),
    ] {
        let mut rinit = called(name).options(options).puppet(["pair", "15"]).start_until_ready();
        let main = rinit.main();
        assert_eq!(main.session == main.pid, session, "{name} {options:?}");
        rinit.send(libc::SIGTERM);
        let mut lines = vec![rinit.line()];
        if group {
            lines.push(rinit.line());
        } else {
            // If the other process had got the signal, its line would be here.
            rinit.exec(["signal", &(main.pid + 1).to_string(), "64"]);
            lines.push(rinit.line());
        }
        lines.sort();
        let second = if group { "other 15" } else { "other 64" };
        assert_eq!(lines, ["main 15", second], "{name} {options:?}");
    }
}

#[test]
fn tini_and_docker_init_follow_tinis_variables() {
    for name in ["tini", "docker-init"] {
        let rinit = called(name).variable("TINI_KILL_PROCESS_GROUP", "").variable("TINI_VERBOSITY", "3");
        let mut rinit = rinit.puppet(["pair", "15"]).start_until_ready();
        rinit.send(libc::SIGTERM);
        rinit.expect_in_any_order(["main 15", "other 15"]);
        rinit.close_stdin();
        let stderr = rinit.finish().stderr;
        assert!(stderr.contains("DEBUG: "), "{name}: {stderr}");
    }
}

#[test]
fn dumb_init_alone_follows_its_variables() {
    for (name, value, leads) in [
        ("dumb-init", "0", false),
        ("dumb-init", "1", true),
        ("dumb-init", "no", true),
        ("dumb-init", "", true),
        ("tini", "1", false),
    ] {
        let mut rinit = printing(called(name).variable("DUMB_INIT_SETSID", value));
        let main = rinit.main();
        assert_eq!(main.session == main.pid, leads, "{name} {value:?}");
        rinit.send(libc::SIGTERM);
        assert_eq!(rinit.finish().status, Status::Exited(0));
    }
    for (value, speaks) in [("1", true), ("0", false)] {
        let finished = called("dumb-init").variable("DUMB_INIT_DEBUG", value).puppet(["exit", "3"]).start().finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(finished.stderr.contains("DEBUG: main started"), speaks, "{finished:?}");
    }
}

#[test]
fn what_the_originals_do_not_forward_is_not_forwarded() {
    for (name, unforwarded) in [
        ("tini", &[4, 5, 6, 7, 8, 11, 17, 21, 22, 31, 32, 33][..]),
        ("catatonit", &[4, 5, 6, 7, 8, 11, 17, 20, 21, 22, 31, 32, 33]),
        ("dumb-init", &[17, 32, 33]),
    ] {
        let mut rinit = called(name).puppet(["print-signals", "15"]).start_until_ready();
        // The mask is the last thing that changes before rinit is idle.
        rinit.until("rinit rests", || rinit.itself().state == 'S');
        for signal in unforwarded {
            rinit.send(*signal);
        }
        for signal in [libc::SIGUSR1, 64, libc::SIGTERM] {
            rinit.send(signal);
            rinit.expect(signal);
        }
        assert_eq!(rinit.finish().status, Status::Exited(0), "{name}");
    }
}

#[test]
fn not_as_pid_1_tini_dies_of_a_fault_signal_as_the_original() {
    let rinit = Rinit::as_child().name("tini").options(["-s"]).puppet(["print-signals", "15"]);
    let mut rinit = rinit.start_until_ready();
    rinit.until("rinit rests", || rinit.itself().state == 'S');
    rinit.send(libc::SIGABRT);
    assert_eq!(rinit.wait(), Status::Killed(libc::SIGABRT));
}

#[test]
fn tini_prints_no_warning_if_it_already_is_a_subreaper() {
    let scratch = Scratch::new();
    let tini = scratch.path("tini");
    std::os::unix::fs::symlink(rinit_binary(), &tini).unwrap();
    let command = [tini.as_os_str(), puppet().as_os_str(), "exit".as_ref(), "0".as_ref()];
    for (prefix, warning) in [(Some("adopting"), ""), (None, "not PID 1")] {
        let words = prefix.into_iter().flat_map(|prefix| [puppet().as_os_str(), prefix.as_ref()]).chain(command);
        let finished = Rinit::as_child().absent().command(words).start().finish();
        assert_eq!(finished.status, Status::Exited(0), "{finished:?}");
        assert!(finished.stderr.contains(warning) && finished.stderr.is_empty() == warning.is_empty(), "{finished:?}");
    }
}

#[test]
fn dumb_init_turns_terminal_stops_into_sigstop_and_stops_with_main() {
    for (signal, rewritten) in [(libc::SIGTSTP, true), (libc::SIGTTIN, true), (libc::SIGTTOU, true)] {
        let rinit = printing(Rinit::as_child().name("dumb-init"));
        let (main, itself) = (rinit.main().pid, rinit.itself().pid);
        rinit.send(signal);
        rinit.eventually("both are stopped", |processes| {
            let stopped = |pid| processes.iter().any(|process| process.pid == pid && process.is_stopped());
            stopped(main) == rewritten && stopped(itself)
        });
        rinit.send(libc::SIGCONT);
        rinit.eventually("both go on", |processes| !processes.iter().any(|process| process.is_stopped()));
    }
}

#[test]
fn dumb_init_stops_itself_however_terminal_stops_are_rewritten() {
    for options in [&["-r", "20:10"][..], &["-r", "20:0"], &["-c", "-r", "20:0"], &["-c", "-r", "20:10"]] {
        let rinit = printing(Rinit::as_child().name("dumb-init").options(options));
        let itself = rinit.itself().pid;
        rinit.send(libc::SIGTSTP);
        rinit.eventually("it is stopped, and main is not", |processes| {
            let stopped: Vec<_> = processes.iter().filter(|process| process.is_stopped()).collect();
            stopped.len() == 1 && stopped[0].pid == itself
        });
        rinit.send(libc::SIGCONT);
        rinit.eventually("it goes on", |processes| !processes.iter().any(|process| process.is_stopped()));
    }
}

#[test]
fn dumb_init_sends_the_rewritten_term_to_the_remaining_group() {
    for (options, sent) in [([].as_slice(), "SIGTERM"), (&["-r", "15:3"], "SIGQUIT")] {
        let rinit = Rinit::as_child().name("dumb-init").options(options).variable("RINIT_LOG", "debug");
        let mut rinit = rinit.puppet(["play", "[", "say", "ready", "pause", "]", "exit", "3"]).start_until_ready();
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert!(finished.stderr.contains(&format!("{sent} sent to main's group")), "{finished:?}");
    }
}

#[test]
fn under_other_names_there_is_no_drain() {
    for name in ["tini", "dumb-init", "catatonit"] {
        let words = ["play", "[", "session", "ignore", "TERM", "say", "ready", "pause", "]", "exit", "3"];
        let finished = called(name).puppet(words).start().finish();
        assert_eq!(finished.status, Status::Exited(3), "{name}");
        assert_eq!(finished.stderr, "", "{name}: it waited for no process, so it names none");
    }
    // An option overrides that.
    let words = ["play", "[", "session", "await", "TERM", "say", "asked", "]", "exit", "3"];
    let finished = called("tini").variable("RINIT_GRACE", "30s").puppet(words).start().finish();
    assert_eq!((finished.status, finished.stdout.as_str()), (Status::Exited(3), "asked\n"));
}

#[test]
fn catatonit_pauses() {
    for words in [["-P"].as_slice(), &["-P", "a-command-that-it-overlooks"]] {
        for signal in [libc::SIGTERM, libc::SIGINT] {
            let mut rinit = called("catatonit").options(words).start();
            rinit.until("it rests", || rinit.itself().state == 'S');
            rinit.send(signal);
            assert_eq!(rinit.finish().status, Status::Exited(0), "{words:?}");
        }
    }
}
