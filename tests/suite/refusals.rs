//! Old kernels and strict seccomp filters: rinit works without the newer system calls that it prefers.

use crate::support::{Rinit, Status, Stream};

/// The filter's errno: EPERM, as container engines choose it, and ENOSYS, as on an old kernel.
const ANSWERS: [i32; 2] = [libc::EPERM, libc::ENOSYS];

/// The calls that rinit can do without, with the first Linux version that has them: waitid 2.6.9, ppoll 2.6.16, signalfd4
/// 2.6.27, prctl's subreaper 3.4, pwritev2 4.6, pidfd_send_signal 5.1, clone's pidfd 5.2, pidfd_open 5.3, close_range 5.9.
fn dispensable() -> Vec<String> {
    let numbers = [
        libc::SYS_waitid,
        libc::SYS_ppoll,
        libc::SYS_signalfd4,
        libc::SYS_prctl,
        libc::SYS_pwritev2,
        libc::SYS_pidfd_send_signal,
        libc::SYS_pidfd_open,
        libc::SYS_close_range,
        libc::SYS_clone3,
    ];
    let numbers = numbers.iter().map(ToString::to_string);
    numbers.chain(["clone-pidfd".to_owned()]).collect()
}

fn without(rinit: Rinit, calls: &str, answer: i32) -> Rinit {
    rinit.through(["refusing", &answer.to_string(), calls])
}

/// Checks the main job: signals arrive, orphans are reaped, the status is right, nothing is logged.
fn do_the_main_job(rinit: Rinit, what: &str) {
    let mut rinit = rinit.puppet(["print-signals", "15"]).start_until_ready();
    for signal in [libc::SIGUSR1, 33, 64] {
        rinit.send(signal);
        rinit.expect(signal);
    }
    rinit.orphans_come_and_go(20);
    rinit.send(libc::SIGTERM);
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(0), "without {what}");
    assert_eq!(finished.stderr, "", "without {what}");
}

#[test]
fn each_of_the_newer_system_calls_can_be_refused() {
    for answer in ANSWERS {
        for call in dispensable() {
            do_the_main_job(without(Rinit::as_pid1(), &call, answer), &call);
        }
    }
}

#[test]
fn all_of_the_newer_system_calls_can_be_refused() {
    for answer in ANSWERS {
        let all = dispensable().join(",");
        do_the_main_job(without(Rinit::as_pid1(), &all, answer), &all);
    }
}

#[test]
fn without_signalfd_no_signal_comes_late_or_twice() {
    let calls = libc::SYS_signalfd4.to_string();
    let rinit = without(Rinit::as_pid1(), &calls, libc::ENOSYS);
    let mut rinit = rinit.puppet(["print-signals", "0"]).start_until_ready();
    for _ in 0..100 {
        rinit.send(40);
    }
    for _ in 0..100 {
        rinit.expect(40);
    }
    rinit.send(64);
    rinit.expect(64);
}

#[test]
fn a_stopped_main_exits_without_a_notification_of_the_stop() {
    let calls = libc::SYS_waitid.to_string();
    let rinit = without(Rinit::as_pid1(), &calls, libc::ENOSYS);
    let mut rinit = rinit.puppet(["pause"]).start_until_ready();
    rinit.stop_main();
    rinit.send(libc::SIGTERM);
    assert_eq!(rinit.wait(), Status::Exited(128 + libc::SIGTERM));
}

#[test]
fn without_pwritev2_a_full_stderr_delays_nothing() {
    for answer in ANSWERS {
        let (_reader, writer) = std::io::pipe().unwrap();
        crate::never_blocks::fill(&writer);
        let rinit = without(Rinit::as_pid1(), &libc::SYS_pwritev2.to_string(), answer);
        let rinit = rinit.options(["-vvv"]).stderr(Stream::Given(writer.into()));
        let mut rinit = rinit.puppet(["print-signals", "15"]).start_until_ready();
        rinit.send(libc::SIGUSR1);
        rinit.expect(libc::SIGUSR1);
        rinit.send(libc::SIGTERM);
        assert_eq!(rinit.finish().status, Status::Exited(0));
    }
}

#[test]
fn one_warning_says_that_orphans_cannot_be_adopted() {
    let rinit = without(Rinit::as_child(), &libc::SYS_prctl.to_string(), libc::EPERM);
    let mut rinit = rinit.puppet(["exit", "7"]).start();
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(7), "{finished:?}");
    let lines: Vec<&str> = finished.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("rinit[2]: WARN: "), "{lines:?}");
    assert!(lines[0].contains("subreaper"), "{lines:?}");
}

#[test]
fn a_refused_clone_is_125_and_one_line() {
    // Every new process is made by one of these.
    let calls = [libc::SYS_clone, libc::SYS_clone3].map(|call| call.to_string()).join(",");
    for (answer, reason) in [(libc::ENOMEM, "ENOMEM"), (libc::EAGAIN, "EAGAIN"), (libc::EPERM, "EPERM")] {
        let rinit = without(Rinit::as_pid1(), &calls, answer).command(["/bin/true"]);
        let finished = rinit.start().finish();
        assert_eq!(finished.status, Status::Exited(125), "{finished:?}");
        let lines: Vec<&str> = finished.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("rinit[1]: ERROR: "), "{lines:?}");
        assert!(lines[0].contains("/bin/true") && lines[0].contains(reason), "{lines:?}");
    }
}
