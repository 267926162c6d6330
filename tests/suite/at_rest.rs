//! An idle rinit: what it keeps open, and that it sleeps.

use crate::support::{
    LIMIT, Reaping, Rinit, Running, Scratch, Status, Stream, catchable, counting_rinit, puppet, signal_set,
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

/// A rinit whose main is idle.
fn resting(rinit: Rinit) -> Running {
    rinit.puppet(["pause"]).start_until_ready()
}

#[test]
fn rinit_changes_its_directory_to_the_root_and_main_does_not() {
    let scratch = Scratch::new();
    let rinit = resting(Rinit::as_pid1().directory(&scratch));
    let cwd = |pid: i32| std::fs::read_link(rinit.proc(&format!("{pid}/cwd"))).unwrap();
    rinit.until("rinit is in /", || cwd(1) == Path::new("/"));
    assert_eq!(cwd(rinit.main().pid), std::fs::canonicalize(&scratch).unwrap());
}

#[test]
fn rinit_keeps_only_the_standard_streams_open() {
    let null = || File::open("/dev/null").unwrap();
    let given = [3, 4, 17, 99].into_iter().fold(Rinit::as_pid1(), |rinit, number| rinit.descriptor(number, null()));
    let rinit = resting(given);
    let descriptors = || {
        let entries = std::fs::read_dir(rinit.proc("1/fd")).unwrap().flatten();
        let mut descriptors: Vec<(i32, String)> = entries
            .filter_map(|entry| {
                let number = entry.file_name().to_str()?.parse().ok()?;
                let target = std::fs::read_link(entry.path()).ok()?;
                Some((number, target.to_str()?.to_owned()))
            })
            .collect();
        descriptors.sort();
        descriptors
    };
    let is_own = |target: &str| target.starts_with("anon_inode:");
    rinit.until("only rinit's own descriptors are open", || {
        let mut above = descriptors().into_iter().filter(|(number, _)| *number > 2);
        above.all(|(_, target)| is_own(&target))
    });
    let descriptors = descriptors();
    let streams: Vec<i32> =
        descriptors.iter().filter(|(_, target)| target.starts_with("pipe:")).map(|(number, _)| *number).collect();
    assert_eq!(streams, [0, 1, 2], "{descriptors:?}");
    assert!(descriptors.len() <= 5, "{descriptors:?}");
}

#[test]
fn rinits_own_descriptors_never_take_the_place_of_a_closed_standard_stream() {
    const GIVEN: i32 = 9;
    let stream = |closed| if closed { Stream::Closed } else { Stream::Pipe };
    for [stdin, stdout, stderr] in (0..8).map(|bits| [1, 2, 4].map(|bit| bits & bit != 0)) {
        let rinit = Rinit::as_pid1().stdin(stream(stdin)).stdout(stream(stdout)).stderr(stream(stderr));
        let rinit = rinit.descriptor(GIVEN, File::open("/dev/null").unwrap()).puppet(["pause"]).start();
        let is_open = |number: i32| rinit.proc(&format!("1/fd/{number}")).symlink_metadata().is_ok();
        // main may be ready before rinit has opened its own descriptors, which get the lowest free number before they
        // are moved.
        rinit.until("rinit waits for signals", || rinit.sleeps() && !is_open(GIVEN));
        assert_eq!([0, 1, 2].map(is_open), [!stdin, !stdout, !stderr]);
    }
}

#[test]
fn a_pipe_that_main_closes_reaches_end_of_file() {
    let without_close_range = || {
        let call = libc::SYS_close_range.to_string();
        Rinit::as_pid1().through(["refusing", &libc::ENOSYS.to_string(), &call])
    };
    for rinit in [Rinit::as_pid1(), without_close_range(), without_close_range().through(["without-proc"])] {
        let (reader, writer) = std::io::pipe().unwrap();
        // The shell closes it and keeps running.
        let script = "exec 5>&-; echo closed; read wait";
        let mut rinit = rinit.descriptor(5, writer).command(["sh", "-c", script]).start();
        rinit.expect("closed");
        let limit = PollTimeout::try_from(LIMIT).unwrap();
        let ready = poll(&mut [PollFd::new(reader.as_fd(), PollFlags::POLLIN)], limit);
        assert_eq!(ready, Ok(1), "no end of file within {LIMIT:?}");
    }
}

#[test]
fn an_idle_rinit_sleeps_without_a_timer() {
    for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
        let rinit = resting(rinit);
        rinit.until("rinit waits in a call without a time limit", || rinit.sleeps());
    }
}

#[test]
fn rinit_blocks_every_signal_and_catches_none() {
    let rinit = resting(Rinit::as_pid1());
    let status = std::fs::read_to_string(rinit.proc("1/status")).unwrap();
    let all = signal_set(catchable());
    assert!(status.contains(&format!("SigBlk:\t{all:016x}\n")), "{status}");
    assert!(status.contains("SigCgt:\t0000000000000000\n"), "{status}");
    assert!(status.contains("Threads:\t1\n"), "{status}");
}

#[test]
fn signals_and_orphans_leak_no_descriptor() {
    let mut rinit = Rinit::as_pid1().puppet(["print-signals", "15"]).start_until_ready();
    // main may be ready before rinit has opened the descriptors that it polls.
    rinit.until("rinit waits for signals", || rinit.sleeps());
    let descriptors = || std::fs::read_dir(rinit.proc("1/fd")).unwrap().count();
    let before = descriptors();
    // 0 to 2, a signalfd and a pidfd.
    assert!(before <= 5, "{before}");
    for _ in 0..20 {
        rinit.exec(["signal", "1", "10"]);
    }
    rinit.orphans_come_and_go(50);
    assert_eq!(descriptors(), before);
    rinit.send(libc::SIGTERM);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn signals_and_orphans_allocate_no_memory() {
    for by in Reaping::BOTH {
        // Runs the rinit that counts allocations in place of the tested one.
        let words = [counting_rinit().to_str().unwrap(), "--", puppet().to_str().unwrap(), "print-signals", "12"]
            .map(str::to_owned);
        let mut rinit = Rinit::as_pid1().absent().reaping(by).command(words).start_until_ready();
        for _ in 0..100 {
            (0..100).for_each(|_| rinit.send(40));
            (0..100).for_each(|_| rinit.expect(40));
        }
        rinit.orphans_come_and_go(300);
        rinit.send(libc::SIGUSR2);
        let finished = rinit.finish();
        assert_eq!((finished.status, finished.stderr.as_str()), (Status::Exited(0), "allocations: 0\n"), "{by:?}");
    }
}
