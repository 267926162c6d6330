//! A started process: sending signals to it, reading its output, and observing it and its namespace.

use super::LIMIT;
use super::children::Child;
use super::failure::Failure;
use super::launch::Launch;
use super::outputs::Outputs;
use super::processes::Process;
use super::rinit::Rinit;
use super::status::Status;
use super::tracer::Tracer;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A started process. Dropping this kills it.
pub struct Started {
    child: Child,
    stdin: Option<File>,
    outputs: Outputs,
}

/// A process that has exited, and everything that it wrote.
#[derive(Debug)]
pub struct Finished {
    pub status: Status,
    pub stdout: String,
    pub stderr: String,
}

impl Started {
    pub(super) fn new(child: Child, stdin: Option<File>, outputs: Outputs) -> Started {
        Started { child, stdin, outputs }
    }

    pub(super) fn start_inside(&self, launch: Launch) -> Result<Child, Failure> {
        self.child.start_inside(launch)
    }

    /// Sends it a signal from outside its PID namespace, as `docker kill` does.
    pub fn send(&self, signal: i32) {
        self.child.send(signal);
    }

    /// Sends it a signal with a value, as sigqueue(3) does.
    pub fn queue(&self, signal: i32, value: i32) {
        self.child.queue(signal, value);
    }

    /// The next line on stdout. None at end of file.
    #[track_caller]
    pub fn next_line(&mut self) -> Option<String> {
        self.outputs.line(|outputs| &mut outputs.stdout)
    }

    /// Whether stdout has no further line at this moment.
    pub fn has_nothing_to_read(&mut self) -> bool {
        self.outputs.has_nothing_to_read()
    }

    /// Traces it: it is held at each of its system calls.
    pub fn trace(&self) -> Tracer {
        Tracer::new(self.child.pid())
    }

    /// The next line on stdout.
    #[track_caller]
    pub fn line(&mut self) -> String {
        match self.next_line() {
            Some(line) => line,
            None => panic!("end of file on stdout; {}", self.outputs.transcript()),
        }
    }

    /// Checks that the next line on stdout is this one.
    #[track_caller]
    pub fn expect(&mut self, expected: impl ToString) {
        let line = self.line();
        assert_eq!(line, expected.to_string(), "{}", self.outputs.transcript());
    }

    /// Checks that the next lines on stdout are these, in any order.
    #[track_caller]
    pub fn expect_in_any_order<const N: usize>(&mut self, expected: [impl ToString; N]) {
        let mut lines: [String; N] = std::array::from_fn(|_| self.line());
        let mut expected = expected.map(|line| line.to_string());
        lines.sort();
        expected.sort();
        assert_eq!(lines, expected, "{}", self.outputs.transcript());
    }

    /// The next line on stderr that contains this. Earlier lines are skipped.
    #[track_caller]
    pub fn stderr_line(&mut self, part: &str) -> String {
        loop {
            match self.outputs.line(|outputs| &mut outputs.stderr) {
                Some(line) if line.contains(part) => return line,
                Some(_) => {}
                None => panic!("no {part:?}; {}", self.outputs.transcript()),
            }
        }
    }

    /// Writes to its stdin.
    pub fn write(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is a pipe");
        stdin.write_all(text.as_bytes()).expect("a write to stdin");
    }

    /// Closes its stdin.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits until it has exited, and reads its output meanwhile.
    #[track_caller]
    pub fn wait(&mut self) -> Status {
        self.outputs.read_until(Some(self.child.exit_event()));
        let status = self.child.wait();
        status.expect("it has exited")
    }

    /// Waits until it and every process that holds its stdout or stderr has exited.
    #[track_caller]
    pub fn finish(&mut self) -> Finished {
        let status = self.wait();
        self.outputs.read_until(None);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Finished { status, stdout: text(self.outputs.stdout.seen()), stderr: text(self.outputs.stderr.seen()) }
    }
}

/// A started rinit and its PID namespace.
pub struct Running {
    // Dropped, and so reaped, before the namespace's PID 1, which can exit only after that.
    started: Started,
    /// The namespace's PID 1, unless that is rinit.
    init: Option<Started>,
}

impl Running {
    pub(super) fn new(started: Started, init: Option<Started>) -> Running {
        Running { started, init }
    }

    /// Waits until rinit has exited, kills processes that outlived it, and returns all output.
    #[track_caller]
    pub fn finish(&mut self) -> Finished {
        self.started.wait();
        if let Some(init) = &self.init {
            init.send(libc::SIGKILL);
        }
        self.started.finish()
    }

    fn init(&self) -> &Started {
        self.init.as_ref().unwrap_or(&self.started)
    }

    /// A path in the namespace's /proc.
    pub fn proc(&self, path: &str) -> PathBuf {
        format!("/proc/{}/root/proc/{path}", self.init().child.pid()).into()
    }

    /// All processes of the namespace.
    pub fn processes(&self) -> Vec<Process> {
        Process::all(&self.proc(""))
    }

    /// rinit itself, as its namespace shows it.
    pub fn itself(&self) -> Process {
        let pid = match self.init {
            None => 1,
            Some(_) => self.pid_inside(),
        };
        self.process(pid)
    }

    /// Whether rinit sleeps without a time limit.
    pub fn sleeps(&self) -> bool {
        // The call's number and arguments in hexadecimal (proc_pid_syscall(5)), or "running" outside of a call.
        let file = self.proc(&format!("{}/syscall", self.itself().pid));
        let call = std::fs::read_to_string(file).unwrap_or_default();
        let words: Vec<&str> = call.split_whitespace().collect();
        let mut waits = vec![libc::SYS_ppoll, libc::SYS_rt_sigtimedwait];
        // Of a 32-bit rinit: ppoll, rt_sigtimedwait, and both with a 64-bit time. The same numbers of a 64-bit rinit are
        // calls that do not wait.
        if cfg!(target_arch = "x86_64") {
            waits.extend([309, 177, 414, 421]);
        }
        let call = words.first().and_then(|number| number.parse().ok());
        call.is_some_and(|call| waits.contains(&call)) && words[3] == "0x0"
    }

    /// The process that rinit started.
    pub fn main(&self) -> Process {
        let rinit = self.itself().pid;
        let mut processes = self.processes().into_iter();
        let main = processes.find(|process| process.parent == rinit);
        main.unwrap_or_else(|| panic!("rinit has no child; {}", self.situation()))
    }

    /// The process with this PID in the namespace.
    pub fn process(&self, pid: i32) -> Process {
        let mut processes = self.processes().into_iter();
        let process = processes.find(|process| process.pid == pid);
        process.unwrap_or_else(|| panic!("no process {pid}; {}", self.situation()))
    }

    fn pid_inside(&self) -> i32 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.pid())).expect("the status of a child");
        let mut lines = status.lines();
        let pids = lines.find_map(|line| line.strip_prefix("NSpid:"));
        let pid = pids.and_then(|pids| pids.split_whitespace().last());
        pid.and_then(|pid| pid.parse().ok()).expect("a PID")
    }

    /// Waits until `as_expected` holds for the namespace's processes.
    #[track_caller]
    pub fn eventually(&self, what: &str, as_expected: impl Fn(&[Process]) -> bool) {
        self.until(what, || as_expected(&self.processes()));
    }

    /// Polls for a condition that causes no event.
    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let end = Instant::now() + LIMIT;
        while !is_so() {
            assert!(Instant::now() < end, "not within {LIMIT:?}: {what}; {}", self.situation());
            // /proc does not report changes.
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Runs the puppet in the namespace, as `docker exec` does, until it has exited.
    #[track_caller]
    pub fn exec<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) {
        let finished = self.start_blocking_exec(words).finish();
        assert_eq!(finished.status, Status::Exited(0), "{finished:?}");
    }

    /// Starts the puppet in the namespace.
    pub fn start_exec<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Started {
        self.start_inside(Rinit::as_pid1().absent().puppet(words))
    }

    /// Does the same with all signals blocked from the start: a process that joins during the drain is asked to exit at once.
    pub fn start_blocking_exec<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Started {
        self.start_inside(Rinit::as_pid1().absent().mask(u64::MAX).puppet(words))
    }

    /// Stops main by SIGSTOP, which it cannot handle.
    #[track_caller]
    pub fn stop_main(&self) {
        self.stop(self.main().pid);
    }

    /// Stops the process with this PID in the namespace by SIGSTOP.
    #[track_caller]
    pub fn stop(&self, pid: i32) {
        self.exec(["signal", &pid.to_string(), &libc::SIGSTOP.to_string()]);
        self.until(&format!("process {pid} is stopped"), || self.process(pid).is_stopped());
    }

    /// Sends TERM to a main that prints signals, and checks that it gets TERM, exits with 0, and nothing was logged.
    #[track_caller]
    pub fn exits_on_term(mut self) {
        self.send(libc::SIGTERM);
        self.expect(libc::SIGTERM);
        let finished = self.finish();
        assert_eq!((finished.status, finished.stderr.as_str()), (Status::Exited(0), ""));
    }

    /// Waits until rinit and main are the only processes of the namespace, besides its PID 1.
    #[track_caller]
    pub fn until_only_main_is_left(&self) {
        let rinit = self.itself().pid;
        self.eventually("rinit and main are alone", |processes| {
            processes.iter().filter(|process| ![1, rinit].contains(&process.pid)).count() == 1
        });
    }

    /// Creates so many orphans and waits until rinit has reaped them all.
    #[track_caller]
    pub fn orphans_come_and_go(&self, count: usize) {
        let mut maker = self.start_exec(["orphans", &count.to_string(), "0"]);
        maker.expect("done");
        maker.close_stdin();
        assert_eq!(maker.wait(), Status::Exited(0));
        self.until_only_main_is_left();
    }

    /// Starts another rinit, or with `absent` its command, in the namespace.
    pub fn start_inside(&self, rinit: Rinit) -> Started {
        rinit.start_inside(self.init())
    }

    /// For the message of a failing test.
    pub fn situation(&self) -> String {
        let processes = self.processes();
        let lines = processes.iter().map(|process| format!("{process:?}\n"));
        format!("processes now:\n{}{}", lines.collect::<String>(), self.outputs.transcript())
    }
}

impl Deref for Running {
    type Target = Started;

    fn deref(&self) -> &Started {
        &self.started
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Started {
        &mut self.started
    }
}
