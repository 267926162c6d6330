//! The loop: waits for an event, asks `lifecycle` what it means, and carries that out.

use crate::command::Child;
use crate::drain::{Drain, Took};
use crate::jobs::{self, Sent, terminal as seat};
use crate::lifecycle::{Action, Alive, Event, JobControl, Lifecycle};
use crate::options::{Options, Target};
use crate::reaping::{Reaping, Wanted};
use crate::report::exit::{self, Circumstances};
use crate::report::slow_stop::{self, Stop};
use crate::report::termination;
use crate::shell::Foreground;
use crate::signal::{Signal, SignalSet};
use crate::sys::everyone::Everyone;
use crate::sys::procfs::Procfs;
use crate::sys::signals::{self, Batch, Inbox, Received};
use crate::sys::wait::WaitStatus;
use crate::sys::{Errno, Pid, Result, clock, descriptors, process, wait};
use log::{debug, error, info, warn};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// A process that attends to main until the end.
pub struct Init {
    /// main; None where there is no command.
    child: Option<Child>,
    inbox: Inbox,
    lifecycle: Lifecycle,
    drain: Drain,
    reaping: Reaping,
    grace: Option<Duration>,
    /// What bears on how main's end is told.
    circumstances: Circumstances,
    target: Target,
    like_other_inits: bool,
    /// The signal that has ended main.
    ended_by: Option<Signal>,
    /// The last signal, if a process of our own group has sent it.
    sent_before: Option<Sent>,
    /// A signal that was sent to main and has to end it.
    fatal: Option<Signal>,
    foreground: Option<Foreground>,
    /// Whether RTMIN+3 becomes TERM where main does nothing with it.
    replaces_halt: bool,
    /// Set once there is nothing left to do but exit.
    exit: Option<u8>,
}

impl Init {
    /// main runs, or there is none: settles down to attend to it, or to the others alone. `everyone` is for the init of a
    /// PID namespace.
    pub fn new(child: Option<Child>, everyone: Option<Everyone>, options: Options) -> Init {
        let has_terminal = child.as_ref().is_some_and(|child| child.has_terminal);
        let job_control = match has_terminal {
            false => JobControl::None,
            true if process::group_is_orphaned() => JobControl::Nobody,
            true => JobControl::Shell,
        };
        release(child.as_ref());
        if child.is_none() {
            // There is no main whose exit this would begin with.
            termination::begin();
        }
        let inbox = Inbox::open();
        let wanted = Wanted { stops: job_control != JobControl::None, warnings: options.warn_reaped };
        let reaping = Reaping::start(child.as_ref(), &inbox, wanted);
        debug!("{reaping}");
        Init {
            inbox,
            reaping,
            grace: options.grace,
            circumstances: Circumstances {
                has_terminal: child.as_ref().is_some_and(|child| child.has_keys),
                in_pipeline: child.as_ref().is_some_and(|child| child.own_group.has_pipe),
                has_sequence: !options.stop_sequence.is_empty(),
                ..Circumstances::default()
            },
            target: options.target,
            like_other_inits: options.like_other_inits,
            ended_by: None,
            sent_before: None,
            fatal: None,
            foreground: (!options.like_other_inits).then(Foreground::default),
            replaces_halt: !options.like_other_inits
                && options.rewrites.apply(Signal::RTMIN_3) == Some(Signal::RTMIN_3),
            lifecycle: Lifecycle::new(options, job_control),
            drain: Drain::new(everyone),
            exit: None,
            child,
        }
    }

    /// Attends to main until there is nothing left to do. Returns the status to exit with.
    pub fn attend(&mut self) -> u8 {
        let mut batch = Batch::new();
        // No SIGCHLD comes for a process that died before the kernel was told to reap, or before the program that became rinit
        // started main. Signals that have arrived since are taken first.
        let mut more_to_reap = true;
        loop {
            if let Some(status) = self.exit {
                self.tell_end(status);
                self.return_terminal(None);
                return status;
            }
            let limit = if more_to_reap { Some(Duration::ZERO) } else { self.time_left() };
            let mut child_changed = more_to_reap;
            let mut end_of_main = None;
            let awaited = self.reaping.awaited(self.child.as_ref());
            match self.inbox.receive(&mut batch, awaited, limit) {
                Ok(false) => {}
                Ok(true) => end_of_main = awaited.map(|pidfd| self.reaping.status_of_reaped(pidfd)),
                // We were stopped and continued.
                Err(Errno::EINTR) => {}
                Err(errno) => {
                    // Not known to happen. Whatever it is, it must not become a loop without a rest.
                    error!("cannot wait for signals: {}", crate::sys::reason(errno));
                    std::thread::sleep(Duration::from_millis(100));
                    child_changed = true;
                }
            }
            for received in batch.iter() {
                if received.signal == Signal::CHLD {
                    child_changed = true;
                } else if !self.is_our_own(received) && !self.is_our_groups(received) && !self.is_repeated(received) {
                    debug!("{} from {}", received.signal, Sender(received.sender));
                    self.on(Event::Signal(self.meant_by(received.signal)));
                }
            }
            // After the signals: what arrived while main lived was for main.
            if child_changed || end_of_main.is_some() {
                more_to_reap = self.reap(end_of_main);
            }
            if self.time_left() == Some(Duration::ZERO) {
                self.on(Event::Tick);
            }
        }
    }

    fn tell_end(&self, status: u8) {
        let now = clock::now();
        if !self.drain.log_end(now)
            && let Some((signal, since)) = self.lifecycle.stop()
        {
            info!("exiting {} after {signal}", Took(now.saturating_sub(since)));
        }
        debug!("exiting with status {status}; orphans reaped: {}", self.reaping.orphans());
    }

    /// Until the next deadline, if there is one.
    fn time_left(&self) -> Option<Duration> {
        self.lifecycle.deadline().map(|deadline| deadline.saturating_sub(clock::now()))
    }

    /// What rinit's own doings sent it: a broken stderr, a log file that is full by its limit, the stop that it shares
    /// with its group; and the limit on CPU time, which counts for each process by itself.
    fn is_our_own(&self, received: Received) -> bool {
        match received.signal {
            Signal::PIPE | Signal::XFSZ | Signal::TSTP | Signal::TTIN | Signal::TTOU => {
                received.by_kill && received.sender == nix::unistd::getpid().as_raw()
            }
            Signal::XCPU => received.by_kernel,
            _ => false,
        }
    }

    /// Whether a process of our group has sent the same signal to rinit just before, and now to the group, as timeout(1) does.
    fn is_repeated(&mut self, received: Received) -> bool {
        if self.like_other_inits {
            return false;
        }
        let before = std::mem::replace(&mut self.sent_before, seat::sent_within_group(received));
        let repeats = self.sent_before.zip(before).is_some_and(|(sent, before)| sent.repeats(before));
        if repeats {
            debug!("{} from {} at once again: not forwarded", received.signal, Sender(received.sender));
        }
        repeats
    }

    /// Whether main is stopped, and what follows from that.
    fn see_stop(&mut self) {
        if let Some(child) = &self.child
            && self.lifecycle.watches_stops()
            && let Ok(Some(signal)) = wait::stopped_by(child.pid)
        {
            let by_itself = signal == Signal::STOP && seat::handles_ctrl_z(child.pid);
            self.on(Event::MainStopped { signal, foreground: seat::foreground(child.pid), by_itself });
        }
    }

    /// Reaps what is dead; `end_of_main` is main's status where the kernel has reaped it. Whether more may be left.
    fn reap(&mut self, end_of_main: Option<WaitStatus>) -> bool {
        self.see_stop();
        let main = self.main_pid().filter(|_| self.lifecycle.main_runs());
        let mut round = self.reaping.reap(main.filter(|_| end_of_main.is_none()));
        let (Some(pid), Some(status)) = (main, end_of_main.or(round.end_of_main)) else {
            if round.any {
                self.on(Event::Reaped);
            }
            return round.more;
        };
        // It was exiting when the signal was sent to it.
        let status = match self.fatal {
            Some(signal) if status.exit_code().is_some() => WaitStatus::from_raw(signal.number()),
            _ => status,
        };
        termination::begin();
        self.circumstances.stopping = self.lifecycle.stop().is_some();
        self.circumstances.is_success = self.lifecycle.status_for(status) == 0;
        exit::tell(pid, self.child.as_ref().map_or(c"", |child| child.name), status, self.circumstances);
        self.ended_by = status.term_signal();
        self.return_terminal(self.ended_by);
        if self.reaping.in_kernel() && self.reaping.children() {
            self.reaping.take_over();
            // Whoever died before the kernel was told to leave it was seen by nobody.
            round.more = self.reaping.reap(None).more;
        }
        self.on(Event::MainEnded(status));
        // Strangers live on, and their orphans may become our children.
        if self.exit.is_none() && self.reaping.in_kernel() {
            self.reaping.take_over();
            round = self.reaping.reap(None);
            if round.any {
                self.on(Event::Reaped);
            }
        }
        round.more
    }

    fn on(&mut self, event: Event) {
        for action in self.lifecycle.on(clock::now(), event) {
            self.carry_out(action);
        }
    }

    /// RTMIN+3 is systemd's request to halt, and LXC sends it to every init that blocks it. A main that does nothing with it
    /// would die of it without a chance to save.
    fn meant_by(&self, signal: Signal) -> Signal {
        let is_kept =
            signal != Signal::RTMIN_3 || !self.replaces_halt || self.main_pid().is_some_and(|main| takes(main, signal));
        if is_kept { signal } else { Signal::TERM }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Forward(signal, target) => {
                self.forward(signal, target);
                self.hang_up_shell(signal);
            }
            Action::ContinueIfStopped(target) => {
                let stopped_by = match (&self.child, self.reaping.pidfd(self.child.as_ref())) {
                    (_, Some(pidfd)) => wait::is_stopped_by(pidfd),
                    (Some(child), None) => wait::stopped_by(child.pid),
                    (None, None) => Err(Errno::ECHILD),
                };
                // Where nothing tells, it may be stopped: a CONT too many is better than a TERM that is never seen.
                if !matches!(stopped_by, Ok(None) | Err(Errno::ECHILD)) {
                    self.forward(Signal::CONT, target);
                }
            }
            Action::LendTerminal => self.lend_terminal(),
            Action::GiveTerminal => self.main_pid().into_iter().for_each(seat::give_foreground),
            Action::TakeTerminal => seat::take_foreground(),
            Action::StopSelf(signal) => self.stop_self(signal),
            Action::KillMain => self.kill_main(),
            Action::LeaveMain => self.leave_main(),
            Action::BeginDrain => {
                self.drain.begin(clock::now(), self.grace, self.main_pid());
                self.scan();
            }
            Action::Drain => self.scan(),
            Action::Look => {
                if self.child.is_none() && self.reaping.in_kernel() {
                    // The end has begun, and there was no main's to learn it from.
                    self.reaping.take_over();
                    self.reaping.reap(None);
                }
                let alive = self.drain.look(self.reaping.children());
                // An exit hurries the next scan only where it may have made another process due.
                if alive == Alive::Nobody || !self.drain.has_asked_all() {
                    self.on(Event::Seen(alive));
                }
            }
            Action::ReportSlowStop => self.report_slow_stop(),
            Action::Exit(status) => self.exit = Some(status),
        }
    }

    fn main_pid(&self) -> Option<Pid> {
        self.child.as_ref().map(|child| child.pid)
    }

    fn scan(&mut self) {
        let next = self.drain.step(clock::now(), self.reaping.children());
        self.on(Event::Scanned(next));
    }

    fn forward(&mut self, signal: Signal, target: Target) {
        let pid = self.main_pid();
        let is_fatal = self.ends_main_in_pipeline(signal);
        let foreground = match (pid, &mut self.foreground, target) {
            (Some(pid), Some(foreground), Target::Main) => foreground.child_for(pid, signal),
            _ => None,
        };
        self.drain.note(signal, target, pid, self.lifecycle.main_runs());
        if let Some(child) = foreground {
            self.drain.note_process(signal, child);
        }
        let sent = match target {
            Target::Group => self.send_to_group(signal),
            Target::Main => self.send_to_main(signal),
            // As a subreaper without /proc: nobody else can be found.
            Target::All => self.drain.send(signal).or_else(|errno| match errno {
                Errno::ENOENT if self.lifecycle.main_runs() => self.send_to_group(signal),
                errno => Err(errno),
            }),
        };
        let ends_main = is_fatal && matches!(sent, Ok(()) | Err(Errno::ESRCH));
        if ends_main {
            self.fatal = Some(signal);
        }
        if sent.is_ok() || ends_main {
            self.circumstances.sent = self.circumstances.sent.with(signal);
        }
        // To all of a namespace kill(2) answers that all is well, whomever it left out. getpgid(2) tells that main is there.
        let leaves_main_out =
            |main| !signals::may_send(main) && nix::unistd::getpgid(Some(main)).is_ok() && self.lifecycle.main_runs();
        let sent = match target {
            Target::All if sent.is_ok() && pid.is_some_and(leaves_main_out) => Err(Errno::EPERM),
            _ => sent,
        };
        // After main: a shell that is not signalled yet would go on with its next command.
        if let Some(child) = foreground {
            let _ = signals::send(child, signal);
            debug!("{signal} sent to PID {child} too: main is a shell that waits for it");
        }
        match sent {
            Ok(()) => debug!("{signal} sent to {}", Recipient(target, pid)),
            // Whoever it was for has just ended.
            Err(Errno::ESRCH) => debug!("{signal} finds nobody: {}", Recipient(target, pid)),
            Err(errno) => warn!("cannot send {signal} to {}: {}", Recipient(target, pid), crate::sys::reason(errno)),
        }
    }

    /// Whether main is part of a pipeline on a terminal, and has the default action for a stop signal.
    fn ends_main_in_pipeline(&self, signal: Signal) -> bool {
        self.child.as_ref().is_some_and(|child| {
            child.has_terminal
                && !self.like_other_inits
                && self.lifecycle.main_runs()
                && jobs::counts_as_death(signal, child.own_group)
                && seat::is_fatal(signal, child.pid)
        })
    }

    fn report_slow_stop(&self) {
        let Some((signal, since)) = self.lifecycle.stop() else { return };
        let main = self.main_pid().filter(|_| self.lifecycle.main_runs());
        slow_stop::report(Stop {
            signal,
            ago: clock::now().saturating_sub(since),
            target: self.target,
            main,
            foreground: self.foreground.as_ref().and_then(|foreground| foreground.child),
        });
    }

    fn kill_main(&mut self) {
        let Some(pid) = self.main_pid() else { return };
        info!("main process {pid} has not exited in time: killing it and its group");
        self.circumstances.killed_by_us = true;
        // It may have moved to another group.
        let _ = self.send_to_group(Signal::KILL);
        let _ = self.send_to_main(Signal::KILL);
    }

    /// Its tracer has not let go of it, or it hangs in the kernel: it is one of the others now, and these are ended.
    fn leave_main(&mut self) {
        let Some(pid) = self.main_pid() else { return };
        warn!(
            "main process {pid} was killed and is still there (a tracer holds it, or the kernel): going on without it"
        );
        self.reaping.take_over();
        self.reaping.reap(None);
        self.return_terminal(None);
        self.on(Event::MainEnded(WaitStatus::from_raw(Signal::KILL.number())));
    }

    /// main leads its group until it moves to another; the group is gone when nobody stayed behind.
    fn send_to_group(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().ok_or(Errno::ESRCH)?;
        let sent = match self.reaping.pidfd(Some(child)) {
            Some(pidfd) => pidfd.send_to_group(signal),
            None => signals::send_to_group(child.pid, signal),
        };
        // Once it has been reaped, its PID may be another's.
        let may_have_left = self.lifecycle.main_runs() && nix::unistd::getpgid(Some(child.pid)) != Ok(child.pid);
        match sent {
            Ok(()) if may_have_left => self.send_to_main(signal).or_else(|errno| match errno {
                // It was in the group, and this signal was its end.
                Errno::ESRCH => Ok(()),
                errno => Err(errno),
            }),
            Err(Errno::ESRCH) if may_have_left => self.send_to_main(signal),
            sent => sent,
        }
    }

    fn send_to_main(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().ok_or(Errno::ESRCH)?;
        if let Some(pidfd) = self.reaping.pidfd(Some(child)) {
            return pidfd.send(signal);
        }
        // Nobody but us reaps main, and this is not called afterwards: its PID is still its own.
        match &child.pidfd {
            Some(pidfd) => pidfd.send(signal).or_else(|_| signals::send(child.pid, signal)),
            None => signals::send(child.pid, signal),
        }
    }

    /// An interactive shell ignores TERM.
    fn hang_up_shell(&mut self, forwarded: Signal) {
        if forwarded == Signal::TERM
            && self.circumstances.has_terminal
            && !self.like_other_inits
            && self.lifecycle.main_runs()
            && self.main_pid().is_some_and(seat::is_interactive_shell)
        {
            self.forward(Signal::HUP, Target::Main);
        }
    }

    fn lend_terminal(&self) {
        if let Some(child) = self.child.as_ref().filter(|child| child.own_group.gives_foreground())
            && seat::foreground(child.pid) == jobs::Foreground::Ours
        {
            seat::give_foreground(child.pid);
        }
    }

    /// Whether a signal says that another process of our group needs the terminal. If so, that process has been given it.
    fn is_our_groups(&self, received: Received) -> bool {
        let Some(child) = self.child.as_ref().filter(|child| child.has_terminal) else { return false };
        let is_need = matches!(received.signal, Signal::TTIN | Signal::TTOU) && received.by_kernel;
        if !is_need || !self.lifecycle.main_runs() || !jobs::own_group_needs_foreground(seat::foreground(child.pid)) {
            return false;
        }
        seat::take_foreground();
        signals::send_to_own_group(Signal::CONT);
        true
    }

    /// The terminal stopped main's group and would have stopped ours with it, had main been started directly: so do we,
    /// with whoever shares our group (a script that runs rinit).
    fn stop_self(&mut self, signal: Signal) {
        debug!("main was stopped by {signal}: stopping too");
        if !signals::stop_own_group(signal) {
            self.on(Event::StopDiscarded(signal));
            self.see_stop();
        }
    }

    /// Gives the terminal back to our own group. `ended_by`: the signal that has just ended main.
    fn return_terminal(&self, ended_by: Option<Signal>) {
        let Some(child) = self.child.as_ref().filter(|child| child.has_terminal) else { return };
        let foreground = seat::foreground(child.pid);
        if jobs::foreground_returns(foreground) {
            seat::take_foreground();
            let need = SignalSet::EMPTY.with(Signal::TTIN).with(Signal::TTOU);
            if signals::pending().0 & need.0 != 0 {
                // Another process of our group has just been stopped because it needs the terminal.
                signals::send_to_own_group(Signal::CONT);
            }
        }
        if let Some(signal) = ended_by.filter(|signal| !self.circumstances.sent.contains(*signal))
            && jobs::relays(signal, foreground, child.own_group.is_ours_alone())
        {
            signals::send_to_own_group(signal);
        }
    }

    /// On a terminal the signal that ended main ends rinit too: by that a shell knows that Ctrl-C is to end a loop as well.
    pub fn die_as_main(&self, status: u8) {
        if let Some(signal) = self.ended_by
            && self.child.as_ref().is_some_and(|child| child.has_terminal)
            && !self.like_other_inits
            && !process::is_init()
            && i32::from(status) == 128 + signal.number()
        {
            signals::die_by(signal);
        }
    }
}

/// Whether a process does anything but die of a signal, or may do so, as far as /proc tells.
fn takes(pid: Pid, signal: Signal) -> bool {
    let read = Procfs::of_our_namespace().and_then(|procfs| Some((procfs.status(pid)?, procfs.sleeps_in(pid)?)));
    let Some((status, function)) = read else { return true };
    // What sigwait(3) waits for looks as if it were not blocked, for as long as the process is in it; also while it runs again,
    // and waits for a processor. A program that does so has no handler for SIGTERM.
    let may_wait_for_it =
        function.starts_with("do_sigtimedwait") || function == "0" && !status.caught.contains(Signal::TERM);
    may_wait_for_it
        || !status.shows_signals
        || [status.caught, status.blocked, status.ignored].iter().any(|set| set.contains(signal))
}

/// Lets go of what rinit inherited and only main needs: the working directory's file system can be unmounted, and pipes
/// end when main's side does. 0, 1 and 2 stay: people write to /proc/1/fd/1 what shall appear in `docker logs`.
fn release(child: Option<&Child>) {
    let pidfd = child.and_then(|child| child.pidfd.as_ref());
    descriptors::close_inherited(pidfd.map(AsRawFd::as_raw_fd));
    if let Err(errno) = nix::unistd::chdir("/") {
        debug!("cannot change to /: {}", crate::sys::reason(errno));
    }
}

/// Who gets a signal, for people.
struct Recipient(Target, Option<Pid>);

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0, self.1) {
            (Target::Group, Some(pid)) => write!(f, "main's group {pid}"),
            (Target::Main, Some(pid)) => write!(f, "main, PID {pid}"),
            (Target::All, _) => f.write_str("all"),
            (Target::Group | Target::Main, None) => f.write_str("nobody: there is no main"),
        }
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
