//! Options and variables: what is allowed, what is not, and what rinit prints.

use crate::support::{Finished, Rinit, Scratch, Status};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// A rinit whose command creates a file.
fn rinit(scratch: &Scratch) -> Rinit {
    Rinit::as_pid1().puppet([OsStr::new("create"), scratch.path("made").as_os_str()])
}

/// Checks that rinit starts nothing and prints one line, with all of `parts` in it.
#[track_caller]
fn assert_refused(rinit: Rinit, scratch: &Scratch, parts: &[&str]) {
    let finished = rinit.start().finish();
    assert_eq!(finished.status, Status::Exited(125), "{finished:?}");
    assert_eq!(finished.stdout, "");
    let line = finished.stderr.strip_prefix("rinit[1]: ERROR: ");
    let line = line.unwrap_or_else(|| panic!("{finished:?}"));
    assert_eq!(line.find('\n'), Some(line.len() - 1), "{line:?}");
    for part in parts {
        assert!(line.contains(part), "{part:?} is not in: {line}");
    }
    assert!(!scratch.path("made").exists(), "the command was started");
}

#[track_caller]
fn assert_options_refused<W: AsRef<OsStr>>(options: impl IntoIterator<Item = W>, parts: &[&str]) {
    let scratch = Scratch::new();
    assert_refused(rinit(&scratch).options(options), &scratch, parts);
}

#[test]
fn a_command_line_without_a_command_is_refused() {
    for options in [&[][..], &["--"], &["-v"], &["-g", "--"], &["-e", "3"]] {
        let scratch = Scratch::new();
        let rinit = Rinit::as_pid1().options(options);
        assert_refused(rinit, &scratch, &["no command"]);
    }
}

#[test]
fn an_unknown_option_is_refused_and_named() {
    assert_options_refused(["-x"], &["\"-x\""]);
    assert_options_refused(["--frobnicate"], &["\"--frobnicate\""]);
    assert_options_refused(["--frobnicate=x"], &["--frobnicate"]);
    assert_options_refused(["--verbos"], &["\"--verbos\""]);
    assert_options_refused(["-vxc"], &["-x"]);
    assert_options_refused(["-g", "-v", "--nothing"], &["\"--nothing\""]);
    assert_options_refused(["---"], &["---"]);
    assert_options_refused(["-é"], &["-é"]);
    assert_options_refused([OsStr::from_bytes(b"-\xff")], &["unknown option"]);
    assert_options_refused([OsStr::from_bytes(b"--\xff")], &["unknown option"]);
}

#[test]
fn a_flag_with_a_value_is_refused_and_named() {
    assert_options_refused(["--group=1"], &["--group", "1"]);
    assert_options_refused(["--verbose=3"], &["--verbose", "3"]);
    assert_options_refused(["--subreaper=no"], &["--subreaper", "no"]);
}

/// An option that takes a value, its variable, invalid values, and a part of the text about what is allowed.
struct Valued {
    short: &'static str,
    long: &'static str,
    variable: &'static str,
    bad: &'static [&'static str],
    allowed: &'static str,
}

const VALUED: [Valued; 4] = [
    Valued {
        short: "-t",
        long: "--target",
        variable: "RINIT_TARGET",
        bad: &["everyone", "", " ", "main ", " group", "Main", "MAIN", "main,group", "1"],
        allowed: "main",
    },
    Valued {
        short: "-p",
        long: "--parent-death",
        variable: "RINIT_PARENT_DEATH",
        bad: &[
            "TREM",
            "SIG",
            "SIGSIGTERM",
            "",
            " ",
            "TERM ",
            " TERM",
            "TERM,INT",
            "0",
            "65",
            "1000",
            "99999999999999999999",
            "1.5",
            "0x0f",
            "15x",
            "+15",
            "RTMIN+31",
            "RTMAX-31",
            "RTMIN-1",
            "RTMIN+",
            "RTMIN3",
            "RTMIN+-1",
            "SIGRTMAX+1",
        ],
        allowed: "1 to 64",
    },
    Valued {
        short: "-e",
        long: "--map-exit",
        variable: "RINIT_MAP_EXIT",
        bad: &[
            "256",
            "1000",
            "99999999999999999999",
            "",
            " ",
            " 1",
            "1 ",
            "1:",
            ":1",
            ":",
            "1:2:3",
            "1:256",
            "1,,2",
            ",",
            "1,",
            "abc",
            "1:x",
            "+1",
            "0x1",
            "1.0",
            "SIGTERM",
        ],
        allowed: "0 to 255",
    },
    Valued {
        short: "-r",
        long: "--rewrite",
        variable: "RINIT_REWRITE",
        bad: &[
            "TERM",
            "TERM:",
            ":INT",
            ":",
            "",
            " ",
            "TERM: INT",
            "TERM :INT",
            "TERM:INT:HUP",
            "TERM:INT,",
            ",TERM:INT",
            "TERM=INT",
            "65:1",
            "0:1",
            "1:65",
            "-1:1",
            "1:-1",
            "TERM:NONE",
            "KILL:TERM",
            "9:15",
            "STOP:TSTP",
            "SIGCHLD:0",
            "CLD:TERM",
        ],
        allowed: "not KILL or STOP, which no process can catch",
    },
];

#[test]
fn a_bad_value_is_refused_with_option_value_and_what_is_allowed() {
    for option in &VALUED {
        for bad in option.bad {
            let shown = format!("{bad:?}");
            let parts = [option.long, &shown, option.allowed];
            assert_options_refused([option.short, bad], &parts);
            assert_options_refused([format!("{}={bad}", option.long)], &parts);
        }
        // A value may be joined to the short option.
        let bad = option.bad[0];
        assert_options_refused([format!("{}{bad}", option.short)], &[option.long, bad]);
        assert_options_refused([format!("-v{}{bad}", &option.short[1..])], &[bad]);
        assert_options_refused([option.long, bad], &[option.long, bad]);
    }
}

#[test]
fn a_bad_value_in_a_variable_is_refused_with_the_variables_name() {
    for option in &VALUED {
        for bad in option.bad.iter().filter(|bad| !bad.is_empty()) {
            let shown = format!("{bad:?}");
            for options in [&[][..], &["--"], &["-v"]] {
                let scratch = Scratch::new();
                let rinit = rinit(&scratch).variable(option.variable, bad);
                let parts = [option.variable, &shown, option.allowed];
                assert_refused(rinit.options(options), &scratch, &parts);
            }
        }
    }
}

#[test]
fn a_bad_flag_in_a_variable_is_refused_with_the_variables_name() {
    for bad in [" ", "2", "maybe", "1 ", "yes,no", "-1"] {
        let scratch = Scratch::new();
        for variable in ["RINIT_SUBREAPER", "RINIT_SESSION", "RINIT_WARN_REAPED", "RINIT_WAIT_ALL"] {
            let rinit = rinit(&scratch).variable(variable, bad);
            let shown = format!("{bad:?}");
            assert_refused(rinit, &scratch, &[variable, &shown, "yes"]);
        }
    }
}

#[test]
fn a_bad_log_filter_causes_a_warning_and_keeps_the_level() {
    for (bad, part) in [(",", ""), ("loud", "loud"), ("debug ", "debug "), ("info,rinit=loud", "rinit=loud")] {
        let scratch = Scratch::new();
        let finished = rinit(&scratch).variable("RINIT_LOG", bad).start().finish();
        assert_eq!(finished.status, Status::Exited(0), "{finished:?}");
        let lines: Vec<&str> = finished.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("WARN: RINIT_LOG") && lines[0].contains(&format!("{part:?}")), "{lines:?}");
    }
}

#[test]
fn a_value_that_is_not_utf_8_is_refused() {
    let bytes: &[u8] = b"\xff\xfe";
    let not_utf8 = OsStr::from_bytes(bytes);
    for option in &VALUED {
        assert_options_refused([option.short.as_ref(), not_utf8], &[option.long]);
        let joined: OsString = OsStr::from_bytes(&[option.long.as_bytes(), b"=", bytes].concat()).into();
        assert_options_refused([joined], &[option.long]);
        let scratch = Scratch::new();
        let rinit = rinit(&scratch).variable(option.variable, not_utf8);
        assert_refused(rinit, &scratch, &[option.variable]);
    }
}

#[test]
fn a_missing_value_is_refused_and_the_option_named() {
    for option in &VALUED {
        for missing in [option.short, option.long] {
            let scratch = Scratch::new();
            let rinit = Rinit::as_pid1().options([missing]);
            assert_refused(rinit, &scratch, &[option.long]);
        }
        // An argument that starts with a dash is the next option, not a value.
        assert_options_refused([option.short, "-v"], &[option.long]);
        assert_options_refused([option.short, "--"], &[option.long]);
    }
}

#[test]
fn a_bad_variable_does_not_affect_help_and_version() {
    for option in ["--help", "--version", "--license"] {
        let rinit = Rinit::as_pid1().variable("RINIT_TARGET", "nobody");
        let finished = rinit.options([option]).start().finish();
        assert_eq!(finished.status, Status::Exited(0), "{finished:?}");
    }
}

#[test]
fn unknown_variables_are_ignored() {
    for (name, value) in [
        ("RINIT_PORT", "tcp://10.0.0.1:80"),
        ("RINIT_SERVICE_HOST", "10.0.0.1"),
        ("RINIT_GRACIOUS", "x"),
        ("RINIT_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("RINIT_", ""),
        ("XRINIT_TARGET", "x"),
    ] {
        let rinit = Rinit::as_pid1().variable(name, value).puppet(["exit", "7"]);
        let finished = rinit.start().finish();
        assert_eq!(finished.status, Status::Exited(7), "{finished:?}");
        assert_eq!(finished.stderr, "");
    }
}

#[test]
fn a_misspelt_variable_causes_a_warning() {
    let rinit = Rinit::as_pid1().variable("RINIT_GRACEE", "nonsense").variable("RINIT_TARGTE", "main");
    let finished = rinit.puppet(["exit", "7"]).start().finish();
    assert_eq!(finished.status, Status::Exited(7), "{finished:?}");
    let expected = "rinit[1]: WARN: unknown variable \"RINIT_GRACEE\"; RINIT_GRACE is similar\n\
                    rinit[1]: WARN: unknown variable \"RINIT_TARGTE\"; RINIT_TARGET is similar\n";
    assert_eq!(finished.stderr, expected);
}

#[test]
fn an_empty_variable_is_the_same_as_none() {
    for option in ["TARGET", "REWRITE", "SESSION", "WARN_REAPED", "PARENT_DEATH", "SUBREAPER", "MAP_EXIT", "GRACE"] {
        assert_not_set(&format!("RINIT_{option}"));
    }
    for option in ["KILL_AFTER", "WAIT_ALL", "REPORT_AFTER", "LOG"] {
        assert_not_set(&format!("RINIT_{option}"));
    }
    // Of two equal variables getenv(3) returns the first, which is empty here.
    let rinit = Rinit::as_pid1().variable("RINIT_TARGET", "").variable("RINIT_TARGET", "nobody");
    assert_eq!(rinit.puppet(["exit", "7"]).start().finish().status, Status::Exited(7));
}

#[track_caller]
fn assert_not_set(variable: &str) {
    for name in ["rinit", "docker-init", "tini", "dumb-init", "catatonit"] {
        let rinit = Rinit::as_pid1().name(name).variable(variable, "").puppet(["exit", "7"]);
        let finished = rinit.start().finish();
        assert_eq!((finished.status, finished.stderr.as_str()), (Status::Exited(7), ""), "{variable}, {name}");
    }
}

#[test]
fn a_misspelt_option_gets_a_suggestion() {
    for (given, similar) in [("--gracee", "--grace"), ("--kil-after=5", "--kill-after"), ("--targte=all", "--target")] {
        assert_options_refused([given], &[&format!("; {similar} is similar")]);
    }
    for given in ["--nonsense", "--x", "-x", "--graceful"] {
        assert_options_refused([given], &["rinit --help lists them"]);
    }
}

#[test]
fn the_invalid_part_of_a_list_is_named() {
    assert_options_refused(["-r", "TERM:FOO"], &["\"TERM:FOO\" (\"FOO\")"]);
    assert_options_refused(["-r", "TERM:QUIT,BAR:INT"], &["(\"BAR\")"]);
    assert_options_refused(["-r", "TERM:QUIT,KILL:INT"], &["(\"KILL\")"]);
    assert_options_refused(["-r", "HUP:0,TERM"], &["(\"TERM\")"]);
    assert_options_refused(["-e", "1:2,1:300"], &["(\"300\")"]);
}

#[test]
fn every_good_form_starts_the_command() {
    let forms: &[&[&str]] = &[
        &[],
        &["--"],
        &["-c"],
        &["-g"],
        &["-c", "--"],
        &["-cgs"],
        &["-t", "main"],
        &["-tgroup"],
        &["--target", "main"],
        &["--target=group"],
        &["-p", "SIGTERM"],
        &["-pTERM"],
        &["-p", "term"],
        &["-p", "15"],
        &["-p", "1"],
        &["-p", "64"],
        &["-p", "RTMIN"],
        &["-p", "RTMIN+3"],
        &["-p", "SIGRTMAX-30"],
        &["-p", "RTMAX"],
        &["--parent-death", "KILL"],
        &["--parent-death=HUP"],
        &["-s"],
        &["--subreaper"],
        &["-ss"],
        &["-e", "143"],
        &["-e", "143:0"],
        &["-e", "0:0,255:255"],
        &["--map-exit=1"],
        &["-q"],
        &["--quiet"],
        &["-qc", "-t", "group"],
        &["-sce", "143"],
        &["-c", "-c"],
        &["-p", "TERM", "-p", "INT"],
        &["-w"],
        &["--warn-reaped"],
        &["--session"],
        &["-r", "TERM:INT"],
        &["-r15:2", "-r", "SIGHUP:none,RTMIN+3:15"],
        &["--rewrite=USR1:0"],
    ];
    for form in forms {
        let rinit = Rinit::as_pid1().options(*form).puppet(["exit", "7"]);
        let finished = rinit.start().finish();
        assert_eq!(finished.status, Status::Exited(7), "{form:?}: {finished:?}");
        assert_eq!(finished.stderr, "", "{form:?}");
    }
}

#[test]
fn every_good_variable_starts_the_command() {
    for (name, value) in [
        ("RINIT_TARGET", "main"),
        ("RINIT_TARGET", "group"),
        ("RINIT_PARENT_DEATH", "TERM"),
        ("RINIT_PARENT_DEATH", "sigrtmin+30"),
        ("RINIT_SUBREAPER", "1"),
        ("RINIT_SUBREAPER", "True"),
        ("RINIT_SUBREAPER", "OFF"),
        ("RINIT_MAP_EXIT", "1,2:3"),
        ("RINIT_REWRITE", "TERM:INT,1:0"),
        ("RINIT_SESSION", "yes"),
        ("RINIT_WARN_REAPED", "0"),
        ("RINIT_LOG", "error"),
        ("RINIT_LOG", "rinit=warn"),
    ] {
        let rinit = Rinit::as_pid1().variable(name, value).puppet(["exit", "7"]);
        let finished = rinit.start().finish();
        assert_eq!(finished.status, Status::Exited(7), "{name}: {finished:?}");
        assert_eq!(finished.stderr, "", "{name}={value}");
    }
}

#[test]
fn the_first_non_option_argument_ends_the_options() {
    let words = ["args", "-v", "--target", "nobody", "--", "-x"];
    let expected = "-v\n--target\nnobody\n--\n-x\n";
    for options in [&[][..], &["-c"], &["-c", "--"]] {
        let rinit = Rinit::as_pid1().options(options).puppet(words);
        let finished = rinit.start().finish();
        assert_eq!(finished.status, Status::Exited(0), "{finished:?}");
        assert_eq!(finished.stdout, expected);
        assert_eq!(finished.stderr, "");
    }
}

#[test]
fn after_two_dashes_even_an_option_is_a_command() {
    for options in [&["--"][..], &["-c", "--"]] {
        for command in ["-x", "-v", "--version", "--"] {
            let rinit = Rinit::as_pid1().options(options).command([command]);
            let finished = rinit.start().finish();
            assert_eq!(finished.status, Status::Exited(127), "{finished:?}");
            assert!(finished.stderr.contains(&format!("{command:?}")));
        }
    }
}

#[test]
fn a_single_dash_is_a_command() {
    let finished = Rinit::as_pid1().command(["-"]).start().finish();
    assert_eq!(finished.status, Status::Exited(127), "{finished:?}");
    let rinit = Rinit::as_pid1().options(["-c"]).command(["-"]);
    assert_eq!(rinit.start().finish().status, Status::Exited(127));
}

/// The output of an option that starts nothing.
#[track_caller]
fn printed(option: &str) -> String {
    let scratch = Scratch::new();
    for rinit in [Rinit::as_pid1(), rinit(&scratch)] {
        let finished = rinit.options([option]).start().finish();
        assert_eq!(finished.status, Status::Exited(0), "{finished:?}");
        assert_eq!(finished.stderr, "");
        assert!(!scratch.path("made").exists(), "the command was started");
    }
    let finished = Rinit::as_pid1().options([option]).start().finish();
    finished.stdout
}

#[test]
fn the_version_has_the_form_that_docker_reads() {
    for option in ["-V", "--version"] {
        let line = printed(option);
        let parts = line.strip_prefix("rinit ").unwrap_or_else(|| panic!("{line}"));
        let parts = parts.strip_suffix('\n').unwrap_or_else(|| panic!("{line}"));
        let (version, hash) = parts.split_once(" - git.").unwrap_or_else(|| panic!("{line}"));
        let numbers: Vec<&str> = version.split('.').collect();
        assert_eq!(numbers.len(), 3, "{line}");
        assert!(numbers.iter().all(|number| number.parse::<u32>().is_ok()));
        assert!((7..=40).contains(&hash.len()), "{line}");
        assert!(hash.bytes().all(|digit| digit.is_ascii_hexdigit()), "{line}");
    }
}

#[test]
fn the_help_names_every_option_with_its_variable() {
    for option in ["-h", "--help"] {
        let help = printed(option);
        for part in [
            "-g, --group",
            "RINIT_TARGET=group",
            "-c, --single-child",
            "RINIT_TARGET=main",
            "-t, --target",
            "RINIT_TARGET]",
            "-r, --rewrite",
            "RINIT_REWRITE",
            "--session",
            "RINIT_SESSION",
            "-P, --pause",
            "-w, --warn-reaped",
            "RINIT_WARN_REAPED",
            "-p, --parent-death",
            "RINIT_PARENT_DEATH",
            "-s, --subreaper",
            "RINIT_SUBREAPER",
            "-e, --map-exit",
            "RINIT_MAP_EXIT",
            "-v, --verbose",
            "-q, --quiet",
            "RINIT_LOG",
            "-l, --license",
            "-V, --version",
            "-h, --help",
            "125",
            "126",
            "127",
            "128",
        ] {
            assert!(help.contains(part), "{part:?} is not in:\n{help}");
        }
    }
}

#[test]
fn the_licence_is_printed() {
    for option in ["-l", "--license"] {
        let text = printed(option);
        assert!(text.contains("MIT"), "{text}");
        assert!(text.contains("Permission is hereby granted"), "{text}");
    }
}

/// A whole run of a service that exits on TERM or is killed by a signal.
fn run(rinit: Rinit, act: &str) -> Finished {
    let mut rinit = rinit.puppet([act]).start_until_ready();
    rinit.send(libc::SIGTERM);
    rinit.finish()
}

/// The levels of the lines, each of which must have the documented form.
#[track_caller]
fn levels(stderr: &str, pid: i32) -> Vec<&str> {
    let start = format!("rinit[{pid}]: ");
    let lines = stderr.lines().map(|line| {
        let rest = line.strip_prefix(&start);
        let (level, text) = rest.and_then(|rest| rest.split_once(": ")).unwrap_or_else(|| panic!("{line}"));
        assert!(!text.is_empty(), "{line}");
        level
    });
    lines.collect()
}

#[test]
fn each_v_logs_more_and_every_line_has_the_same_form() {
    let logged = |options: &[&str]| {
        let stderr = run(Rinit::as_pid1().options(options), "service").stderr;
        let levels = levels(&stderr, 1);
        ["INFO", "DEBUG", "TRACE"].map(|level| levels.contains(&level))
    };
    assert_eq!(logged(&[]), [false, false, false]);
    assert_eq!(logged(&["-v"]), [true, false, false]);
    assert_eq!(logged(&["--verbose"]), [true, false, false]);
    assert_eq!(logged(&["-vv"])[..2], [true, true]);
    assert_eq!(logged(&["-v", "-v"])[..2], [true, true]);
    assert_eq!(logged(&["-v", "-q"]), [false, false, false]);
    assert_eq!(logged(&["-q", "-v"]), [true, false, false]);
}

#[test]
fn the_variable_sets_the_log_level_and_the_option_wins() {
    let logged = |filter: &str, options: &[&str]| {
        let rinit = Rinit::as_pid1().variable("RINIT_LOG", filter);
        let stderr = run(rinit.options(options), "service").stderr;
        let levels = levels(&stderr, 1);
        ["INFO", "DEBUG"].map(|level| levels.contains(&level))
    };
    assert_eq!(logged("info", &[]), [true, false]);
    assert_eq!(logged("debug", &[]), [true, true]);
    assert_eq!(logged("rinit=debug", &[]), [true, true]);
    assert_eq!(logged("off", &[]), [false, false]);
    assert_eq!(logged("debug", &["-q"]), [false, false]);
    assert_eq!(logged("debug", &["-v"]), [true, false]);
    assert_eq!(logged("error", &["-v"]), [true, false]);
}

#[test]
fn log_lines_contain_rinits_pid_unless_it_is_1() {
    let finished = run(Rinit::as_child().options(["-v"]), "service");
    assert!(levels(&finished.stderr, 2).contains(&"INFO"));
}

#[test]
fn quiet_still_reports_why_nothing_was_started() {
    let rinit = Rinit::as_pid1().options(["-q"]).command(["/no/such/command"]);
    let stderr = rinit.start().finish().stderr;
    assert_eq!(levels(&stderr, 1), ["ERROR"]);
}

#[test]
fn options_that_start_nothing_refuse_a_command() {
    assert_options_refused(["--pause"], &["--pause", "no command"]);
    assert_options_refused(["-P"], &["--pause", "no command"]);
    assert_options_refused(["--report"], &["--report", "no command"]);
    let finished = Rinit::as_pid1().options(["--report", "--pause"]).start().finish();
    assert_eq!(finished.status, Status::Exited(125));
    assert!(finished.stderr.contains("--report") && finished.stderr.contains("--pause"), "{finished:?}");
}
