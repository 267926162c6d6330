//! How a test specifies what to start: rinit, its options and its command, and everything that they inherit.

use super::children::Child;
use super::failure::Failure;
use super::launch::{Launch, Limit};
use super::outputs::{Output, Outputs};
use super::programs::{puppet, rinit_binary};
use super::reaping::Reaping;
use super::running::{Running, Started};
use super::signal_set;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where rinit runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// As PID 1 of its namespace.
    Pid1,
    /// As an ordinary process of a namespace whose PID 1 only reaps.
    Child,
}

/// One of the standard descriptors.
pub enum Stream {
    /// A pipe to the harness.
    Pipe,
    /// A socket to the harness, which does not look like a part of a pipeline to rinit.
    Socket,
    /// A closed descriptor.
    Closed,
    /// This descriptor.
    Given(OwnedFd),
}

/// A rinit to start. By default it has an environment with only PATH, no blocked or ignored signal, pipes as 0, 1 and 2 and
/// no other descriptor, `/` as its directory, a session of its own and no terminal.
pub struct Rinit {
    place: Place,
    absent: bool,
    through: Vec<OsString>,
    name: Option<OsString>,
    options: Vec<OsString>,
    command: Vec<OsString>,
    environment: Vec<OsString>,
    directory: PathBuf,
    streams: [Stream; 3],
    descriptors: BTreeMap<RawFd, OwnedFd>,
    mask: u64,
    ignored: u64,
    pending: Vec<i32>,
    limits: Vec<Limit>,
    user: Option<u32>,
    terminal: Option<RawFd>,
}

/// PATH, as container engines set it.
pub const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Rinit {
    /// As PID 1 of a PID namespace of its own.
    pub fn as_pid1() -> Rinit {
        Rinit {
            place: Place::Pid1,
            absent: false,
            through: Vec::new(),
            name: None,
            options: Vec::new(),
            command: Vec::new(),
            environment: vec![PATH.into()],
            directory: "/".into(),
            streams: [Stream::Pipe, Stream::Pipe, Stream::Pipe],
            descriptors: BTreeMap::new(),
            mask: 0,
            ignored: 0,
            pending: Vec::new(),
            limits: vec![Limit {
                // Many tests kill processes by signals: no core files.
                resource: libc::RLIMIT_CORE,
                soft: 0,
                hard: 0,
            }],
            user: None,
            terminal: None,
        }
    }

    /// As a process that is not PID 1. Its parent is outside its PID namespace.
    pub fn as_child() -> Rinit {
        Rinit { place: Place::Child, ..Rinit::as_pid1() }
    }

    /// Starts the command without rinit, to compare what it inherits.
    pub fn absent(mut self) -> Rinit {
        self.absent = true;
        self
    }

    /// Starts the puppet with these arguments, followed by rinit's command line or, from the second call on, the next
    /// puppet's.
    pub fn through<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Rinit {
        if !self.through.is_empty() {
            self.through.push(puppet().into());
        }
        self.through.extend(owned(words));
        self
    }

    /// Chooses one of the two ways of reaping.
    pub fn reaping(self, by: Reaping) -> Rinit {
        match by {
            Reaping::KernelWhereItCan => self,
            Reaping::Waitpid => self.through(["refusing", &libc::EPERM.to_string(), "pidfd-info"]),
        }
    }

    /// rinit's argv[0].
    pub fn name(mut self, name: impl AsRef<OsStr>) -> Rinit {
        self.name = Some(name.as_ref().to_owned());
        self
    }

    /// Adds arguments in front of the command.
    pub fn options<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Rinit {
        self.options.extend(owned(words));
        self
    }

    /// The command and its arguments.
    pub fn command<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Rinit {
        self.command = owned(words);
        self
    }

    /// The puppet as the command, with these arguments.
    pub fn puppet<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Rinit {
        self.command = owned([puppet()]);
        self.command.extend(owned(words));
        self
    }

    /// Adds a variable.
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Rinit {
        let entry = [name.as_bytes(), b"=", value.as_ref().as_bytes()].concat();
        self.environment.push(OsStr::from_bytes(&entry).to_owned());
        self
    }

    /// The whole environment, entry by entry.
    pub fn environment<W: AsRef<OsStr>>(mut self, entries: impl IntoIterator<Item = W>) -> Rinit {
        self.environment = owned(entries);
        self
    }

    /// The working directory.
    pub fn directory(mut self, path: impl AsRef<Path>) -> Rinit {
        self.directory = path.as_ref().to_owned();
        self
    }

    /// Descriptor 0.
    pub fn stdin(mut self, stream: Stream) -> Rinit {
        self.streams[0] = stream;
        self
    }

    /// Descriptor 1.
    pub fn stdout(mut self, stream: Stream) -> Rinit {
        self.streams[1] = stream;
        self
    }

    /// Descriptor 2.
    pub fn stderr(mut self, stream: Stream) -> Rinit {
        self.streams[2] = stream;
        self
    }

    /// Another descriptor.
    pub fn descriptor(mut self, number: RawFd, fd: impl Into<OwnedFd>) -> Rinit {
        self.descriptors.insert(number, fd.into());
        self
    }

    /// The blocked signals, bit n-1 for signal n.
    pub fn mask(mut self, mask: u64) -> Rinit {
        self.mask = mask;
        self
    }

    /// The ignored signals; all others have their default action.
    pub fn ignored(mut self, signals: impl IntoIterator<Item = i32>) -> Rinit {
        self.ignored = signal_set(signals);
        self
    }

    /// Signals that were sent before the exec. They must be among the blocked ones.
    pub fn pending(mut self, signals: impl IntoIterator<Item = i32>) -> Rinit {
        self.pending = signals.into_iter().collect();
        self
    }

    /// A limit (getrlimit(2)).
    pub fn limit(mut self, resource: u32, soft: u64, hard: u64) -> Rinit {
        self.limits.retain(|limit| limit.resource != resource);
        self.limits.push(Limit { resource, soft, hard });
        self
    }

    /// Runs it as an unprivileged user who has no other process; if the tests do not run as root, as the user who runs them.
    pub fn by_some_user(mut self) -> Rinit {
        // Limits on a user's processes must not be shared with tests that run at the same time.
        static USERS: AtomicU32 = AtomicU32::new(0);
        let number = std::process::id() * 256 + USERS.fetch_add(1, Ordering::Relaxed) % 256;
        self.user = nix::unistd::geteuid().is_root().then(|| 2_000_000_000 + number);
        self
    }

    /// The descriptor (0 to 2, or one given by `descriptor`) that is a terminal and becomes the controlling one.
    pub fn controlling_terminal(mut self, number: RawFd) -> Rinit {
        self.terminal = Some(number);
        self
    }

    /// Starts it.
    pub fn start(self) -> Running {
        self.try_start().unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Starts it and waits until the command prints that it is ready.
    #[track_caller]
    pub fn start_until_ready(self) -> Running {
        let mut rinit = self.start();
        rinit.expect("ready");
        rinit
    }

    /// Starts it, or returns why the kernel refused.
    pub fn try_start(self) -> Result<Running, Failure> {
        match self.place {
            Place::Pid1 => {
                let started = self.launch(Child::start_as_pid1)?;
                Ok(Running::new(started, None))
            }
            Place::Child => {
                let reaper = Rinit::as_pid1().absent().puppet(["init"]);
                let init = reaper.launch(Child::start_as_pid1)?;
                let started = self.launch(|launch| init.start_inside(launch))?;
                Ok(Running::new(started, Some(init)))
            }
        }
    }

    /// Starts it in an existing namespace.
    pub(super) fn start_inside(self, init: &Started) -> Started {
        self.launch(|launch| init.start_inside(launch)).unwrap_or_else(|failure| panic!("{failure}"))
    }

    fn launch(mut self, start: impl FnOnce(Launch) -> Result<Child, Failure>) -> Result<Started, Failure> {
        let words = self.words();
        let program = if !self.through.is_empty() {
            puppet()
        } else if self.absent {
            Path::new(&words[0])
        } else {
            rinit_binary()
        };
        let mut ours = [None, None, None];
        for (number, stream) in (0..).zip(self.streams) {
            match stream {
                Stream::Closed => {}
                Stream::Given(fd) => {
                    self.descriptors.insert(number, fd);
                }
                Stream::Pipe => {
                    let (read, write) = std::io::pipe().expect("a pipe");
                    let (read, write) = (OwnedFd::from(read), OwnedFd::from(write));
                    let (given, kept) = match number {
                        0 => (read, write),
                        _ => (write, read),
                    };
                    self.descriptors.insert(number, given);
                    ours[number as usize] = Some(kept);
                }
                Stream::Socket => {
                    let (given, kept) = UnixStream::pair().expect("a pair of sockets");
                    self.descriptors.insert(number, given.into());
                    ours[number as usize] = Some(kept.into());
                }
            }
        }
        let [stdin, stdout, stderr] = ours;
        let child = start(Launch {
            program: program.to_owned(),
            words: words.clone(),
            environment: self.environment,
            directory: self.directory,
            descriptors: self.descriptors,
            mask: self.mask,
            ignored: self.ignored,
            pending: self.pending,
            limits: self.limits,
            user: self.user,
            terminal: self.terminal,
        })?;
        let outputs = Outputs {
            stdout: stdout.map(Output::new).unwrap_or_default(),
            stderr: stderr.map(Output::new).unwrap_or_default(),
        };
        Ok(Started::new(child, stdin.map(File::from), outputs))
    }

    fn words(&self) -> Vec<OsString> {
        let mut words = self.through.clone();
        if !words.is_empty() {
            words.insert(0, "puppet".into());
        }
        if self.absent {
            return [words, self.command.clone()].concat();
        }
        words.push(if self.through.is_empty() {
            self.name.clone().unwrap_or_else(|| "rinit".into())
        } else {
            rinit_binary().into()
        });
        [words, self.options.clone(), self.command.clone()].concat()
    }
}

fn owned<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> Vec<OsString> {
    let words = words.into_iter();
    words.map(|word| word.as_ref().to_owned()).collect()
}
