//! The table of all deliberate differences between rinit and the program whose name it has, with their reasons.

use crate::cases::{Case, Main, Peer, Place, Way};
use crate::observe::{Field, HANGS, Observation};
use crate::support::signal_set;
use std::collections::BTreeMap;

/// A deliberate difference.
pub struct Deliberate {
    /// The name of the program.
    pub name: &'static str,
    pub original: &'static str,
    pub rinit: &'static str,
    pub reason: &'static str,
    /// Whether an observed difference is this one.
    pub explains: fn(&Seen) -> bool,
}

/// An observed difference.
pub struct Seen<'a> {
    pub case: &'a Case,
    pub field: Field,
    pub original: &'a str,
    pub rinit: &'a str,
    /// Everything observed in the two runs.
    pub theirs: &'a Observation,
    pub ours: &'a Observation,
}

pub const TABLE: &[Deliberate] = &[
    Deliberate {
        name: "all three",
        original: "print nothing when a signal killed the command",
        rinit: "prints one warning on stderr, unless rinit forwarded a stop signal that killed it",
        reason: "users look for this in the log after a container has stopped",
        explains: |seen| {
            seen.field == Field::Stderr
                && match seen.case.main {
                    Main::Witness { end, .. } => end.starts_with("die:"),
                    // Signals terminate it.
                    Main::Plain | Main::Ignores(_) => true,
                    Main::Words | Main::Puppet(_) | Main::Pause => false,
                }
                && without(seen.rinit, "warning") == seen.original
        },
    },
    Deliberate {
        name: "tini, dumb-init",
        original: "with `-v` or `TINI_VERBOSITY` tini logs to stdout; both log each step",
        rinit: "logs to stderr, in rinit's own words",
        reason: "stdout belongs to the command",
        explains: |seen| {
            [Field::Stdout, Field::Stderr].contains(&seen.field)
                && without(seen.original, "log") == without(seen.rinit, "log")
        },
    },
    Deliberate {
        name: "tini, catatonit, `dumb-init -c`",
        original: "not as PID 1, on a terminal: exit with the command's group in the foreground, so the kernel sends HUP to \
                   the remaining processes of that group",
        rinit: "takes the terminal back before it exits",
        reason: "the program that started rinit needs the terminal",
        explains: |seen| {
            let gives_up = seen.case.peer != Peer::DumbInit || stays_in_session(seen.case);
            seen.field == Field::Seen
                && seen.case.terminal
                && seen.case.place == Place::Child
                && gives_up
                && tokens(seen.original, &["1"]) == tokens(seen.rinit, &["1"])
        },
    },
    Deliberate {
        name: "tini",
        original: "a command on a terminal stays stopped even if no process can continue it",
        rinit: "continues it",
        reason: "Ctrl-Z under `docker run -it` would freeze the container",
        explains: |seen| {
            seen.field == Field::Events
                && seen.case.peer.is_tini()
                && seen.case.terminal
                && seen.original == "main stopped"
                && seen.rinit.is_empty()
        },
    },
    Deliberate {
        name: "tini, catatonit",
        original: "never notice the command's exit if they were started with CHLD ignored",
        rinit: "exits with it",
        reason: "a container that never exits is of no use",
        explains: |seen| {
            seen.case.ignored.contains(&libc::SIGCHLD)
                && has(seen.theirs, Field::Events, HANGS)
                && has(seen.ours, Field::Status, "exit 7")
        },
    },
    Deliberate {
        name: "tini",
        original: "with `-p SIG` tini gets SIG when its parent exits, and forwards it; if SIG kills tini (KILL, SEGV), the \
                   command gets no signal",
        rinit: "the command gets SIG when rinit itself exits, too",
        reason: "`-p SIGKILL` is meant to leave no process behind",
        explains: |seen| {
            let has_exited = |observation| has(observation, Field::Events, "the init has exited");
            seen.case.way == Way::ParentEnds
                && seen.case.peer.is_tini()
                && [Field::Seen, Field::Left].contains(&seen.field)
                && has_exited(seen.theirs)
                && has_exited(seen.ours)
        },
    },
    Deliberate {
        name: "`dumb-init -c`, `DUMB_INIT_SETSID=0`",
        original: "the command shares the init's process group",
        rinit: "the command leads a group of its own, which has the terminal",
        reason: "a key such as Ctrl-C reaches the command once, not twice (from the terminal and through the init), and \
                 TSTP stops it",
        explains: |seen| {
            let stops = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
            match seen.field {
                Field::Main => {
                    stays_in_session(seen.case)
                        && seen.rinit.starts_with("group its own, session the init's")
                        && seen.original.starts_with("group the init's, session the init's")
                }
                Field::Events => {
                    stays_in_session(seen.case)
                        && seen.case.main == Main::Plain
                        && seen.case.signals.iter().all(|signal| stops.contains(signal))
                        && seen.rinit.ends_with("main stopped")
                }
                _ => false,
            }
        },
    },
    Deliberate {
        name: "dumb-init",
        original: "the command starts with no signal blocked and none up to 31 ignored, whatever dumb-init inherited",
        rinit: "the command starts with the mask and the dispositions that rinit inherited",
        reason: "the command starts as it would without an init: nohup works, and so does a program started with PIPE ignored",
        explains: |seen| seen.case.peer == Peer::DumbInit && is_transparent(seen),
    },
    Deliberate {
        name: "catatonit",
        original: "the command starts with TSTP, TTIN and TTOU blocked",
        rinit: "the command starts with the mask that rinit inherited",
        reason: "Ctrl-Z works in the command and in every process that it starts",
        explains: |seen| seen.case.peer == Peer::Catatonit && is_transparent(seen),
    },
    Deliberate {
        name: "tini, catatonit",
        original: "refuse `--help`, `--group` and the like; tini also refuses `--version` with other arguments; catatonit \
                   takes `--ver` for `--version`",
        rinit: "has its own long options under each name, so `--ver` could also mean `--verbose`",
        reason: "one set of options to learn",
        explains: |seen| {
            let long = |word: &&str| word.len() > 2 && word.starts_with("--");
            seen.case.peer != Peer::DumbInit && seen.case.options.iter().any(long) && one_refuses(seen)
        },
    },
    Deliberate {
        name: "tini, dumb-init",
        original: "`-p` takes some names with SIG, `-r` takes numbers from 1 to 31",
        rinit: "take every signal, by name or number, with or without SIG",
        reason: "every value that the original takes means the same",
        explains: |seen| {
            let value =
                after(seen.case, &["-p", "-r"]).filter(|value| !value.is_empty()).or(attached(seen.case, "-r="));
            let is_known = |signal: &str| rinit::signal::Signal::parse(signal).is_some() || signal == "0";
            value.is_some_and(|value| value.split(':').all(is_known)) && refuses(seen.theirs) && !refuses(seen.ours)
        },
    },
    Deliberate {
        name: "tini, dumb-init",
        original: "ignore what follows a number: `-r 15:3x` is `15:3`, `-e ''` is 0; also a space or plus before it",
        rinit: "refuses such a value",
        reason: "such a value is a mistake, which the user should see",
        explains: |seen| {
            let is_odd =
                |value: &str| value.is_empty() || value.contains([' ', '+', 'x']) || value.matches(':').count() > 1;
            after(seen.case, &["-e", "-r"]).is_some_and(is_odd) && refuses(seen.ours) && !refuses(seen.theirs)
        },
    },
    Deliberate {
        name: "dumb-init",
        original: "`-r` of KILL, STOP or CHLD is accepted and does nothing",
        rinit: "refuses it and says why",
        reason: "it can never have an effect",
        explains: |seen| {
            let never = ["9:", "19:", "17:"];
            let value = after(seen.case, &["-r"]).unwrap_or_default();
            never.iter().any(|from| value.starts_with(from)) && refuses(seen.ours) && !refuses(seen.theirs)
        },
    },
    Deliberate {
        name: "all three",
        original: "if several options print something or are wrong, the first one decides",
        rinit: "refuses a wrong option first; then help, version and licence, in this order; checks values last",
        reason: "no such use is known",
        explains: |seen| {
            let several: [&[&str]; 6] =
                [&["-h", "-x"], &["-Vx"], &["-V", "-x"], &["-V", "-h"], &["-L", "-V"], &["-e", "300", "-h"]];
            several.contains(&&seen.case.options[..])
        },
    },
    Deliberate {
        name: "tini",
        original: "exits with 1 for a path that goes through a file",
        rinit: "exits with 127, as for every other path that does not exist",
        reason: "there is no such command",
        explains: |seen| {
            seen.case.options.contains(&"/etc/passwd/x")
                && has(seen.theirs, Field::Status, "exit 1")
                && has(seen.ours, Field::Status, "exit 127")
        },
    },
    Deliberate {
        name: "tini",
        original: "`-e 127` and `-e 126` also exit with 0 if the command cannot be started",
        rinit: "they map only statuses of the command itself",
        reason: "a command that did not run has not succeeded",
        explains: |seen| {
            ["126", "127"].map(Some).contains(&after(seen.case, &["-e"]))
                && has(seen.theirs, Field::Status, "exit 0")
                && !has(seen.ours, Field::Status, "exit 0")
        },
    },
];

/// The table in Markdown.
pub fn markdown() -> String {
    let head = "| called | the original | rinit | why |\n|---|---|---|---|\n";
    let rows =
        TABLE.iter().map(|row| format!("| {} | {} | {} | {} |\n", row.name, row.original, row.rinit, row.reason));
    head.to_owned() + &rows.collect::<String>()
}

fn has(observation: &Observation, field: Field, text: &str) -> bool {
    observation.get(&field).is_some_and(|seen| seen == text)
}

fn refuses(observation: &Observation) -> bool {
    has(observation, Field::Status, "exit 1")
        && has(observation, Field::Stderr, "refusal")
        && has(observation, Field::Seen, "")
}

fn one_refuses(seen: &Seen) -> bool {
    refuses(seen.theirs) != refuses(seen.ours)
}

/// Whether main stays in the init's session: dumb-init's other mode.
fn stays_in_session(case: &Case) -> bool {
    let is_single = |word: &&str| ["-c", "-vc", "-cv", "--single-child"].contains(word);
    case.peer == Peer::DumbInit
        && (case.variables.contains(&("DUMB_INIT_SETSID", "0")) || case.options.iter().any(is_single))
}

/// The kinds in a list except this one.
fn without(kinds: &str, kind: &str) -> String {
    kinds.split(", ").filter(|each| *each != kind).collect::<Vec<_>>().join(", ")
}

/// What each process saw, in order, except some signals.
fn tokens<'a>(seen: &'a str, but: &[&str]) -> BTreeMap<&'a str, Vec<&'a str>> {
    let processes = seen.split("; ").map(|process| {
        let mut words = process.split(' ');
        let name = words.next().unwrap_or_default();
        (name, words.filter(|word| !but.contains(word)).collect::<Vec<_>>())
    });
    processes.filter(|(name, words)| !words.is_empty() || ["ready", "round"].contains(name)).collect()
}

/// Whether only mask and dispositions differ, and rinit's command has exactly those that rinit inherited.
fn is_transparent(seen: &Seen) -> bool {
    let given = [("SigBlk:", &seen.case.blocked), ("SigIgn:", &seen.case.ignored)]
        .map(|(name, set)| format!("{name}\t{:016x}", signal_set(set.iter().copied())));
    let is_mask = |line: &str| line.starts_with("SigBlk:") || line.starts_with("SigIgn:");
    let rest = |lines: &str| lines.split("; ").filter(|line| !is_mask(line)).map(str::to_owned).collect::<Vec<_>>();
    matches!(seen.case.main, Main::Puppet(_))
        && seen.field == Field::Seen
        && given.iter().all(|line| seen.rinit.split("; ").any(|shown| shown == line))
        && rest(seen.original) == rest(seen.rinit)
}

/// The last value of these options.
fn after(case: &Case, options: &[&str]) -> Option<&'static str> {
    let mut words = case.options.windows(2).rev();
    words.find(|pair| options.contains(&pair[0])).map(|pair| pair[1])
}

fn attached(case: &Case, start: &str) -> Option<&'static str> {
    case.options.iter().find_map(|word| word.strip_prefix(start))
}
