//! If rinit is not PID 1, its drain covers its descendants and no other process.

use super::{PLACES, hold, lines_of, part, patient, play, play_until_ready, saves_undisturbed};
use crate::support::{Rinit, Running, Status, Tracer};

/// A process of the same namespace that is not a descendant of rinit. It prints what arrives.
macro_rules! outsider {
    ($rinit:expr) => {{
        let mut outsider = $rinit.start_exec(part("block-all say there print outsider WINCH"));
        outsider.expect("there");
        outsider
    }};
}

#[test]
fn processes_outside_its_tree_are_neither_asked_nor_killed() {
    for target in ["group", "main", "all"] {
        let rinit = Rinit::as_child().options(["--target", target, "--grace", "300ms"]);
        let parts = "[ ignore TERM pause ] [ group ignore TERM pause ] say ready pause";
        let mut rinit = play_until_ready(rinit, parts);
        let mut outsider = outsider!(rinit);
        for signal in [libc::SIGURG, libc::SIGCONT, libc::SIGTERM] {
            rinit.send(signal);
        }
        assert_eq!(rinit.wait(), Status::Exited(143));
        assert_eq!(rinit.processes().len(), 2, "PID 1 and the outsider; {}", rinit.situation());
        let pid = rinit.processes().iter().map(|process| process.pid).max().unwrap();
        rinit.exec(["signal", &pid.to_string(), "28"]);
        assert_eq!(outsider.finish().stdout, "there\noutsider 28\n", "with a target of {target}");
    }
}

#[test]
fn processes_outside_its_tree_are_not_waited_for() {
    for options in [&["--grace", "inf"][..], &["--wait-all"]] {
        let mut rinit = play_until_ready(Rinit::as_child().options(options), "say ready stdin exit 3");
        let outsider = outsider!(rinit);
        rinit.close_stdin();
        assert_eq!(rinit.wait(), Status::Exited(3));
        assert_eq!(rinit.processes().len(), 2, "PID 1 and the outsider; {}", rinit.situation());
        drop(outsider);
    }
}

#[test]
fn an_adopted_process_belongs_to_its_tree() {
    // The middle process exits, and its child becomes an orphan.
    let mut rinit =
        play_until_ready(patient(Rinit::as_child), "[ [ session save orphan ] exit 0 ] say ready stdin exit 3");
    let itself = rinit.itself().pid;
    rinit.eventually("the orphan is adopted", |processes| {
        processes.iter().filter(|process| process.parent == itself && process.state != 'Z').count() == 2
    });
    rinit.close_stdin();
    saves_undisturbed(&mut rinit, "orphan");
    assert_eq!(rinit.finish().status, Status::Exited(3));
}

/// A tree with a process whose PID is free as soon as it exits, because its parent ignores CHLD.
const TREE: &str =
    "[ ignore CHLD [ ignore TERM ignore CONT group say below pause ] group save above ] say ready stdin exit 3";

/// While rinit is about to open a pidfd for that process, gives its PID to a process that is not a descendant of rinit.
fn replace(rinit: &mut Running, tracer: &mut Tracer, times: usize) -> impl FnOnce(&mut Running) + use<> {
    let below = rinit.processes().iter().map(|process| process.pid).max().unwrap();
    replace_before(below, rinit, tracer, times)
}

/// Does so when rinit is about to open the `times`th pidfd for `next`.
fn replace_before(
    next: i32,
    rinit: &mut Running,
    tracer: &mut Tracer,
    times: usize,
) -> impl FnOnce(&mut Running) + use<> {
    let below = rinit.processes().iter().map(|process| process.pid).max().unwrap();
    for _ in 0..times {
        tracer.call_that(|call| call.number == libc::SYS_pidfd_open && call.arguments[0] as i32 == next);
    }
    rinit.exec(["signal", &below.to_string(), "9"]);
    rinit.eventually("its PID is free", |processes| processes.iter().all(|process| process.pid != below));
    let words = format!("next-pid {below} [ group print outsider WINCH ] say there pause");
    let mut makers = std::iter::repeat_with(|| {
        let mut maker = rinit.start_exec(part(&words));
        maker.expect("there");
        let succeeded = rinit.processes().iter().any(|process| process.pid == below);
        (maker, succeeded)
    });
    // The kernel may take a moment to free the PID of a process that is gone.
    let mut maker = makers.find(|(_, succeeded)| *succeeded).expect("a process with that PID").0;
    move |rinit| {
        rinit.exec(["signal", &below.to_string(), "28"]);
        maker.expect("outsider 28");
    }
}

#[test]
fn a_process_that_reuses_a_descendants_pid_is_not_asked() {
    // Before the TERM, and before the CONT.
    for times in [1, 2] {
        let mut rinit = play_until_ready_below(patient(Rinit::as_child));
        let mut tracer = hold(&rinit);
        rinit.close_stdin();
        let gets_nothing_else = replace(&mut rinit, &mut tracer, times);
        drop(tracer);
        saves_undisturbed(&mut rinit, "above");
        assert_eq!(rinit.wait(), Status::Exited(3));
        gets_nothing_else(&mut rinit);
    }
}

#[test]
fn a_process_that_reuses_a_descendants_pid_gets_no_forwarded_signal() {
    for signal in [libc::SIGCONT, libc::SIGURG] {
        let mut rinit = play_until_ready_below(patient(Rinit::as_child).options(["--target", "all"]));
        let mut tracer = hold(&rinit);
        rinit.send(signal);
        let gets_nothing_else = replace(&mut rinit, &mut tracer, 1);
        drop(tracer);
        rinit.close_stdin();
        saves_undisturbed(&mut rinit, "above");
        assert_eq!(rinit.wait(), Status::Exited(3));
        gets_nothing_else(&mut rinit);
    }
}

#[test]
fn a_process_that_reuses_a_descendants_pid_is_not_killed() {
    let mut rinit = play_until_ready_below(Rinit::as_child().options(["--grace", "3s"]));
    let mut tracer = hold(&rinit);
    rinit.close_stdin();
    let below = rinit.processes().into_iter().max_by_key(|process| process.pid).unwrap();
    // After TERM and CONT comes KILL, when the grace period is over: first for the parent, then for all others found.
    let gets_nothing_else = replace_before(below.parent, &mut rinit, &mut tracer, 3);
    drop(tracer);
    assert_eq!(rinit.wait(), Status::Exited(3));
    gets_nothing_else(&mut rinit);
}

fn play_until_ready_below(rinit: Rinit) -> Running {
    let mut rinit = play(rinit, TREE);
    rinit.expect("below");
    rinit.expect("ready");
    super::let_the_clock_tick(&rinit);
    rinit
}

#[test]
fn it_never_signals_all_processes() {
    for options in [&["--grace", "300ms"][..], &["--grace", "300ms", "--target", "all"]] {
        let parts = "[ group ignore TERM pause ] say ready stdin exit 3";
        let mut rinit = play_until_ready(Rinit::as_child().options(options), parts);
        let mut tracer = hold(&rinit);
        rinit.send(libc::SIGWINCH);
        rinit.close_stdin();
        loop {
            let call = tracer.next_call();
            assert!(call.number != libc::SYS_kill || call.arguments[0] as i32 != -1, "{call:?}");
            if call.number == libc::SYS_exit_group {
                break;
            }
        }
    }
}

#[test]
fn without_pidfds_a_descendant_is_asked_once_it_is_a_child() {
    let calls = [libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal].map(|call| call.to_string()).join(",");
    for answer in [libc::ENOSYS, libc::EPERM] {
        let rinit = patient(Rinit::as_child);
        let rinit = rinit.through(["refusing", &answer.to_string(), &format!("{calls},clone-pidfd")]);
        let parts = "[ group [ group [ group print below WINCH ] pause ] pause ] exit 3";
        let mut rinit = play(rinit, parts);
        rinit.expect("below 15");
        rinit.expect("below 18");
        rinit.send(libc::SIGWINCH);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(3));
        assert_eq!(lines_of("below", &finished), super::ASKED_ONCE);
        assert!(!finished.stderr.contains("CAP_KILL"), "{}", finished.stderr);
    }
}

#[test]
fn without_adoption_it_drains_its_own_children_only() {
    for place in PLACES {
        let mut rinit = play(patient(place).variable("RINIT_SUBREAPER", "0"), "[ group pause ] exit 3");
        assert_eq!(rinit.wait(), Status::Exited(3));
    }
}
