//! Saying something never costs more than the words: a stderr that nobody reads or that is gone holds up nothing.

use crate::support::{Rinit, Running, Status, Stream};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// Both ends of something that nobody reads.
fn unread() -> [(OwnedFd, OwnedFd); 2] {
    let (reader, writer) = std::io::pipe().unwrap();
    let (one, other) = UnixStream::pair().unwrap();
    [(reader.into(), writer.into()), (one.into(), other.into())]
}

/// Writes until there is no room for another byte.
pub fn fill(end: &impl AsFd) {
    let flags = OFlag::from_bits_retain(fcntl(end, FcntlArg::F_GETFL).unwrap());
    fcntl(end, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).unwrap();
    for size in [4096, 1] {
        while nix::unistd::write(end, &vec![b'.'; size]).is_ok() {}
    }
    assert_eq!(nix::unistd::write(end, b"."), Err(Errno::EAGAIN));
    fcntl(end, FcntlArg::F_SETFL(flags)).unwrap();
}

/// Takes what is there.
fn empty(end: &OwnedFd) -> Vec<u8> {
    fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let mut taken = Vec::new();
    let mut room = [0; 65536];
    while let Ok(length) = nix::unistd::read(end.as_fd(), &mut room) {
        taken.extend_from_slice(&room[..length]);
    }
    fcntl(end, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    taken
}

fn chatty(stderr: OwnedFd) -> Running {
    let rinit = Rinit::as_pid1().options(["-vvv"]);
    let rinit = rinit.stderr(Stream::Given(stderr));
    rinit.puppet(["print-signals", "15"]).start_until_ready()
}

#[test]
fn a_full_stderr_holds_up_neither_signals_nor_the_end() {
    for (_reader, writer) in unread() {
        fill(&writer);
        let mut rinit = chatty(writer);
        for _ in 0..100 {
            rinit.send(libc::SIGUSR1);
            rinit.expect(libc::SIGUSR1);
        }
        rinit.send(libc::SIGTERM);
        assert_eq!(rinit.finish().status, Status::Exited(0));
    }
}

#[test]
fn a_full_stderr_holds_up_no_reaping() {
    let [(_reader, writer), _] = unread();
    fill(&writer);
    let rinit = Rinit::as_pid1().options(["-vvv"]);
    let rinit = rinit.stderr(Stream::Given(writer));
    let mut rinit = rinit.puppet(["orphans", "300", "0"]).start();
    rinit.expect("done");
    rinit.eventually("rinit and main are alone", |processes| processes.len() == 2);
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
fn lines_that_were_lost_are_counted_in_the_next_one_that_fits() {
    for (reader, writer) in unread() {
        fill(&writer);
        let mut rinit = chatty(writer.try_clone().unwrap());
        rinit.send(libc::SIGUSR1);
        rinit.expect(libc::SIGUSR1);
        // What rinit says once there is room, it may say while it is being made.
        let mut said = empty(&reader);
        rinit.send(libc::SIGUSR2);
        rinit.expect(libc::SIGUSR2);
        rinit.send(libc::SIGTERM);
        assert_eq!(rinit.finish().status, Status::Exited(0));
        drop(writer);
        File::from(reader).read_to_end(&mut said).unwrap();
        let said = String::from_utf8_lossy(&said);
        let mut lines = said.trim_start_matches('.').lines();
        let notice = lines.find(|line| line.contains(" lost"));
        let notice = notice.unwrap_or_else(|| panic!("{said}"));
        assert!(notice.starts_with("rinit[1]: WARN: "), "{notice}");
        assert!(notice.contains(|letter: char| letter.is_ascii_digit()));
        assert!(lines.next().is_some(), "{said}");
    }
}

#[test]
fn a_stderr_that_nobody_can_read_any_more_ends_nothing_and_main_hears_nothing_of_it() {
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
fn a_broken_pipe_signal_of_somebody_elses_is_forwarded_all_the_same() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut rinit = chatty(writer.into());
    rinit.send(libc::SIGPIPE);
    rinit.expect(libc::SIGPIPE);
    rinit.send(libc::SIGTERM);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn a_full_disk_under_stderr_ends_nothing() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut rinit = chatty(full.into());
    rinit.send(libc::SIGUSR1);
    rinit.expect(libc::SIGUSR1);
    rinit.send(libc::SIGTERM);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn main_finds_its_stderr_as_blocking_as_it_was() {
    for (_reader, writer) in unread() {
        let before = fcntl(&writer, FcntlArg::F_GETFL).unwrap();
        let mut rinit = chatty(writer.try_clone().unwrap());
        rinit.send(libc::SIGUSR1);
        rinit.expect(libc::SIGUSR1);
        assert_eq!(fcntl(&writer, FcntlArg::F_GETFL).unwrap(), before);
    }
}
