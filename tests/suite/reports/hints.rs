//! The hints of the slow stop report: the one that fits the cause, and none unless the cause is certain.

use super::play;
use crate::support::{Process, Rinit, puppet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    ShellWaits,
    Ignores,
    Blocks,
    Stopped,
    Uninterruptible,
    NotSignalled,
    Zombie,
    NestedInit,
    RestartsWorkers,
}

/// A phrase that only the hint for that cause contains.
const HINTS: [(Cause, &str); 9] = [
    (Cause::ShellWaits, "acts on SIGTERM only when its foreground child"),
    (Cause::Ignores, "ignores SIGTERM; STOPSIGNAL can choose another"),
    (Cause::Blocks, "blocks SIGTERM and does not take it"),
    (Cause::Stopped, "is stopped and cannot act on SIGTERM"),
    (Cause::Uninterruptible, "is in uninterruptible sleep: it waits for"),
    (Cause::NotSignalled, "did not get SIGTERM; --target all would reach it"),
    (Cause::RestartsWorkers, "main restarts its workers on SIGTERM; -r TERM:QUIT or -r TERM:INT is usual"),
    (Cause::Zombie, "is a zombie: its parent"),
    (Cause::NestedInit, "is PID 1 of a namespace of its own"),
];

/// Stops a main that does not exit, with rinit as PID 1 and not, and checks that the report has this hint and no other.
fn hint_is(cause: Option<Cause>, command: impl Fn(Rinit) -> Rinit, is_there: fn(&[Process]) -> bool) {
    for rinit in [Rinit::as_pid1, Rinit::as_child] {
        // If both are due the report comes first, because it is about living processes.
        let rinit = rinit().options(["--report-after", "300ms", "--kill-after", "300ms", "--grace", "0"]);
        let mut rinit = command(rinit).start_until_ready();
        rinit.eventually("what holds up the stop is there", is_there);
        rinit.send(libc::SIGTERM);
        let stderr = rinit.finish().stderr;
        assert!(stderr.contains(" after SIGTERM: "), "no report: {stderr}");
        let hints: Vec<&str> = stderr.lines().filter(|line| line.contains("hint: ")).collect();
        assert_eq!(hints.len(), usize::from(cause.is_some()), "{stderr}");
        let fits = |words: &str| hints.iter().any(|hint| hint.contains(words));
        let causes: Vec<Cause> = HINTS.into_iter().filter(|(_, words)| fits(words)).map(|(cause, _)| cause).collect();
        assert_eq!(causes, Vec::from_iter(cause), "{stderr}");
    }
}

fn at_once(_: &[Process]) -> bool {
    true
}

fn shell(rinit: Rinit, trap: &str, child: &str) -> Rinit {
    let script = format!("trap '{trap}' TERM; \"$0\" play {child}; :");
    rinit.command(["/bin/sh".as_ref(), "-c".as_ref(), script.as_ref(), puppet().as_os_str()])
}

fn shell_is_there(processes: &[Process]) -> bool {
    processes.iter().any(|process| process.name == "sh" && process.state == 'S')
}

#[test]
fn a_shell_that_waits_for_its_foreground_child() {
    // Under its own name rinit would have sent the signal to the child too.
    let alone = |rinit: Rinit| shell(rinit.name("tini").options(["--"]), "exit 0", "say ready pause");
    hint_is(Some(Cause::ShellWaits), alone, shell_is_there);
    let in_another_session = |rinit| shell(rinit, "exit 0", "session say ready pause");
    hint_is(Some(Cause::ShellWaits), in_another_session, shell_is_there);
}

#[test]
fn a_shell_is_not_blamed_if_its_child_got_the_signal() {
    let child_ignores = |rinit| shell(rinit, "exit 0", "ignore TERM say ready pause");
    hint_is(Some(Cause::Ignores), child_ignores, shell_is_there);
    let child_takes_its_time = |rinit| shell(rinit, "exit 0", "handle TERM say ready pause");
    hint_is(None, child_takes_its_time, shell_is_there);
}

#[test]
fn a_process_that_ignores_the_signal() {
    hint_is(Some(Cause::Ignores), |rinit| play(rinit, "ignore TERM say ready pause"), at_once);
    hint_is(Some(Cause::Ignores), |rinit| play(rinit, "handle TERM [ ignore TERM pause ] say ready pause"), at_once);
    // An ignored signal is never pending.
    hint_is(Some(Cause::Ignores), |rinit| play(rinit, "ignore TERM block TERM say ready pause"), at_once);
    hint_is(Some(Cause::Ignores), |rinit| shell(rinit, "", "say ready pause"), shell_is_there);
}

#[test]
fn a_process_in_many_groups_is_read_correctly() {
    // /proc/PID/status has one line with all groups.
    for count in ["1000", "1100", "1170", "5000", "65536"] {
        let words = ["in-groups", count, puppet().to_str().unwrap(), "play", "ignore", "TERM", "say", "ready", "pause"];
        hint_is(Some(Cause::Ignores), |rinit| rinit.puppet(words), at_once);
    }
}

#[test]
fn a_process_that_blocks_the_signal() {
    hint_is(Some(Cause::Blocks), |rinit| play(rinit, "block TERM say ready pause"), at_once);
    hint_is(Some(Cause::Blocks), |rinit| play(rinit, "handle TERM block TERM say ready pause"), at_once);
}

#[test]
fn a_process_that_is_stopped() {
    let stopped = |processes: &[Process]| processes.iter().any(Process::is_stopped);
    hint_is(Some(Cause::Stopped), |rinit| play(rinit, "handle TERM [ stop pause ] say ready pause"), stopped);
    let by_default = |rinit| play(rinit, "handle TERM [ default TERM stop pause ] say ready pause");
    hint_is(Some(Cause::Stopped), by_default, stopped);
}

#[test]
fn a_process_in_uninterruptible_sleep() {
    let sleeps = |processes: &[Process]| processes.iter().any(|process| process.state == 'D');
    hint_is(Some(Cause::Uninterruptible), |rinit| play(rinit, "handle TERM vfork [ say ready pause ] pause"), sleeps);
}

#[test]
fn a_process_that_the_signal_was_not_sent_to() {
    let in_another_group = |rinit| play(rinit, "[ group pause ] handle TERM say ready pause");
    hint_is(Some(Cause::NotSignalled), in_another_group, at_once);
    let in_another_session = |rinit| play(rinit, "[ session pause ] handle TERM say ready pause");
    hint_is(Some(Cause::NotSignalled), in_another_session, at_once);
    // Main may stop it by itself.
    let alone = |rinit: Rinit| play(rinit.options(["--single-child"]), "[ pause ] handle TERM say ready pause");
    hint_is(None, alone, at_once);
}

#[test]
fn a_main_whose_children_are_younger_than_the_signal() {
    let restarts = |rinit: Rinit| {
        // As uwsgi does.
        let script = "trap 'again=1' TERM; \"$0\" play say ready pause & \
                      while :; do wait; [ $again ] && again= && { kill $!; wait; sleep 0.1; \"$0\" play pause & }; done";
        rinit.options(["-c"]).command(["/bin/sh".as_ref(), "-c".as_ref(), script.as_ref(), puppet().as_os_str()])
    };
    hint_is(Some(Cause::RestartsWorkers), restarts, shell_is_there);
    let keeps = |rinit: Rinit| play(rinit, "handle TERM [ handle TERM pause ] say ready pause");
    hint_is(None, keeps, at_once);
}

#[test]
fn a_zombie_whose_parent_does_not_wait_for_it() {
    let dead = |processes: &[Process]| processes.iter().any(|process| process.state == 'Z');
    hint_is(Some(Cause::Zombie), |rinit| play(rinit, "handle TERM [ exit 0 ] say ready pause"), dead);
    hint_is(Some(Cause::Zombie), |rinit| play(rinit, "handle TERM [ [ exit 0 ] pause ] say ready pause"), dead);
}

#[test]
fn the_init_of_a_nested_namespace_with_the_default_action() {
    let nested = |rinit| play(rinit, "handle TERM nested [ default TERM pause ] say ready pause");
    hint_is(Some(Cause::NestedInit), nested, at_once);
    // As unshare(1) waits for the init that it made.
    let waiting = |rinit| play(rinit, "nested [ pause ] block TERM say ready pause");
    hint_is(Some(Cause::NestedInit), waiting, at_once);
}

#[test]
fn a_process_that_handles_the_signal_slowly_gets_no_hint() {
    hint_is(None, |rinit| play(rinit, "handle TERM say ready pause"), at_once);
    hint_is(None, |rinit| play(rinit, "handle TERM [ pause ] nested [ pause ] say ready pause"), at_once);
    hint_is(None, |rinit| play(rinit, "handle TERM say ready lose-leader pause"), at_once);
}

#[test]
fn a_process_that_uses_sigwait_gets_no_hint() {
    hint_is(None, |rinit| play(rinit, "block TERM say ready await TERM pause"), at_once);
    hint_is(None, |rinit| play(rinit, "block-all say ready print main USR1"), at_once);
}

#[test]
fn with_target_all_no_process_is_reported_as_left_out() {
    let target_all = |rinit: Rinit| {
        play(rinit.options(["--target", "all"]), "handle TERM [ group pause ] [ session pause ] say ready pause")
    };
    hint_is(None, target_all, at_once);
}
