//! Reaping orphans: left to the kernel where that still gives main's exit status, otherwise done by waitpid(2).

use crate::command::Child;
use crate::status::WaitStatus;
use crate::sys::pidfd::Pidfd;
use crate::sys::signals::{self, Inbox};
use crate::sys::wait;
use crate::sys::{Errno, Pid, reason};
use log::{Level, error, log, log_enabled};
use std::fmt;

/// One round reaps at most this many children, so that a storm of orphans does not delay signals.
const A_ROUND: usize = 64;

/// Whether the kernel or rinit reaps, and what is known about rinit's children.
pub struct Reaping {
    /// Why the kernel does not reap. None: it does.
    obstacle: Option<Obstacle>,
    /// Whether a child was alive at the last waitpid(2).
    children: bool,
    /// Whether the kernel ever did: then main's PID, and the number of its group, may belong to others by now.
    was_in_kernel: bool,
    /// The level at which each reaped orphan is logged.
    level: Level,
    /// How many orphans rinit itself has reaped.
    orphans: u64,
}

/// The result of a round of waitpid(2).
pub struct Round {
    /// main's status, if main was reaped.
    pub end_of_main: Option<WaitStatus>,
    /// Whether any child was reaped.
    pub any: bool,
    /// Whether there may be more to reap.
    pub more: bool,
}

/// What requires that rinit hears of each change of its children.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Job control: that main is stopped.
    pub stops: bool,
    /// A warning for each reaped orphan.
    pub warnings: bool,
}

/// Why the kernel does not reap, and the error behind it.
#[derive(Clone, Copy, Debug)]
struct Obstacle(&'static str, Option<Errno>);

impl Reaping {
    /// main has just been started, or there is none: leaves reaping to the kernel if possible.
    pub fn start(child: Option<&Child>, inbox: &Inbox, wanted: Wanted) -> Reaping {
        let level = if wanted.warnings { Level::Warn } else { Level::Debug };
        let obstacle = if wanted.stops {
            Some(Obstacle("job control has to see when main is stopped", None))
        } else if log_enabled!(level) {
            Some(Obstacle("each orphan's exit is logged", None))
        } else {
            leave_to_kernel(child, inbox).err()
        };
        Reaping { obstacle, children: true, was_in_kernel: obstacle.is_none(), level, orphans: 0 }
    }

    /// Whether the kernel reaps.
    pub fn in_kernel(&self) -> bool {
        self.obstacle.is_none()
    }

    /// Whether a child was alive at the last waitpid(2).
    pub fn children(&self) -> bool {
        self.children
    }

    /// How many orphans were reaped.
    pub fn orphans(&self) -> Count {
        Count { by_us: self.orphans, incomplete: self.was_in_kernel }
    }

    /// main's pidfd, if only that shows main's exit: where the kernel reaps, no SIGCHLD comes.
    pub fn awaited<'a>(&self, child: Option<&'a Child>) -> Option<&'a Pidfd> {
        self.pidfd(child).filter(|_| self.in_kernel())
    }

    /// main's pidfd, if main and its group may only be signalled through it and not by number.
    pub fn pidfd<'a>(&self, child: Option<&'a Child>) -> Option<&'a Pidfd> {
        child?.pidfd.as_ref().filter(|_| self.was_in_kernel)
    }

    /// Reaps children that are dead. Needed even where the kernel reaps: those that died before it was told to are left.
    pub fn reap(&mut self, main: Option<Pid>) -> Round {
        // What the kernel has reaped since the last call is not known.
        let mut round = Round { end_of_main: None, any: self.was_in_kernel && !self.in_kernel(), more: true };
        for _ in 0..A_ROUND {
            match wait::reap_any() {
                Ok(Some((pid, status))) => {
                    round.any = true;
                    // Once main is reaped its PID may belong to another process.
                    if main == Some(pid) && round.end_of_main.is_none() {
                        round.end_of_main = Some(status);
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
    pub fn status_of_reaped(&self, pidfd: &Pidfd) -> WaitStatus {
        // This worked at the start, so a failure may be a passing one: try twice. There is no other way, as waitpid(2) and
        // /proc know nothing of a process that has been reaped.
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

    /// Main has exited: from now on SIGCHLD reports each exit of a remaining process, as a drain has to know.
    pub fn take_over(&mut self) {
        if !self.in_kernel() {
            return;
        }
        self.obstacle =
            Some(Obstacle("main has exited, and the exits of the remaining processes have to be seen", None));
        // With thousands of processes waitpid(2) would take longer than all else, so PID 1 still leaves reaping to the kernel.
        // Any other process has to keep dead children: by their parents it tells descendants from strangers.
        let set = match nix::unistd::getpid().as_raw() {
            1 => signals::leave_reaping_to_kernel_with_notice(),
            _ => signals::default_sigchld().map(drop),
        };
        if let Err(errno) = set {
            error!("SIGCHLD stays ignored, so exits are noticed late: {}", reason(errno));
        }
        // Until the next waitpid(2) says otherwise.
        self.children = true;
    }
}

/// Has the kernel reap from now on, unless the kernel or a seccomp filter refuses something that this needs.
fn leave_to_kernel(child: Option<&Child>, inbox: &Inbox) -> Result<(), Obstacle> {
    let because = |what| move |errno| Obstacle(what, Some(errno));
    if let Some(child) = child {
        let pidfd = child.pidfd.as_ref().ok_or(Obstacle("there is no pidfd for main", None))?;
        let status = pidfd.can_tell_exit_status();
        status.map_err(because("main's pidfd does not give its exit status (PIDFD_GET_INFO, Linux 6.16)"))?;
        // By number, a signal could hit other processes: main's PID is free as soon as it is dead, and the number of its
        // group as soon as the group is empty.
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

/// How many orphans were reaped, as far as rinit knows.
pub struct Count {
    by_us: u64,
    /// Whether the kernel may have reaped others.
    incomplete: bool,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.incomplete { ", and by the kernel, which does not count" } else { "" };
        write!(f, "{}{more}", self.by_us)
    }
}
