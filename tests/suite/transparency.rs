//! The command runs as if it had been started directly: what the puppet inherits under rinit is compared with what it
//! inherits without rinit.

use crate::support::{Rinit, Scratch, Status, Stream, catchable, signal_set};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

/// Compares what the puppet prints as rinit's main, with rinit as PID 1 and not, with what it prints when it is started
/// directly in the same way. Returns the latter.
#[track_caller]
fn same_under_rinit(give: impl Fn(Rinit) -> Rinit) -> String {
    let print = |rinit: Rinit| {
        let finished = give(rinit).start().finish();
        assert_eq!(finished.status, Status::Exited(0), "{finished:?}");
        assert_eq!(finished.stderr, "");
        finished.stdout
    };
    let direct = print(Rinit::as_pid1().absent());
    assert_same(&print(Rinit::as_pid1()), &direct);
    assert_same(&print(Rinit::as_child()), &direct);
    direct
}

/// Shows only the lines that differ.
#[track_caller]
fn assert_same(under_rinit: &str, direct: &str) {
    let without = |lines: &str, others: &str| {
        let lines = lines.lines().filter(|line| !others.lines().any(|other| other == *line));
        lines.map(str::to_owned).collect::<Vec<String>>()
    };
    assert!(
        under_rinit == direct,
        "under rinit only: {:#?}\nwithout it only: {:#?}",
        without(under_rinit, direct),
        without(direct, under_rinit)
    );
}

#[track_caller]
fn same_state(give: impl Fn(Rinit) -> Rinit) -> String {
    same_under_rinit(|rinit| give(rinit.puppet(["state"])))
}

#[test]
fn main_inherits_what_rinit_was_given() {
    let state = same_state(|rinit| rinit);
    assert!(state.contains("SigBlk:\t0000000000000000\n"), "{state}");
}

#[test]
fn main_gets_the_signal_mask_bit_for_bit() {
    let masks = [
        u64::MAX,
        signal_set([32, 33]),
        signal_set([libc::SIGCHLD]),
        signal_set([libc::SIGTERM, libc::SIGTTOU, 34, 64]),
        0x5555_5555_5555_5555,
        0xaaaa_aaaa_aaaa_aaaa,
    ];
    for mask in masks {
        let state = same_state(|rinit| rinit.mask(mask));
        let blocked = mask & signal_set(catchable());
        assert!(state.contains(&format!("SigBlk:\t{blocked:016x}\n")), "{state}");
    }
}

#[test]
fn ignored_signals_stay_ignored_and_no_others() {
    let sets = [
        vec![libc::SIGPIPE],
        vec![libc::SIGCHLD],
        vec![libc::SIGHUP],
        vec![libc::SIGINT, libc::SIGQUIT],
        vec![libc::SIGTTOU, libc::SIGTSTP],
        vec![32, 33, 64],
        catchable().collect(),
    ];
    for ignored in sets {
        let state = same_state(|rinit| rinit.ignored(ignored.iter().copied()));
        let set = signal_set(ignored);
        assert!(state.contains(&format!("SigIgn:\t{set:016x}\n")), "{state}");
        assert!(state.contains("SigCgt:\t0000000000000000\n"), "{state}");
    }
}

#[test]
fn main_gets_the_open_descriptors_and_none_of_rinits_own() {
    let null = File::open("/dev/null").unwrap();
    let zero = File::open("/dev/zero").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let state = same_state(|rinit| {
        rinit
            .descriptor(3, null.try_clone().unwrap())
            .descriptor(7, reader.try_clone().unwrap())
            .descriptor(8, writer.try_clone().unwrap())
            .descriptor(42, zero.try_clone().unwrap())
    });
    for line in ["descriptor 3: /dev/null", "descriptor 7: a pipe", "descriptor 42: /dev/zero"] {
        assert!(state.contains(line), "{state}");
    }
    let descriptors = state.lines().filter(|line| line.starts_with("descriptor "));
    assert_eq!(descriptors.count(), 7, "{state}");
}

/// Every subset of 0, 1 and 2.
fn combinations() -> impl Iterator<Item = [bool; 3]> {
    (0..8).map(|bits| [1, 2, 4].map(|bit| bits & bit != 0))
}

fn closing(rinit: Rinit, [stdin, stdout, stderr]: [bool; 3]) -> Rinit {
    let stream = |closed| if closed { Stream::Closed } else { Stream::Pipe };
    rinit.stdin(stream(stdin)).stdout(stream(stdout)).stderr(stream(stderr))
}

#[test]
fn closed_standard_streams_stay_closed_for_main() {
    for closed in combinations() {
        let print = |rinit: Rinit| {
            let scratch = Scratch::new();
            let rinit = closing(rinit.puppet(["state", "9"]), closed);
            let rinit = rinit.descriptor(9, scratch.open("state"));
            assert_eq!(rinit.start().wait(), Status::Exited(0));
            let name = scratch.path("state");
            scratch.read("state").replace(name.to_str().unwrap(), "its own output")
        };
        let direct = print(Rinit::as_pid1().absent());
        assert_same(&print(Rinit::as_pid1()), &direct);
        assert_same(&print(Rinit::as_child()), &direct);
        for (number, closed) in closed.into_iter().enumerate() {
            let shown = direct.contains(&format!("descriptor {number}: "));
            assert_eq!(shown, !closed, "{direct}");
        }
    }
}

#[test]
fn with_standard_streams_closed_no_other_file_is_written() {
    for closed in combinations() {
        for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
            let scratch = Scratch::new();
            let rinit = closing(rinit, closed).descriptor(3, scratch.open("precious"));
            let status = rinit.command(["/no/such/command"]).start().wait();
            assert_eq!(status, Status::Exited(127));
            assert_eq!(scratch.read("precious"), "", "closed: {closed:?}");
        }
    }
}

#[test]
fn with_standard_streams_closed_rinits_own_descriptors_do_not_take_their_place() {
    for closed in combinations() {
        let scratch = Scratch::new();
        let rinit = closing(Rinit::as_pid1(), closed)
            .options(["-vvv"])
            .mask(u64::MAX)
            .descriptor(4, scratch.open("main's"))
            .puppet(["print-signals-to", "4", "15"]);
        let mut rinit = rinit.start();
        rinit.send(libc::SIGUSR1);
        rinit.send(libc::SIGTERM);
        assert_eq!(rinit.wait(), Status::Exited(0), "closed: {closed:?}");
        let written = scratch.read("main's");
        assert_eq!(written, "ready\n10\n15\n", "closed: {closed:?}");
    }
}

#[test]
fn main_gets_the_limits() {
    let state = same_state(|rinit| {
        rinit
            .limit(libc::RLIMIT_NOFILE, 64, 100)
            .limit(libc::RLIMIT_STACK, 4 << 20, 5 << 20)
            .limit(libc::RLIMIT_FSIZE, 1 << 20, 1 << 21)
            .limit(libc::RLIMIT_SIGPENDING, 77, 78)
            .limit(libc::RLIMIT_CPU, 1000, 2000)
    });
    let limit = |name: &str| {
        let lines = state.lines().filter(|line| line.starts_with(name));
        let words = lines.flat_map(|line| line[name.len()..].split_whitespace().take(2));
        words.collect::<Vec<_>>()
    };
    assert_eq!(limit("Max open files"), ["64", "100"]);
    assert_eq!(limit("Max stack size"), ["4194304", "5242880"]);
    assert_eq!(limit("Max pending signals"), ["77", "78"]);
}

#[test]
fn main_gets_the_environment_byte_for_byte() {
    let entries = [
        b"PATH=/bin".as_slice(),
        b"EMPTY=",
        b"SPACES= a  b ",
        b"NEWLINE=a\nb",
        b"BINARY=\xff\xfe\x01\x80",
        b"\xc3=not UTF-8 in the name",
        b"NO_EQUALS_SIGN",
        b"",
        b"TWICE=1",
        b"TWICE=2",
        b"RINIT_TARGET=main",
        b"RINIT_PORT=tcp://10.0.0.1:80",
        b"LISTEN_PID=",
        b"LISTEN_FDS=2",
    ];
    let printed = same_under_rinit(|rinit| rinit.puppet(["env"]).environment(entries.map(OsStr::from_bytes)));
    let expected = entries.map(|entry| format!("{}\n", entry.escape_ascii()));
    assert_eq!(printed, expected.concat());
}

#[test]
fn an_empty_environment_stays_empty() {
    let nothing: [&str; 0] = [];
    let printed = same_under_rinit(|rinit| rinit.puppet(["env"]).environment(nothing));
    assert_eq!(printed, "");
}

#[test]
fn main_gets_its_arguments_byte_for_byte() {
    let arguments =
        [b"".as_slice(), b" ", b"a b", b"line\nfeed", b"\xff\xfe\x80", b"-v", b"--", b"--version", b"'\"$HOME\\", b""];
    let words = [b"args".as_slice()].into_iter().chain(arguments);
    let words: Vec<OsString> = words.map(|word| OsStr::from_bytes(word).into()).collect();
    for options in [&[][..], &["--"], &["-g"], &["-g", "--"]] {
        let finished = Rinit::as_pid1().options(options).puppet(&words).start().finish();
        let expected = arguments.map(|word| format!("{}\n", word.escape_ascii()));
        assert_eq!(finished.stdout, expected.concat(), "{options:?}");
    }
}

#[test]
fn main_gets_the_working_directory() {
    let scratch = Scratch::new();
    let folder = std::fs::canonicalize(&scratch).unwrap();
    let state = same_state(|rinit| rinit.directory(&folder));
    assert!(state.contains(&format!("cwd: {}\n", folder.display())), "{state}");
}

/// The environment of main, where rinit is PID 1 and main PID 2.
fn environment_of_main(given: &[&str]) -> String {
    Rinit::as_pid1().environment(given).puppet(["env"]).start().finish().stdout
}

fn lines(entries: &[&str]) -> String {
    entries.iter().map(|entry| format!("{entry}\n")).collect()
}

#[test]
fn a_variable_with_rinits_pid_is_set_to_mains() {
    let given = ["FIRST=1", "LISTEN_FDS=1", "LISTEN_PID=1", "WATCHDOG_PID=1", "SYSTEMD_EXEC_PID=1", "LAST=1"];
    let expected = ["FIRST=1", "LISTEN_FDS=1", "LISTEN_PID=2", "WATCHDOG_PID=2", "SYSTEMD_EXEC_PID=2", "LAST=1"];
    assert_eq!(environment_of_main(&given), lines(&expected));
    // Each variable alone.
    let given = ["WATCHDOG_PID=1", "LISTEN_PID=9", "SYSTEMD_EXEC_PID=8"];
    assert_eq!(environment_of_main(&given), lines(&["WATCHDOG_PID=2", "LISTEN_PID=9", "SYSTEMD_EXEC_PID=8"]));
}

#[test]
fn a_variable_with_another_pid_is_unchanged() {
    for name in ["LISTEN_PID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID", "MAINPID", "LISTEN_PIDX", "MY_LISTEN_PID"] {
        for pid in ["2", "4711", "", "1x", "01", "11"] {
            let entry = format!("{name}={pid}");
            assert_eq!(environment_of_main(&[&entry]), format!("{entry}\n"));
        }
    }
    assert_eq!(environment_of_main(&["MAINPID=1", "LISTEN_PIDX=1"]), lines(&["MAINPID=1", "LISTEN_PIDX=1"]));
}

#[test]
fn the_inode_of_rinits_pidfd_is_not_passed_to_main() {
    let given = ["LISTEN_PID=1", "LISTEN_PIDFDID=77", "LISTEN_FDS=1"];
    assert_eq!(environment_of_main(&given), lines(&["LISTEN_PID=2", "LISTEN_FDS=1"]));
    let given = ["LISTEN_PIDFDID=77", "LISTEN_FDS=1", "LISTEN_PID=1"];
    assert_eq!(environment_of_main(&given), lines(&["LISTEN_FDS=1", "LISTEN_PID=2"]));
    // These are about another process, or are other variables.
    for stays in [["LISTEN_PID=9", "LISTEN_PIDFDID=77"], ["MANAGERPIDFDID=5", "LISTEN_PIDFDID=77"]] {
        assert_eq!(environment_of_main(&stays), lines(&stays));
    }
}

#[test]
fn the_first_of_two_equal_variables_wins_as_in_getenv() {
    let other_first = ["LISTEN_PID=9", "LISTEN_PID=1", "LISTEN_PIDFDID=77"];
    assert_eq!(environment_of_main(&other_first), lines(&other_first));
    let ours_first = ["LISTEN_PID=1", "LISTEN_PID=9", "LISTEN_PID=1", "LISTEN_PIDFDID=77"];
    assert_eq!(environment_of_main(&ours_first), lines(&["LISTEN_PID=2", "LISTEN_PID=9", "LISTEN_PID=2"]));
}

#[test]
fn main_leads_a_process_group_of_its_own_in_the_same_session() {
    let stdout = Rinit::as_pid1().puppet(["ids"]).start().finish().stdout;
    assert_eq!(stdout, "pid 2 parent 1 group 2 session 1 parent-death signal 0\n");
    let stdout = Rinit::as_child().puppet(["ids"]).start().finish().stdout;
    assert_eq!(stdout, "pid 3 parent 2 group 3 session 2 parent-death signal 0\n");
}

#[test]
fn main_shares_the_open_files_with_rinit_and_is_not_given_copies() {
    let scratch = Scratch::new();
    let log = scratch.open("log");
    let given = || Stream::Given(OwnedFd::from(log.try_clone().unwrap()));
    let rinit = Rinit::as_pid1().stdout(given()).stderr(given());
    let mut rinit = rinit.options(["-v"]).puppet(["args", "from main"]).start();
    assert_eq!(rinit.wait(), Status::Exited(0));
    let lines = scratch.read("log");
    assert!(lines.starts_with("from main\nrinit[1]: "), "{lines}");
}
