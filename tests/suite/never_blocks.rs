//! Logging never blocks: an unread or closed stderr delays nothing.

use crate::support::{Rinit, Running, Status, Stream};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// A pipe and a socket that the test does not read, both ends of each.
pub fn unread() -> [(OwnedFd, OwnedFd); 2] {
    let (reader, writer) = std::io::pipe().unwrap();
    let (one, other) = UnixStream::pair().unwrap();
    [(reader.into(), writer.into()), (one.into(), other.into())]
}

/// Writes until the pipe or socket is full.
pub fn fill(end: &impl AsFd) {
    let flags = OFlag::from_bits_retain(fcntl(end, FcntlArg::F_GETFL).unwrap());
    fcntl(end, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).unwrap();
    for size in [4096, 1] {
        while nix::unistd::write(end, &vec![b'.'; size]).is_ok() {}
    }
    assert_eq!(nix::unistd::write(end, b"."), Err(Errno::EAGAIN));
    fcntl(end, FcntlArg::F_SETFL(flags)).unwrap();
}

fn chatty(stderr: OwnedFd) -> Running {
    let rinit = Rinit::as_pid1().options(["-vvv"]);
    let rinit = rinit.stderr(Stream::Given(stderr));
    rinit.puppet(["print-signals", "15"]).start_until_ready()
}

#[test]
fn a_full_stderr_delays_neither_signals_nor_the_exit() {
    for (_reader, writer) in unread() {
        fill(&writer);
        let mut rinit = chatty(writer);
        // Real-time signals are queued, so every one must arrive.
        for _ in 0..1000 {
            rinit.send(40);
        }
        for _ in 0..1000 {
            rinit.expect(40);
        }
        rinit.send(libc::SIGTERM);
        rinit.expect(libc::SIGTERM);
        assert_eq!(rinit.finish().status, Status::Exited(0));
    }
}

#[test]
fn a_full_stderr_does_not_delay_reaping() {
    let [(_reader, writer), _] = unread();
    fill(&writer);
    let rinit = Rinit::as_pid1().options(["-vvv"]);
    let rinit = rinit.stderr(Stream::Given(writer));
    let mut rinit = rinit.puppet(["orphans", "300", "0"]).start();
    rinit.expect("done");
    rinit.until_only_main_is_left();
    rinit.close_stdin();
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn a_full_stderr_does_not_hide_the_status_of_a_command_that_cannot_start() {
    let [(_reader, writer), _] = unread();
    fill(&writer);
    let rinit = Rinit::as_pid1().stderr(Stream::Given(writer));
    let mut rinit = rinit.command(["/no/such/command"]).start();
    assert_eq!(rinit.wait(), Status::Exited(127));
}

#[test]
fn a_broken_stderr_stops_nothing_and_sends_main_no_signal() {
    for rinit in [Rinit::as_pid1, Rinit::as_child] {
        for (reader, writer) in unread() {
            drop(reader);
            let rinit = rinit().options(["-vvv"]).stderr(Stream::Given(writer));
            let mut rinit = rinit.puppet(["print-signals", "15"]).start_until_ready();
            for signal in [libc::SIGUSR1, libc::SIGUSR2, libc::SIGTERM] {
                rinit.send(signal);
                rinit.expect(signal);
            }
            let finished = rinit.finish();
            assert_eq!(finished.status, Status::Exited(0));
            assert_eq!(finished.stdout, "ready\n10\n12\n15\n");
        }
    }
}

#[test]
fn a_sigpipe_from_another_process_is_forwarded() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut rinit = chatty(writer.into());
    rinit.send(libc::SIGPIPE);
    rinit.expect(libc::SIGPIPE);
    rinit.send(libc::SIGTERM);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn the_stderr_of_main_stays_blocking() {
    for (_reader, writer) in unread() {
        let before = fcntl(&writer, FcntlArg::F_GETFL).unwrap();
        let mut rinit = chatty(writer.try_clone().unwrap());
        rinit.send(libc::SIGUSR1);
        rinit.expect(libc::SIGUSR1);
        assert_eq!(fcntl(&writer, FcntlArg::F_GETFL).unwrap(), before);
    }
}
