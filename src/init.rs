//! The loop: waits for an event, asks `lifecycle` what to do, and does it.

use crate::command::Child;
use crate::drain::{Drain, Took};
use crate::jobs::{self, Sent, terminal};
use crate::lifecycle::{Action, Event, JobControl, Lifecycle, Remaining};
use crate::options::{Options, Target};
use crate::reaping::{Needs, Reaping};
use crate::report::exit::MainExit;
use crate::report::slow_stop::{self, Stop};
use crate::report::termination;
use crate::shell::ForegroundChild;
use crate::signal::{Signal, SignalSet};
use crate::status::WaitStatus;
use crate::sys::all_processes::AllProcesses;
use crate::sys::procfs::Procfs;
use crate::sys::signals::{self, Batch, Inbox, Received};
use crate::sys::{Errno, Pid, Result, clock, descriptors, process, wait};
use log::{debug, error, info, warn};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// rinit from main's start to its own exit.
pub struct Init {
    /// main; None with `--pause`, which starts no command.
    child: Option<Child>,
    inbox: Inbox,
    lifecycle: Lifecycle,
    drain: Drain,
    reaping: Reaping,
    /// The signals that were sent to main.
    sent: SignalSet,
    /// Whether rinit killed main.
    killed_main: bool,
    /// The signal that killed main.
    killed_by: Option<Signal>,
    /// The last received signal, if a process of rinit's own group sent it.
    sent_before: Option<Sent>,
    /// The signal that counts as main's death even if main exits by itself: see `jobs::counts_as_death`.
    fatal: Option<Signal>,
    /// Finds the foreground child of a main that is a shell. None under the names of other inits: they do not signal it.
    foreground: Option<ForegroundChild>,
    /// The status to exit with, once nothing else is left to do.
    exit: Option<u8>,
}

impl Init {
    /// Prepares the loop. main has just been started, or there is none. `all_processes`: the processes of the PID namespace, if
    /// rinit is its init.
    pub fn new(child: Option<Child>, all_processes: Option<AllProcesses>, options: Options) -> Init {
        let shares_terminal = child.as_ref().is_some_and(|child| child.shares_terminal);
        let job_control = match shares_terminal {
            false => JobControl::None,
            true if process::group_is_orphaned() => JobControl::Orphaned,
            true => JobControl::Shell,
        };
        drop_inherited_resources(child.as_ref());
        if child.is_none() {
            // With a main this begins when it exits.
            termination::begin();
        }
        let inbox = Inbox::open();
        let needs = Needs { stops: job_control != JobControl::None, warnings: options.warn_reaped };
        let reaping = Reaping::start(child.as_ref(), &inbox, needs);
        debug!("{reaping}");
        Init {
            inbox,
            reaping,
            sent: SignalSet::EMPTY,
            killed_main: false,
            killed_by: None,
            sent_before: None,
            fatal: None,
            foreground: (!options.like_other_inits).then(ForegroundChild::default),
            lifecycle: Lifecycle::new(options, job_control),
            drain: Drain::new(all_processes),
            exit: None,
            child,
        }
    }

    /// Runs until there is nothing left to do. Returns the status to exit with.
    pub fn run(&mut self) -> u8 {
        let mut batch = Batch::empty();
        // Reap at once: children that exited before the kernel began to reap stay zombies. A program that executed rinit may
        // have left some too. Signals that have arrived by now are handled first.
        let mut more_to_reap = true;
        loop {
            if let Some(status) = self.exit {
                self.log_exit(status);
                self.return_terminal(None);
                return status;
            }
            let limit = if more_to_reap { Some(Duration::ZERO) } else { self.time_left() };
            let mut child_changed = more_to_reap;
            let mut main_status = None;
            let pidfd_to_await = self.reaping.pidfd_to_await(self.child.as_ref());
            match self.inbox.receive(&mut batch, pidfd_to_await, limit) {
                Ok(false) => {}
                Ok(true) => main_status = pidfd_to_await.map(|pidfd| self.reaping.status_of_reaped_main(pidfd)),
                // rinit was stopped, and has been continued.
                Err(Errno::EINTR) => {}
                Err(errno) => {
                    // Not known to happen. The pause prevents a busy loop if the error persists.
                    error!("cannot wait for signals: {}", crate::sys::reason(errno));
                    std::thread::sleep(Duration::from_millis(100));
                    child_changed = true;
                }
            }
            for received in batch.iter() {
                if received.signal == Signal::CHLD {
                    child_changed = true;
                } else if !self.is_caused_by_rinit(received)
                    && !self.takes_terminal_for_own_group(received)
                    && !self.is_repeated(received)
                {
                    debug!("{} from {}", received.signal, Sender(received.sender));
                    self.on(Event::Signal(self.rewrite_halt(received.signal)));
                }
            }
            // After the signals: those that arrived before main's exit are forwarded before it is handled.
            if child_changed || main_status.is_some() {
                more_to_reap = self.reap(main_status);
            }
            if self.time_left() == Some(Duration::ZERO) {
                self.on(Event::Tick);
            }
        }
    }

    fn log_exit(&self, status: u8) {
        let now = clock::now();
        if !self.drain.log_end(now)
            && let Some((signal, since)) = self.lifecycle.stop()
        {
            info!("exiting {} after {signal}", Took(now.saturating_sub(since)));
        }
        debug!("exiting with status {status}; orphans reaped: {}", self.reaping.orphans());
    }

    /// The time until the next deadline, if there is one.
    fn time_left(&self) -> Option<Duration> {
        self.lifecycle.deadline().map(|deadline| deadline.saturating_sub(clock::now()))
    }

    /// Whether a signal was caused by rinit's own actions: by a write to a closed pipe or beyond the limit for file
    /// sizes, or by the stop that rinit sends to its own process group. The kernel marks SIGPIPE and SIGXFSZ as sent by
    /// kill(2), with rinit as the sender. SIGXCPU from the kernel is about rinit's own CPU time.
    fn is_caused_by_rinit(&self, received: Received) -> bool {
        match received.signal {
            Signal::PIPE | Signal::XFSZ | Signal::TSTP | Signal::TTIN | Signal::TTOU => {
                received.by_kill && received.sender == nix::unistd::getpid().as_raw()
            }
            Signal::XCPU => received.by_kernel,
            _ => false,
        }
    }

    /// Whether a process of our group has just sent the same signal to rinit, and now sends it to the group, as timeout(1)
    /// does.
    fn is_repeated(&mut self, received: Received) -> bool {
        if self.options().like_other_inits {
            return false;
        }
        let before = std::mem::replace(&mut self.sent_before, terminal::sent_within_group(received));
        let repeats = self.sent_before.zip(before).is_some_and(|(sent, before)| sent.repeats(before));
        if repeats {
            debug!("{} from {} a second time at once: not forwarded", received.signal, Sender(received.sender));
        }
        repeats
    }

    /// Reports to `lifecycle` if main is stopped.
    fn check_stop(&mut self) {
        if let Some(child) = &self.child
            && self.lifecycle.watches_stops()
            && let Ok(Some(signal)) = wait::stopped_by(child.pid)
        {
            let foreground = terminal::foreground(child.pid);
            // Matters only after STOP.
            let handles_ctrl_z = signal == Signal::STOP && terminal::handles_ctrl_z(child.pid);
            self.on(Event::MainStopped { signal, foreground, handles_ctrl_z });
        }
    }

    /// Reaps dead children. `main_status`: main's status, if the kernel has reaped it. Returns whether more may be
    /// left.
    fn reap(&mut self, main_status: Option<WaitStatus>) -> bool {
        self.check_stop();
        let main = self.main_pid().filter(|_| self.lifecycle.main_runs());
        let mut round = self.reaping.reap(main.filter(|_| main_status.is_none()));
        let (Some(pid), Some(status)) = (main, main_status.or(round.main_status)) else {
            if round.any {
                self.on(Event::Reaped);
            }
            return round.more;
        };
        // Without rinit the signal would have killed main.
        let status = match self.fatal {
            Some(signal) if status.exit_code().is_some() => WaitStatus::from_raw(signal.number()),
            _ => status,
        };
        termination::begin();
        if let Some(child) = &self.child {
            let exit = MainExit {
                status,
                sent: self.sent,
                killed_by_rinit: self.killed_main,
                stopping: self.lifecycle.stop().is_some(),
                is_success: self.lifecycle.status_for(status) == 0,
                has_sequence: self.options().kill_after.is_none() && !self.options().stop_sequence.is_empty(),
                has_terminal: child.has_terminal,
                in_pipeline: child.own_group.has_pipe,
            };
            exit.log(pid, child.name);
        }
        self.killed_by = status.term_signal();
        self.return_terminal(self.killed_by);
        if self.reaping.in_kernel() && self.reaping.children() {
            self.reaping.take_over();
            // What `MainExited` leads to depends on whether a child is left. That is not known yet: the kernel has
            // reaped children without a notice.
            round.more = self.reaping.reap(None).more;
        }
        self.on(Event::MainExited(status));
        // No child was left, so rinit has not taken over yet. Orphans of processes from outside can become children.
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

    /// The signal to handle in place of the received one. RTMIN+3 is systemd's request to halt, and LXC sends it to every
    /// init that blocks it. A main with the default action for it would be killed before it can save: it gets TERM instead.
    fn rewrite_halt(&self, signal: Signal) -> Signal {
        let is_rewritten = signal == Signal::RTMIN_3
            && !self.options().like_other_inits
            && self.options().rewrites.apply(signal) == Some(signal)
            && self.main_pid().is_none_or(|main| !survives(main, signal));
        if is_rewritten { Signal::TERM } else { signal }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Forward(signal, target) => {
                self.forward(signal, target);
                self.hang_up_shell(signal);
            }
            Action::ContinueIfStopped(target) => {
                let stopped_by = match (&self.child, self.reaping.pidfd(self.child.as_ref())) {
                    (_, Some(pidfd)) => wait::pidfd_stopped_by(pidfd),
                    (Some(child), None) => wait::stopped_by(child.pid),
                    (None, None) => Err(Errno::ECHILD),
                };
                // On an error main may be stopped. A needless CONT is better than a TERM that main does not see.
                if !matches!(stopped_by, Ok(None) | Err(Errno::ECHILD)) {
                    self.forward(Signal::CONT, target);
                }
            }
            Action::LendTerminal => self.lend_terminal(),
            Action::GiveTerminal => self.main_pid().into_iter().for_each(terminal::give_foreground),
            Action::TakeTerminal => terminal::take_foreground(),
            Action::StopSelf(signal) => self.stop_self(signal),
            Action::KillMain => self.kill_main(),
            Action::AbandonMain => self.abandon_main(),
            Action::BeginDrain => {
                self.drain.begin(clock::now(), self.options().grace, self.main_pid());
                self.scan();
            }
            Action::Scan => self.scan(),
            Action::Poll => {
                if self.child.is_none() && self.reaping.in_kernel() {
                    // --pause: there was no exit of main at which rinit took over.
                    self.reaping.take_over();
                    self.reaping.reap(None);
                }
                let remaining = self.drain.remaining(self.reaping.children());
                // Once all processes have been asked, an exit makes no other process due: no need for an early scan.
                if remaining == Remaining::None || !self.drain.has_asked_all() {
                    self.on(Event::Polled(remaining));
                }
            }
            Action::ReportSlowStop => self.report_slow_stop(),
            Action::Exit(status) => self.exit = Some(status),
        }
    }

    fn options(&self) -> &Options {
        self.lifecycle.options()
    }

    fn main_pid(&self) -> Option<Pid> {
        self.child.as_ref().map(|child| child.pid)
    }

    fn scan(&mut self) {
        let next = self.drain.step(clock::now(), self.reaping.children());
        self.on(Event::Scanned(next));
    }

    /// Sends a signal to the target, and notes for the drain which processes it asks to exit.
    fn forward(&mut self, signal: Signal, target: Target) {
        let pid = self.main_pid();
        let is_fatal = self.is_fatal_in_pipeline(signal);
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
            // ENOENT: as a subreaper without /proc rinit can find no other processes.
            Target::All => self.drain.send(signal).or_else(|errno| match errno {
                Errno::ENOENT if self.lifecycle.main_runs() => self.send_to_group(signal),
                errno => Err(errno),
            }),
        };
        let counts_as_death = is_fatal && matches!(sent, Ok(()) | Err(Errno::ESRCH));
        if counts_as_death {
            self.fatal = Some(signal);
        }
        if sent.is_ok() || counts_as_death {
            self.sent = self.sent.with(signal);
        }
        // kill(-1) succeeds if it could signal any process. Two more calls show whether main was left out.
        let leaves_main_out =
            |main| !signals::may_send(main) && nix::unistd::getpgid(Some(main)).is_ok() && self.lifecycle.main_runs();
        let sent = match target {
            Target::All if sent.is_ok() && pid.is_some_and(leaves_main_out) => Err(Errno::EPERM),
            _ => sent,
        };
        // Main first: if the child exited before main received the signal, the shell would start its next command.
        if let Some(child) = foreground {
            let _ = signals::send(child, signal);
            debug!("{signal} sent to PID {child} too: main is a shell that waits for that process");
        }
        match sent {
            Ok(()) => debug!("{signal} sent to {}", Recipient(target, pid)),
            // main has just exited.
            Err(Errno::ESRCH) => debug!("{signal} not sent to {}: no such process", Recipient(target, pid)),
            Err(errno) => warn!("cannot send {signal} to {}: {}", Recipient(target, pid), crate::sys::reason(errno)),
        }
    }

    /// Whether main is part of a pipeline on a terminal, and has the default action for a stop signal.
    fn is_fatal_in_pipeline(&self, signal: Signal) -> bool {
        self.child.as_ref().is_some_and(|child| {
            child.shares_terminal
                && !self.options().like_other_inits
                && self.lifecycle.main_runs()
                && jobs::counts_as_death(signal, child.own_group)
                && terminal::is_fatal(signal, child.pid)
        })
    }

    fn report_slow_stop(&self) {
        let Some((signal, since)) = self.lifecycle.stop() else { return };
        let main = self.main_pid().filter(|_| self.lifecycle.main_runs());
        let deferred = self.drain.deferred();
        slow_stop::report(Stop {
            signal,
            ago: clock::now().saturating_sub(since),
            target: self.options().target,
            main,
            foreground: self.foreground.as_ref().and_then(|foreground| foreground.child),
            deferred: &deferred,
        });
    }

    fn kill_main(&mut self) {
        let Some(pid) = self.main_pid() else { return };
        info!("main process {pid} has not exited in time: killing it and its group");
        self.killed_main = true;
        // main may have moved to another group.
        let _ = self.send_to_group(Signal::KILL);
        let _ = self.send_to_main(Signal::KILL);
    }

    /// Gives up waiting for main, which is still alive after SIGKILL: from now on it is one of the remaining processes.
    fn abandon_main(&mut self) {
        let Some(pid) = self.main_pid() else { return };
        warn!(
            "main process {pid} is still alive after SIGKILL (held by a tracer or in the kernel): going on without it"
        );
        self.reaping.take_over();
        self.reaping.reap(None);
        self.return_terminal(None);
        self.on(Event::MainExited(WaitStatus::from_raw(Signal::KILL.number())));
    }

    /// Sends to main's group. A main that has moved to another group gets the signal too.
    fn send_to_group(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().ok_or(Errno::ESRCH)?;
        let sent = match self.reaping.pidfd(Some(child)) {
            Some(pidfd) => pidfd.send_to_group(signal),
            None => signals::send_to_group(child.pid, signal),
        };
        // Only while main runs: afterwards its PID may belong to another process.
        let may_have_left = self.lifecycle.main_runs() && nix::unistd::getpgid(Some(child.pid)) != Ok(child.pid);
        match sent {
            Ok(()) if may_have_left => self.send_to_main(signal).or_else(|errno| match errno {
                // main was in the group after all, and the signal has killed it.
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
        // rinit reaps main itself and does not call this afterwards, so the PID is still main's.
        match &child.pidfd {
            Some(pidfd) => pidfd.send(signal).or_else(|_| signals::send(child.pid, signal)),
            None => signals::send(child.pid, signal),
        }
    }

    /// Sends HUP after TERM if main is an interactive shell: it ignores TERM.
    fn hang_up_shell(&mut self, forwarded: Signal) {
        if forwarded == Signal::TERM
            && self.child.as_ref().is_some_and(|child| child.has_terminal)
            && !self.options().like_other_inits
            && self.lifecycle.main_runs()
            && self.main_pid().is_some_and(terminal::is_interactive_shell)
        {
            self.forward(Signal::HUP, Target::Main);
        }
    }

    fn lend_terminal(&self) {
        if let Some(child) = self.child.as_ref().filter(|child| child.own_group.gives_foreground())
            && terminal::foreground(child.pid) == jobs::Foreground::Ours
        {
            terminal::give_foreground(child.pid);
        }
    }

    /// If a signal means that another process of our group needs the terminal, makes our group the foreground group.
    /// Returns whether it did.
    fn takes_terminal_for_own_group(&self, received: Received) -> bool {
        let Some(child) = self.child.as_ref().filter(|child| child.shares_terminal) else { return false };
        let needs_terminal = matches!(received.signal, Signal::TTIN | Signal::TTOU) && received.by_kernel;
        if !needs_terminal
            || !self.lifecycle.main_runs()
            || !jobs::own_group_needs_foreground(terminal::foreground(child.pid))
        {
            return false;
        }
        terminal::take_foreground();
        signals::send_to_own_group(Signal::CONT);
        true
    }

    /// Stops our own group, as the terminal stopped main's: without rinit, main would be in our group, together with the
    /// script that runs rinit. By STOP only rinit stops: the terminal does not send it.
    fn stop_self(&mut self, signal: Signal) {
        debug!("stopping by {signal}");
        if !signals::stop_own_group(signal) {
            self.on(Event::StopDiscarded(signal));
            self.check_stop();
        }
    }

    /// Gives the terminal back to our own group. `killed_by`: the signal that has just killed main.
    fn return_terminal(&self, killed_by: Option<Signal>) {
        let Some(child) = self.child.as_ref().filter(|child| child.shares_terminal) else { return };
        let foreground = terminal::foreground(child.pid);
        if jobs::foreground_returns(foreground) {
            terminal::take_foreground();
            let terminal_stops = SignalSet::EMPTY.with(Signal::TTIN).with(Signal::TTOU);
            if signals::pending().0 & terminal_stops.0 != 0 {
                // Another process of our group has just been stopped because it needs the terminal.
                signals::send_to_own_group(Signal::CONT);
            }
        }
        if let Some(signal) = killed_by.filter(|signal| !self.sent.contains(*signal))
            && jobs::relays(signal, foreground, child.own_group.is_ours_alone())
        {
            signals::send_to_own_group(signal);
        }
    }

    /// On a terminal, dies by the signal that killed main: only then a shell ends its loop at Ctrl-C.
    pub fn die_as_main(&self, status: u8) {
        if let Some(signal) = self.killed_by
            && self.child.as_ref().is_some_and(|child| child.shares_terminal)
            && !self.options().like_other_inits
            && !process::is_init()
            && i32::from(status) == 128 + signal.number()
        {
            signals::die_by(signal);
        }
    }
}

/// Whether a process survives a signal, as far as /proc shows.
fn survives(pid: Pid, signal: Signal) -> bool {
    let read = Procfs::of_our_namespace().and_then(|procfs| Some((procfs.status(pid)?, procfs.sleeps_in(pid)?)));
    let Some((status, function)) = read else { return true };
    // While a process is in sigwait(3), /proc shows the signals that it waits for as not blocked. When it has just been
    // woken, the function is "0", as for any process that does not sleep. A process with a handler for SIGTERM does not
    // use sigwait.
    let may_be_in_sigwait =
        function.starts_with("do_sigtimedwait") || function == "0" && !status.caught.contains(Signal::TERM);
    may_be_in_sigwait
        || !status.shows_signals
        || [status.caught, status.blocked, status.ignored].iter().any(|set| set.contains(signal))
}

/// Closes the inherited descriptors and leaves the working directory, which only main needs: the reader of a pipe sees the
/// end of file when main closes it, and the file system can be unmounted. 0, 1 and 2 stay open: what is written to
/// /proc/1/fd/1 appears in `docker logs`.
fn drop_inherited_resources(child: Option<&Child>) {
    let pidfd = child.and_then(|child| child.pidfd.as_ref());
    descriptors::close_inherited(pidfd.map(AsRawFd::as_raw_fd));
    if let Err(errno) = nix::unistd::chdir("/") {
        debug!("cannot change the working directory to /: {}", crate::sys::reason(errno));
    }
}

/// The recipient of a signal, for the log.
struct Recipient(Target, Option<Pid>);

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0, self.1) {
            (Target::Group, Some(pid)) => write!(f, "main's group {pid}"),
            (Target::Main, Some(pid)) => write!(f, "main, PID {pid}"),
            (Target::All, _) => f.write_str("all processes"),
            (Target::Group | Target::Main, None) => f.write_str("main: it was never started"),
        }
    }
}

/// The sender of a signal, for the log. The kernel reports a sender outside of our PID namespace as 0.
struct Sender(i32);

impl std::fmt::Display for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => f.write_str("outside"),
            pid => write!(f, "PID {pid}"),
        }
    }
}
