//! Terminals: main uses one as if started directly, and the process that started rinit gets it back.

use crate::support::pty::{self, Pty};
use crate::support::{Process, Rinit, Running, Scratch, Status, Stream, puppet, rinit_binary};
use nix::sys::termios::{InputFlags, LocalFlags};
use std::ffi::{OsStr, OsString};
use std::ops::{Deref, DerefMut};

mod jobs;

/// Reads the terminal, and prints that it was continued.
const READER: [&str; 3] = ["read-lines", "/dev/tty", "18"];
const CONTINUED: i32 = libc::SIGCONT;

fn stream(pty: &Pty) -> Stream {
    Stream::Given(pty.terminal())
}

/// On a terminal of its own, as `docker run -it` and `docker exec -it` start it. What main prints comes through a pipe.
fn at(pty: &Pty, rinit: Rinit) -> Rinit {
    rinit.stdin(stream(pty)).controlling_terminal(0)
}

fn started(rinit: Rinit) -> Running {
    rinit.start_until_ready()
}

/// Whether this group is in the foreground of the terminal, as all of its session see it.
fn has_terminal(processes: &[Process], group: i32) -> bool {
    processes.iter().any(|process| process.foreground == group)
}

/// Nothing but `sent` has come to rinit, as it logs what it receives.
#[track_caller]
fn assert_received(log: &str, sent: &[&str]) {
    let lines = log.lines().filter_map(|line| line.split_once(": DEBUG: ")?.1.split_once(" from "));
    let received: Vec<&str> = lines.map(|(signal, _)| signal).collect();
    assert_eq!(received, sent, "{log}");
}

/// What the terminal sends to the foreground is main's alone.
#[track_caller]
fn assert_reaches_main_once(signal: i32, cause: impl FnOnce(&mut Pty)) {
    let mut pty = Pty::new();
    let rinit = at(&pty, Rinit::as_pid1()).options(["-vv"]);
    let mut rinit = started(rinit.puppet(["print-signals", "15"]));
    cause(&mut pty);
    rinit.expect(signal);
    // What rinit had got together with main would come before what is sent to it now.
    for signal in [libc::SIGUSR1, libc::SIGTERM] {
        rinit.send(signal);
        rinit.expect(signal);
    }
    let finished = rinit.finish();
    assert_eq!(finished.status, Status::Exited(0));
    assert_received(&finished.stderr, &["SIGUSR1", "SIGTERM"]);
}

#[test]
fn ctrl_c_reaches_main_once_and_rinit_not_at_all() {
    assert_reaches_main_once(libc::SIGINT, |pty| pty.press(pty::CTRL_C));
}

#[test]
fn ctrl_backslash_reaches_main_once_and_rinit_not_at_all() {
    assert_reaches_main_once(libc::SIGQUIT, |pty| pty.press(pty::CTRL_BACKSLASH));
}

#[test]
fn a_new_window_size_reaches_main_once_and_rinit_not_at_all() {
    assert_reaches_main_once(libc::SIGWINCH, |pty| pty.resize(50, 132));
}

#[test]
fn a_main_that_handles_ctrl_z_itself_gets_it_once_and_is_not_continued() {
    assert_reaches_main_once(libc::SIGTSTP, |pty| pty.press(pty::CTRL_Z));
}

#[test]
fn ctrl_c_ends_main_and_the_status_shows_it() {
    for (key, signal) in [(pty::CTRL_C, libc::SIGINT), (pty::CTRL_BACKSLASH, libc::SIGQUIT)] {
        let mut pty = Pty::new();
        let mut rinit = started(at(&pty, Rinit::as_pid1()).puppet(READER));
        pty.press(key);
        assert_eq!(rinit.finish().status, Status::Exited(128 + signal));
    }
}

#[test]
fn main_has_the_terminal_to_itself_where_all_its_streams_are_one() {
    for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
        let mut pty = Pty::new();
        let rinit = at(&pty, rinit).stdout(stream(&pty)).stderr(stream(&pty));
        let mut rinit = rinit.puppet(["read-lines", "/proc/self/fd/0"]).start();
        pty.line_with("ready");
        let main = rinit.main();
        assert_eq!((main.group, main.foreground), (main.pid, main.pid));
        assert_eq!(main.session, rinit.itself().session);
        for line in ["one", "two"] {
            pty.enter(line);
            pty.line_with(&format!("read {line}"));
        }
        pty.press(pty::CTRL_D);
        assert_eq!(rinit.finish().status, Status::Exited(0));
        assert_eq!(pty.seen(), "ready\nread one\nread two\n");
    }
}

#[test]
fn a_script_without_a_first_line_for_the_kernel_has_the_terminal_too() {
    let scratch = Scratch::new();
    let script = scratch.program("script", "echo ready\nread line\necho \"read $line\"\n");
    let mut pty = Pty::new();
    let mut rinit = started(at(&pty, Rinit::as_pid1()).command([script]));
    pty.enter("one");
    rinit.expect("read one");
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn a_shell_as_main_has_job_control() {
    let mut pty = Pty::new();
    // Its orders come from the terminal, as a real shell's do.
    let mut shell = vec![OsStr::new("shell"), OsStr::new("0"), puppet().as_os_str()];
    shell.extend(READER.map(OsStr::new));
    let mut rinit = started(at(&pty, Rinit::as_pid1()).puppet(shell));
    pty.enter("fg");
    rinit.expect("ready");
    for line in ["one", "two"] {
        pty.enter(line);
        rinit.expect(format!("read {line}"));
        pty.press(pty::CTRL_Z);
        rinit.expect("stopped by 20");
        pty.enter("fg");
        rinit.expect(CONTINUED);
    }
    pty.press(pty::CTRL_C);
    rinit.expect("killed by 2, the job had the terminal");
    pty.enter("read");
    pty.enter("three");
    rinit.expect("read three");
    pty.press(pty::CTRL_D);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

/// main is stopped by Ctrl-Z, where nobody could bring it to the foreground again, and goes on.
#[track_caller]
fn assert_goes_on_after_ctrl_z(pty: &mut Pty, rinit: Rinit) {
    let rinit = started(rinit);
    assert_reads_after_ctrl_z(pty, rinit);
}

/// The same where rinit's own group has the foreground: main gets it when it reads, and is continued once more by that.
#[track_caller]
fn assert_goes_on_after_ctrl_z_without_foreground(pty: &mut Pty, rinit: Rinit) {
    let mut rinit = started(rinit);
    pty.press(pty::CTRL_Z);
    rinit.expect(CONTINUED);
    pty.enter("zero");
    rinit.expect_in_any_order([CONTINUED.to_string(), "read zero".to_owned()]);
    assert_reads_after_ctrl_z(pty, rinit);
}

#[track_caller]
fn assert_reads_after_ctrl_z(pty: &mut Pty, mut rinit: Running) {
    for line in ["one", "two"] {
        pty.press(pty::CTRL_Z);
        rinit.expect(CONTINUED);
        pty.enter(line);
        rinit.expect(format!("read {line}"));
    }
    pty.press(pty::CTRL_D);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn ctrl_z_leaves_main_running_where_no_shell_could_continue_it() {
    for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
        let mut pty = Pty::new();
        let rinit = at(&pty, rinit).puppet(READER);
        assert_goes_on_after_ctrl_z(&mut pty, rinit);
    }
}

/// A shell's words for: run this, and then something else, so that the shell stays.
fn script<'a>(text: &'a str, command: impl IntoIterator<Item = &'a OsStr>) -> Vec<&'a OsStr> {
    let shell = ["/bin/sh", "-c", text, "sh"].map(OsStr::new);
    shell.into_iter().chain(command).collect()
}

fn reader() -> Vec<&'static OsStr> {
    [puppet().as_os_str()].into_iter().chain(READER.map(OsStr::new)).collect()
}

#[track_caller]
fn assert_group_goes_on_after_ctrl_z(rinit: Rinit) {
    let mut pty = Pty::new();
    let rinit = at(&pty, rinit).command(script("\"$@\"; exit $?", reader()));
    assert_goes_on_after_ctrl_z(&mut pty, rinit);
}

#[test]
fn ctrl_z_leaves_all_of_mains_group_running_where_no_shell_could_continue_it() {
    assert_group_goes_on_after_ctrl_z(Rinit::as_pid1());
}

#[test]
fn ctrl_z_leaves_all_of_mains_group_running_though_signals_go_to_main_alone() {
    assert_group_goes_on_after_ctrl_z(Rinit::as_pid1().options(["-c"]));
}

#[test]
fn ctrl_z_leaves_main_running_where_rinit_is_in_a_script_that_no_shell_could_continue() {
    for place in [Rinit::as_pid1(), Rinit::as_child()] {
        let mut pty = Pty::new();
        let command = [rinit_binary().as_os_str(), OsStr::new("--")].into_iter().chain(reader());
        let script = script("\"$@\"; exit $?", command);
        let rinit = at(&pty, place.absent()).command(script);
        assert_goes_on_after_ctrl_z_without_foreground(&mut pty, rinit);
    }
}

#[test]
fn ctrl_z_leaves_main_running_under_two_rinits() {
    let mut pty = Pty::new();
    let command = [rinit_binary().as_os_str(), OsStr::new("--")].into_iter().chain(reader());
    let rinit = at(&pty, Rinit::as_pid1()).command(command);
    // Its stdout is a pipe, so the second one takes itself for a part of a pipeline.
    assert_goes_on_after_ctrl_z_without_foreground(&mut pty, rinit);
}

/// rinit as a job of an interactive shell.
struct Job {
    pty: Pty,
    shell: Running,
}

impl Job {
    fn new(rinit: impl FnOnce(Rinit) -> Rinit) -> Job {
        Job::through(Vec::<OsString>::new(), rinit)
    }

    /// `words` stand between the shell and rinit.
    fn through<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>, rinit: impl FnOnce(Rinit) -> Rinit) -> Job {
        let words = words.into_iter().map(|word| word.as_ref().to_owned());
        let words: Vec<OsString> = ["shell".into(), "3".into()].into_iter().chain(words).collect();
        Job::of(words, rinit)
    }

    fn of<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>, rinit: impl FnOnce(Rinit) -> Rinit) -> Job {
        let pty = Pty::new();
        let shell = Rinit::as_child().through(words).descriptor(3, pty.terminal());
        let shell = shell.stdout(Stream::Socket).stderr(Stream::Socket);
        let shell = started(rinit(shell.controlling_terminal(3)));
        Job { pty, shell }
    }

    fn reading() -> Job {
        Job::new(|rinit| rinit.puppet(READER))
    }

    /// Has the shell start it, by `fg` or `bg`, and waits until main is ready.
    #[track_caller]
    fn start(&mut self, order: &str) {
        self.order(order);
        self.expect("ready");
    }

    fn order(&mut self, order: &str) {
        self.shell.write(&format!("{order}\n"));
    }

    /// rinit, or what stands between the shell and it.
    fn leader(&self) -> Process {
        self.shell.main()
    }

    fn rinit(&self) -> Process {
        let name = rinit_binary().file_name();
        let processes = self.shell.processes();
        let rinit = processes.into_iter().find(|process| name == Some(OsStr::new(&process.name)));
        rinit.unwrap_or_else(|| panic!("no rinit; {}", self.situation()))
    }

    fn main(&self) -> Process {
        self.child_of(self.rinit().pid)
    }

    fn child_of(&self, parent: i32) -> Process {
        let processes = self.shell.processes();
        let child = processes.into_iter().find(|process| process.parent == parent);
        child.unwrap_or_else(|| panic!("{parent} has no child; {}", self.situation()))
    }

    #[track_caller]
    fn expect_stop(&mut self) {
        let line = self.line();
        assert!(line.starts_with("stopped by "), "{line:?}; {}", self.situation());
    }

    #[track_caller]
    fn stop_by_ctrl_z(&mut self) {
        self.pty.press(pty::CTRL_Z);
        self.expect_stop();
        assert!(self.rinit().is_stopped());
        assert!(self.main().is_stopped());
    }

    /// Stops main alone, by the signal that no process can refuse.
    #[track_caller]
    fn stop_main_by_stop(&self) {
        let main = self.main().pid;
        self.exec(["signal", &main.to_string(), "19"]);
        self.eventually("main is stopped", |processes| {
            processes.iter().any(|process| process.pid == main && process.is_stopped())
        });
    }

    /// main can read what is typed.
    #[track_caller]
    fn expect_to_read(&mut self, line: &str) {
        self.pty.enter(line);
        self.expect(format!("read {line}"));
    }

    /// The shell can.
    #[track_caller]
    fn expect_shell_to_read(&mut self, line: &str) {
        self.order("read");
        self.expect_to_read(line);
    }

    #[track_caller]
    fn expect_end(&mut self, status: i32) {
        self.expect_last_line(format!("exited with {status}, the job had the terminal"));
    }

    #[track_caller]
    fn expect_death(&mut self, signal: i32) {
        self.expect_last_line(format!("killed by {signal}, the job had the terminal"));
    }

    #[track_caller]
    fn expect_last_line(&mut self, line: String) {
        self.expect(line);
        self.expect_shell_to_read("after the end");
        self.close_stdin();
        assert_eq!(self.finish().status, Status::Exited(0));
    }
}

impl Deref for Job {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.shell
    }
}

impl DerefMut for Job {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.shell
    }
}

#[test]
fn ctrl_z_stops_rinit_too_and_fg_brings_main_back_to_the_foreground() {
    let mut job = Job::reading();
    job.start("fg");
    for line in ["one", "two"] {
        job.expect_to_read(line);
        job.stop_by_ctrl_z();
        job.expect_shell_to_read("mine");
        job.order("fg");
        job.expect(CONTINUED);
        assert_eq!(job.main().foreground, job.main().group);
    }
    job.expect_to_read("three");
    job.pty.press(pty::CTRL_D);
    job.expect_end(0);
}

#[test]
fn the_shell_sees_the_signal_that_stopped_main() {
    let mut job = Job::reading();
    job.start("fg");
    job.pty.press(pty::CTRL_Z);
    job.expect("stopped by 20");
    job.order("bg");
    job.expect(CONTINUED);
    job.pty.enter("one");
    job.order("wait");
    job.expect("stopped by 21");
}

#[test]
fn sigstop_to_main_leaves_rinit_running() {
    let mut job = Job::reading();
    job.start("fg");
    let (rinit, main) = (job.rinit(), job.main().pid);
    for line in ["one", "two"] {
        job.stop_main_by_stop();
        // So that keys are not for a process that cannot take them.
        job.eventually("rinit's group has the terminal", |processes| has_terminal(processes, rinit.group));
        assert!(!job.rinit().is_stopped());
        job.exec(["signal", &main.to_string(), "18"]);
        job.expect(CONTINUED);
        job.pty.enter(line);
        // By its reading main gets the terminal again.
        job.expect_in_any_order([CONTINUED.to_string(), format!("read {line}")]);
    }
    job.stop_main_by_stop();
    job.eventually("rinit's group has the terminal", |processes| has_terminal(processes, rinit.group));
    job.pty.press(pty::CTRL_C);
    let line = job.line();
    // Main may still see that rinit has continued it.
    let line = if line == "18" { job.line() } else { line };
    assert_eq!(line, "killed by 2, the job had the terminal");
}

/// As signal-hook does in a program that has handled Ctrl-Z.
#[test]
fn a_main_that_handles_ctrl_z_and_then_stops_itself_stops_rinit_too() {
    let mut job = Job::new(|rinit| rinit.puppet(["read-lines", "/dev/tty", "18", "20"]));
    job.start("fg");
    for line in ["one", "two"] {
        job.pty.press(pty::CTRL_Z);
        job.expect(20);
        job.exec(["signal", &job.main().pid.to_string(), "19"]);
        job.expect("stopped by 19");
        assert!(job.rinit().is_stopped());
        job.order("fg");
        job.expect(CONTINUED);
        job.expect_to_read(line);
    }
    job.pty.press(pty::CTRL_D);
    job.expect_end(0);
}

#[track_caller]
fn assert_fg_continues_the_group(options: &[&str]) {
    let mut job = Job::new(|rinit| rinit.options(options).command(script("\"$@\"; exit $?", reader())));
    job.start("fg");
    for line in ["one", "two"] {
        job.stop_by_ctrl_z();
        job.order("fg");
        job.expect(CONTINUED);
        job.expect_to_read(line);
    }
    job.pty.press(pty::CTRL_D);
    job.expect_end(0);
}

#[test]
fn fg_continues_all_of_mains_group() {
    assert_fg_continues_the_group(&[]);
}

#[test]
fn fg_continues_all_of_mains_group_though_signals_go_to_main_alone() {
    assert_fg_continues_the_group(&["-c"]);
}

#[test]
fn bg_lets_main_run_on_in_the_background() {
    let mut job = Job::new(|rinit| rinit.puppet(["read-lines", "/dev/tty", "18", "10"]));
    job.start("fg");
    for line in ["one", "two"] {
        job.stop_by_ctrl_z();
        job.order("bg");
        job.expect(CONTINUED);
        assert_eq!(job.main().foreground, job.itself().group);
        let rinit = job.rinit().pid.to_string();
        job.exec(["signal", &rinit, "10"]);
        job.expect(10);
        job.order("fg");
        job.expect(CONTINUED);
        job.expect_to_read(line);
    }
    job.pty.press(pty::CTRL_D);
    job.expect_end(0);
}

#[test]
fn a_rinit_in_the_background_leaves_the_terminal_alone() {
    let mut job = Job::new(|rinit| rinit.puppet(["pause"]));
    job.start("bg");
    let main = job.main();
    assert_eq!((main.group, main.foreground), (main.pid, job.itself().group));
    job.expect_shell_to_read("mine");
    let rinit = job.rinit().pid.to_string();
    job.exec(["signal", &rinit, "15"]);
    job.order("wait");
    job.expect("killed by 15, the shell had the terminal");
}

#[test]
fn a_command_that_cannot_start_in_the_background_leaves_the_terminal_alone() {
    let mut job = Job::new(|rinit| rinit.command(["/no/such/command"]));
    job.order("bg");
    job.order("wait");
    job.expect("exited with 127, the shell had the terminal");
}

#[test]
fn a_main_that_reads_in_the_background_stops_rinit_too_until_fg() {
    let mut job = Job::new(|rinit| rinit.puppet(["read-lines", "/dev/tty"]));
    job.start("bg");
    for line in ["one", "two"] {
        job.pty.enter(line);
        job.order("wait");
        job.expect_stop();
        assert!(job.rinit().is_stopped());
        assert!(job.main().is_stopped());
        job.order("fg");
        job.expect(format!("read {line}"));
        job.expect_to_read("more");
        job.stop_by_ctrl_z();
        job.order("bg");
        job.eventually("main runs", |processes| !processes.iter().any(Process::is_stopped));
    }
    // With nothing to read it waits as any other.
    job.order("fg");
    let main = job.main().pid;
    job.eventually("main has the terminal", |processes| has_terminal(processes, main));
    job.pty.press(pty::CTRL_D);
    job.expect_end(0);
}

/// Some shells (bash) send no CONT to a job that runs already when they bring it to the foreground.
#[test]
fn fg_of_a_job_that_runs_in_the_background_lets_main_read() {
    let mut job = Job::new(|rinit| rinit.puppet(["read-lines", "/dev/tty"]));
    job.start("bg");
    job.order("fg-without-cont");
    let group = job.rinit().group;
    job.eventually("rinit's group has the terminal", |processes| has_terminal(processes, group));
    for line in ["one", "two"] {
        job.expect_to_read(line);
    }
    job.pty.press(pty::CTRL_D);
    job.expect_end(0);
}

#[test]
fn ctrl_c_and_ctrl_z_reach_main_where_rinits_own_group_has_the_terminal() {
    let mut job = Job::reading();
    job.start("bg");
    let group = job.rinit().group;
    job.order("fg-without-cont");
    job.eventually("rinit's group has the terminal", |processes| has_terminal(processes, group));
    job.stop_by_ctrl_z();
    job.order("bg");
    job.expect(CONTINUED);
    job.order("fg-without-cont");
    job.eventually("rinit's group has the terminal", |processes| has_terminal(processes, group));
    job.pty.press(pty::CTRL_C);
    job.expect_death(2);
}

#[test]
fn the_terminal_is_given_back_when_main_has_exited() {
    let mut job = Job::new(|rinit| rinit.puppet(["exit", "7"]));
    job.order("fg");
    job.expect_end(7);
}

#[test]
fn the_terminal_is_given_back_when_ctrl_c_killed_main() {
    let mut job = Job::reading();
    job.start("fg");
    job.pty.press(pty::CTRL_C);
    job.expect_death(2);
}

#[test]
fn the_terminal_is_given_back_when_the_command_cannot_be_executed() {
    for (command, status) in [("/no/such/command", 127), ("/", 126)] {
        let mut job = Job::new(|rinit| rinit.command([command]));
        job.order("fg");
        job.expect_end(status);
    }
}

#[test]
fn the_terminal_is_given_back_when_main_had_given_it_to_another_group() {
    let shell = [OsStr::new("shell"), OsStr::new("0")].into_iter().chain(reader());
    let mut job = Job::new(|rinit| rinit.puppet(shell));
    job.start("fg");
    // To the shell that main is.
    job.pty.enter("fg");
    job.expect("ready");
    let (main, reader) = (job.main(), job.child_of(job.main().pid));
    assert_eq!(main.foreground, reader.pid);
    job.exec(["signal", &main.pid.to_string(), "9"]);
    job.expect_death(9);
}

#[test]
fn the_terminal_is_found_without_a_standard_stream_on_it() {
    let mut pty = Pty::new();
    let rinit = Rinit::as_pid1().descriptor(3, pty.terminal()).controlling_terminal(3);
    let mut rinit = started(rinit.puppet(READER));
    assert_eq!(rinit.main().foreground, rinit.main().group);
    pty.enter("one");
    rinit.expect("read one");
    pty.press(pty::CTRL_C);
    assert_eq!(rinit.finish().status, Status::Exited(130));
}

#[test]
fn without_dev_tty_the_terminal_is_found_among_the_standard_streams() {
    for number in 0..=2 {
        let pty = Pty::new();
        let rinit = Rinit::as_pid1().through(["without-dev"]).controlling_terminal(number);
        let rinit = match number {
            0 => rinit.stdin(stream(&pty)),
            1 => rinit.stdout(stream(&pty)),
            _ => rinit.stderr(stream(&pty)),
        };
        let rinit = rinit.puppet(["pause"]).start();
        rinit.eventually("main has the terminal", |processes| {
            let main = processes.iter().find(|process| process.parent == 1);
            main.is_some_and(|main| has_terminal(processes, main.pid))
        });
    }
}

#[test]
fn without_dev_tty_there_is_job_control_all_the_same() {
    let words = [OsStr::new("without-dev"), puppet().as_os_str(), OsStr::new("shell"), OsStr::new("3")];
    let mut job = Job::of(words, |rinit| rinit.puppet(["read-lines", "/proc/self/fd/0", "18"]));
    job.start("fg");
    job.stop_by_ctrl_z();
    job.order("fg");
    job.expect(CONTINUED);
    job.expect_to_read("one");
    job.pty.press(pty::CTRL_C);
    job.expect_death(2);
}

#[test]
fn a_terminal_that_is_not_the_controlling_one_is_left_alone() {
    let mut pty = Pty::new();
    let rinit = Rinit::as_pid1().options(["-vv"]).stdin(stream(&pty)).stderr(stream(&pty));
    let mut rinit = started(rinit.puppet(["print-signals", "15"]));
    rinit.send(libc::SIGUSR1);
    pty.line_with("SIGUSR1");
    rinit.expect(libc::SIGUSR1);
    for process in [rinit.itself(), rinit.main()] {
        assert_eq!((process.terminal, process.foreground), (0, -1));
    }
    pty.press(pty::CTRL_C);
    rinit.send(libc::SIGTERM);
    rinit.expect(libc::SIGTERM);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

/// How often PID 1 has run so far.
fn switches(rinit: &Running) -> Vec<String> {
    let status = std::fs::read_to_string(rinit.proc("1/status")).expect("the status of PID 1");
    let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_hangup_reaches_main_and_rinit_stays_idle() {
    let pty = Pty::new();
    let rinit = at(&pty, Rinit::as_pid1()).options(["-vv"]).stderr(stream(&pty));
    let mut rinit = started(rinit.puppet(["print-signals", "15"]));
    pty.hang_up();
    // The kernel sends both, to rinit as the leader of the session.
    rinit.expect(libc::SIGHUP);
    rinit.expect(libc::SIGCONT);
    rinit.eventually("rinit sleeps", |processes| {
        processes.iter().any(|process| process.pid == 1 && process.state == 'S')
    });
    let before = switches(&rinit);
    // Some time in which nothing happens to rinit.
    rinit.exec(["exit", "0"]);
    assert_eq!(switches(&rinit), before);
    for signal in [libc::SIGUSR1, libc::SIGTERM] {
        rinit.send(signal);
        rinit.expect(signal);
    }
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn rinit_exits_with_a_main_that_a_hangup_kills() {
    for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
        let pty = Pty::new();
        let rinit = at(&pty, rinit).options(["-vv"]).stderr(stream(&pty));
        let mut rinit = started(rinit.puppet(["pause"]));
        let expected = if rinit.itself().pid == 1 { Status::Exited(129) } else { Status::Killed(1) };
        pty.hang_up();
        assert_eq!(rinit.finish().status, expected);
    }
}

/// rinit, logging much to the terminal that main reads.
fn logging(pty: &Pty) -> Running {
    let rinit = at(pty, Rinit::as_pid1()).options(["-vv"]).stderr(stream(pty));
    started(rinit.puppet(["read-lines", "/dev/tty", "10", "12"]))
}

#[test]
fn a_held_terminal_delays_neither_signals_nor_the_exit() {
    let mut pty = Pty::new();
    let mut rinit = logging(&pty);
    pty.press(pty::CTRL_S);
    // Keys are taken in order.
    pty.enter("held");
    rinit.expect("read held");
    for signal in [libc::SIGUSR1, libc::SIGUSR2] {
        rinit.send(signal);
        rinit.expect(signal);
    }
    rinit.send(libc::SIGTERM);
    assert_eq!(rinit.finish().status, Status::Exited(143));
}

#[test]
fn lines_lost_on_a_held_terminal_are_counted() {
    let mut pty = Pty::new();
    let mut rinit = logging(&pty);
    pty.press(pty::CTRL_S);
    pty.enter("held");
    rinit.expect("read held");
    rinit.send(libc::SIGUSR1);
    rinit.expect(libc::SIGUSR1);
    // rinit takes one at a time: once the second is through, all that it had to say about the first is said.
    rinit.send(libc::SIGUSR2);
    rinit.expect(libc::SIGUSR2);
    pty.press(pty::CTRL_Q);
    pty.enter("released");
    rinit.expect("read released");
    rinit.send(libc::SIGUSR2);
    let line = pty.line_with(" lost");
    assert!(line.contains("WARN"), "{line}");
    pty.line_with("SIGUSR2");
    assert!(!pty.seen().contains("SIGUSR1"), "{}", pty.seen());
}

#[test]
fn tostop_does_not_stop_messages_of_rinit() {
    let mut pty = Pty::new();
    pty.change_settings(|settings| settings.local_flags.insert(LocalFlags::TOSTOP));
    let mut rinit = logging(&pty);
    rinit.send(libc::SIGUSR1);
    pty.line_with("SIGUSR1");
    rinit.expect(libc::SIGUSR1);
    assert!(!rinit.itself().is_stopped());
}

#[test]
fn the_terminals_settings_are_not_touched() {
    let mut job = Job::reading();
    job.pty.change_settings(|settings| {
        settings.local_flags.insert(LocalFlags::TOSTOP | LocalFlags::NOFLSH);
        settings.input_flags.insert(InputFlags::IXANY);
        settings.control_chars[libc::VERASE] = b'#';
    });
    let before = job.pty.settings();
    job.start("fg");
    assert_eq!(job.pty.settings(), before);
    job.stop_by_ctrl_z();
    assert_eq!(job.pty.settings(), before);
    job.order("fg");
    job.expect(CONTINUED);
    assert_eq!(job.pty.settings(), before);
    job.pty.press(pty::CTRL_C);
    job.expect("killed by 2, the job had the terminal");
    assert_eq!(job.pty.settings(), before);
}
