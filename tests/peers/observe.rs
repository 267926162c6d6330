//! One run: starts a program as a case specifies, acts on it, and records everything that can be observed.

use crate::cases::{COMMAND, Called, Case, Main, Peer, Place, Way};
use crate::messages;
use crate::support::pty::{self, Pty};
use crate::support::{LIMIT, Process, Rinit, Running, Scratch, Status, Stream, puppet, signal_set};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The compared aspects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// How the init exited.
    Status,
    /// Main's group, session and terminal, relative to the init's.
    Main,
    /// What each process saw, in order.
    Seen,
    /// Stopped processes, and other events.
    Events,
    /// The kinds of messages on stdout.
    Stdout,
    /// The kinds of messages on stderr.
    Stderr,
    /// The processes that outlived the init.
    Left,
}

/// Everything observed in one run.
pub type Observation = BTreeMap<Field, String>;

/// The signal that ends a round of the puppet.
const END_OF_ROUND: i32 = 64;

/// The files by which the original and rinit are run.
pub struct Programs {
    scratch: Scratch,
    script: &'static str,
}

const PEERS: [Peer; 4] = [Peer::Tini, Peer::TiniStatic, Peer::DumbInit, Peer::Catatonit];

impl Programs {
    /// Makes a symbolic link, a hard link and a copy for each name, of the program that `binary` returns for it.
    pub fn new(binary: impl Fn(Peer) -> PathBuf) -> Programs {
        let scratch = Scratch::new();
        for folder in ["link", "hard", "copy"] {
            scratch.folder(folder);
        }
        for peer in PEERS {
            let (binary, name) = (binary(peer), peer.name());
            let content = std::fs::read(&binary).unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
            let copy = scratch.program(&format!("copy/{name}"), content);
            std::os::unix::fs::symlink(&binary, scratch.path("link").join(name)).expect("a link");
            std::fs::hard_link(copy, scratch.path("hard").join(name)).expect("a hard link");
            let interpreter = scratch.path("link").join(name);
            let first_line = format!("#!{} /bin/sh\n", interpreter.display());
            scratch.program(&format!("script-{name}"), first_line + "echo \"$@\"; exit 7\n");
        }
        Programs { scratch, script: "script-" }
    }

    fn words(&self, case: &Case) -> Vec<OsString> {
        let name = case.peer.name();
        let file = |folder: &str| self.scratch.path(folder).join(name).into_os_string();
        match case.called {
            Called::Link => vec![file("link")],
            Called::HardLink => vec![file("hard")],
            Called::Copy => vec![file("copy")],
            Called::WindingPath => vec![file("copy/../link")],
            Called::Login => {
                let mut words = ["/bin/bash", "-c", "exec -a \"$0\" \"$@\""].map(OsString::from).to_vec();
                words.push(format!("-{name}").into());
                words.push(file("link"));
                words
            }
            Called::Script => vec![self.scratch.path(&format!("{}{name}", self.script)).into(), "a".into()],
        }
    }
}

/// Runs it. A failure of the run itself is recorded as an event.
pub fn observe(case: &Case, programs: &Programs) -> Observation {
    let mut pty = case.terminal.then(Pty::new);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let rinit = launch(case, programs, pty.as_ref(), writer.into());
    let mut run = Run {
        running: rinit.start(),
        lines: Lines::new(OwnedFd::from(reader).into()),
        init: None,
        main: None,
        members: Vec::new(),
        events: Vec::new(),
    };
    run.go(case, pty.as_mut());
    run.note(case)
}

fn launch(case: &Case, programs: &Programs, pty: Option<&Pty>, stdout: OwnedFd) -> Rinit {
    let mut words = programs.words(case);
    if case.way == Way::ParentEnds {
        let shell = ["/bin/sh", "-c", "\"$@\"; exit", "sh"].map(OsString::from);
        words = shell.into_iter().chain(words).collect();
    }
    for word in &case.options {
        match *word {
            COMMAND => words.extend([puppet().into(), "args".into()]),
            word => words.push(word.into()),
        }
    }
    let play: Vec<&str> = match &case.main {
        Main::Words | Main::Pause => Vec::new(),
        Main::Puppet(words) => words.clone(),
        Main::Witness { end, members } => [&["witness", end], *members].concat(),
        Main::Plain => vec!["pause"],
        Main::Ignores(signal) => vec!["play", "ignore", signal, "say", "ready", "pause"],
    };
    if !play.is_empty() {
        words.push(puppet().into());
        words.extend(play.into_iter().map(OsString::from));
    }
    let stdin = match pty {
        Some(pty) => pty.terminal(),
        None => File::open("/dev/null").expect("/dev/null").into(),
    };
    let rinit = match case.place {
        Place::Pid1 => Rinit::as_pid1(),
        Place::Child => Rinit::as_child(),
    };
    let mut rinit = rinit
        .absent()
        .command(words)
        .stdin(Stream::Given(stdin))
        .stdout(Stream::Given(stdout))
        .mask(signal_set(case.blocked.iter().copied()))
        .ignored(case.ignored.iter().copied());
    for (name, value) in &case.variables {
        rinit = rinit.variable(name, value);
    }
    if pty.is_some() { rinit.controlling_terminal(0) } else { rinit }
}

struct Run {
    running: Running,
    lines: Lines,
    init: Option<Process>,
    main: Option<Process>,
    members: Vec<(String, i32)>,
    events: Vec<&'static str>,
}

/// Why a wait is over.
#[derive(PartialEq)]
enum Turn {
    Line,
    Ended,
}

impl Run {
    fn go(&mut self, case: &Case, pty: Option<&mut Pty>) {
        match case.main {
            Main::Words | Main::Puppet(_) => {
                self.until(|_| false);
                return;
            }
            Main::Pause => {
                self.init = self.find_init(case);
                self.until_settled();
                for signal in &case.signals {
                    self.signal(*signal);
                    self.until_settled();
                }
            }
            _ => {
                if self.until(|line| line.starts_with("ready")) == Turn::Ended {
                    return;
                }
                self.meet(case);
                if case.way == Way::ParentEnds {
                    return self.let_parent_exit();
                }
                self.rounds(case, pty);
            }
        }
        if self.has_exited() {
            return;
        }
        if case.main == Main::Pause {
            self.events.push("pauses on");
            self.running.send(libc::SIGKILL);
        }
        self.until(|_| false);
    }

    fn rounds(&mut self, case: &Case, pty: Option<&mut Pty>) {
        match case.way {
            Way::InTurn | Way::ParentEnds => {
                for signal in &case.signals {
                    self.signal(*signal);
                    // If the signal stops a process, it must have stopped before the next signal is sent.
                    self.until_settled();
                }
                self.signal(END_OF_ROUND);
            }
            Way::AtOnce => {
                self.signal(libc::SIGSTOP);
                let init = self.init.as_ref().map_or(1, |init| init.pid);
                self.running.until("the init is stopped", || self.is_stopped(init));
                case.signals.iter().for_each(|signal| self.signal(*signal));
                self.signal(END_OF_ROUND);
                self.signal(libc::SIGCONT);
            }
            Way::Terminal => {
                let pty = pty.expect("a terminal");
                for signal in &case.signals {
                    match *signal {
                        libc::SIGINT => pty.press(pty::CTRL_C),
                        libc::SIGQUIT => pty.press(pty::CTRL_BACKSLASH),
                        libc::SIGTSTP => pty.press(pty::CTRL_Z),
                        libc::SIGWINCH => pty.resize(50, 132),
                        other => panic!("no key makes signal {other}"),
                    }
                    let expected = format!("main {signal}");
                    if self.until(|line| line == expected) == Turn::Ended {
                        return;
                    }
                }
                self.signal(END_OF_ROUND);
            }
        }
        if matches!(case.main, Main::Witness { .. }) && self.until(|line| line == "round") == Turn::Line {
            self.signal(END_OF_ROUND);
        }
    }

    /// Lets the init's parent exit, and main report the signals that followed. The harness waits for that parent's exit.
    fn let_parent_exit(&mut self) {
        self.running.send(libc::SIGKILL);
        self.running.wait();
        self.until_settled();
        self.events.push(if self.has_exited() { "the init has exited" } else { "the init keeps running" });
        let main = self.main.as_ref().expect("main runs").pid;
        // It may get a signal for the init's exit, and exit itself.
        self.running.until("main has settled", || self.is_settled(main));
        if matches!(self.state(main), None | Some(('Z', _))) {
            return;
        }
        self.running.exec(["signal".to_owned(), main.to_string(), END_OF_ROUND.to_string()]);
        let end = Instant::now() + LIMIT;
        while !self.lines.next(&|line: &str| line == "round") {
            assert!(Instant::now() < end, "main does not answer; {}", self.running.situation());
            self.lines.fill(Duration::from_millis(3));
        }
    }

    /// Waits until main has printed that it is ready, and the PIDs of its members.
    fn meet(&mut self, case: &Case) {
        let ready = self.lines.seen.iter().find(|line| line.starts_with("ready")).cloned().unwrap_or_default();
        let members = ready.split(' ').skip(1).filter_map(|word| word.split_once('='));
        self.members = members.filter_map(|(name, pid)| Some((name.to_owned(), pid.parse().ok()?))).collect();
        self.init = self.find_init(case);
        let init = self.init.as_ref().map(|init| init.pid);
        self.main = self.running.processes().into_iter().find(|process| Some(process.parent) == init);
    }

    /// None if it has already exited.
    fn find_init(&self, case: &Case) -> Option<Process> {
        match case.place {
            Place::Pid1 => self.running.processes().into_iter().find(|process| process.pid == 1),
            Place::Child if case.way == Way::ParentEnds => {
                let parent = self.running.itself().pid;
                self.running.processes().into_iter().find(|process| process.parent == parent)
            }
            Place::Child => Some(self.running.itself()),
        }
    }

    /// A process that has just exited gets no signal, which does not matter.
    fn signal(&self, signal: i32) {
        if !self.has_exited() {
            self.running.send(signal);
        }
    }

    fn has_exited(&self) -> bool {
        let Some(init) = &self.init else { return self.running.processes().is_empty() };
        let now = self.running.processes().into_iter().find(|process| process.pid == init.pid);
        now.is_none_or(|now| now.state == 'Z')
    }

    /// The state of a process, and whether a signal is pending. None if it is gone.
    fn state(&self, pid: i32) -> Option<(char, bool)> {
        let status = std::fs::read_to_string(self.running.proc(&format!("{pid}/status"))).ok()?;
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let is_empty = |name| value(name).is_some_and(|set| set.bytes().all(|digit| digit == b'0'));
        let has_pending = !is_empty("SigPnd:") || !is_empty("ShdPnd:");
        Some((value("State:")?.chars().next()?, has_pending))
    }

    /// Whether a process is idle: it sleeps and no signal is pending, or it is stopped or dead.
    fn is_settled(&self, pid: i32) -> bool {
        matches!(self.state(pid), None | Some(('S', false) | ('T' | 'Z', _)))
    }

    /// Waits until the init waits for signals again, and all processes that it may have signalled are idle.
    fn until_settled(&self) {
        let Some(init) = &self.init else { return };
        let main = self.main.iter().map(|main| main.pid);
        let all: Vec<i32> = main.chain(self.members.iter().map(|(_, pid)| *pid)).collect();
        let has_init = || self.is_settled(init.pid) && (self.waits_for_signals(init.pid) || self.is_stopped(init.pid));
        self.running.until("all have settled", || {
            // Other processes get signals only from the init, and their reaction may wake the init again.
            self.has_exited() || (has_init() && all.iter().all(|pid| self.is_settled(*pid)) && has_init())
        });
    }

    fn is_stopped(&self, pid: i32) -> bool {
        matches!(self.state(pid), Some(('T', _)))
    }

    /// Before its first wait for signals, an init may sleep in another call.
    fn waits_for_signals(&self, pid: i32) -> bool {
        let call = std::fs::read_to_string(self.running.proc(&format!("{pid}/syscall"))).unwrap_or_default();
        let number = call.split(' ').next().and_then(|number| number.parse::<libc::c_long>().ok());
        let waits = [libc::SYS_rt_sigtimedwait, libc::SYS_read, libc::SYS_ppoll, libc::SYS_rt_sigsuspend];
        number.is_some_and(|number| waits.contains(&number) || is_poll(number))
    }

    /// Waits for such a line or for the exit. Processes that are stopped meanwhile are recorded and continued.
    fn until(&mut self, is_it: impl Fn(&str) -> bool) -> Turn {
        let end = Instant::now() + LIMIT;
        let mut same = (None, 0);
        loop {
            if self.lines.next(&is_it) {
                return Turn::Line;
            }
            if self.lines.ended || self.has_exited() {
                self.lines.fill(Duration::ZERO);
                return if self.lines.next(&is_it) { Turn::Line } else { Turn::Ended };
            }
            if self.lines.fill(Duration::from_millis(3)) {
                continue;
            }
            let turn = self.turn();
            same = if turn == same.0 { (turn, same.1 + 1) } else { (turn, 1) };
            // One reading may find a process between two states.
            match same {
                (None, _) if Instant::now() > end => panic!("no end; {}", self.running.situation()),
                (None, _) => {}
                (Some(turn), 4..) => {
                    same = (None, 0);
                    self.events.push(turn);
                    let cure = if turn == HANGS { libc::SIGKILL } else { libc::SIGCONT };
                    self.running.send(cure);
                    assert!(self.events.len() < 10, "{:?}; {}", self.events, self.running.situation());
                }
                _ => {}
            }
        }
    }

    /// The state in which the init or main cannot continue.
    fn turn(&self) -> Option<&'static str> {
        let (init, main) = (self.init.as_ref()?.pid, self.main.as_ref()?.pid);
        let is_asleep = || matches!(self.state(init), Some(('S', false)));
        match (self.is_stopped(init), self.state(main)) {
            (true, Some(('T', _))) => Some("the init and main stopped"),
            (true, _) => Some("the init stopped"),
            (false, Some(('T', _))) if is_asleep() => Some("main stopped"),
            (false, None) if is_asleep() => Some(HANGS),
            _ => None,
        }
    }

    fn note(mut self, case: &Case) -> Observation {
        let left = self.left();
        for (name, process) in &left {
            self.hear_out(name, process);
        }
        let names = left.iter().map(|(name, process)| match process.is_stopped() {
            true => format!("{name}, stopped"),
            false => name.clone(),
        });
        let names: Vec<String> = names.collect();
        let relations = self.relations();
        let finished = self.running.finish();
        while !self.lines.ended {
            self.lines.fill(LIMIT);
        }
        self.lines.next(&|_: &str| false);
        let status = match finished.status {
            Status::Exited(code) => format!("exit {code}"),
            Status::Killed(signal) => format!("killed by {signal}"),
        };
        // An init that prints a text of several lines starts no command.
        let is_text = messages::is_text(self.lines.seen.iter().map(String::as_str));
        let (mut reported, printed): (Vec<String>, Vec<String>) =
            self.lines.seen.drain(..).partition(|line| !is_text && case.is_of_main(line));
        if case.place == Place::Pid1 {
            // When PID 1 exits the kernel kills all processes, possibly in the middle of a line.
            match reported.iter().position(|line| line == "round") {
                Some(round) => reported.truncate(round + 1),
                None => reported.retain(|line| !self.members.iter().any(|(name, _)| line.starts_with(name.as_str()))),
            }
        }
        let refused = finished.status != Status::Exited(0) && self.main.is_none() && reported.is_empty();
        Observation::from([
            (Field::Status, status),
            (Field::Main, relations),
            (Field::Seen, by_process(&reported)),
            (Field::Events, self.events.join(", ")),
            (Field::Stdout, messages::kinds(printed.iter().map(String::as_str), refused)),
            (Field::Stderr, messages::kinds(finished.stderr.lines(), refused)),
            (Field::Left, names.join(" ")),
        ])
    }

    /// Waits until a member has printed all signals that it got so far.
    fn hear_out(&mut self, name: &str, process: &Process) {
        if name == "main" {
            return;
        }
        let cont = process.is_stopped().then_some(libc::SIGCONT);
        let numbers = [process.pid].into_iter().chain(cont).chain([END_OF_ROUND]);
        self.running.exec(["signal".to_owned()].into_iter().chain(numbers.map(|number| number.to_string())));
        let last = format!("{name} {END_OF_ROUND}");
        let end = Instant::now() + LIMIT;
        while !self.lines.next(&|line: &str| line == last) {
            assert!(Instant::now() < end, "{name} does not answer; {}", self.running.situation());
            self.lines.fill(Duration::from_millis(3));
        }
    }

    /// The processes that outlived the init. With the init as PID 1 there are none.
    fn left(&self) -> Vec<(String, Process)> {
        let Some(main) = &self.main else { return Vec::new() };
        let known = self.members.iter().cloned().chain([("main".to_owned(), main.pid)]);
        for (_, pid) in known.clone() {
            self.running.until("all have settled", || self.is_settled(pid));
        }
        let alive = self.running.processes();
        let process = |pid| alive.iter().find(|process| process.pid == pid && process.state != 'Z');
        known.filter_map(|(name, pid)| Some((name, process(pid)?.clone()))).collect()
    }

    /// Main's group, session and terminal relative to the init's.
    fn relations(&self) -> String {
        let (Some(init), Some(main)) = (&self.init, &self.main) else { return String::new() };
        let whose = |id: i32| match id {
            id if id == main.pid => "its own",
            id if id == init.pid => "the init's",
            0 => "outside",
            -1 => "none",
            _ => "another",
        };
        let mut text = format!("group {}, session {}", whose(main.group), whose(main.session));
        if init.terminal != 0 || main.terminal != 0 {
            let has = |process: &Process| if process.terminal == 0 { "no terminal" } else { "a terminal" };
            let _ = write!(text, ", main has {}, the init has {}", has(main), has(init));
            let _ = write!(text, ", foreground {}", whose(main.foreground));
        }
        text
    }
}

impl Case {
    /// Whether main or one of its members printed this. A command that exits by itself prints no line that looks like one of
    /// an init.
    fn is_of_main(&self, line: &str) -> bool {
        match &self.main {
            Main::Words | Main::Puppet(_) | Main::Pause => !messages::is_message(line),
            _ => {
                let first = line.split(' ').next().unwrap_or_default();
                ["ready", "round", "main", "group", "leader", "session", "orphan", "mortal"].contains(&first)
            }
        }
    }
}

pub const HANGS: &str = "main has exited, and the init keeps waiting";

/// The init's own poll(2), which only some architectures have.
fn is_poll(number: libc::c_long) -> bool {
    #[cfg(target_arch = "x86_64")]
    return number == libc::SYS_poll;
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// The lines of each process in order. The order between processes depends on the scheduler.
fn by_process(lines: &[String]) -> String {
    let mut lines_of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines {
        let (process, what) = line.split_once(' ').unwrap_or((line, ""));
        if what == END_OF_ROUND.to_string() {
            continue;
        }
        // PIDs differ from run to run.
        lines_of.entry(process).or_default().push(if process == "ready" { "" } else { what });
    }
    let lines_of =
        lines_of.into_iter().map(|(process, what)| format!("{process} {}", what.join(" ")).trim_end().to_owned());
    lines_of.collect::<Vec<_>>().join("; ")
}

/// The lines from a pipe that main and the init both write to.
struct Lines {
    pipe: File,
    ended: bool,
    bytes: Vec<u8>,
    seen: Vec<String>,
}

impl Lines {
    fn new(pipe: File) -> Lines {
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("a pipe without waiting");
        Lines { pipe, ended: false, bytes: Vec::new(), seen: Vec::new() }
    }

    /// Waits for more output and reads it. Returns whether there was any.
    fn fill(&mut self, limit: Duration) -> bool {
        let limit = PollTimeout::try_from(limit).expect("a limit that poll(2) can take");
        let _ = poll(&mut [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)], limit);
        let before = self.bytes.len();
        match self.pipe.read_to_end(&mut self.bytes) {
            Ok(_) => self.ended = true,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
        self.ended || self.bytes.len() > before
    }

    /// Returns the lines up to such a line.
    fn next(&mut self, is_it: &impl Fn(&str) -> bool) -> bool {
        loop {
            let length = match self.bytes.iter().position(|byte| *byte == b'\n') {
                Some(newline) => newline + 1,
                None if self.ended && !self.bytes.is_empty() => self.bytes.len(),
                None => return false,
            };
            let line: Vec<u8> = self.bytes.drain(..length).collect();
            let line = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
            let found = is_it(&line);
            self.seen.push(line);
            if found {
                return true;
            }
        }
    }
}

/// The original of that name, as Debian's package installs it.
pub fn original(peer: Peer) -> PathBuf {
    let path = Path::new("/usr/bin").join(peer.name());
    assert!(path.exists(), "no {} to compare with: run tests/extended/peers, or apt-get install it", path.display());
    path
}
