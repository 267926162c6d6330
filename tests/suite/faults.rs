//! Makes every system call of rinit fail with each of its possible errnos. rinit does its job another way, or reports
//! the failure before main starts. Once main runs, rinit never exits before it, never spins and never hangs.
//!
//! With RINIT_FAULTS=FOLDER single calls fail too, not only all of a kind, and the tables of docs/faults.md are written
//! to FOLDER, in files named as in `SCENES`.

mod calls;
mod supervisor;

use crate::support::{Finished, Reaping, Rinit, Running, Status};
use calls::{errnos, name};
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::PoisonError;
use supervisor::{Call, Fault, Supervisor, Which, Who};

/// How well rinit did its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// It did all of it and logged nothing.
    Done,
    /// It did all of it and logged a warning.
    DoneAndSaid,
    /// It could not forward a signal, which it logged, and did the rest.
    NotForwarded,
    /// It did all of it but could not get main's status, which it logged: 125.
    StatusLost,
    /// It exited with 125 and one line before main started.
    Refused,
    /// It exited with 126 or 127 and one line: main could not be executed.
    NotExecuted,
    /// The fault cannot be observed: with it rinit has no stderr to report on.
    Mute,
}

impl Outcome {
    fn in_words(self) -> &'static str {
        match self {
            Outcome::Done => "works",
            Outcome::DoneAndSaid => "works, and warns",
            Outcome::NotForwarded => "warns that it cannot forward that signal, does the rest",
            Outcome::StatusLost => "exits with 125 and says that main's status is lost",
            Outcome::Refused => "does not start main, says why, exits with 125",
            Outcome::NotExecuted => "says why, exits with 126 or 127",
            Outcome::Mute => "exits with 125 and cannot say why",
        }
    }
}

const SOCKET: i32 = 150;
const STATUS: i32 = 7;

/// A whole life: a signal for main, orphans, a stop, and a drain in which one process exits and one has to be killed.
const PART: &str = "play [ [ exit 0 ] exit 0 ] [ [ group pause ] exit 0 ] [ [ ignore TERM pause ] exit 0 ] \
                    block WINCH block TERM say ready await WINCH say got await TERM exit 7";

/// How rinit is started, and whether it or the kernel reaps.
struct Scene {
    name: &'static str,
    rinit: fn() -> Rinit,
    by: Reaping,
}

const SCENES: [Scene; 4] = [
    Scene { name: "pid1-kernel", rinit: Rinit::as_pid1, by: Reaping::KernelWhereItCan },
    Scene { name: "pid1-waitpid", rinit: Rinit::as_pid1, by: Reaping::Waitpid },
    Scene { name: "subreaper-kernel", rinit: Rinit::as_child, by: Reaping::KernelWhereItCan },
    Scene { name: "subreaper-waitpid", rinit: Rinit::as_child, by: Reaping::Waitpid },
];

/// Classifies a finished life. Panics if it is none of the allowed outcomes.
struct Run {
    calls: Vec<Call>,
    outcome: Outcome,
}

fn live(scene: &Scene, fault: Option<Fault>) -> Run {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let supervisor = Supervisor::start(ours, fault);
    let rinit =
        (scene.rinit)().reaping(scene.by).through(["supervised", &SOCKET.to_string()]).descriptor(SOCKET, theirs);
    let rinit = rinit.options(["--grace=50ms", "--report-after=0", "-pTERM", "-v", "--"]);
    let mut running = rinit.puppet(PART.split_whitespace()).start();
    let started = running.next_line().is_some_and(|line| line == "ready");
    if started {
        tell(&running, &supervisor, libc::SIGWINCH);
        running.expect("got");
        tell(&running, &supervisor, libc::SIGTERM);
    }
    let finished = running.finish();
    drop(running);
    let calls = supervisor.finish();
    let outcome = judge(started, &finished, &calls);
    Run { calls, outcome }
}

/// Sends main a signal through rinit or, if rinit could not forward it, directly.
fn tell(running: &Running, supervisor: &Supervisor, signal: i32) {
    let since = supervisor.calls.lock().unwrap_or_else(PoisonError::into_inner).len();
    let rinit = running.itself().pid;
    running.send(signal);
    if !has_passed_on(running, supervisor, rinit, since, signal) {
        let main = running.main().pid.to_string();
        // The drain may ask this process to exit, too.
        running.start_exec(["signal", &main, &signal.to_string()]).wait();
    }
}

/// Waits until rinit has taken and handled the signal and waits for the next one.
fn has_passed_on(running: &Running, supervisor: &Supervisor, rinit: i32, since: usize, signal: i32) -> bool {
    let passed = |call: &Call| {
        let sends = [libc::SYS_kill, libc::SYS_pidfd_send_signal].contains(&call.number);
        call.who == Who::Rinit && sends && call.arguments[1] == signal as u64 && !call.failed
    };
    let has_passed = || supervisor.calls.lock().unwrap_or_else(PoisonError::into_inner)[since..].iter().any(passed);
    running.until("rinit has taken the signal", || {
        has_passed() || !is_pending(running, rinit, signal) && rests(running, rinit)
    });
    has_passed()
}

/// Whether rinit sleeps until a signal arrives.
fn rests(running: &Running, rinit: i32) -> bool {
    let file = running.proc(&format!("{rinit}/syscall"));
    // The call's number and arguments (proc_pid_syscall(5)): calls that wait without a time limit.
    let call = std::fs::read_to_string(file).unwrap_or_default();
    let words: Vec<&str> = call.split_whitespace().collect();
    let waits = [libc::SYS_ppoll, libc::SYS_rt_sigtimedwait];
    waits.iter().any(|wait| words.first() == Some(&&wait.to_string()[..])) && words.get(3) == Some(&"0x0")
}

fn judge(started: bool, finished: &Finished, calls: &[Call]) -> Outcome {
    let of_rinit = calls.iter().filter(|call| call.who == Who::Rinit);
    assert!(of_rinit.count() < 20_000, "rinit spins");
    let expected = [" INFO: ", "killed after the grace"];
    let lines = finished.stderr.lines().filter(|line| !expected.iter().any(|part| line.contains(part))).count();
    let sent = |signal: i32| {
        let sends = [libc::SYS_kill, libc::SYS_pidfd_send_signal];
        let mut calls = calls.iter().filter(|call| call.who == Who::Rinit && !call.failed);
        calls.any(|call| sends.contains(&call.number) && call.arguments[1] == signal as u64)
    };
    let all_sent = sent(libc::SIGWINCH) && sent(libc::SIGTERM);
    match finished.status {
        Status::Exited(125)
            if started && all_sent && finished.stderr.contains(" ERROR: main has exited, and the kernel") =>
        {
            Outcome::StatusLost
        }
        Status::Exited(STATUS) if started => match (all_sent, lines) {
            (true, 0) => Outcome::Done,
            (true, _) => Outcome::DoneAndSaid,
            (false, 0) => panic!("a signal is lost, and nothing said: {finished:?}"),
            (false, _) => Outcome::NotForwarded,
        },
        Status::Exited(code @ 125..=127) if !started => {
            assert_eq!(finished.stdout, "");
            match (lines, code) {
                (0, _) => Outcome::Mute,
                (_, 125) => Outcome::Refused,
                _ => Outcome::NotExecuted,
            }
        }
        _ => panic!("{finished:?}"),
    }
}

/// Whether a signal is pending for rinit.
fn is_pending(running: &Running, rinit: i32, signal: i32) -> bool {
    let file = running.proc(&format!("{rinit}/status"));
    let status = std::fs::read_to_string(file).unwrap_or_default();
    let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
    let pending = pending.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    pending.is_some_and(|set| set >> (signal - 1) & 1 == 1)
}

/// The faults to inject into a life that makes these calls.
fn faults(calls: &[Call], each_alone: bool) -> Vec<Fault> {
    let mut times: BTreeMap<(Who, i64), usize> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.who != Who::Other) {
        *times.entry((call.who, call.number)).or_default() += 1;
    }
    let kinds = times.into_iter().flat_map(|((who, number), times)| {
        let alone = if each_alone { times.min(EACH_ALONE) } else { 0 };
        // What the kernel granted at the start and rinit relies on: refused later.
        let lasting = if number == libc::SYS_ioctl { alone } else { 0 };
        let which =
            std::iter::once(Which::Each).chain((0..alone).map(Which::Only)).chain((1..lasting).map(Which::From));
        which.flat_map(move |which| {
            // EINTR and EAGAIN promise a better next time, so they fail single calls; a filter's answer fails all of them.
            let possible = move |errno: &&Errno| match errno {
                Errno::EINTR | Errno::EAGAIN => matches!(which, Which::Only(_)),
                Errno::EPERM | Errno::ENOSYS => !matches!(which, Which::Only(_)),
                _ => true,
            };
            errnos(number).iter().filter(possible).map(move |errno| Fault { who, number, which, errno: *errno as i32 })
        })
    });
    kinds.collect()
}

/// How many calls of a kind get a fault of their own: the later ones are like these.
const EACH_ALONE: usize = 12;

/// Outcomes by call and errno.
type Table = BTreeMap<(Who, &'static str, i32), BTreeSet<Outcome>>;

/// Makes each kind of call fail, and with RINIT_FAULTS single calls too, and writes the outcomes.
fn survey(scene: &Scene) {
    let folder = std::env::var_os("RINIT_FAULTS").map(PathBuf::from);
    let (table, count) = survive(scene, folder.is_some());
    if let Some(folder) = folder {
        let path = folder.join(scene.name);
        std::fs::write(&path, written(&table, count)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// Formats them as a table with a line for each call and outcome.
fn written(table: &Table, count: usize) -> String {
    let mut rows: BTreeMap<(Who, &str, String), Vec<String>> = BTreeMap::new();
    for ((who, call, errno), outcomes) in table {
        let words: Vec<&str> = outcomes.iter().map(|outcome| outcome.in_words()).collect();
        let errnos = rows.entry((*who, call, words.join("; or "))).or_default();
        errnos.push(format!("{:?}", Errno::from_raw(*errno)));
    }
    let mut text = format!("{count} faults injected.\n\n| call | fails with | rinit |\n|---|---|---|\n");
    for ((who, call, outcome), errnos) in rows {
        let who = if who == Who::Child { ", in the child before it is main" } else { "" };
        let _ = writeln!(text, "| `{call}`{who} | {} | {outcome} |", errnos.join(", "));
    }
    text
}

fn survive(scene: &Scene, each_alone: bool) -> (Table, usize) {
    let plain = live(scene, None);
    assert_eq!(plain.outcome, Outcome::Done);
    let faults = faults(&plain.calls, each_alone);
    let mut table = Table::new();
    let mut bad = String::new();
    for fault in &faults {
        let run = std::panic::catch_unwind(|| live(scene, Some(*fault)));
        let errno = Errno::from_raw(fault.errno);
        match run {
            // A single refusal must have no consequences.
            Ok(run) if run.outcome == Outcome::StatusLost && !matches!(fault.which, Which::From(_)) => {
                let _ = writeln!(bad, "the status is lost: {errno:?} {:?}", fault.which);
            }
            Ok(run) => {
                let outcomes = table.entry((fault.who, name(fault.number), fault.errno)).or_default();
                outcomes.insert(run.outcome);
            }
            Err(_) => {
                let _ = writeln!(bad, "{:?} {} {errno:?} {:?}", fault.who, name(fault.number), fault.which);
            }
        }
    }
    assert_eq!(bad, "", "{}", scene.name);
    (table, faults.len())
}

#[test]
fn as_pid_1_rinit_survives_each_call_that_fails() {
    survey(&SCENES[0]);
}

#[test]
fn as_pid_1_that_reaps_itself_rinit_survives_each_call_that_fails() {
    survey(&SCENES[1]);
}

#[test]
fn as_a_subreaper_rinit_survives_each_call_that_fails() {
    survey(&SCENES[2]);
}

#[test]
fn as_a_subreaper_that_reaps_itself_rinit_survives_each_call_that_fails() {
    survey(&SCENES[3]);
}

#[test]
fn every_descriptor_of_rinit_is_opened_close_on_exec() {
    for scene in &SCENES {
        let run = live(scene, None);
        let of_rinit = run.calls.iter().filter(|call| call.who == Who::Rinit);
        let mut born = 0;
        for call in of_rinit {
            let [first, second, third, fourth, ..] = call.arguments.map(|argument| argument as i32);
            let (name, flags, wanted) = match call.number {
                libc::SYS_openat => ("openat", third, libc::O_CLOEXEC),
                #[cfg(target_arch = "x86_64")]
                libc::SYS_open => ("open", second, libc::O_CLOEXEC),
                libc::SYS_signalfd4 => ("signalfd4", fourth, libc::SFD_CLOEXEC),
                libc::SYS_clone => ("clone", first, libc::CLONE_PIDFD),
                // The kernel closes these on exec regardless of flags.
                libc::SYS_pidfd_open => continue,
                libc::SYS_fcntl if [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC].contains(&second) => {
                    ("fcntl", second, libc::F_DUPFD_CLOEXEC)
                }
                libc::SYS_dup | libc::SYS_dup3 | libc::SYS_pipe2 | libc::SYS_socket | libc::SYS_eventfd2 => {
                    panic!("{} makes a descriptor that this test does not know", call.number)
                }
                _ => continue,
            };
            assert_eq!(flags & wanted, wanted, "{name}");
            born += 1;
        }
        assert!(born >= 4, "{born}");
    }
}
