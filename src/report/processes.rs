//! All processes of the PID namespace, and how their tree is drawn.

use crate::sys::Pid;
use crate::sys::procfs::{Procfs, Stat, Status};

/// A process at the time when it was read.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its PID.
    pub pid: Pid,
    /// From /proc/PID/stat.
    pub stat: Stat,
    /// From /proc/PID/status.
    pub status: Status,
}

/// All processes except ourselves, sorted by PID.
pub fn all(procfs: Procfs) -> Vec<Process> {
    let mut all: Vec<Process> = Vec::new();
    for pid in procfs.processes() {
        let (Some(stat), Some(status)) = (procfs.stat(pid), procfs.status(pid)) else { continue };
        // /proc lists them in this order, nearly always.
        let place = all.partition_point(|other| other.pid < pid);
        all.insert(place, Process { pid, stat, status });
    }
    all
}

/// A line of a drawn tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Branch {
    /// The lines to draw before the name.
    pub lines: String,
    /// The process.
    pub pid: Pid,
}

/// Draws the trees of (child, parent) pairs. A process whose parent is not listed as a child is a root. Siblings keep
/// their order.
pub fn tree(family: &[(Pid, Pid)]) -> Vec<Branch> {
    let mut known: Vec<Pid> = family.iter().map(|(pid, _)| *pid).collect();
    known.sort_unstable();
    // Parents, and the indices of their children in `family`. Roots get the parent 0, which is no PID.
    let mut by_parent: Vec<(Pid, usize)> = Vec::with_capacity(family.len());
    for (place, (pid, parent)) in family.iter().enumerate() {
        let is_root = parent == pid || known.binary_search(parent).is_err();
        by_parent.push((if is_root { Pid::from_raw(0) } else { *parent }, place));
    }
    by_parent.sort_unstable();
    let children = |parent: Pid| {
        let first = by_parent.partition_point(|(other, _)| *other < parent);
        let end = by_parent.partition_point(|(other, _)| *other <= parent);
        by_parent.get(first..end).unwrap_or_default()
    };
    let mut drawn = Vec::with_capacity(family.len());
    // Processes still to be drawn, the next one last, with what to draw before their names and before their children's lines.
    let mut waiting: Vec<(Pid, String, String)> = Vec::new();
    let mut parent = Some((Pid::from_raw(0), String::new()));
    while let Some((pid, below)) = parent {
        let siblings = children(pid);
        for (index, (_, place)) in siblings.iter().enumerate().rev() {
            let Some((child, _)) = family.get(*place) else { continue };
            let (own, under) = match index + 1 == siblings.len() {
                _ if pid.as_raw() == 0 => ("", ""),
                true => ("`- ", "   "),
                false => ("|- ", "|  "),
            };
            waiting.push((*child, format!("{below}{own}"), format!("{below}{under}")));
        }
        parent = waiting.pop().map(|(pid, lines, below)| {
            drawn.push(Branch { lines, pid });
            (pid, below)
        });
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(family: &[(i32, i32)]) -> Vec<String> {
        let pid = Pid::from_raw;
        let family: Vec<_> = family.iter().map(|(child, parent)| (pid(*child), pid(*parent))).collect();
        tree(&family).iter().map(|branch| format!("{}{}", branch.lines, branch.pid)).collect()
    }

    #[test]
    fn a_tree_is_drawn_depth_first_in_the_order_given() {
        let family = [(2, 1), (5, 2), (3, 2), (4, 3), (9, 0)];
        assert_eq!(drawn(&family), ["2", "|- 5", "`- 3", "   `- 4", "9"]);
    }

    #[test]
    fn siblings_and_grandchildren_have_their_lines() {
        let family = [(2, 1), (3, 2), (4, 3), (5, 2)];
        assert_eq!(drawn(&family), ["2", "|- 3", "|  `- 4", "`- 5"]);
    }

    #[test]
    fn a_cycle_from_a_reused_pid_does_not_loop() {
        assert_eq!(drawn(&[(2, 2)]), ["2"]);
        assert_eq!(drawn(&[(2, 3), (3, 2)]), [""; 0]);
    }
}
