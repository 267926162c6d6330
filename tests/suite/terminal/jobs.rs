//! Scripts, pipelines, and what comes after main: rinit's group holds other processes, or main is gone.

use super::*;

const TERM: &str = "15";

/// A job that is a script of sh, with `words` for it behind `$@`.
fn in_script(text: &str, rinit: impl FnOnce(Rinit) -> Rinit) -> Job {
    Job::through(script(text, []), rinit)
}

#[track_caller]
fn wait_for_foreground(job: &Job, group: i32) {
    job.eventually(&format!("{group} has the terminal"), |processes| has_terminal(processes, group));
}

#[test]
fn in_a_pipeline_rinits_group_keeps_the_foreground() {
    for number in 0..=2 {
        let mut job = Job::new(|rinit| {
            let rinit = rinit.puppet(["pause"]);
            match number {
                0 => rinit.through(["piped"]),
                1 => rinit.stdout(Stream::Pipe),
                _ => rinit.stderr(Stream::Pipe),
            }
        });
        job.start("fg");
        let (rinit, main) = (job.rinit(), job.main());
        assert_eq!((main.group, main.foreground), (main.pid, rinit.group), "{number}");
        job.pty.press(pty::CTRL_C);
        job.expect_death(2);
    }
}

#[test]
fn in_a_pipeline_ctrl_z_stops_main_too() {
    let mut job = Job::new(|rinit| rinit.stdout(Stream::Pipe).puppet(["read-lines", "/dev/tty", "18"]));
    job.start("fg");
    for _ in 0..2 {
        job.stop_by_ctrl_z();
        job.order("fg");
        job.expect(CONTINUED);
        wait_for_foreground(&job, job.rinit().group);
    }
    job.pty.press(pty::CTRL_C);
    job.expect_death(2);
}

#[test]
fn main_gets_the_foreground_of_a_pipeline_when_it_reads() {
    let mut job = Job::new(|rinit| rinit.stdout(Stream::Pipe).puppet(["read-lines", "/dev/tty"]));
    job.start("fg");
    for line in ["one", "two"] {
        job.expect_to_read(line);
        assert_eq!(job.main().foreground, job.main().group);
        job.stop_by_ctrl_z();
        job.order("fg");
        wait_for_foreground(&job, job.rinit().group);
    }
    job.pty.press(pty::CTRL_D);
    job.expect_end(0);
}

#[test]
fn a_script_can_read_the_terminal_while_rinit_runs() {
    let mut job = in_script("\"$@\" & read line; echo \"the script read $line\"; kill $!; wait; exit 7", |rinit| {
        rinit.puppet(["pause"])
    });
    job.start("fg");
    assert_eq!(job.main().foreground, job.leader().group);
    job.pty.enter("one");
    job.expect("the script read one");
    job.expect_end(7);
}

#[test]
fn ctrl_c_ends_a_script_that_runs_rinit_in_the_background() {
    let mut job = in_script("\"$@\" & read line", |rinit| rinit.puppet(["pause"]));
    job.start("fg");
    let rinit = job.rinit().pid.to_string();
    job.pty.press(pty::CTRL_C);
    job.expect_death_of_the_script();
    // As sh has it, what it started in the background ignores Ctrl-C.
    job.exec(["signal", &rinit, TERM]);
}

impl Job {
    #[track_caller]
    fn expect_death_of_the_script(&mut self) {
        self.expect("killed by 2, the job had the terminal");
        self.expect_shell_to_read("after the end");
    }
}

const AND_THEN: &str = "\"$@\"; echo \"then $?\"; read line; echo \"the script read $line\"";

#[test]
fn a_script_that_runs_rinit_stops_with_it_and_has_the_terminal_after_it() {
    let mut job = in_script(AND_THEN, |rinit| rinit.puppet(["read-lines", "/dev/tty"]));
    job.start("fg");
    assert_eq!(job.leader().group, job.rinit().group);
    for line in ["one", "two"] {
        job.expect_to_read(line);
        job.pty.press(pty::CTRL_Z);
        job.expect_stop();
        // The script may be seen to stop before rinit does.
        let stopped = [job.leader().pid, job.rinit().pid, job.main().pid];
        job.eventually("all three are stopped", |processes| {
            processes.iter().filter(|process| stopped.contains(&process.pid)).all(Process::is_stopped)
        });
        job.expect_shell_to_read("mine");
        job.order("fg");
    }
    job.expect_to_read("three");
    job.pty.press(pty::CTRL_D);
    job.expect("then 0");
    job.pty.enter("four");
    job.expect("the script read four");
    job.expect_end(0);
}

#[test]
fn ctrl_c_ends_a_script_with_the_command_in_it() {
    let mut job = in_script(AND_THEN, |rinit| rinit.puppet(["pause"]));
    job.start("fg");
    job.pty.press(pty::CTRL_C);
    job.expect_death(2);
}

#[test]
fn ctrl_c_ends_a_script_with_the_command_in_it_that_has_the_foreground() {
    let mut job = in_script(AND_THEN, |rinit| rinit.puppet(["read-lines", "/dev/tty"]));
    job.start("fg");
    job.expect_to_read("one");
    assert_eq!(job.main().foreground, job.main().group);
    job.pty.press(pty::CTRL_C);
    job.expect_death(2);
}

/// With a trap for INT, so that it is not ended with the command.
#[test]
fn a_script_that_handles_ctrl_c_goes_on_after_it_has_killed_main() {
    let text = format!("trap : INT; {AND_THEN}");
    let mut job = in_script(&text, |rinit| rinit.puppet(["read-lines", "/dev/tty"]));
    job.start("fg");
    job.expect_to_read("one");
    assert_eq!(job.main().foreground, job.main().group);
    job.pty.press(pty::CTRL_C);
    job.expect("then 130");
    job.pty.enter("two");
    job.expect("the script read two");
    job.expect_end(0);
}

/// A child of the script reads. The script itself handles TTIN: the shell would see it stopped for a moment otherwise, as the
/// kernel sends TTIN to the whole group.
#[test]
fn a_script_takes_the_foreground_back_when_it_reads() {
    let text =
        "trap : TTIN; trap '(read line; echo \"the script read $line\")' USR1; \"$@\" & while :; do wait && exit; done";
    let command = "read line </dev/tty; echo \"the command read $line\"; exec \"$0\" print-signals 15";
    let words = [OsStr::new("/bin/sh"), OsStr::new("-c"), OsStr::new(command), puppet().as_os_str()];
    let mut job = in_script(text, |rinit| rinit.command(words));
    job.order("fg");
    job.eventually("main runs", |processes| {
        processes.iter().any(|process| process.pid == process.group && process.parent != 0)
    });
    job.pty.enter("one");
    job.expect("the command read one");
    job.expect("ready");
    assert_eq!(job.main().foreground, job.main().group);
    let script = job.leader();
    job.exec(["signal", &script.pid.to_string(), "10"]);
    wait_for_foreground(&job, script.group);
    job.pty.enter("two");
    job.expect("the script read two");
    job.exec(["signal", &job.rinit().pid.to_string(), TERM]);
    job.expect(TERM);
    job.expect_end(0);
}

/// The end of the other process may reach main before rinit does: main exits with 0 at the end of its input.
#[test]
fn ctrl_c_in_a_pipeline_ends_main_whatever_reaches_it_first() {
    let text = "trap : INT; \"$0\" pause | \"$@\"; echo \"then $?\"";
    for _ in 0..30 {
        let words = ["/bin/sh", "-c", text].map(OsStr::new).into_iter().chain([puppet().as_os_str()]);
        let mut job = Job::through(words, |rinit| rinit.puppet(["read-lines", "/proc/self/fd/0"]));
        job.start("fg");
        // What the other process writes.
        job.expect("read ready");
        job.pty.press(pty::CTRL_C);
        job.expect("then 130");
    }
}

#[test]
fn where_ttin_is_ignored_main_has_the_foreground_at_once() {
    let mut job = in_script("trap '' TTIN; \"$@\"; exit $?", |rinit| rinit.puppet(READER));
    job.start("fg");
    assert_eq!(job.main().foreground, job.main().group);
    job.expect_to_read("one");
    job.pty.press(pty::CTRL_D);
    job.expect_end(0);
}

/// Main leaves a process behind.
fn leaving() -> [&'static OsStr; 4] {
    [OsStr::new("/bin/sh"), OsStr::new("-c"), OsStr::new("\"$0\" pause & exit 0"), puppet().as_os_str()]
}

#[test]
fn the_foreground_returns_when_main_has_exited() {
    let mut job = Job::new(|rinit| rinit.options(["--wait-all"]).command(leaving()));
    job.start("fg");
    let group = job.rinit().group;
    wait_for_foreground(&job, group);
    for _ in 0..2 {
        job.pty.press(pty::CTRL_Z);
        job.expect("stopped by 20");
        job.expect_shell_to_read("mine");
        job.order("fg");
        job.eventually("rinit runs", |processes| !processes.iter().any(Process::is_stopped));
    }
    job.pty.press(pty::CTRL_C);
    job.expect_end(0);
}

#[test]
fn the_foreground_returns_to_pid_1_when_main_has_exited() {
    let mut pty = Pty::new();
    let mut rinit = started(at(&pty, Rinit::as_pid1()).options(["--wait-all"]).command(leaving()));
    rinit.eventually("rinit has the terminal", |processes| has_terminal(processes, 1));
    // Nobody could continue what it stops.
    pty.press(pty::CTRL_Z);
    pty.press(pty::CTRL_C);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn a_main_stopped_without_a_foreground_group_is_continued() {
    for place in [Rinit::as_pid1, Rinit::as_child] {
        for reaped in ["1", "0"] {
            let mut pty = Pty::new();
            let mut rinit = started(at(&pty, place()).puppet(["lose-foreground", reaped]));
            pty.enter("one");
            rinit.expect("read one");
            assert_eq!(rinit.finish().status, Status::Exited(0));
        }
    }
}

const IGNORED_BY_SHELLS: [i32; 2] = [libc::SIGTERM, libc::SIGTSTP];

#[test]
fn an_interactive_shell_gets_hup_after_term() {
    for options in [&[][..], &["-c"], &["--session"]] {
        for (place, expected) in
            [(Rinit::as_pid1 as fn() -> Rinit, Status::Exited(129)), (Rinit::as_child, Status::Killed(1))]
        {
            let pty = Pty::new();
            let rinit = at(&pty, place()).options(options).ignored(IGNORED_BY_SHELLS);
            let mut rinit = started(rinit.puppet(["pause"]));
            rinit.send(libc::SIGTERM);
            let finished = rinit.finish();
            let expected = if options == ["--session"] { Status::Exited(129) } else { expected };
            assert_eq!((finished.status, finished.stderr.as_str()), (expected, ""), "{options:?}");
        }
    }
}

#[track_caller]
fn assert_not_hung_up(rinit: Rinit) {
    let mut rinit = started(rinit.puppet(["print-signals", "12"]));
    rinit.send(libc::SIGTERM);
    rinit.send(libc::SIGUSR2);
    loop {
        match rinit.line().as_str() {
            // Print-signals takes all of them, ignored or not.
            "15" => {}
            "12" => break,
            other => panic!("{other}"),
        }
    }
}

#[test]
fn only_interactive_shells_get_hup_after_term() {
    let pty = Pty::new();
    assert_not_hung_up(at(&pty, Rinit::as_pid1()).ignored([libc::SIGTERM]));
    let pty = Pty::new();
    assert_not_hung_up(at(&pty, Rinit::as_pid1()).ignored([libc::SIGTSTP]));
    assert_not_hung_up(Rinit::as_pid1().ignored(IGNORED_BY_SHELLS));
}

#[test]
fn without_a_terminal_the_status_is_128_plus_the_signal() {
    let mut rinit = started(Rinit::as_child().puppet(["pause"]));
    rinit.send(libc::SIGINT);
    assert_eq!(rinit.finish().status, Status::Exited(130));
}

#[test]
fn under_other_names_the_status_is_128_plus_the_signal() {
    for name in ["tini", "dumb-init", "catatonit"] {
        let mut pty = Pty::new();
        let mut rinit = started(at(&pty, Rinit::as_child()).name(name).puppet(["pause"]));
        pty.press(pty::CTRL_C);
        assert_eq!(rinit.finish().status, Status::Exited(130), "{name}");
    }
}

#[test]
fn a_mapped_status_is_not_repeated_as_a_signal() {
    let mut pty = Pty::new();
    let mut rinit = started(at(&pty, Rinit::as_child()).options(["-e", "130"]).puppet(["pause"]));
    pty.press(pty::CTRL_C);
    assert_eq!(rinit.finish().status, Status::Exited(0));
}

#[test]
fn ctrl_c_is_no_warning_in_a_session_of_its_own() {
    for options in [("rinit", &["--session"][..]), ("dumb-init", &[])] {
        for place in [Rinit::as_pid1, Rinit::as_child] {
            let mut pty = Pty::new();
            let rinit = at(&pty, place()).name(options.0).options(options.1);
            let mut rinit = started(rinit.puppet(["pause"]));
            pty.press(pty::CTRL_C);
            let finished = rinit.finish();
            assert_eq!((finished.status, finished.stderr.as_str()), (Status::Exited(130), ""));
        }
    }
}

#[test]
fn sigpipe_is_no_warning_in_a_pipeline() {
    let pty = Pty::new();
    let mut rinit = at(&pty, Rinit::as_child()).puppet(["die", "13"]).start();
    let finished = rinit.finish();
    assert_eq!((finished.status, finished.stderr.as_str()), (Status::Killed(13), ""));
    let mut rinit = Rinit::as_child().puppet(["die", "13"]).start();
    assert!(rinit.finish().stderr.contains("SIGPIPE"));
}
