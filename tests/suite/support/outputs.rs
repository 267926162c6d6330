//! What a process writes to its stdout and stderr, read line by line.

use super::LIMIT;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

/// The two pipes. Reading one empties both, so that no process blocks on the pipe that the test does not read.
#[derive(Default)]
pub struct Outputs {
    pub stdout: Output,
    pub stderr: Output,
}

/// Everything read from one of them so far.
#[derive(Default)]
pub struct Output {
    /// None once the other side is closed, or if it is not a pipe of the harness.
    pipe: Option<File>,
    seen: Vec<u8>,
    /// How much of it has been returned as lines.
    taken: usize,
}

impl Output {
    /// Takes over the reading end of a pipe.
    pub fn new(pipe: OwnedFd) -> Output {
        nix::fcntl::fcntl(&pipe, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))
            .expect("a pipe without waiting");
        Output { pipe: Some(pipe.into()), ..Output::default() }
    }

    /// Everything so far.
    pub fn seen(&self) -> &[u8] {
        &self.seen
    }

    fn next_line(&mut self) -> Option<String> {
        let rest = &self.seen[self.taken..];
        let length = match rest.iter().position(|byte| *byte == b'\n') {
            Some(newline) => newline + 1,
            None if self.pipe.is_none() && !rest.is_empty() => rest.len(),
            None => return None,
        };
        self.taken += length;
        let line = &rest[..length];
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        Some(String::from_utf8_lossy(line).into_owned())
    }

    fn has_line(&self) -> bool {
        self.pipe.is_none() || self.seen[self.taken..].contains(&b'\n')
    }

    /// Reads what is there now.
    fn fill(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.read_to_end(&mut self.seen) {
            // The other side is closed; a terminal returns EIO then.
            Ok(_) => self.pipe = None,
            Err(error) if error.raw_os_error() == Some(libc::EIO) => self.pipe = None,
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}"),
        }
    }
}

impl Outputs {
    /// The next line of the output that `of` names. None at end of file.
    #[track_caller]
    pub fn line(&mut self, of: fn(&mut Outputs) -> &mut Output) -> Option<String> {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(line) = of(self).next_line() {
                return Some(line);
            }
            of(self).pipe.as_ref()?;
            assert!(self.fill_until(end, None), "no further line within {LIMIT:?}; {}", self.transcript());
        }
    }

    /// Whether stdout has no further line now.
    pub fn has_nothing_to_read(&mut self) -> bool {
        self.stdout.fill();
        !self.stdout.has_line()
    }

    /// Reads until both are closed on the other side, or `until` is ready.
    #[track_caller]
    pub fn read_until(&mut self, until: Option<PollFd<'_>>) {
        let end = Instant::now() + LIMIT;
        while self.stdout.pipe.is_some() || self.stderr.pipe.is_some() || until.is_some() {
            assert!(self.fill_until(end, until.clone()), "no end of file within {LIMIT:?}; {}", self.transcript());
            let ready = until.as_ref().map(|until| poll(&mut [until.clone()], PollTimeout::ZERO));
            if ready == Some(Ok(1)) {
                return;
            }
        }
    }

    /// Waits until one of them, or `also`, is ready, and reads both. False once `end` has passed.
    fn fill_until(&mut self, end: Instant, also: Option<PollFd<'_>>) -> bool {
        let pipes = [&self.stdout.pipe, &self.stderr.pipe];
        let mut awaited: Vec<PollFd<'_>> =
            pipes.into_iter().flatten().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)).chain(also).collect();
        let left = end.saturating_duration_since(Instant::now());
        let limit = PollTimeout::try_from(left).expect("a limit that poll(2) can take");
        match poll(&mut awaited, limit) {
            Ok(0) => return false,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => panic!("poll: {errno}"),
        }
        self.stdout.fill();
        self.stderr.fill();
        true
    }

    /// For the message of a failing test.
    pub fn transcript(&self) -> String {
        const MOST: usize = 4096;
        let [stdout, stderr] = [&self.stdout, &self.stderr].map(|output| {
            let last = output.seen.len().saturating_sub(MOST);
            String::from_utf8_lossy(&output.seen[last..])
        });
        format!("end of stdout so far:\n{stdout}\nend of stderr so far:\n{stderr}")
    }
}
