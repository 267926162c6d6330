//! The loop: waits for an event, asks `lifecycle` what it means, and carries that out.

use crate::command::Child;
use crate::lifecycle::{Action, Event, JobControl, Lifecycle};
use crate::options::{Options, Target};
use crate::signal::Signal;
use crate::sys::signals::{self, Batch, Inbox, Received};
use crate::sys::{Errno, Pid, Result, descriptors, process, terminal, wait};
use log::{debug, error, info, trace, warn};
use std::os::fd::AsRawFd;

/// Children that one round reaps at most, so that a storm of orphans cannot hold up a signal.
const REAPED_A_ROUND: usize = 64;

/// A process that attends to main until the end.
pub struct Init {
    child: Child,
    inbox: Inbox,
    lifecycle: Lifecycle,
    me: Pid,
    /// Set once there is nothing left to do but exit.
    exit: Option<u8>,
}

impl Init {
    /// main runs: settles down to attend to it.
    pub fn new(child: Child, inbox: Inbox, options: &Options) -> Init {
        let job_control = match child.has_terminal {
            false => JobControl::None,
            true if process::group_is_orphaned() => JobControl::Nobody,
            true => JobControl::Shell,
        };
        release(&child, &inbox);
        Init {
            child,
            inbox,
            lifecycle: Lifecycle::new(options, job_control),
            me: nix::unistd::getpid(),
            exit: None,
        }
    }

    /// Attends to main until there is nothing left to do. Returns the status to exit with.
    pub fn attend(mut self) -> u8 {
        let mut batch = Batch::new();
        // What died before the first look sent its CHLD then, and it is still pending.
        let mut more_to_reap = false;
        loop {
            let limit = more_to_reap.then_some(std::time::Duration::ZERO);
            match self.inbox.receive(&mut batch, limit) {
                // EINTR: we were stopped and continued.
                Ok(()) | Err(Errno::EINTR) => {}
                Err(errno) => {
                    // Not known to happen. Whatever it is, it must not become a loop without a rest.
                    error!("cannot wait for signals: {}", crate::sys::reason(errno));
                    std::thread::sleep(std::time::Duration::from_millis(100));
                    more_to_reap = true;
                }
            }
            let mut child_changed = more_to_reap;
            for received in batch.iter() {
                if received.signal == Signal::CHLD {
                    child_changed = true;
                } else if !self.is_our_own(received) {
                    debug!("{} from {}", received.signal, Sender(received.sender));
                    self.on(Event::Signal(received.signal));
                }
            }
            if child_changed {
                more_to_reap = self.reap();
            }
            if let Some(status) = self.exit {
                self.return_terminal();
                return status;
            }
        }
    }

    /// What rinit's own doings sent it: the SIGPIPE of a broken stderr, and the stop that it shares with its group.
    fn is_our_own(&self, received: Received) -> bool {
        let ours = matches!(
            received.signal,
            Signal::PIPE | Signal::TSTP | Signal::TTIN | Signal::TTOU
        );
        ours && received.by_kill && received.sender == self.me.as_raw()
    }

    /// Reaps what is dead. Whether more may be left.
    fn reap(&mut self) -> bool {
        if self.lifecycle.watches_stops()
            && let Some(signal) = wait::stopped_by(self.child.pid)
        {
            self.on(Event::MainStopped(signal));
        }
        for _ in 0..REAPED_A_ROUND {
            match wait::reap_any() {
                Ok(Some((pid, status))) if pid == self.child.pid => {
                    info!("main, PID {pid}, {status}");
                    self.on(Event::MainEnded(status));
                }
                Ok(Some((pid, status))) => trace!("reaped orphan {pid}, which {status}"),
                Ok(None) | Err(_) => return false,
            }
        }
        true
    }

    fn on(&mut self, event: Event) {
        for action in self.lifecycle.on(event) {
            self.carry_out(action);
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Forward(signal, target) => self.send(signal, target),
            Action::ContinueIfStopped(target) => {
                if wait::stopped_by(self.child.pid).is_some() {
                    self.send(Signal::CONT, target);
                }
            }
            Action::LendTerminal => self.lend_terminal(),
            Action::StopSelf(signal) => self.stop_self(signal),
            Action::Exit(status) => self.exit = Some(status),
        }
    }

    fn send(&self, signal: Signal, target: Target) {
        let pid = self.child.pid;
        let sent = match target {
            // main leads its group until it moves to another; the group is gone when nobody stayed behind.
            Target::Group => signals::send_to_group(pid, signal).or_else(|errno| match errno {
                Errno::ESRCH => self.send_to_main(signal),
                errno => Err(errno),
            }),
            Target::Main => self.send_to_main(signal),
        };
        match sent {
            Ok(()) => debug!("{signal} sent to {} {pid}", described(target)),
            Err(errno) => warn!(
                "cannot send {signal} to {} {pid}: {}",
                described(target),
                crate::sys::reason(errno)
            ),
        }
    }

    /// main has not been reaped while this is called, so its PID is still its own.
    fn send_to_main(&self, signal: Signal) -> Result<()> {
        match &self.child.pidfd {
            Some(pidfd) => pidfd
                .send(signal)
                .or_else(|_| signals::send(self.child.pid, signal)),
            None => signals::send(self.child.pid, signal),
        }
    }

    fn lend_terminal(&self) {
        let Some(terminal) = terminal::Terminal::open() else {
            return;
        };
        if terminal.foreground() == Ok(nix::unistd::getpgrp()) {
            let _ = terminal.set_foreground(self.child.pid);
        }
    }

    /// The terminal stopped main's group and would have stopped ours with it, had main been started directly: pass
    /// that on to whoever shares our group (a script that runs rinit), then stop.
    fn stop_self(&self, signal: Signal) {
        debug!("main was stopped by {signal}: stopping too");
        if signal != Signal::STOP {
            let _ = signals::send_to_own_group(signal);
        }
        signals::stop_self(signal);
    }

    /// Gives the terminal back to our own group, if main's had it at the end.
    fn return_terminal(&self) {
        if !self.child.has_terminal {
            return;
        }
        let Some(terminal) = terminal::Terminal::open() else {
            return;
        };
        match terminal.foreground() {
            Ok(group) if group == self.child.pid || !terminal::group_exists(group) => {
                let _ = terminal.set_foreground(nix::unistd::getpgrp());
            }
            // Somebody else has taken it meanwhile, as a shell does that put us into the background.
            Ok(_) | Err(_) => {}
        }
    }
}

/// Lets go of what rinit inherited and only main needs: the working directory's file system can be unmounted, and pipes
/// end when main's side does. 0, 1 and 2 stay: people write to /proc/1/fd/1 what shall appear in `docker logs`.
fn release(child: &Child, inbox: &Inbox) {
    let pidfd = child.pidfd.as_ref().map(AsRawFd::as_raw_fd);
    descriptors::close_inherited([inbox.descriptor(), pidfd]);
    if let Err(errno) = nix::unistd::chdir("/") {
        debug!("cannot change to /: {}", crate::sys::reason(errno));
    }
}

fn described(target: Target) -> &'static str {
    match target {
        Target::Group => "main's group",
        Target::Main => "main",
    }
}

/// A sender for people: 0 is what a process sees of one outside its PID namespace.
struct Sender(i32);

impl std::fmt::Display for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => f.write_str("outside"),
            pid => write!(f, "PID {pid}"),
        }
    }
}
