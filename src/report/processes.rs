//! The processes of the namespace, read in one pass, and their tree.

use crate::sys::Pid;
use crate::sys::procfs::{Procfs, Stat, Status};
use std::collections::BTreeMap;

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

/// All processes by PID; ourselves left out.
pub fn all(procfs: Procfs) -> BTreeMap<Pid, Process> {
    let read = |pid| Some((pid, Process { pid, stat: procfs.stat(pid)?, status: procfs.status(pid)? }));
    procfs.processes().filter_map(read).collect()
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
    let known: BTreeMap<Pid, Pid> = family.iter().copied().collect();
    let mut children: BTreeMap<Option<Pid>, Vec<Pid>> = BTreeMap::new();
    for (pid, parent) in family {
        let parent = Some(*parent).filter(|parent| known.contains_key(parent) && parent != pid);
        children.entry(parent).or_default().push(*pid);
    }
    let mut drawn = Vec::with_capacity(family.len());
    // Who is still to be drawn, the next one last, with what stands before the lines of its children.
    let mut open: Vec<(Pid, String, String)> = Vec::new();
    for root in children.get(&None).into_iter().flatten().rev() {
        open.push((*root, String::new(), String::new()));
    }
    while let Some((pid, lines, below)) = open.pop() {
        let young = children.remove(&Some(pid)).unwrap_or_default();
        for (index, child) in young.iter().enumerate().rev() {
            let last = index + 1 == young.len();
            let (own, under) = if last { ("`- ", "   ") } else { ("|- ", "|  ") };
            open.push((*child, format!("{below}{own}"), format!("{below}{under}")));
        }
        drawn.push(Branch { lines, pid });
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
