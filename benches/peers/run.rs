//! A run from start to end.

use super::against;
use super::arguments::Arguments;
use super::contenders::{self, Contender};
use super::docker;
use super::ending;
use super::figures::Figures;
use super::footprint;
use super::growth::{self, Extent};
use super::latency;
use super::machine;
use super::namespace::{Namespaces, mount_proc, this_program};
use super::orphans;
use super::picture;
use super::report::Report;
use super::start;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{getegid, geteuid};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// How much to measure.
struct Amount {
    starts: usize,
    signals: u32,
    ends: usize,
    orphans: u32,
    orphan_rounds: usize,
    idle: Duration,
    stops: usize,
    growth: Extent,
}

impl Amount {
    fn new(quick: bool, pid_max: u32) -> Amount {
        if quick {
            Amount {
                starts: 30,
                signals: 100,
                ends: 10,
                orphans: 500,
                orphan_rounds: 1,
                idle: Duration::from_secs(1),
                stops: 1,
                growth: Extent {
                    crowds: &[10, 100, 1000],
                    drains: &[10, 100, 1000],
                    orphans: 50,
                    signals: 50,
                    rounds: 1,
                    pid_max,
                },
            }
        } else {
            Amount {
                starts: 1000,
                signals: 5000,
                ends: 200,
                orphans: 20_000,
                orphan_rounds: 3,
                idle: Duration::from_secs(60),
                stops: 7,
                growth: Extent {
                    crowds: &[10, 1000, 30_000],
                    drains: &[10, 100, 1000, 10_000],
                    orphans: 200,
                    signals: 300,
                    rounds: 3,
                    pid_max,
                },
            }
        }
    }
}

/// A run in progress.
pub struct Run {
    figures: Figures,
    namespaces: Namespaces,
    inits: Vec<Contender>,
    amount: Amount,
    /// What could not be measured, and why.
    remarks: Vec<String>,
}

impl Run {
    fn remark(&mut self, line: String) {
        eprintln!("peers: {line}");
        self.remarks.push(line);
    }
}

/// A measurement, by the name that selects it.
type Subject = (&'static str, fn(&mut Run));

/// All measurements, in this order.
pub const SUBJECTS: [Subject; 7] = [
    ("start", |run| start::measure(&mut run.figures, &run.namespaces, &run.inits, run.amount.starts)),
    ("signals", |run| latency::measure(&mut run.figures, &run.namespaces, &run.inits, run.amount.signals)),
    ("end", |run| ending::measure(&mut run.figures, &run.namespaces, &run.inits, run.amount.ends)),
    ("orphans", |run| {
        let Amount { orphans, orphan_rounds, .. } = run.amount;
        orphans::measure(&mut run.figures, &run.namespaces, &run.inits, orphans, orphan_rounds);
    }),
    ("docker", |run| {
        if let Err(reason) = docker::measure(&mut run.figures, &run.inits, run.amount.stops) {
            run.remark(reason);
        }
    }),
    ("idle", |run| footprint::measure(&mut run.figures, &run.namespaces, &run.inits, run.amount.idle)),
    ("growth", |run| {
        for line in growth::measure(&mut run.figures, &run.namespaces, &run.inits, &run.amount.growth) {
            run.remark(line);
        }
    }),
];

/// Continues in a PID namespace of its own: when it exits the kernel kills every process that was started.
pub fn in_own_namespace(words: &[OsString]) -> ExitCode {
    // The new namespace has its own value, and this namespace's still applies.
    let pid_max = fs::read_to_string("/proc/sys/kernel/pid_max").expect("/proc");
    let (user, group) = (geteuid(), getegid());
    if !user.is_root() {
        if let Err(error) = unshare(CloneFlags::CLONE_NEWUSER) {
            eprintln!(
                "peers: cannot make a user namespace: {error}; run this as root, or allow them to ordinary users"
            );
            return ExitCode::FAILURE;
        }
        fs::write("/proc/self/setgroups", "deny").expect("no other groups");
        fs::write("/proc/self/uid_map", format!("0 {user} 1")).expect("to be root there");
        fs::write("/proc/self/gid_map", format!("0 {group} 1")).expect("to be root's group there");
    }
    if let Err(error) = unshare(CloneFlags::CLONE_NEWPID) {
        eprintln!("peers: cannot make a PID namespace: {error}");
        return ExitCode::FAILURE;
    }
    let run = Command::new(this_program()).args(["act", "measure", pid_max.trim()]).args(words).status();
    if run.expect("this program once more").success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures everything and prints the results.
pub fn measure(arguments: &Arguments, pid_max: u32) -> ExitCode {
    set_pdeathsig(Signal::SIGKILL).expect("a signal at the parent's exit");
    mount_proc();
    // Reports problems before the long measurement.
    let before = match arguments.against.as_deref().map(Figures::load).transpose() {
        Ok(before) => before,
        Err(error) => {
            eprintln!("peers: cannot read the run to compare with: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (inits, missing) = contenders::find(&arguments.inits);
    missing.iter().for_each(|line| eprintln!("peers: {line}"));
    let mut run = Run {
        figures: Figures::default(),
        namespaces: Namespaces::new(),
        inits,
        amount: Amount::new(arguments.quick, pid_max),
        remarks: missing,
    };
    let begin = Instant::now();
    for (subject, measure) in SUBJECTS {
        if arguments.subjects.is_empty() || arguments.subjects.iter().any(|wanted| wanted == subject) {
            eprintln!("peers: {:>4} s: {subject}", begin.elapsed().as_secs());
            measure(&mut run);
        }
    }
    eprintln!("peers: {:>4} s: done", begin.elapsed().as_secs());

    let Run { figures, inits, remarks, .. } = run;
    let report = Report {
        figures: &figures,
        inits: &inits,
        remarks: &remarks,
        quick: arguments.quick,
        machine: machine::description(),
    };
    print!("{}", report.tables());
    if let Some(before) = before {
        print!("\n{}", against::compare(&before, &figures, &inits));
    }
    let written = [
        write(&arguments.markdown, &report.page(&arguments.picture, &arguments.markdown)),
        write(&arguments.picture, &picture::draw(&figures, &inits, &report.machine).to_string()),
        arguments.save.as_deref().is_none_or(|path| report_write(path, figures.save(path))),
    ];
    if written.contains(&false) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn write(path: &Path, text: &str) -> bool {
    report_write(path, fs::write(path, text))
}

/// Prints whether a file was written, and returns it.
fn report_write(path: &Path, written: std::io::Result<()>) -> bool {
    match &written {
        Ok(()) => eprintln!("peers: wrote {}", path.display()),
        Err(error) => eprintln!("peers: cannot write {}: {error}", path.display()),
    }
    written.is_ok()
}
