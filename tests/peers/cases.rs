//! The cases: combinations of options, variables, places, terminals, behaviours of main, and signals.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

/// A program whose name rinit takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Tini,
    TiniStatic,
    DumbInit,
    Catatonit,
}

impl Peer {
    pub fn name(self) -> &'static str {
        match self {
            Peer::Tini => "tini",
            Peer::TiniStatic => "tini-static",
            Peer::DumbInit => "dumb-init",
            Peer::Catatonit => "catatonit",
        }
    }

    pub fn is_tini(self) -> bool {
        matches!(self, Peer::Tini | Peer::TiniStatic)
    }
}

/// How the program is found, and the argv[0] that results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// By a symbolic link of its name.
    Link,
    /// By a hard link.
    HardLink,
    /// By a copy.
    Copy,
    /// By `FOLDER/../FOLDER/NAME`.
    WindingPath,
    /// As a login shell: `-NAME`.
    Login,
    /// As the interpreter that the first line of a script names.
    Script,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Pid1,
    Child,
}

/// The command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Main {
    /// None, or one among the arguments, which exits by itself.
    Words,
    /// The puppet with these arguments, which exits by itself.
    Puppet(Vec<&'static str>),
    /// A witness: prints all signals that it and these members get, and then exits in this way.
    Witness { end: &'static str, members: &'static [&'static str] },
    /// A program that leaves all signals to their default actions.
    Plain,
    /// A program that ignores this signal.
    Ignores(&'static str),
    /// No command: the init only pauses.
    Pause,
}

/// How the signals are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the init, one after the other, each handled before the next is sent.
    InTurn,
    /// To the init, while it is stopped.
    AtOnce,
    /// By the terminal's keys or its window size.
    Terminal,
    /// No signal: the init's parent exits.
    ParentEnds,
}

/// One run of the original and one of rinit.
#[derive(Clone, Debug)]
pub struct Case {
    pub peer: Peer,
    pub called: Called,
    pub options: Vec<&'static str>,
    pub variables: Vec<(&'static str, &'static str)>,
    pub place: Place,
    pub terminal: bool,
    pub main: Main,
    pub signals: Vec<i32>,
    pub way: Way,
    pub ignored: Vec<i32>,
    pub blocked: Vec<i32>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.variables {
            write!(f, "{name}={value:?} ")?;
        }
        f.write_str(self.peer.name())?;
        for word in &self.options {
            match word.is_empty() || word.contains(' ') {
                true => write!(f, " {word:?}")?,
                false => write!(f, " {word}")?,
            }
        }
        match &self.main {
            Main::Words => {}
            Main::Puppet(words) => write!(f, " [{}]", words.join(" "))?,
            Main::Witness { end, members } => write!(f, " [{}]", [&["tells", end], *members].concat().join(" "))?,
            Main::Plain => f.write_str(" [plain]")?,
            Main::Ignores(signal) => write!(f, " [ignores {signal}]")?,
            Main::Pause => f.write_str(" [pause]")?,
        }
        let numbers = |signals: &[i32]| signals.iter().map(|signal| format!(" {signal}")).collect::<String>();
        if !self.signals.is_empty() {
            write!(f, ", signals{}", numbers(&self.signals))?;
        }
        f.write_str(match self.way {
            Way::InTurn => "",
            Way::AtOnce => " at once",
            Way::Terminal => " from the terminal",
            Way::ParentEnds => ", the init's parent ends",
        })?;
        if !self.ignored.is_empty() {
            write!(f, ", ignored{}", numbers(&self.ignored))?;
        }
        if !self.blocked.is_empty() {
            write!(f, ", blocked{}", numbers(&self.blocked))?;
        }
        if self.called != Called::Link {
            write!(f, ", called by {:?}", self.called)?;
        }
        write!(f, ", {}", if self.place == Place::Pid1 { "PID 1" } else { "not PID 1" })?;
        f.write_str(if self.terminal { ", terminal" } else { "" })
    }
}

/// All cases, each once.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(forwarding());
    cases.extend(rewriting());
    cases.extend(variables());
    cases.extend(ends());
    cases.extend(leftovers());
    cases.extend(inheritance());
    cases.extend(bursts());
    cases.extend(keys());
    cases.extend(orphaned());
    cases.extend(parsing());
    cases.extend(pausing());
    cases.extend(called());
    cases.extend(warnings());
    // A case that several combinations produce runs once.
    let mut known = BTreeSet::new();
    cases.retain(|case| known.insert(case.to_string()));
    cases
}

const PLACES: [Place; 2] = [Place::Pid1, Place::Child];

/// A program with the options before the command.
type Setup = (Peer, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// Each way in which one of the programs chooses the targets of signals.
const SETUPS: [Setup; 7] = [
    (Peer::Tini, &["-s", "--"], &[]),
    (Peer::Tini, &["-s", "-g", "--"], &[]),
    (Peer::DumbInit, &["--"], &[]),
    (Peer::DumbInit, &["-c", "--"], &[]),
    (Peer::DumbInit, &["--"], &[("DUMB_INIT_SETSID", "0")]),
    (Peer::Catatonit, &["--"], &[]),
    (Peer::Catatonit, &["-g", "--"], &[]),
];

fn case(peer: Peer, options: &[&'static str], place: Place, main: Main) -> Case {
    Case {
        peer,
        called: Called::Link,
        options: options.to_vec(),
        variables: Vec::new(),
        place,
        terminal: false,
        main,
        signals: Vec::new(),
        way: Way::InTurn,
        ignored: Vec::new(),
        blocked: Vec::new(),
    }
}

fn set_up((peer, options, variables): Setup, place: Place, main: Main) -> Case {
    Case { variables: variables.to_vec(), ..case(peer, options, place, main) }
}

const AROUND: &[&str] = &["group", "leader"];

fn witness(members: &'static [&'static str]) -> Main {
    Main::Witness { end: "exit:7", members }
}

/// Which processes get which signal: options × place × terminal × behaviour of main × signal.
fn forwarding() -> Vec<Case> {
    // 64 ends a round.
    static EVERY: LazyLock<Vec<i32>> = LazyLock::new(|| (1..64).filter(|signal| ![9, 19].contains(signal)).collect());
    let some = [1, 2, 3, 10, 11, 15, 17, 18, 20, 21, 22, 28, 34].as_slice();
    let few = [2, 15, 18, 20, 21].as_slice();
    let mut cases = Vec::new();
    for (index, setup) in SETUPS.into_iter().enumerate() {
        for place in PLACES {
            // One setup of each program gets every signal.
            let every = if [1, 2, 6].contains(&index) { EVERY.as_slice() } else { some };
            for (main, terminal, signals) in [
                (witness(AROUND), false, every),
                (witness(AROUND), true, some),
                (Main::Plain, false, some),
                (Main::Plain, true, few),
                (Main::Ignores("TERM"), false, &[15]),
                (Main::Ignores("INT"), true, &[2]),
            ] {
                for signal in signals {
                    let signals = vec![*signal];
                    cases.push(Case { terminal, signals, ..set_up(setup, place, main.clone()) });
                }
            }
        }
    }
    cases
}

/// dumb-init's -r: rule × signal × mode × place × terminal.
fn rewriting() -> Vec<Case> {
    let rules: [(&[&str], &[i32]); 18] = [
        (&["-r", "15:3"], &[15, 3]),
        (&["--rewrite", "15:3"], &[15]),
        (&["--rewrite=2:15"], &[2]),
        (&["-r2:0"], &[2, 15]),
        (&["-r", "15:3", "-r", "15:10"], &[15]),
        (&["-r", "15:3", "-r", "3:2"], &[15, 3]),
        (&["-r", "15:3", "-r", "2:0", "-r", "1:15"], &[15, 2, 1]),
        (&["-r", "20:0"], &[20, 21]),
        (&["-r", "20:15"], &[20, 22]),
        (&["-r", "21:21"], &[21]),
        (&["-r", "22:19"], &[22]),
        (&["-r", "20:18"], &[20]),
        (&["-r", "15:9"], &[15]),
        (&["-r", "15:17"], &[15]),
        (&["-r", "15:19"], &[15]),
        (&["-r", "18:15"], &[18]),
        (&["-r", "11:15"], &[11]),
        (&["-r", "31:1"], &[31]),
    ];
    let mut cases = Vec::new();
    for (rule, signals) in rules {
        for mode in [[].as_slice(), &["-c"]] {
            for place in PLACES {
                for terminal in [false, true] {
                    for signal in signals {
                        let options = [mode, rule, &["--"]].concat();
                        let case = case(Peer::DumbInit, &options, place, witness(AROUND));
                        cases.push(Case { terminal, signals: vec![*signal], ..case });
                    }
                }
            }
        }
    }
    cases
}

/// Variable × value × place, with a signal that shows its targets.
fn variables() -> Vec<Case> {
    let mut cases = Vec::new();
    for (peer, name, values) in [
        (Peer::Tini, "TINI_KILL_PROCESS_GROUP", ["", "0", "1"].as_slice()),
        (Peer::Tini, "TINI_SUBREAPER", &["", "0", "1"]),
        (Peer::Tini, "TINI_VERBOSITY", &["", "0", "1", "2", "3", "4", "x"]),
        (Peer::DumbInit, "DUMB_INIT_SETSID", &["", "0", "1", "no", "00"]),
        (Peer::DumbInit, "DUMB_INIT_DEBUG", &["", "0", "1", "2", "yes"]),
    ] {
        for value in values {
            for place in PLACES {
                for signal in [15, 20] {
                    let variables = vec![(name, *value)];
                    let case = case(peer, &["--"], place, witness(&["group", "orphan"]));
                    cases.push(Case { variables, signals: vec![signal], ..case });
                }
            }
        }
    }
    cases
}

/// How main exits × options × place.
fn ends() -> Vec<Case> {
    let ends = [
        "exit:0", "exit:1", "exit:7", "exit:143", "exit:255", "die:1", "die:2", "die:3", "die:6", "die:9", "die:11",
        "die:13", "die:15", "die:31", "die:34", "die:40", "die:64",
    ];
    let maps: [&[&str]; 9] = [
        &["-e", "7"],
        &["-e", "143"],
        &["-e143", "-e", "1"],
        &["-se7"],
        &["-e", "0"],
        &["-e", ""],
        &["-e", "255"],
        &["-e", "+7"],
        &["-e", "007"],
    ];
    let mut cases = Vec::new();
    for place in PLACES {
        for end in ends {
            for peer in [Peer::Tini, Peer::TiniStatic, Peer::DumbInit, Peer::Catatonit] {
                let options: &[&str] = if peer.is_tini() { &["-s", "--"] } else { &["--"] };
                cases.push(case(peer, options, place, Main::Witness { end, members: &[] }));
            }
        }
        for map in maps {
            for end in ["exit:0", "exit:7", "exit:1", "die:15"] {
                let options = [&["-s"], map, &["--"]].concat();
                cases.push(case(Peer::Tini, &options, place, Main::Witness { end, members: &[] }));
            }
        }
    }
    cases
}

/// Which processes outlive main, and the signals that they got: options × place × terminal × how main exits.
fn leftovers() -> Vec<Case> {
    let mut cases = Vec::new();
    for setup in SETUPS {
        for place in PLACES {
            for terminal in [false, true] {
                for end in ["exit:3", "die:15"] {
                    let members = &["group", "leader", "session", "orphan"];
                    let main = Main::Witness { end, members };
                    cases.push(Case { terminal, ..set_up(setup, place, main) });
                }
            }
        }
    }
    cases
}

/// The mask and dispositions that main inherits: options × signal × place; and that they do not affect forwarding.
fn inheritance() -> Vec<Case> {
    let mut cases = Vec::new();
    for setup in SETUPS {
        for place in PLACES {
            for (ignored, blocked) in [
                (vec![], vec![]),
                (vec![1, 15], vec![]),
                (vec![], vec![1, 15]),
                (vec![21, 22], vec![]),
                (vec![], vec![20, 21, 22]),
                (vec![13, 34], vec![14, 40]),
            ] {
                let state = set_up(setup, place, Main::Puppet(vec!["state"]));
                let case = set_up(setup, place, witness(AROUND));
                let (ignored_here, blocked_here) = (ignored.clone(), blocked.clone());
                cases.push(Case { ignored, blocked, ..state });
                cases.push(Case { ignored: ignored_here, blocked: blocked_here, signals: vec![15], ..case });
            }
            let case = set_up(setup, place, witness(AROUND));
            cases.push(Case { blocked: vec![17], ..case.clone() });
            cases.push(Case { ignored: vec![17], ..case });
        }
    }
    cases
}

/// Several pending signals: options × place × signals.
fn bursts() -> Vec<Case> {
    let mut cases = Vec::new();
    for setup in SETUPS {
        for place in PLACES {
            for signals in [[15, 2, 10], [34, 15, 40], [15, 15, 34]] {
                let case = set_up(setup, place, witness(AROUND));
                cases.push(Case { signals: signals.to_vec(), way: Way::AtOnce, ..case });
            }
        }
    }
    cases
}

/// Signals from the terminal: options × key × place. If the init shares main's group both get the signal, and by chance
/// main also gets it from the init: those setups are left out.
fn keys() -> Vec<Case> {
    let own_group =
        SETUPS.into_iter().filter(|setup| setup.0 != Peer::DumbInit || setup.1 == ["--"] && setup.2.is_empty());
    let mut cases = Vec::new();
    for setup in own_group {
        for place in PLACES {
            for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP, libc::SIGWINCH] {
                let signals = vec![signal];
                let case = set_up(setup, place, witness(AROUND));
                cases.push(Case { signals, way: Way::Terminal, terminal: true, ..case });
            }
        }
    }
    cases
}

/// The init's parent exits: options.
fn orphaned() -> Vec<Case> {
    let options: [(Peer, &[&str]); 11] = [
        (Peer::Tini, &["-s", "--"]),
        (Peer::Tini, &["-s", "-p", "SIGTERM", "--"]),
        (Peer::Tini, &["-s", "-g", "-p", "SIGUSR1", "--"]),
        (Peer::Tini, &["-spSIGKILL", "--"]),
        (Peer::Tini, &["-s", "-p", "SIGCHLD", "--"]),
        (Peer::Tini, &["-s", "-p", "SIGCONT", "--"]),
        (Peer::Tini, &["-s", "-p", "SIGSEGV", "--"]),
        (Peer::Tini, &["-s", "-p", "SIGTTIN", "--"]),
        (Peer::Tini, &["-s", "-p", "SIGTERM", "-p", "SIGINT", "--"]),
        (Peer::DumbInit, &["--"]),
        (Peer::Catatonit, &["--"]),
    ];
    let cases = options.map(|(peer, options)| case(peer, options, Place::Child, witness(AROUND)));
    cases.into_iter().map(|case| Case { way: Way::ParentEnds, ..case }).collect()
}

/// In these arguments `CMD` stands for a command that prints its arguments.
pub const COMMAND: &str = "CMD";

/// The command line: arguments × place. Without a command among them the program prints something or refuses.
fn parsing() -> Vec<Case> {
    const TINI: &[&[&str]] = &[
        &[],
        &["--"],
        &["-h"],
        &["-sh"],
        &["-h", "-x"],
        &["-x", "-h"],
        &["-l"],
        &["-sl", COMMAND],
        &["--version"],
        &["-s", "--version"],
        &["--version", COMMAND],
        &["--help"],
        &["-V"],
        &["-x", COMMAND],
        &["-v"],
        &["-p"],
        &["-e"],
        &["-s", COMMAND],
        &["-s", COMMAND, "a", "b"],
        &["-s", "--", COMMAND, "a", "b"],
        &["-s", "--", COMMAND, "-g", "--", "a"],
        &["-s", COMMAND, "--", "-g", "a"],
        &["-s", COMMAND, "a", "-g", "b"],
        &["-s", COMMAND, "-x"],
        &[COMMAND, "-s"],
        &[COMMAND, "a", "-s", "--", "-v", "b"],
        &["-s", "--", "--", COMMAND],
        &["-s", "-"],
        &["-s", "--", "-x"],
        &["-gs", COMMAND, "a"],
        &["-sgw", "--", COMMAND, "a"],
        &["-svvvvv", "--", COMMAND],
        &["-sv", "--", COMMAND],
        &["-svv", "--", COMMAND],
        &["-s", "-g", "-g", "-s", "-w", "-w", "--", COMMAND],
        &["-s", "-p", "SIGTERM", "--", COMMAND],
        &["-spSIGKILL", "--", COMMAND],
        &["-s", "-p", "SIGUSR1", "-p", "SIGCHLD", "--", COMMAND],
        &["-s", "-p", "SIGSTOP", "--", COMMAND],
        &["-s", "-p", "TERM", "--", COMMAND],
        &["-s", "-p", "15", "--", COMMAND],
        &["-s", "-p", "sigterm", "--", COMMAND],
        &["-s", "-p", "SIGRTMIN", "--", COMMAND],
        &["-s", "-p", "SIGRTMIN+1", "--", COMMAND],
        &["-s", "-p", "SIGPWR", "--", COMMAND],
        &["-s", "-p", "SIGIO", "--", COMMAND],
        &["-s", "-p", "BAD", "--", COMMAND],
        &["-s", "-p", "", "--", COMMAND],
        &["-s", "-p", "--", COMMAND],
        &["-s", "-e", "300", "--", COMMAND],
        &["-s", "-e", "256", "--", COMMAND],
        &["-s", "-e", "-1", "--", COMMAND],
        &["-s", "-e", "x", "--", COMMAND],
        &["-s", "-e", "7x", "--", COMMAND],
        &["-s", "-e", "0x7", "--", COMMAND],
        &["-s", "-e", "--", COMMAND],
        &["-e", "300", "-h"],
        &["-s", "no-such-command"],
        &["-s", ""],
        &["-s", "/etc"],
        &["-s", "/etc/passwd"],
        &["-s", "/etc/passwd/x"],
        &["-s", "-e", "127", "no-such-command"],
        &["-s", "-e", "126", "/etc/passwd"],
        &["-s", "-v", "no-such-command"],
        &["--subreaper", COMMAND],
    ];
    const DUMB_INIT: &[&[&str]] = &[
        &[],
        &["--"],
        &["-c"],
        &["-v"],
        &["-h"],
        &["--help"],
        &["--h"],
        &["-V"],
        &["--version"],
        &["--vers"],
        &["-V", "-h"],
        &["-h", "-V"],
        &["-h", "-x"],
        &["-x", "-h"],
        &["-Vx"],
        &["-cx", COMMAND],
        &["-x", COMMAND],
        &["-l", COMMAND],
        &["-g", COMMAND],
        &["--foo", COMMAND],
        &["--ver", COMMAND],
        &["--help=1"],
        &["--single-child=1", COMMAND],
        &["-r"],
        &["--rewrite"],
        &[COMMAND, "a", "b"],
        &["--", COMMAND, "a", "b"],
        &[COMMAND, "-c", "--", "-x"],
        &[COMMAND, "--", "a"],
        &["--", "--", COMMAND],
        &["-"],
        &["-c", COMMAND],
        &["--single-child", COMMAND, "a"],
        &["--single", COMMAND],
        &["-v", COMMAND],
        &["-vv", COMMAND],
        &["-vc", "--", COMMAND],
        &["--verbose", COMMAND],
        &["--verb", COMMAND],
        &["-r", "15:3", COMMAND],
        &["-r15:3", COMMAND],
        &["--rew", "15:3", COMMAND],
        &["-r", "31:31", COMMAND],
        &["-r", "9:3", COMMAND],
        &["-r", "19:3", COMMAND],
        &["-r", "17:3", COMMAND],
        &["-r", " 15:3", COMMAND],
        &["-r", "15: 3", COMMAND],
        &["-r", "015:3", COMMAND],
        &["-r", "15:3x", COMMAND],
        &["-r", "15:3,2:3", COMMAND],
        &["-r", "15:0:3", COMMAND],
        &["-r", "15 :3", COMMAND],
        &["-r", "15", COMMAND],
        &["-r", "15:", COMMAND],
        &["-r", ":3", COMMAND],
        &["-r", "a:b", COMMAND],
        &["-r", "TERM:QUIT", COMMAND],
        &["-r", "SIGTERM:SIGQUIT", COMMAND],
        &["-r", "0:15", COMMAND],
        &["-r", "32:1", COMMAND],
        &["-r", "1:32", COMMAND],
        &["-r", "1:64", COMMAND],
        &["-r", "15:-1", COMMAND],
        &["-r", "-1:15", COMMAND],
        &["-r=15:3", COMMAND],
        &["-r", "", COMMAND],
        &["-r", "15:3", "-r", "x", COMMAND],
        &["no-such-command"],
        &["-c", "no-such-command"],
        &["-v", "no-such-command"],
        &[""],
        &["/etc"],
        &["/etc/passwd"],
        &["/etc/passwd/x"],
    ];
    const CATATONIT: &[&[&str]] = &[
        &[],
        &["--"],
        &["-g"],
        &["-h"],
        &["-gh"],
        &["-L"],
        &["-V"],
        &["-Vx"],
        &["--version"],
        &["--ver"],
        &["--version=1"],
        &["-V", "-x"],
        &["-x", "-V"],
        &["-L", "-V"],
        &["--help"],
        &["--license"],
        &["--group", COMMAND],
        &["-x", COMMAND],
        &["-v", COMMAND],
        &["-p", COMMAND],
        &["--foo", COMMAND],
        &[COMMAND],
        &[COMMAND, "a", "b"],
        &["--", COMMAND, "a", "-g"],
        &[COMMAND, "--", "-g", "a"],
        &[COMMAND, "a", "-g", "b"],
        &[COMMAND, "-x"],
        &[COMMAND, "-V"],
        &["--", "--", COMMAND],
        &["-"],
        &["-g", COMMAND, "a"],
        &["-gg", "--", COMMAND],
        &["no-such-command"],
        &[""],
        &["/etc"],
        &["/etc/passwd"],
        &["/etc/passwd/x"],
    ];
    let mut cases = Vec::new();
    for (peer, list) in [(Peer::Tini, TINI), (Peer::DumbInit, DUMB_INIT), (Peer::Catatonit, CATATONIT)] {
        for place in PLACES {
            cases.extend(list.iter().map(|words| case(peer, words, place, Main::Words)));
        }
    }
    for words in [["--version"].as_slice(), &["-s", "no-such-command"], &["-x"]] {
        cases.push(case(Peer::TiniStatic, words, Place::Pid1, Main::Words));
    }
    for (peer, options) in [(Peer::Tini, ["-s", COMMAND, "-x"].as_slice()), (Peer::Catatonit, &[COMMAND, "-x"])] {
        let posix = vec![("POSIXLY_CORRECT", "1")];
        cases.push(Case { variables: posix, ..case(peer, options, Place::Child, Main::Words) });
    }
    cases
}

/// catatonit -P: signal × place × words.
fn pausing() -> Vec<Case> {
    let mut cases = Vec::new();
    for place in PLACES {
        for words in [["-P"].as_slice(), &["-gP"], &["-P", COMMAND], &["-P", "--", COMMAND], &["--pause"]] {
            for signals in [[2].as_slice(), &[15], &[1, 15], &[3, 10, 17, 18, 20, 28, 34, 2], &[11, 15], &[32, 15]] {
                let signals = signals.to_vec();
                cases.push(Case { signals, ..case(Peer::Catatonit, words, place, Main::Pause) });
            }
        }
    }
    cases
}

/// argv[0] × program × place, with the arguments that published images use.
fn called() -> Vec<Case> {
    use Called::{Copy, HardLink, Login, Script, WindingPath};
    let mut cases = Vec::new();
    for (peer, options) in [
        (Peer::Tini, ["-g", "-s", "--"].as_slice()),
        (Peer::Tini, &["-s", "-e", "143", "--"]),
        (Peer::TiniStatic, &["-s", "--"]),
        (Peer::DumbInit, &["--rewrite", "15:3", "--"]),
        (Peer::DumbInit, &["-c", "--"]),
        (Peer::Catatonit, &["--"]),
    ] {
        for place in PLACES {
            for called in [HardLink, Copy, WindingPath, Login] {
                for end in ["exit:7", "die:15"] {
                    let main = Main::Witness { end, members: AROUND };
                    cases.push(Case { called, signals: vec![15], ..case(peer, options, place, main) });
                }
            }
        }
    }
    for peer in [Peer::Tini, Peer::DumbInit, Peer::Catatonit] {
        for place in PLACES {
            cases.push(Case { called: Script, ..case(peer, &[], place, Main::Words) });
        }
    }
    cases
}

/// tini's warnings: options × variables × place.
fn warnings() -> Vec<Case> {
    let mut cases = Vec::new();
    for options in [["--"].as_slice(), &["-s", "--"], &["-w", "--"], &["-s", "-w", "--"], &["-sv", "-w", "--"]] {
        for variables in [
            vec![],
            vec![("TINI_VERBOSITY", "0")],
            vec![("TINI_VERBOSITY", "2")],
            vec![("TINI_SUBREAPER", "")],
            vec![("TINI_SUBREAPER", "1"), ("TINI_VERBOSITY", "0")],
        ] {
            for place in PLACES {
                let variables = variables.clone();
                let main = witness(&["mortal", "mortal", "orphan"]);
                cases.push(Case { variables, ..case(Peer::Tini, options, place, main) });
            }
        }
    }
    cases
}
