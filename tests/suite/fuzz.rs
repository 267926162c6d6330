//! Random lives of rinit: random arguments, environments, signals and processes. In each of them rinit must exit with the
//! expected status and log nothing unexpected.
//!
//! RINIT_FUZZ_RUNS is their number (150), RINIT_FUZZ_SEED the seed of the first (by the clock). A life that goes wrong is
//! shown with its seed; with that seed and one run it is repeated.

use crate::never_blocks::fill;
use crate::support::{Finished, Rinit, Running, Status, Stream, catchable, signal_set};
use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::time::SystemTime;

#[test]
fn random_lives_exit_with_the_expected_status() {
    let number = |name: &str| {
        let value = std::env::var(name).ok()?;
        Some(value.parse::<u64>().unwrap_or_else(|_| panic!("{name}: {value:?} is no number")))
    };
    let runs = number("RINIT_FUZZ_RUNS").unwrap_or(150);
    let clock = || SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
    let first = number("RINIT_FUZZ_SEED").unwrap_or_else(|| clock() as u64);
    println!("lives {first} to {}", first + runs - 1);
    for seed in first..first + runs {
        Life::new(seed).live();
    }
}

/// Random numbers, the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// Between none and `most` of them.
    fn some<T>(&mut self, most: usize, mut one: impl FnMut(&mut Random) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| one(self)).collect()
    }

    /// Any bytes but NUL.
    fn bytes(&mut self) -> Vec<u8> {
        self.some(20, |random| 1 + random.below(255) as u8)
    }

    fn word(&mut self) -> OsString {
        OsString::from_vec(self.bytes())
    }

    /// A set of signals: empty, full, or any.
    fn set(&mut self) -> u64 {
        match self.below(4) {
            0 => 0,
            1 => signal_set(catchable()),
            _ => self.next() & self.next(),
        }
    }
}

/// One random life.
struct Life {
    seed: u64,
    random: Random,
    /// A description for the failure message.
    story: Vec<String>,
    mask: u64,
    ignored: u64,
    quiet: bool,
    /// Whether stderr is a pipe that the test reads.
    is_heard: bool,
    exit_map: Option<(u8, u8)>,
}

impl Drop for Life {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("RINIT_FUZZ_SEED={} RINIT_FUZZ_RUNS=1: {:#?}", self.seed, self.story);
        }
    }
}

impl Life {
    fn new(seed: u64) -> Life {
        let random = Random(seed);
        let (story, exit_map) = (vec![], None);
        Life { seed, random, story, mask: 0, ignored: 0, quiet: false, is_heard: true, exit_map }
    }

    fn live(mut self) {
        match self.random.below(8) {
            0 => self.wrong_usage(),
            1 => self.no_command(),
            2 => self.any_words(),
            3 => self.transparency(),
            4 | 5 => self.storm(),
            _ => self.family(),
        }
    }

    fn note(&mut self, what: &str, detail: impl Debug) {
        self.story.push(format!("{what}: {detail:?}"));
    }

    /// Chooses where rinit runs and everything that execve(2) passes on.
    fn rinit(&mut self) -> Rinit {
        let as_pid1 = !self.random.one_in(3);
        self.note("PID 1", as_pid1);
        let rinit = if as_pid1 { Rinit::as_pid1() } else { Rinit::as_child() };
        self.surrounded(rinit)
    }

    fn surrounded(&mut self, mut rinit: Rinit) -> Rinit {
        let random = &mut self.random;
        self.mask = random.set();
        self.ignored = random.set();
        let (mask, ignored) = (self.mask, self.ignored);
        rinit = rinit.mask(mask).ignored(catchable().filter(|signal| has(ignored, *signal)));
        let null = File::open("/dev/null").unwrap();
        let descriptors = random.some(6, |random| 3 + random.below(190) as i32);
        for number in &descriptors {
            rinit = rinit.descriptor(*number, null.try_clone().unwrap());
        }
        let many = 16 + random.below(1000) as u64;
        let limits = random.some(3, |random| {
            random.of(&[
                // Limits that rinit itself must cope with.
                (libc::RLIMIT_NOFILE, many.max(256)),
                (libc::RLIMIT_FSIZE, 0),
                (libc::RLIMIT_STACK, 1 << 20),
                (libc::RLIMIT_MEMLOCK, 0),
                (libc::RLIMIT_MSGQUEUE, 0),
                (libc::RLIMIT_AS, 1 << 30),
                (libc::RLIMIT_CPU, 60),
            ])
        });
        for (limit, value) in &limits {
            rinit = rinit.limit(*limit, *value, *value);
        }
        let environment = random.some(5, |random| match random.below(4) {
            0 => random
                .of(&["RINIT_PORT=tcp://10.0.0.1:80", "RINIT", "RINIT_=1", "LISTEN_PID=1", "=", "LC_ALL=x"])
                .into(),
            1 => OsString::from_vec([b"A=".to_vec(), random.bytes()].concat()),
            2 => "TWICE=1".into(),
            _ => random.word(),
        });
        let environment = [vec![crate::support::PATH.into()], environment].concat();
        rinit = rinit.environment(&environment);
        self.note("mask", format_args!("{mask:x}, ignored: {ignored:x}"));
        self.note("descriptors", &descriptors);
        self.note("limits", &limits);
        self.note("environment", &environment);
        rinit
    }

    /// Chooses stderr: read, full, closed or broken.
    fn streams(&mut self, rinit: Rinit) -> Rinit {
        let choice = self.random.below(8);
        self.note("stderr", ["full", "closed", "broken", "no room on the disk"].get(choice).unwrap_or(&"read"));
        self.is_heard = choice > 3;
        match choice {
            0 => {
                let (reader, writer) = std::io::pipe().unwrap();
                fill(&writer);
                // The reading end stays open and is not read.
                let place = 199;
                rinit.stderr(Stream::Given(writer.into())).descriptor(place, reader)
            }
            1 => rinit.stderr(Stream::Closed),
            2 => {
                let (_, writer) = std::io::pipe().unwrap();
                rinit.stderr(Stream::Given(writer.into()))
            }
            3 => {
                let full = File::options().write(true).open("/dev/full").unwrap();
                rinit.stderr(Stream::Given(OwnedFd::from(full)))
            }
            _ => rinit,
        }
    }

    /// Chooses options that do not change the outcome except as recorded here.
    fn options(&mut self, rinit: Rinit, grace: &str) -> Rinit {
        let random = &mut self.random;
        let mut options = vec![format!("--grace={grace}")];
        options.extend(random.some(3, |random| {
            random
                .of(&["-g", "-v", "-vvv", "-q", "-s", "-t=group", "--target=group", "--report-after=1ms", "-vv", "--"])
                .to_owned()
        }));
        options.retain(|option| option != "--");
        self.quiet = options.iter().any(|option| option == "-q");
        if random.one_in(3) {
            let (from, to) = (random.below(256) as u8, random.below(256) as u8);
            self.exit_map = Some((from, to));
            options.push(format!("-e{from}:{to}"));
        }
        options.push("--".to_owned());
        self.note("options", &options);
        rinit.options(options)
    }

    fn status(&self, code: i32) -> Status {
        match self.exit_map {
            Some((from, to)) if i32::from(from) == code => Status::Exited(to.into()),
            _ => Status::Exited(code),
        }
    }

    fn check(&mut self, running: &mut Running, status: Status) -> Finished {
        let finished = running.finish();
        assert_eq!(finished.status, status, "{finished:?}");
        for line in finished.stderr.lines() {
            assert!(line.starts_with("rinit["), "{line:?} is no line of rinit's");
        }
        finished
    }

    /// A wrong command line: one line that names the error, and 125.
    fn wrong_usage(&mut self) {
        const WRONG: &[&str] = &[
            "--no-such",
            "-Z",
            "--grace=soon",
            "--grace=-1s",
            "--kill-after=0",
            "-tnobody",
            "-p0",
            "-p65",
            "-e256",
            "--report=xml",
            "--wait-all=1",
        ];
        let wrong = self.random.of(WRONG);
        let rinit = self.rinit();
        self.note("wrong", wrong);
        let before = self.random.of(&["-g", "--grace=1s", "-s"]);
        let mut running = rinit.options([before, wrong]).command(["echo", "started"]).start();
        let finished = self.check(&mut running, Status::Exited(125));
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
        assert_eq!(finished.stdout, "", "{finished:?}");
    }

    fn no_command(&mut self) {
        let rinit = self.rinit();
        let (command, code) =
            self.random.of(&[("/no/such", 127), ("no-such", 127), ("/etc/passwd", 126), ("/", 126), ("", 127)]);
        self.note("command", command);
        let rinit = self.options(rinit, "5s");
        let mut running = rinit.command([command, "x"]).start();
        let finished = self.check(&mut running, Status::Exited(code));
        assert_eq!(finished.stderr.lines().filter(|line| line.contains("ERROR")).count(), 1, "{finished:?}");
    }

    /// Random arguments.
    fn any_words(&mut self) {
        let words = self.random.some(6, |random| {
            let after = random.bytes();
            let before: &[u8] = random.of(&[&b"-"[..], b"--", b"\xff", b"/\xff"]);
            OsString::from_vec([before, &after].concat())
        });
        let rinit = self.rinit();
        self.note("words", &words);
        let finished = rinit.command(words).start().finish();
        let known = [0, 125, 126, 127].map(Status::Exited);
        assert!(known.contains(&finished.status), "{finished:?}");
        let lines = usize::from(finished.status != Status::Exited(0));
        assert_eq!(finished.stderr.lines().count(), lines, "{finished:?}");
    }

    /// Checks that main inherits what it would inherit without rinit.
    fn transparency(&mut self) {
        let mut arguments = vec![OsString::from(self.random.of(&["state", "args", "env"]))];
        if arguments[0] == "args" {
            arguments.extend(self.random.some(5, Random::word));
        }
        self.note("command", &arguments);
        let before = Random(self.random.0);
        let direct = self.surrounded(Rinit::as_pid1().absent()).puppet(&arguments).start().finish();
        self.random = before;
        let rinit = self.surrounded(Rinit::as_pid1()).puppet(&arguments);
        let finished = self.check(&mut rinit.start(), Status::Exited(0));
        // A variable that named rinit's PID now names main's.
        let without_listen_pid =
            |text: &str| text.lines().filter(|line| !line.contains("LISTEN_PID=")).map(str::to_owned).collect();
        let [direct, under]: [Vec<String>; 2] = [direct.stdout, finished.stdout].map(|text| without_listen_pid(&text));
        assert_eq!(under, direct);
    }

    /// Random signals from outside and inside, as fast as they can be sent. Each real-time signal arrives as often as it was
    /// sent, every other one at least once.
    fn storm(&mut self) {
        let rinit = self.rinit();
        let rinit = self.streams(rinit);
        let rinit = self.options(rinit, "10s");
        let mut running = rinit.puppet(["print-signals", "15"]).start_until_ready();
        let forwarded: Vec<i32> =
            catchable().filter(|signal| ![libc::SIGCHLD, libc::SIGTERM].contains(signal)).collect();
        let sent = self.random.some(100, |random| random.of(&forwarded));
        self.note("storm", &sent);
        let inside = self.random.one_in(4);
        if inside {
            let itself = running.itself().pid.to_string();
            let words = sent.iter().map(ToString::to_string);
            running.exec(["signal".to_owned(), itself].into_iter().chain(words));
        } else {
            sent.iter().for_each(|signal| running.send(*signal));
        }
        let mut arrived = [0usize; 65];
        while !sent.iter().all(|signal| arrived[*signal as usize] >= must_arrive(*signal, &sent)) {
            let signal: usize = running.line().parse().unwrap();
            arrived[signal] += 1;
        }
        for (signal, arrived) in (0..).zip(arrived) {
            let times = sent.iter().filter(|sent| **sent == signal).count();
            assert!(arrived <= times, "signal {signal} was sent {times} times and arrived {arrived} times");
        }
        running.send(libc::SIGTERM);
        let status = self.status(0);
        self.check(&mut running, status);
    }

    /// main and other processes, some of which do not exit by themselves. Orphans are reaped, and processes that exit when
    /// asked are not killed.
    fn family(&mut self) {
        let rinit = self.rinit();
        let rinit = self.streams(rinit);
        let by_default = !has(self.ignored | self.mask, libc::SIGTERM);
        let mut stubborn = false;
        let mut part = vec!["play"];
        for _ in 0..self.random.below(5) {
            let (words, obeys) = self.random.of(&[
                ("[ pause ]", by_default),
                ("[ exit 3 ]", true),
                ("[ [ pause ] exit 0 ]", by_default),
                ("[ [ exit 0 ] exit 0 ]", true),
                ("[ group pause ]", by_default),
                ("[ session [ pause ] pause ]", by_default),
                ("[ await TERM exit 9 ]", true),
                ("[ stop pause ]", by_default),
                ("[ lose-leader pause ]", by_default),
                ("times 5 [ [ pause ] exit 0 ]", by_default),
                ("[ ignore TERM pause ]", false),
                ("[ [ handle TERM pause ] exit 0 ]", false),
                ("[ session block-all pause ]", false),
            ]);
            part.extend(words.split(' '));
            stubborn |= !obeys;
        }
        let asked = self.random.one_in(2);
        if asked {
            part.extend(["block", "TERM", "say", "ready", "await", "TERM"]);
        }
        let code = self.random.below(256);
        let code_word = code.to_string();
        part.extend(["exit", &code_word]);
        self.note("part", part.join(" "));
        // Long enough, on any machine, for processes that exit when asked; short if a process has to be killed.
        let grace = if stubborn { "50ms" } else { "20s" };
        let mut running = self.options(rinit, grace).puppet(&part).start();
        if asked {
            running.expect("ready");
            let itself = running.itself().pid;
            running.eventually("no zombie is rinit's", |processes| {
                !processes.iter().any(|process| process.parent == itself && process.state == 'Z')
            });
            let signals = self.random.some(5, |random| random.of(&[libc::SIGWINCH, libc::SIGURG, libc::SIGCONT]));
            self.note("signals", &signals);
            signals.iter().for_each(|signal| running.send(*signal));
            running.send(libc::SIGTERM);
        }
        let status = self.status(code as i32);
        let finished = self.check(&mut running, status);
        let killed = finished.stderr.contains("killed after the grace");
        if self.is_heard && !self.quiet {
            assert_eq!(killed, stubborn, "{finished:?}");
        }
    }
}

/// How often a signal must arrive at least if all of `sent` were sent faster than they could be taken (signal(7)).
fn must_arrive(signal: i32, sent: &[i32]) -> usize {
    const STOPS: [i32; 3] = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    let undone_by: &[i32] = match signal {
        libc::SIGCONT => &STOPS,
        libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => &[libc::SIGCONT],
        _ => &[],
    };
    match signal {
        // Real-time signals are queued.
        32.. => sent.iter().filter(|other| **other == signal).count(),
        // A CONT discards pending stop signals, and a stop signal a pending CONT.
        _ if sent.iter().any(|other| undone_by.contains(other)) => 0,
        _ => 1,
    }
}

fn has(set: u64, signal: i32) -> bool {
    set >> (signal - 1) & 1 == 1
}
