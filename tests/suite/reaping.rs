//! rinit leaves no zombie that it could reap.

use crate::support::{Process, Reaping, Rinit, Running, Started, Status, kernel_can_reap};

const ORPHANS: usize = 2000;

fn is_alone_with_main(processes: &[Process], rinit: &Process) -> bool {
    let others = processes.iter().filter(|process| process.pid != 1);
    let others = others.filter(|process| process.pid != rinit.pid);
    others.count() == 1
}

/// Creates orphans and checks that none of them is left while main keeps running.
fn orphans_leave_nothing(rinit: Rinit) {
    let words = ["orphans", &ORPHANS.to_string(), "23"];
    let mut rinit = rinit.puppet(words).start();
    rinit.expect("done");
    let itself = rinit.itself();
    rinit.eventually("rinit and main are alone", |processes| is_alone_with_main(processes, &itself));
    rinit.close_stdin();
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(23));
    assert_eq!(finished.stderr, "");
}

#[test]
fn orphans_leave_no_zombie_where_rinit_is_pid_1() {
    for by in Reaping::BOTH {
        orphans_leave_nothing(Rinit::as_pid1().reaping(by));
    }
}

#[test]
fn orphans_leave_no_zombie_where_rinit_is_not_pid_1() {
    for by in Reaping::BOTH {
        orphans_leave_nothing(Rinit::as_child().reaping(by));
    }
}

#[test]
fn orphans_leave_no_zombie_where_rinit_inherits_sigchld_as_ignored() {
    for by in Reaping::BOTH {
        orphans_leave_nothing(Rinit::as_pid1().reaping(by).ignored([libc::SIGCHLD]));
    }
}

#[test]
fn signals_arrive_while_orphans_are_reaped() {
    for by in Reaping::BOTH {
        let mut rinit = Rinit::as_pid1().reaping(by).puppet(["print-signals", "15"]).start_until_ready();
        let mut storm = rinit.start_exec(["orphans", "1000", "0"]);
        for _ in 0..200 {
            rinit.send(libc::SIGUSR1);
            rinit.expect(libc::SIGUSR1);
        }
        storm.expect("done");
        storm.close_stdin();
        assert_eq!(storm.wait(), Status::Exited(0));
        rinit.eventually("rinit and main are alone", |processes| processes.len() == 2);
        rinit.send(libc::SIGTERM);
        assert_eq!(rinit.finish().status, Status::Exited(0));
    }
}

fn adopter(rinit: &mut Running) -> String {
    let line = rinit.line();
    let pid = line.strip_prefix("adopted by ");
    pid.unwrap_or_else(|| panic!("{line}")).to_owned()
}

#[test]
fn orphans_become_children_of_rinit_and_not_of_pid_1() {
    for by in Reaping::BOTH {
        for options in [&[][..], &["-s"], &["--subreaper"]] {
            let mut rinit = Rinit::as_child().reaping(by).options(options).puppet(["adopted"]).start();
            let itself = rinit.itself();
            assert_ne!(itself.pid, 1);
            assert_eq!(adopter(&mut rinit), itself.pid.to_string());
            rinit.eventually("rinit and main are alone", |processes| is_alone_with_main(processes, &itself));
            rinit.close_stdin();
            let finished = rinit.finish();
            assert_eq!(finished.status, Status::Exited(0));
            assert_eq!(finished.stderr, "");
        }
    }
}

#[test]
fn on_request_orphans_are_left_to_pid_1() {
    for by in Reaping::BOTH {
        for no in ["0", "no", "false", "off"] {
            let rinit = Rinit::as_child().reaping(by).variable("RINIT_SUBREAPER", no);
            let mut rinit = rinit.puppet(["adopted"]).start();
            assert_eq!(adopter(&mut rinit), "1", "RINIT_SUBREAPER={no}");
            rinit.close_stdin();
            assert_eq!(rinit.finish().status, Status::Exited(0));
        }
    }
}

#[test]
fn an_option_wins_over_the_variable_that_turns_adoption_off() {
    for by in Reaping::BOTH {
        let rinit = Rinit::as_child().reaping(by).variable("RINIT_SUBREAPER", "0").options(["-s"]);
        let mut rinit = rinit.puppet(["adopted"]).start();
        let itself = rinit.itself();
        assert_eq!(adopter(&mut rinit), itself.pid.to_string());
        rinit.close_stdin();
        assert_eq!(rinit.finish().status, Status::Exited(0));
    }
}

#[test]
fn as_pid_1_rinit_adopts_orphans_despite_the_variable() {
    for by in Reaping::BOTH {
        let rinit = Rinit::as_pid1().reaping(by).variable("RINIT_SUBREAPER", "0");
        let mut rinit = rinit.puppet(["adopted"]).start();
        assert_eq!(adopter(&mut rinit), "1");
        rinit.eventually("rinit and main are alone", |processes| processes.len() == 2);
        rinit.close_stdin();
        assert_eq!(rinit.finish().status, Status::Exited(0));
    }
}

#[test]
fn children_inherited_by_exec_are_reaped() {
    for by in Reaping::BOTH {
        for rinit in [Rinit::as_pid1().reaping(by), Rinit::as_child().reaping(by)] {
            let rinit = rinit.through(["with-dead-children", "5"]);
            let mut rinit = rinit.puppet(["print-signals", "15"]).start_until_ready();
            let itself = rinit.itself();
            rinit.eventually("rinit and main are alone", |processes| is_alone_with_main(processes, &itself));
            rinit.send(libc::SIGTERM);
            assert_eq!(rinit.finish().status, Status::Exited(0));
        }
    }
}

#[test]
fn the_exit_of_an_orphan_is_not_taken_for_that_of_main() {
    for by in Reaping::BOTH {
        let rinit = Rinit::as_pid1().reaping(by).through(["with-dead-children", "3"]);
        let mut rinit = rinit.puppet(["exit", "42"]).start();
        assert_eq!(rinit.wait(), Status::Exited(42));
    }
}

fn status_of(rinit: &Running) -> String {
    std::fs::read_to_string(rinit.proc(&format!("{}/status", rinit.itself().pid))).unwrap()
}

/// Whether the kernel reaps: then rinit ignores SIGCHLD.
fn kernel_reaps(rinit: &Running) -> bool {
    let status = status_of(rinit);
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
    u64::from_str_radix(ignored, 16).unwrap() >> (libc::SIGCHLD - 1) & 1 == 1
}

/// A rinit that has chosen how its children are reaped.
fn settled(rinit: Rinit, words: &[&str]) -> Running {
    let rinit = rinit.puppet(words).start_until_ready();
    rinit.until("rinit waits for something to happen", || rinit.sleeps());
    rinit
}

#[test]
fn the_kernel_reaps_where_it_can_give_mains_status() {
    for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
        assert_eq!(kernel_reaps(&settled(rinit, &["pause"])), kernel_can_reap());
    }
    for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
        assert!(!kernel_reaps(&settled(rinit.reaping(Reaping::Waitpid), &["pause"])));
    }
}

/// How often it was scheduled: voluntary and involuntary context switches (proc_pid_status(5)).
fn runs(rinit: &Running) -> u64 {
    let status = status_of(rinit);
    let counts = status.lines().filter_map(|line| line.split_once("_ctxt_switches:"));
    counts.map(|(_, count)| count.trim().parse::<u64>().unwrap()).sum()
}

#[test]
fn orphans_that_the_kernel_reaps_do_not_wake_rinit() {
    for by in Reaping::BOTH {
        let rinit = settled(Rinit::as_pid1().reaping(by), &["pause"]);
        let before = runs(&rinit);
        rinit.orphans_come_and_go(500);
        let times = runs(&rinit) - before;
        assert_eq!(times == 0, kernel_reaps(&rinit), "{by:?}: {times} times");
    }
}

/// The log line about how children are reaped.
fn choice(rinit: Rinit) -> String {
    let finished = rinit.puppet(["exit", "3"]).start().finish();
    assert_eq!(finished.status, Status::Exited(3));
    let line = finished.stderr.lines().find(|line| line.contains("kernel reaps") || line.contains("reaping by"));
    line.unwrap_or_else(|| panic!("{finished:?}")).to_owned()
}

#[test]
fn debug_says_whether_the_kernel_reaps_and_why() {
    let rinit = || Rinit::as_pid1().variable("RINIT_LOG", "rinit::init=debug");
    let line = choice(rinit());
    assert_eq!(line.ends_with("the kernel reaps"), kernel_can_reap(), "{line}");
    let refused = |calls: &str| rinit().through(["refusing", &libc::ENOSYS.to_string(), calls]);
    let mut reasons = vec![
        (refused("clone-pidfd"), "there is no pidfd for main"),
        (refused("pidfd-info"), "PIDFD_GET_INFO, Linux 6.16): function not implemented (ENOSYS)"),
        (Rinit::as_pid1().variable("RINIT_LOG", "debug"), "each orphan's exit is logged"),
    ];
    if kernel_can_reap() {
        reasons.extend([
            (refused(&libc::SYS_pidfd_send_signal.to_string()), "no signals to main's group through its pidfd"),
            (refused(&libc::SYS_signalfd4.to_string()), "no waiting for signals and main's pidfd at once"),
            (refused(&libc::SYS_ppoll.to_string()), "no waiting for signals and main's pidfd at once"),
        ]);
    }
    for (rinit, reason) in reasons {
        let line = choice(rinit);
        assert!(line.contains("reaping by waitpid: ") && line.contains(reason), "{reason}: {line}");
    }
}

/// Stops rinit, kills main and, if that frees main's PID, gives it to a process that plays `part`.
fn replace_main(rinit: &Running, signal: i32, part: &str) -> Started {
    let main = rinit.main().pid;
    rinit.send(libc::SIGSTOP);
    rinit.until("rinit is stopped", || rinit.itself().is_stopped());
    rinit.exec(["signal", &main.to_string(), &signal.to_string()]);
    let is_there = |process: &Process| process.pid == main && (process.state != 'Z' || kernel_reaps(rinit));
    rinit.eventually("main has exited", |processes| !processes.iter().any(is_there));
    let free = if kernel_reaps(rinit) { format!("await-pid {main} ") } else { String::new() };
    let mut stranger = rinit.start_exec(format!("play {free}next-pid {main} [ {part}").split(' '));
    stranger.expect("here");
    let has_its_pid = rinit.processes().iter().any(is_there);
    assert_eq!(has_its_pid, kernel_reaps(rinit), "{}", rinit.situation());
    stranger
}

#[test]
fn a_process_that_reuses_mains_pid_gets_no_signal() {
    for (by, target) in Reaping::BOTH.into_iter().flat_map(|by| [(by, "group"), (by, "main")]) {
        let mut rinit = settled(Rinit::as_pid1().reaping(by).options(["-t", target]), &["pause"]);
        let part = "group block-all say here print stranger TERM ] pause";
        let mut stranger = replace_main(&rinit, libc::SIGKILL, part);
        rinit.send(libc::SIGUSR1);
        rinit.send(libc::SIGCONT);
        // The drain asks it to exit, and nothing else reaches it.
        stranger.expect("stranger 15");
        assert_eq!(stranger.wait(), Status::Killed(libc::SIGTERM));
        assert_eq!(rinit.wait(), Status::Exited(128 + libc::SIGKILL), "{by:?}");
    }
}

#[test]
fn the_exit_of_a_process_that_reuses_mains_pid_is_ignored() {
    for by in Reaping::BOTH {
        let words = ["play", "block", "TERM", "say", "ready", "await", "TERM", "exit", "7"];
        let mut rinit = settled(Rinit::as_pid1().reaping(by), &words);
        let mut stranger = replace_main(&rinit, libc::SIGTERM, "block TERM say here await TERM exit 9 ]");
        assert_eq!(stranger.wait(), Status::Exited(0), "it leaves an orphan");
        rinit.send(libc::SIGCONT);
        assert_eq!(rinit.wait(), Status::Exited(7), "{by:?}");
    }
}

#[test]
fn on_request_each_reaped_orphan_is_a_warning() {
    for rinit in [
        Rinit::as_pid1().options(["-w"]),
        Rinit::as_child().options(["--warn-reaped"]),
        Rinit::as_pid1().variable("RINIT_WARN_REAPED", "1"),
    ] {
        let mut rinit = rinit.puppet(["orphans", "3", "4"]).start();
        rinit.expect("done");
        rinit.until("rinit and main are alone", || is_alone_with_main(&rinit.processes(), &rinit.itself()));
        rinit.close_stdin();
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(4));
        let warnings: Vec<&str> = finished.stderr.lines().collect();
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings.iter().all(|line| line.contains("WARN: reaped orphan ")), "{warnings:?}");
    }
}
