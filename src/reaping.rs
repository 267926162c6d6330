//! Reaping: in the kernel, where it tells main's status all the same, else by waitpid(2).

use crate::command::Child;
use crate::sys::pidfd::Pidfd;
use crate::sys::signals::{self, Inbox};
use crate::sys::wait::{self, WaitStatus};
use crate::sys::{Errno, Pid, reason};
use log::{Level, error, log, log_enabled};
use std::fmt;

/// Children that one round reaps at most, so that a storm of orphans cannot hold up a signal.
const A_ROUND: usize = 64;

/// Who reaps rinit's children, and what of that is known.
pub struct Reaping {
    /// Why the kernel does not. None: it does.
    obstacle: Option<Obstacle>,
    /// Whether a child was alive when the last waitpid(2) was asked.
    children: bool,
    /// Whether it ever did: then main's PID, and its group's, may be anybody's.
    was_in_kernel: bool,
    level: Level,
    /// How many orphans rinit itself has reaped.
    orphans: u64,
}

/// What a round of waitpid(2) brought.
pub struct Round {
    /// main's status, if main was among the dead.
    pub end_of_main: Option<WaitStatus>,
    /// Whether anybody was reaped.
    pub any: bool,
    /// Whether there may be more.
    pub more: bool,
}

/// What rinit was asked for that takes each change of its children.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// That main is stopped.
    pub stops: bool,
    /// A warning of each orphan's end.
    pub warnings: bool,
}

/// Why the kernel does not reap.
#[derive(Clone, Copy, Debug)]
pub enum Obstacle {
    /// Job control needs to know of stops.
    Stops,
    /// So it was asked for.
    EachEnd,
    /// No pidfd for main.
    NoPidfd,
    /// main's pidfd would not tell its status.
    NoExitStatus(Errno),
    /// No signal can be sent to main's group but by its number.
    NoGroupSignal(Errno),
    /// No signalfd, or no ppoll(2).
    NoWait(Errno),
    /// The kernel was asked in vain.
    NoDisposition(Errno),
    /// It does, but reports each exit: the drain needs to know.
    MainEnded,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Stops => f.write_str("job control has to see when main is stopped"),
            Obstacle::EachEnd => f.write_str("each orphan's end is to be told"),
            Obstacle::NoPidfd => f.write_str("there is no pidfd for main"),
            Obstacle::NoExitStatus(errno) => {
                write!(f, "main's pidfd would not tell its status (PIDFD_GET_INFO, Linux 6.16): {}", reason(*errno))
            }
            Obstacle::NoGroupSignal(errno) => {
                write!(f, "no signals to main's group through its pidfd (Linux 6.9): {}", reason(*errno))
            }
            Obstacle::NoDisposition(errno) => write!(f, "SIGCHLD cannot be ignored: {}", reason(*errno)),
            Obstacle::NoWait(errno) => {
                write!(f, "no waiting for signals and main's pidfd at once (signalfd, ppoll): {}", reason(*errno))
            }
            Obstacle::MainEnded => f.write_str("main has ended, and the others' ends have to be seen"),
        }
    }
}

impl Reaping {
    /// main has just been started, or there is none: chooses who reaps.
    pub fn start(child: Option<&Child>, inbox: &Inbox, wanted: Wanted) -> Reaping {
        let level = if wanted.warnings { Level::Warn } else { Level::Debug };
        let obstacle = if wanted.stops {
            Some(Obstacle::Stops)
        } else if log_enabled!(level) {
            Some(Obstacle::EachEnd)
        } else {
            leave_to_kernel(child, inbox).err()
        };
        Reaping { obstacle, children: true, was_in_kernel: obstacle.is_none(), level, orphans: 0 }
    }

    /// Whether the kernel does it.
    pub fn in_kernel(&self) -> bool {
        self.obstacle.is_none()
    }

    /// Whether a child was alive when that was last asked.
    pub fn children(&self) -> bool {
        self.children
    }

    /// How many orphans were reaped.
    pub fn orphans(&self) -> Count {
        Count { by_us: self.orphans, incomplete: self.was_in_kernel }
    }

    /// main's pidfd where its end has to be waited for by that: no SIGCHLD tells it.
    pub fn awaited<'a>(&self, child: Option<&'a Child>) -> Option<&'a Pidfd> {
        self.pidfd(child).filter(|_| self.in_kernel())
    }

    /// main's pidfd where main and its group may be signalled by that alone.
    pub fn pidfd<'a>(&self, child: Option<&'a Child>) -> Option<&'a Pidfd> {
        child?.pidfd.as_ref().filter(|_| self.was_in_kernel)
    }

    /// Reaps who is dead and waits for that. The kernel reaps those only that die after it was told to.
    pub fn reap(&mut self, main: Option<Pid>) -> Round {
        // What the kernel has reaped since the last call is not known.
        let mut round = Round { end_of_main: None, any: self.was_in_kernel && !self.in_kernel(), more: true };
        for _ in 0..A_ROUND {
            match wait::reap_any() {
                Ok(Some((pid, status))) => {
                    round.any = true;
                    // Once main is reaped its PID may be another's.
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

    /// The kernel has reaped main: how did it end?
    pub fn status_of_reaped(&self, pidfd: &Pidfd) -> WaitStatus {
        // That it can be told was asked at the start, so a refusal may be for once. Where it lasts there is nobody else to
        // ask: what waitpid(2) and /proc tell is gone with the process.
        match pidfd.exit_status().or_else(|_| pidfd.exit_status()) {
            Ok(Some(status)) => status,
            refused => {
                let errno = refused.err().unwrap_or(Errno::ENODATA);
                error!("main has ended, and the kernel refuses to tell how (PIDFD_GET_INFO): {}", reason(errno));
                WaitStatus::UNKNOWN
            }
        }
    }

    /// Main has exited: from now on SIGCHLD reports each exit of a remaining process, as a drain has to know.
    pub fn take_over(&mut self) {
        if !self.in_kernel() {
            return;
        }
        self.obstacle = Some(Obstacle::MainEnded);
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

/// Has the kernel reap from now on, unless it, or a seccomp filter, has something against that.
fn leave_to_kernel(child: Option<&Child>, inbox: &Inbox) -> Result<(), Obstacle> {
    if let Some(child) = child {
        let pidfd = child.pidfd.as_ref().ok_or(Obstacle::NoPidfd)?;
        pidfd.can_tell_exit_status().map_err(Obstacle::NoExitStatus)?;
        // By number, a signal could hit strangers: main's is free as soon as it is dead, and as nobody is left in its group.
        pidfd.can_send_to_group().map_err(Obstacle::NoGroupSignal)?;
        inbox.can_wait_for(pidfd).map_err(Obstacle::NoWait)?;
    }
    signals::leave_reaping_to_kernel().map_err(Obstacle::NoDisposition)
}

/// Who reaps, and why.
impl fmt::Display for Reaping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.obstacle {
            None => f.write_str("the kernel reaps"),
            Some(obstacle) => write!(f, "reaping by waitpid: {obstacle}"),
        }
    }
}

/// How many orphans were reaped, as far as that is known.
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
