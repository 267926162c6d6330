//! An init as PID 1 of a PID namespace of its own, with a main that follows instructions.

use super::contenders::Contender;
use super::machine::now;
use super::play::Line;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

/// This program, to play another part.
pub fn this_program() -> PathBuf {
    std::env::current_exe().expect("the path of this program")
}

/// A handle of this process's own PID namespace, to return to it.
pub struct Namespaces(File);

impl Namespaces {
    pub fn new() -> Namespaces {
        Namespaces(File::open("/proc/self/ns/pid").expect("this process's namespace"))
    }

    /// Starts a program as PID 1 of a new PID namespace. Returns it and the time just before its start.
    pub fn spawn(&self, command: &mut Command) -> (Child, u64) {
        unshare(CloneFlags::CLONE_NEWPID).expect("a new PID namespace");
        let begin = now();
        let child = command.spawn();
        setns(&self.0, CloneFlags::CLONE_NEWPID).expect("the way back");
        (child.unwrap_or_else(|error| panic!("{command:?}: {error}")), begin)
    }
}

/// Mounts the /proc of this process's PID namespace, visible only to it and its children.
pub fn mount_proc() {
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS).expect("a new mount namespace");
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("private mounts");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, none).expect("a /proc");
}

/// Simulates a kernel that does not report the status of a process that it has reaped: rinit must reap by waitpid(2).
pub fn refuse_pidfd_info() {
    // ioctl(PIDFD_GET_INFO); no other ioctl matters here.
    crate::refusal::refuse(libc::ENOTTY, &libc::SYS_ioctl.to_string());
}

/// As PID 1 of a new namespace: mounts its /proc and executes the program in `words`.
pub fn become_init(words: &[OsString]) -> ExitCode {
    mount_proc();
    let error = Command::new(&words[0]).args(&words[1..]).exec();
    panic!("cannot execute {words:?}: {error}")
}

/// An init with its main.
pub struct Running {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

impl Running {
    /// Starts main under `init`, or as PID 1 without one. Returns when main is ready.
    pub fn start(namespaces: &Namespaces, init: Option<&Contender>) -> Running {
        let this = this_program();
        let mut command = Command::new(&this);
        let by_waitpid = init.is_some_and(|init| init.by_waitpid);
        command.args(["act", if by_waitpid { "init-by-waitpid" } else { "init" }]);
        if let Some(init) = init {
            command.args([init.path.as_os_str(), OsStr::new("--")]);
        }
        command.arg(this).args(["act", "play"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = namespaces.spawn(&mut command).0;
        let to = child.stdin.take().expect("a pipe");
        let from = child.stdout.take().expect("a pipe");
        let mut running = Running { child, to, from };
        running.answer();
        running
    }

    /// The PID of the init.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn tell(&mut self, line: Line) {
        self.to.write_all(line.to_text().as_bytes()).expect("main listens");
    }

    /// The next answer of main.
    pub fn answer(&mut self) -> u64 {
        let mut number = [0; 8];
        self.from.read_exact(&mut number).expect("main answers");
        u64::from_ne_bytes(number)
    }

    pub fn ask(&mut self, line: Line) -> u64 {
        self.tell(line);
        self.answer()
    }

    /// Lets main exit. Returns how many nanoseconds later the init has exited.
    pub fn leave(&mut self) -> u64 {
        let begin = self.ask(Line::Leave);
        let _ = self.child.wait();
        now().saturating_sub(begin)
    }
}

impl Drop for Running {
    /// When the init is killed the kernel kills all other processes of its namespace.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
