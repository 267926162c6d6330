//! The processes of the namespace, read in one pass, and their tree.

use crate::sys::Pid;
use crate::sys::procfs::{Procfs, Stat, Status};

/// A process as it was when it was looked at.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its PID.
    pub pid: Pid,
    /// From /proc/PID/stat.
    pub stat: Stat,
    /// From /proc/PID/status.
    pub status: Status,
}

/// All processes, sorted by PID; ourselves left out.
pub fn all(procfs: Procfs) -> Vec<Process> {
    let mut all: Vec<Process> = Vec::new();
    for pid in procfs.processes() {
        let (Some(stat), Some(status)) = (procfs.stat(pid), procfs.status(pid)) else { continue };
        // They come in this order nearly always.
        let place = all.partition_point(|other| other.pid < pid);
        all.insert(place, Process { pid, stat, status });
    }
    all
}

/// A line of a tree: how it is drawn, and whom it is about.
#[derive(Debug, PartialEq, Eq)]
pub struct Branch {
    /// What stands in front of the name.
    pub lines: String,
    /// Whom it is about.
    pub pid: Pid,
}

/// Draws a forest out of (child, parent): who has no parent among the children is a root. Brothers stay in the order in
/// which they come.
pub fn tree(family: &[(Pid, Pid)]) -> Vec<Branch> {
    let mut known: Vec<Pid> = family.iter().map(|(pid, _)| *pid).collect();
    known.sort_unstable();
    // Parents and the places of their children in `family`; a root's parent is 0, which is no process's PID.
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
    // Who is still to be drawn, the next one last, with what stands before the lines of its children.
    let mut open: Vec<(Pid, String, String)> = Vec::new();
    let mut parent = Some((Pid::from_raw(0), String::new()));
    while let Some((pid, below)) = parent {
        let young = children(pid);
        for (index, (_, place)) in young.iter().enumerate().rev() {
            let Some((child, _)) = family.get(*place) else { continue };
            let (own, under) = match index + 1 == young.len() {
                _ if pid.as_raw() == 0 => ("", ""),
                true => ("`- ", "   "),
                false => ("|- ", "|  "),
            };
            open.push((*child, format!("{below}{own}"), format!("{below}{under}")));
        }
        parent = open.pop().map(|(pid, lines, below)| {
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
    fn twins_and_grandchildren_keep_their_lines() {
        let family = [(2, 1), (3, 2), (4, 3), (5, 2)];
        assert_eq!(drawn(&family), ["2", "|- 3", "|  `- 4", "`- 5"]);
    }

    #[test]
    fn who_is_his_own_ancestor_through_a_reused_pid_hangs_nothing() {
        assert_eq!(drawn(&[(2, 2)]), ["2"]);
        assert_eq!(drawn(&[(2, 3), (3, 2)]), [""; 0]);
    }
}
