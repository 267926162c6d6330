//! `rinit --report`: the process table, for `docker exec` into images that have no ps(1).

use super::processes::{self, Process};
use super::slow_stop;
use crate::failure::Failure;
use crate::family::Family;
use crate::json::quoted;
use crate::options::Target;
use crate::printable::printable;
use crate::signal::{Signal, SignalSet, Treatment};
use crate::sys::clock::Timestamp;
use crate::sys::procfs::Procfs;
use crate::sys::terminal;
use crate::sys::{Pid, clock};
use nix::unistd::{SysconfVar, sysconf};
use std::fmt::Write as _;

/// How the table is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people: columns and a tree.
    Table,
    /// For programs: one JSON object a process, each on a line.
    Json,
}

/// The table of all processes of this PID namespace except this one. Fails if /proc does not show the namespace.
/// `target`: that of the rinit that is PID 1.
pub fn print(form: Form, target: Target) -> Result<String, Failure> {
    let Some(procfs) = Procfs::of_our_namespace() else {
        return Err(Failure::own("cannot report: /proc is not mounted, or is that of another PID namespace"));
    };
    let table = processes::all(procfs);
    let facts = Facts {
        family: Family::new(table.iter().map(|process| (process.stat.parent, process.pid)).collect()),
        main: main_of(&table),
        target,
        procfs,
        table: &table,
        users: users(),
        now: clock::ticks_since_boot(),
        page: sysconf(SysconfVar::PAGE_SIZE).ok().flatten().map_or(4, |bytes| bytes as u64 / 1024),
    };
    Ok(match form {
        Form::Table => facts.table(terminal::width().unwrap_or(WIDTH)),
        Form::Json => facts.json(),
    })
}

/// The width if stdout is no terminal: enough for a command line, but not for a page of Java options.
const WIDTH: usize = 200;

/// At most this many processes are named below the table.
const SHOWN: usize = 10;

/// The main process: the oldest child of PID 1, if that is rinit, which blocks all signals.
fn main_of(table: &[Process]) -> Option<Pid> {
    let init = table.first().filter(|init| init.pid.as_raw() == 1)?;
    let children = table.iter().filter(|process| process.stat.parent == init.pid);
    let first = children.min_by_key(|process| process.stat.started)?;
    (init.status.blocked == SignalSet::BLOCKABLE).then_some(first.pid)
}

struct Facts<'a> {
    family: Family,
    main: Option<Pid>,
    target: Target,
    procfs: Procfs,
    table: &'a [Process],
    users: Vec<(u32, String)>,
    /// In clock ticks since boot.
    now: u64,
    /// In kB.
    page: u64,
}

impl Facts<'_> {
    fn table(&self, width: usize) -> String {
        let mut rows = vec![["PID", "USER", "STATE", "AGE", "RSS", "TERM", "COMMAND"].map(str::to_owned)];
        let family: Vec<(Pid, Pid)> = self.table.iter().map(|process| (process.pid, process.stat.parent)).collect();
        for branch in processes::tree(&family) {
            let place = self.table.partition_point(|process| process.pid < branch.pid);
            let Some(process) = self.table.get(place) else { continue };
            rows.push([
                process.pid.to_string(),
                self.user(process),
                state(process).to_owned(),
                age(self.age(process)),
                memory(self.resident(process)),
                treatment(process).to_owned(),
                format!("{}{}", branch.lines, printable(&self.command(process))),
            ]);
        }
        let mut text = lay_out(&rows, width);
        let mut slow = self.table.iter().filter_map(|process| Some((process, self.at_a_stop(process)?)));
        for (process, what) in slow.by_ref().take(SHOWN) {
            let name = self.procfs.name(process.pid).unwrap_or_default();
            let _ = writeln!(text, "at a stop: {} ({}) {what}", process.pid, printable(&name));
        }
        let more = slow.count();
        if more > 0 {
            let _ = writeln!(text, "at a stop: and {more} more");
        }
        text
    }

    /// What delays or prevents its exit at a stop. None if PID 1 is not rinit: then nothing is known.
    fn at_a_stop(&self, process: &Process) -> Option<String> {
        let main = self.main.filter(|_| process.pid.as_raw() != 1)?;
        slow_stop::foresee(self.procfs, &self.family, (main, self.target), (process.pid, &process.status))
    }

    fn json(&self) -> String {
        let mut text = String::new();
        let time = Timestamp::now();
        for process in self.table {
            let _ = writeln!(
                text,
                "{{\"time\":\"{time}\",\"pid\":{},\"ppid\":{},\"user\":{},\"uid\":{},\"state\":\"{}\",\"age_s\":{},\"rss_kb\":{},\
                 \"term\":\"{}\",\"unreaped_by\":{},\"command\":{},\"at_stop\":{}}}",
                process.pid,
                process.stat.parent,
                quoted(&self.user(process)),
                process.status.user,
                state(process),
                self.age(process),
                self.resident(process),
                treatment(process),
                self.negligent_parent(process).map_or("null".to_owned(), |parent| parent.to_string()),
                quoted(&self.procfs.command(process.pid)),
                self.at_a_stop(process).map_or("null".to_owned(), |what| quoted(&what)),
            );
        }
        text
    }

    fn user(&self, process: &Process) -> String {
        let id = process.status.user;
        let name = self.users.iter().find(|(known, _)| *known == id).map(|(_, name)| name.clone());
        name.unwrap_or_else(|| id.to_string())
    }

    fn command(&self, process: &Process) -> String {
        let command = self.procfs.command(process.pid);
        match self.negligent_parent(process) {
            Some(parent) => {
                let name = self.procfs.name(parent).unwrap_or_default();
                format!("{command} <zombie: PID {parent} ({name}) does not reap it>")
            }
            None => command,
        }
    }

    /// The parent that does not reap this zombie.
    fn negligent_parent(&self, process: &Process) -> Option<Pid> {
        process.stat.is_dead().then_some(process.stat.parent).filter(|parent| parent.as_raw() > 0)
    }

    /// In seconds.
    fn age(&self, process: &Process) -> u64 {
        self.now.saturating_sub(process.stat.started) / 100
    }

    /// In kB.
    fn resident(&self, process: &Process) -> u64 {
        process.stat.resident.saturating_mul(self.page)
    }
}

/// What a process does with SIGTERM, in one word.
fn treatment(process: &Process) -> &'static str {
    if process.stat.is_dead() {
        return "-";
    }
    match process.status.treatment(Signal::TERM) {
        Treatment::Unknown => "-",
        Treatment::Ignores => "ignores",
        Treatment::Blocks => "blocks",
        Treatment::Handles => "handles",
        Treatment::Default if process.status.is_nested_init() || process.pid.as_raw() == 1 => "init",
        Treatment::Default => "default",
    }
}

/// The state in one word; proc_pid_stat(5) has the letters.
fn state(process: &Process) -> &'static str {
    match process.stat.state {
        b'R' => "running",
        b'S' | b'I' => "sleeping",
        b'D' => "disk",
        b'T' => "stopped",
        b't' => "traced",
        b'Z' | b'X' | b'x' => "zombie",
        _ => "unknown",
    }
}

/// As `59s`, `9m`, `23h`, `7d`.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// As `999K`, `9.5M`, `2.0G`.
fn memory(kilobytes: u64) -> String {
    let in_units_of = |unit: u64| {
        let tenths = kilobytes.saturating_mul(10) / unit;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match kilobytes {
        0..1024 => format!("{kilobytes}K"),
        1024..1_048_576 => in_units_of(1024) + "M",
        _ => in_units_of(1_048_576) + "G",
    }
}

/// Aligns the columns, numbers to the right. The last column is cut at the width of the terminal.
fn lay_out(rows: &[[String; 7]], width: usize) -> String {
    let mut widths = [0; 7];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let _ = match column {
                0 | 3 | 4 => write!(line, "{cell:>width$}  "),
                6 => write!(line, "{cell}"),
                _ => write!(line, "{cell:width$}  "),
            };
        }
        text.extend(line.chars().take(width));
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// The user names in /etc/passwd (passwd(5)), by user ID.
fn users() -> Vec<(u32, String)> {
    let text = std::fs::read("/etc/passwd").unwrap_or_default();
    let mut users = Vec::new();
    for line in String::from_utf8_lossy(&text).lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(Ok(id))) = (fields.next(), fields.nth(1).map(str::parse)) {
            users.push((id, printable(name)));
        }
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([0, 59, 60, 3599, 86_399, 86_400].map(age), ["0s", "59s", "1m", "59m", "23h", "1d"]);
        assert_eq!([0, 1023, 1024, 9728, 3_145_728].map(memory), ["0K", "1023K", "1.0M", "9.5M", "3.0G"]);
    }

    #[test]
    fn columns_are_aligned_and_the_last_is_cut_to_the_width() {
        let row = |cells: [&str; 7]| cells.map(str::to_owned);
        let rows =
            [row(["PID", "U", "S", "AGE", "RSS", "T", "C"]), row(["7", "root", "s", "1s", "12K", "x", "abc def"])];
        assert_eq!(lay_out(&rows, 99), "PID  U     S  AGE  RSS  T  C\n  7  root  s   1s  12K  x  abc def\n");
        assert_eq!(lay_out(&rows, 31), "PID  U     S  AGE  RSS  T  C\n  7  root  s   1s  12K  x  abc\n");
    }
}

#[cfg(any(test, fuzzing))]
pub mod properties;
