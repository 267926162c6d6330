//! The processes of a PID namespace, as its own /proc shows them.

use std::path::Path;

/// One process, which may be a zombie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub name: String,
    /// As in proc_pid_stat(5): `T` is stopped, `Z` a zombie.
    pub state: char,
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    /// The device number of its controlling terminal; 0 where it has none.
    pub terminal: i32,
    /// The group in the foreground of that terminal; -1 where it has none.
    pub foreground: i32,
}

impl Process {
    /// All processes at this moment.
    pub fn all(proc: &Path) -> Vec<Process> {
        let Ok(entries) = std::fs::read_dir(proc) else {
            return Vec::new();
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        let pids = names.filter_map(|name| name.to_str()?.parse::<i32>().ok());
        // A process that exits in between is left out.
        let stats = pids.filter_map(|pid| std::fs::read(proc.join(pid.to_string()).join("stat")).ok());
        stats.filter_map(|stat| Process::parse(&stat)).collect()
    }

    fn parse(stat: &[u8]) -> Option<Process> {
        let stat = String::from_utf8_lossy(stat);
        // A name may contain anything, even parentheses.
        let (pid, rest) = stat.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let state = fields.next()?.chars().next()?;
        let mut number = || fields.next()?.parse().ok();
        Some(Process {
            pid: pid.parse().ok()?,
            name: name.to_owned(),
            state,
            parent: number()?,
            group: number()?,
            session: number()?,
            terminal: number()?,
            foreground: number()?,
        })
    }

    /// Whether a signal stopped it.
    pub fn is_stopped(&self) -> bool {
        self.state == 'T'
    }
}
