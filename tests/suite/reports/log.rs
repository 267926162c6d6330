//! The log: a line for each record, on any kind of stderr, without ever blocking.

use super::{log_lines, parts, play};
use crate::never_blocks::{fill, unread};
use crate::support::pty::{CTRL_Q, CTRL_S, Pty};
use crate::support::{Rinit, Running, Scratch, Status, Stream};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

const SIGNALS: usize = 1000;

/// A main that prints the signals that arrive, under a rinit that logs as much as possible.
fn chatty(stderr: Stream) -> Running {
    chatty_until(libc::SIGTERM, stderr)
}

fn chatty_until(last: i32, stderr: Stream) -> Running {
    let rinit = Rinit::as_pid1().options(["-vvv"]).stderr(stderr);
    rinit.puppet(["print-signals", &last.to_string()]).start_until_ready()
}

/// Checks that real-time signals, which are queued, all arrive.
fn all_signals_arrive(rinit: &mut Running) {
    for _ in 0..SIGNALS {
        rinit.send(40);
    }
    for _ in 0..SIGNALS {
        rinit.expect(40);
    }
}

fn end(rinit: &mut Running) {
    rinit.send(libc::SIGTERM);
    rinit.expect(libc::SIGTERM);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn a_thousand_signals_arrive_though_stderr_fills_up_meanwhile() {
    let (_reader, writer) = std::io::pipe().unwrap();
    let mut rinit = chatty(Stream::Given(writer.into()));
    for _ in 0..3 {
        all_signals_arrive(&mut rinit);
    }
    end(&mut rinit);
}

#[test]
fn a_thousand_signals_arrive_though_stderr_is_closed_or_cannot_be_written() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (reader, broken) = std::io::pipe().unwrap();
    drop(reader);
    let only_for_reading = File::open("/dev/null").unwrap();
    let given = [full.into(), broken.into(), only_for_reading.into()].map(Stream::Given);
    for stderr in given.into_iter().chain([Stream::Closed]) {
        let mut rinit = chatty(stderr);
        all_signals_arrive(&mut rinit);
        end(&mut rinit);
    }
}

#[test]
fn lost_log_lines_are_counted_exactly() {
    // The complete log, for comparison.
    let mut rinit = chatty_until(libc::SIGUSR2, Stream::Pipe);
    let talk = |rinit: &mut Running, signals: &[i32]| {
        for signal in signals {
            rinit.send(*signal);
            rinit.expect(*signal);
        }
    };
    talk(&mut rinit, &[10; 20]);
    talk(&mut rinit, &[12]);
    let whole = rinit.finish().stderr.lines().count();

    for (reader, writer) in unread() {
        fill(&writer);
        let mut rinit = chatty_until(libc::SIGUSR2, Stream::Given(writer));
        talk(&mut rinit, &[10; 20]);
        let mut filling = vec![0; holds(&reader)];
        let mut reader = File::from(reader);
        reader.read_exact(&mut filling).unwrap();
        talk(&mut rinit, &[12]);
        assert_eq!(rinit.finish().status, Status::Exited(0));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        let lines: Vec<_> = text.lines().map(parts).collect();
        let (level, notice) = lines[0];
        assert_eq!(level, "WARN");
        let lost = notice.strip_suffix(" lines lost here: stderr was full");
        let lost: usize = lost.and_then(|lost| lost.parse().ok()).unwrap_or_else(|| panic!("{text}"));
        assert!(lines.len() > 1, "{text}");
        assert_eq!(lost + lines.len() - 1, whole, "{text}");
    }
}

/// The number of bytes in a pipe or a socket.
#[allow(unsafe_code)]
fn holds(end: &impl std::os::fd::AsRawFd) -> usize {
    let mut bytes = 0;
    // SAFETY: an open descriptor, and room for one integer.
    let asked = unsafe { libc::ioctl(end.as_raw_fd(), libc::FIONREAD, &raw mut bytes) };
    assert_eq!(asked, 0, "FIONREAD");
    usize::try_from(bytes).unwrap()
}

#[test]
fn a_file_gets_every_line() {
    let scratch = Scratch::new();
    let mut rinit = chatty(Stream::Given(scratch.open("log").into()));
    all_signals_arrive(&mut rinit);
    end(&mut rinit);
    let log = scratch.read("log");
    assert!(!log.contains(" lost"));
    let received = log.lines().map(parts).filter(|line| *line == ("DEBUG", "SIGRTMIN+6 from outside"));
    assert_eq!(received.count(), SIGNALS);
}

#[test]
fn a_stopped_terminal_delays_nothing() {
    let mut pty = Pty::new();
    let mut rinit = chatty(Stream::Given(pty.terminal()));
    pty.line_with("started");
    pty.press(CTRL_S);
    let terminal = pty.terminal();
    rinit.until("the terminal is stopped", || !has_room(&terminal));
    all_signals_arrive(&mut rinit);
    pty.press(CTRL_Q);
    rinit.until("the terminal goes on", || has_room(&terminal));
    rinit.send(libc::SIGUSR1);
    rinit.expect(libc::SIGUSR1);
    pty.line_with(" lost here");
    pty.line_with("SIGUSR1 from outside");
    end(&mut rinit);
}

fn has_room(terminal: &OwnedFd) -> bool {
    poll(&mut [PollFd::new(terminal.as_fd(), PollFlags::POLLOUT)], PollTimeout::ZERO).unwrap() == 1
}

#[test]
fn a_terminal_without_a_reader_delays_nothing() {
    let pty = Pty::new();
    let mut rinit = chatty(Stream::Given(pty.terminal()));
    for _ in 0..3 {
        all_signals_arrive(&mut rinit);
    }
    end(&mut rinit);
}

#[test]
fn a_hung_up_terminal_delays_nothing() {
    let mut pty = Pty::new();
    let mut rinit = chatty(Stream::Given(pty.terminal()));
    pty.line_with("started");
    pty.hang_up();
    all_signals_arrive(&mut rinit);
    end(&mut rinit);
}

#[test]
fn colours_appear_on_terminals_unless_disabled() {
    let dies = || Rinit::as_pid1().puppet(["die", "9"]);
    let on_terminal = |rinit: Rinit| {
        let mut pty = Pty::new();
        rinit.stderr(Stream::Given(pty.terminal())).start().finish();
        pty.line_with("main process 2")
    };
    let plain = "rinit[1]: WARN: main process 2 (puppet) was killed by SIGKILL";
    let coloured = "rinit[1]: \x1b[33mWARN\x1b[0m: main process 2 (puppet) was killed by SIGKILL";
    assert!(on_terminal(dies()).starts_with(coloured));
    assert!(on_terminal(dies().variable("NO_COLOR", "")).starts_with(coloured), "no-color.org: when not empty");
    assert!(on_terminal(dies().variable("NO_COLOR", "1")).starts_with(plain));
    assert!(dies().start().finish().stderr.starts_with(plain));
    // A pipe gets no colours, whatever other variables say.
    let forced = dies().variable("CLICOLOR_FORCE", "1").variable("RUST_LOG_STYLE", "always");
    assert!(forced.start().finish().stderr.starts_with(plain));
}

#[test]
fn a_log_record_is_one_line_of_at_most_pipe_buf_bytes() {
    let long = "x".repeat(100_000);
    let hostile = "/no\nrinit[1]: ERROR: forged\x1b[2J\r\t\u{85}/such";
    for (command, status) in [(long.as_str(), 126), (hostile, 127)] {
        let finished = Rinit::as_pid1().command([command]).start().finish();
        assert_eq!(finished.status, Status::Exited(status));
        assert_eq!(finished.stderr.matches('\n').count(), 1, "{:?}", finished.stderr);
        assert!(finished.stderr.len() <= libc::PIPE_BUF);
        assert!(!finished.stderr.trim_end_matches('\n').contains(char::is_control), "{:?}", finished.stderr);
        assert_eq!(log_lines(&finished)[0].0, "ERROR");
    }
}

#[test]
fn vv_logs_every_step_of_a_life_in_order() {
    let parts = "[ ignore TERM group run /bin/sleep 1000 ] block TERM say ready await TERM exit 3";
    let mut rinit = play(Rinit::as_pid1().options(["-vv", "--grace", "100ms"]), parts).start_until_ready();
    rinit.send(libc::SIGTERM);
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(3));
    let story = log_lines(&finished);
    let mut rest = story.iter();
    for (level, part) in [
        ("DEBUG", "main started: PID 2"),
        ("DEBUG", "SIGTERM from outside"),
        ("DEBUG", "SIGTERM sent to main's group 2"),
        ("INFO", "main process 2 (puppet) exited with status 3"),
        ("INFO", "sending SIGTERM to 1 remaining process: 3 (sleep)"),
        ("DEBUG", "0 of 1 remaining processes have not been asked yet"),
        ("WARN", "killed after the grace period of 100ms: PID 3, "),
        ("DEBUG", "reaped orphan 3, which was killed by SIGKILL"),
        ("INFO", "all remaining processes are gone, "),
        ("DEBUG", "exiting with status 3; orphans reaped: 1"),
    ] {
        let found = rest.find(|(found, text)| *found == level && text.contains(part));
        assert!(found.is_some(), "{part:?} is missing, or not after the previous line: {}", finished.stderr);
    }
}

#[test]
fn a_signal_from_inside_is_logged_with_its_senders_pid() {
    let rinit = Rinit::as_pid1().options(["-vv"]);
    let mut rinit = rinit.puppet(["signal-and-print", "1", "10"]).start();
    rinit.expect(10);
    let finished = rinit.finish();
    let story = log_lines(&finished);
    let received = story.iter().position(|line| *line == ("DEBUG", "SIGUSR1 from PID 2"));
    let sent = story.iter().position(|line| *line == ("DEBUG", "SIGUSR1 sent to main's group 2"));
    assert!(received.is_some() && received < sent, "{story:?}");
}

#[test]
fn the_variable_chooses_levels_by_module() {
    let run = |filter: &str| {
        let rinit = Rinit::as_pid1().variable("RINIT_LOG", filter);
        let finished = play(rinit, "[ group run /bin/sleep 1000 ] exit 0").start().finish();
        assert_eq!(finished.status, Status::Exited(0));
        finished
    };
    let asked = "0 of 1 remaining processes have not been asked yet";
    let last = "exiting with status 0; orphans reaped: 1";
    let all = run("debug");
    assert!(all.stderr.contains(asked) && all.stderr.contains(last), "{}", all.stderr);
    let drain = run("rinit::drain=debug");
    assert_eq!(log_lines(&drain)[1], ("DEBUG", asked));
    assert!(!drain.stderr.contains(last), "{}", drain.stderr);
    let without = run("debug,rinit::drain=error");
    assert!(!without.stderr.contains(asked) && without.stderr.contains(last), "{}", without.stderr);
    assert_eq!(run("off").stderr, "");
    // An option wins.
    let rinit = Rinit::as_pid1().variable("RINIT_LOG", "trace").options(["-q"]);
    assert_eq!(rinit.puppet(["exit", "0"]).start().finish().stderr, "");
}
