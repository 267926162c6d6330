//! Reaping orphans: left to the kernel if rinit can get main's exit status even so, and done by waitpid(2) otherwise.

use crate::command::Child;
use crate::status::WaitStatus;
use crate::sys::pidfd::Pidfd;
use crate::sys::signals::{self, Inbox};
use crate::sys::wait;
use crate::sys::{Errno, Pid, reason};
use log::{Level, error, log, log_enabled};
use std::fmt;

/// One round reaps at most this many children, so that a storm of orphans does not delay signals.
const MAX_PER_ROUND: usize = 64;

/// Whether the kernel or rinit reaps, and what is known about rinit's children.
pub struct Reaping {
    /// Why rinit needs SIGCHLD. None: the kernel reaps, and sends none.
    obstacle: Option<Obstacle>,
    /// Whether a child was alive at the last waitpid(2).
    children: bool,
    /// Whether the kernel has ever reaped: main's PID, and the number of its group, may have been used again.
    was_in_kernel: bool,
    /// The level at which each reaped orphan is logged.
    level: Level,
    /// How many orphans rinit itself has reaped.
    orphans: u64,
}

/// The result of a round of waitpid(2).
pub struct Round {
    /// main's status, if main was reaped.
    pub main_status: Option<WaitStatus>,
    /// Whether any child was reaped, or may have been by the kernel.
    pub any: bool,
    /// Whether there may be more to reap.
    pub more: bool,
}

/// What requires that rinit itself waits for its children.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    /// Job control: rinit has to see when main is stopped.
    pub stops: bool,
    /// A warning for each reaped orphan.
    pub warnings: bool,
}

/// Why rinit needs SIGCHLD, and the error behind it.
#[derive(Clone, Copy, Debug)]
struct Obstacle(&'static str, Option<Errno>);

impl Reaping {
    /// main has just been started, or there is none: leaves reaping to the kernel if possible.
    pub fn start(child: Option<&Child>, inbox: &Inbox, needs: Needs) -> Reaping {
        let level = if needs.warnings { Level::Warn } else { Level::Debug };
        let obstacle = if needs.stops {
            Some(Obstacle("job control has to see when main is stopped", None))
        } else if log_enabled!(level) {
            Some(Obstacle("each orphan's exit is logged", None))
        } else {
            leave_to_kernel(child, inbox).err()
        };
        Reaping { obstacle, children: true, was_in_kernel: obstacle.is_none(), level, orphans: 0 }
    }

    /// Whether the kernel reaps and sends no SIGCHLD.
    pub fn in_kernel(&self) -> bool {
        self.obstacle.is_none()
    }

    /// Whether a child was alive at the last waitpid(2).
    pub fn children(&self) -> bool {
        self.children
    }

    /// How many orphans were reaped, as far as rinit knows, for the log.
    pub fn orphans(&self) -> String {
        let more = if self.was_in_kernel { ", and others by the kernel, which does not count them" } else { "" };
        format!("{}{more}", self.orphans)
    }

    /// main's pidfd, if it is the only notification of main's exit: where the kernel reaps, no SIGCHLD arrives.
    pub fn pidfd_to_await<'a>(&self, child: Option<&'a Child>) -> Option<&'a Pidfd> {
        self.pidfd(child).filter(|_| self.in_kernel())
    }

    /// main's pidfd, if main and its group may only be signalled through it and not by number.
    pub fn pidfd<'a>(&self, child: Option<&'a Child>) -> Option<&'a Pidfd> {
        child?.pidfd.as_ref().filter(|_| self.was_in_kernel)
    }

    /// Reaps dead children. Where the kernel reaps, these are the children that died before it began to.
    pub fn reap(&mut self, main: Option<Pid>) -> Round {
        // After `take_over` the kernel may still have reaped some: it does not report which.
        let mut round = Round { main_status: None, any: self.was_in_kernel && !self.in_kernel(), more: true };
        for _ in 0..MAX_PER_ROUND {
            match wait::reap_any() {
                Ok(Some((pid, status))) => {
                    round.any = true;
                    // Once main is reaped its PID may belong to another process.
                    if main == Some(pid) && round.main_status.is_none() {
                        round.main_status = Some(status);
                    } else {
                        self.orphans = self.orphans.saturating_add(1);
                        log!(self.level, "reaped orphan {pid}, which {status}");
                    }
                }
                alive => {
                    self.children = alive.is_ok();
                    round.more = false;
                    break;
                }
            }
        }
        round
    }

    /// The exit status of main, which the kernel has reaped.
    pub fn status_of_reaped_main(&self, pidfd: &Pidfd) -> WaitStatus {
        // It worked at the start, so an error may be temporary: try twice. waitpid(2) and /proc no longer know the process.
        match pidfd.exit_status().or_else(|_| pidfd.exit_status()) {
            Ok(Some(status)) => status,
            refused => {
                let errno = refused.err().unwrap_or(Errno::ENODATA);
                error!(
                    "main has exited, and the kernel does not give its exit status (PIDFD_GET_INFO): {}",
                    reason(errno)
                );
                WaitStatus::UNKNOWN
            }
        }
    }

    /// Main has exited: from now on SIGCHLD reports each exit of a remaining process, which the drain needs to know.
    pub fn take_over(&mut self) {
        if !self.in_kernel() {
            return;
        }
        self.obstacle = Some(Obstacle("main has exited, and rinit has to see when the other processes exit", None));
        // PID 1 still leaves reaping to the kernel: with thousands of processes waitpid(2) would be the slowest part of
        // the drain. A subreaper reaps by itself: if a parent exits after a scan has read its child's stat, the scan
        // recognizes the child as a descendant only while the parent is still there as a zombie.
        let set = match nix::unistd::getpid().as_raw() {
            1 => signals::leave_reaping_to_kernel_with_notice(),
            _ => signals::default_sigchld().map(drop),
        };
        if let Err(errno) = set {
            error!("SIGCHLD stays ignored, so exits are noticed late: {}", reason(errno));
        }
        // Not known before the next waitpid(2).
        self.children = true;
    }
}

/// Leaves reaping to the kernel, unless the kernel or a seccomp filter refuses a system call that this needs.
fn leave_to_kernel(child: Option<&Child>, inbox: &Inbox) -> Result<(), Obstacle> {
    let because = |what| move |errno| Obstacle(what, Some(errno));
    if let Some(child) = child {
        let pidfd = child.pidfd.as_ref().ok_or(Obstacle("there is no pidfd for main", None))?;
        let status = pidfd.can_tell_exit_status();
        status.map_err(because("main's pidfd does not give its exit status (PIDFD_GET_INFO, Linux 6.16)"))?;
        // By number, a signal could hit other processes: main's PID is free as soon as it is dead, and the number of
        // its group as soon as the group is empty.
        pidfd.can_send_to_group().map_err(because("no signals to main's group through its pidfd (Linux 6.9)"))?;
        let wait = inbox.can_wait_for(pidfd);
        wait.map_err(because("no waiting for signals and main's pidfd at once (signalfd, ppoll)"))?;
    }
    signals::leave_reaping_to_kernel().map_err(because("SIGCHLD cannot be ignored"))
}

/// For the log: whether the kernel reaps, and if not why.
impl fmt::Display for Reaping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.obstacle {
            None => f.write_str("the kernel reaps"),
            Some(Obstacle(why, None)) => write!(f, "reaping by waitpid: {why}"),
            Some(Obstacle(why, Some(errno))) => write!(f, "reaping by waitpid: {why}: {}", reason(errno)),
        }
    }
}
