//! A simulated run of rinit, and what must hold at each of its steps. The property tests and the fuzzer choose the steps.

use super::*;
use crate::stop_sequence::Step as Planned;

/// What may happen next.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A signal arrives for rinit.
    Signal(Signal),
    /// Main is stopped by this signal. True: rinit's group has the foreground; false: main's has.
    Stop(Signal, bool),
    /// The kernel discards this signal, by which rinit wanted to stop itself.
    Discard(Signal),
    /// Main exits with this wait status, unless it has exited before.
    MainExits(i32),
    /// Processes start.
    Born {
        /// Children of rinit.
        children: u8,
        /// Processes whose parent is outside.
        unrelated: u8,
    },
    /// Processes exit by themselves.
    Die {
        /// Children of rinit.
        children: u8,
        /// Processes whose parent is outside.
        unrelated: u8,
    },
    /// A child exits that was not counted, such as one that lived for a moment.
    FalseAlarm,
    /// The loop checks the clock although no deadline is over.
    Tick,
    /// Time passes, and the loop wakes up at each deadline.
    Pass(Duration),
    /// Time passes while rinit gets no CPU: it wakes up late.
    Oversleep(Duration),
}

/// The processes besides main and rinit.
#[derive(Clone, Copy, Debug, Default)]
pub struct World {
    /// Children of rinit.
    pub children: u32,
    /// Processes whose parent is outside: no exit notification arrives for these.
    pub unrelated: u32,
    /// Whether they exit on KILL. They do not if they hang in the kernel.
    pub can_be_killed: bool,
}

impl World {
    fn remaining(self) -> Remaining {
        match (self.children, self.unrelated) {
            (0, 0) => Remaining::None,
            (0, _) => Remaining::Unrelated,
            _ => Remaining::Children,
        }
    }
}

/// How long rinit may take beyond the grace period: a process that appears at its end has half a second before the KILL, and
/// the KILL has as long to take effect.
const GIVES_UP_AFTER: Duration = Duration::from_secs(1);

/// The longest time between two scans. Longer than a real drain's, so that a scan that comes early or late is noticed.
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);

/// The drain as it answers `Action::BeginDrain` and `Action::Scan`, and when its scans are due.
#[derive(Debug)]
struct Scans {
    /// When the last scan was.
    last: Moment,
    /// When the next scan is due without an exit.
    next: Moment,
    /// Whether a child was reaped since the last scan.
    reaped: bool,
    interval: Duration,
    /// When the grace period is over.
    over: Option<Moment>,
    /// When the remaining processes were first sent KILL.
    killed: Option<Moment>,
    /// Whether the last scan found no process that it could wait for.
    done: bool,
}

impl Scans {
    /// A drain that begins now, so that the first scan is due.
    fn begin(now: Moment, grace: Option<Duration>) -> Scans {
        Scans {
            last: now,
            next: now,
            reaped: false,
            interval: Duration::from_millis(1),
            over: grace.map(|grace| now + grace),
            killed: None,
            done: false,
        }
    }

    /// When the next scan is due: when the last one asked for it, but after an exit at most 10 ms after the last one.
    fn due(&self) -> Moment {
        if self.reaped { self.next.min(self.last + Duration::from_millis(10)) } else { self.next }
    }

    /// Scans at this moment. Returns when to scan again.
    fn scan(&mut self, now: Moment, world: &mut World) -> Option<Moment> {
        assert!(!self.done, "a scan after the last one");
        assert!(self.due() <= now, "a scan at {now:?}, which is too early: {self:?}");
        if world.remaining() != Remaining::None && self.over.is_some_and(|over| over <= now) {
            self.killed = self.killed.or(Some(now));
            if world.can_be_killed {
                (world.children, world.unrelated) = (0, 0);
            }
        } else if world.remaining() == Remaining::None {
            self.done = true;
        }
        let gives_up = self.killed.map(|killed| killed + GIVES_UP_AFTER);
        self.done |= gives_up.is_some_and(|moment| moment <= now);
        let over = self.over.filter(|over| *over > now);
        let next = [over, gives_up].into_iter().flatten().fold(now + self.interval, Moment::min);
        self.interval = (self.interval * 2).min(LONGEST_INTERVAL);
        (self.last, self.next, self.reaped) = (now, next, false);
        (!self.done).then_some(next)
    }
}

/// A simulated run, and what is known of it so far.
#[derive(Debug)]
pub struct Simulation {
    /// The options of the run.
    pub options: Options,
    /// What is tested.
    pub lifecycle: Lifecycle,
    world: World,
    now: Moment,
    /// How main exited, and when.
    exited: Option<(WaitStatus, Moment)>,
    /// When the first stop signal was forwarded, or the first step of the sequence sent.
    stop: Option<Moment>,
    /// When a stop signal ended the wait of `--wait-all`.
    released: Option<Moment>,
    /// None until the drain begins.
    drain: Option<Scans>,
    drain_began: Option<Moment>,
    main_killed: Option<Moment>,
    main_abandoned: bool,
    reports: u32,
    exit: Option<Moment>,
    plan: Plan,
    /// Whether rinit is handling a second stop signal, which ends the first wait.
    ends_wait: bool,
    /// The signal that rinit is handling, which is forwarded as it is.
    forwarded: Option<Signal>,
}

/// A second model of the stop sequence, to compare with: the steps that are left, the next one first.
#[derive(Debug)]
struct Plan {
    left: std::collections::VecDeque<Planned>,
    /// What started it.
    received: Option<Signal>,
    has_sent: bool,
    /// When the wait in front began.
    since: Moment,
}

impl Plan {
    fn of(options: &Options) -> Plan {
        let steps = match options.kill_after {
            Some(limit) => StopSequence::kill_after(limit),
            None => options.stop_sequence.clone(),
        };
        let left = (0..).map_while(|index| steps.step(index)).collect();
        Plan { left, received: None, has_sent: false, since: Duration::ZERO }
    }

    fn holds_back(&self) -> bool {
        self.received.is_some() && !self.has_sent
    }

    /// `signal` is sent at this moment, as the next step.
    fn sends(&mut self, now: Moment, signal: Signal, ends_wait: bool) {
        if let Some(Planned::Wait(time)) = self.left.front() {
            assert!(ends_wait || self.since + *time <= now, "{signal} is sent too early");
            self.left.pop_front();
        }
        let step = self.left.pop_front();
        let planned = match step {
            Some(Planned::Send(planned)) => Some(planned),
            Some(Planned::SendReceived) => self.received,
            Some(Planned::Wait(_)) | None => None,
        };
        assert_eq!(planned, Some(signal), "the step is {step:?}");
        (self.has_sent, self.since) = (true, now);
    }

    /// Whether a step should have been taken by now.
    fn is_late(&self, now: Moment) -> bool {
        self.received.is_some()
            && match self.left.front() {
                Some(Planned::Wait(time)) => self.since + *time <= now,
                Some(Planned::Send(_) | Planned::SendReceived) => true,
                None => false,
            }
    }
}

impl Simulation {
    /// Main has just been started.
    pub fn new(options: Options, job_control: JobControl, world: World) -> Simulation {
        Simulation {
            lifecycle: Lifecycle::new(options.clone(), job_control),
            plan: Plan::of(&options),
            ends_wait: false,
            forwarded: None,
            options,
            world,
            now: Duration::from_secs(1000),
            exited: None,
            stop: None,
            released: None,
            drain: None,
            drain_began: None,
            main_killed: None,
            main_abandoned: false,
            reports: 0,
            exit: None,
        }
    }

    /// Takes one step.
    pub fn take(&mut self, step: Step) {
        match step {
            Step::Signal(signal) => self.signal(signal),
            Step::Stop(signal, ours) => {
                let foreground = if ours { Foreground::Ours } else { Foreground::Mains };
                drop(self.on(Event::MainStopped { signal, foreground, handles_ctrl_z: false }));
            }
            Step::Discard(signal) => drop(self.on(Event::StopDiscarded(signal))),
            Step::MainExits(raw) => self.main_exits(raw),
            Step::Born { children, unrelated } => {
                self.world.children += u32::from(children);
                self.world.unrelated += u32::from(unrelated);
            }
            Step::Die { children, unrelated } => {
                let before = self.world.children;
                self.world.children = before.saturating_sub(children.into());
                self.world.unrelated = self.world.unrelated.saturating_sub(unrelated.into());
                if self.world.children < before {
                    self.reaped();
                }
            }
            Step::FalseAlarm => {
                self.reaped();
                if self.exited.is_none() {
                    let unexpected = [Event::Polled(self.world.remaining()), Event::Scanned(None)];
                    for event in unexpected {
                        assert_eq!(self.on(event), [], "other processes matter while main runs");
                    }
                }
            }
            Step::Tick => {
                let is_due = self.lifecycle.deadline().is_some_and(|deadline| deadline <= self.now);
                let done = self.on(Event::Tick);
                assert!(is_due || done.is_empty(), "{done:?} before the deadline");
            }
            Step::Pass(length) => self.pass(length),
            Step::Oversleep(length) => {
                self.now += length;
                self.settle();
            }
        }
    }

    /// A child was reaped. Once main has exited, rinit checks each time whether a process is left.
    fn reaped(&mut self) {
        let is_awaited = self.exited.is_some() && self.exit.is_none();
        if let Some(drain) = &mut self.drain {
            drain.reaped = true;
        }
        let done = self.on(Event::Reaped);
        if is_awaited {
            assert_eq!(done.first(), Some(&Action::Poll));
            assert_eq!(self.exit.is_some(), self.world.remaining() == Remaining::None, "{done:?}");
        } else {
            assert_eq!(done, []);
        }
    }

    /// A signal is forwarded exactly once, to its target; not at all if it is rewritten to none, or rinit is exiting.
    fn signal(&mut self, received: Signal) {
        let Some(signal) = self.options.rewrites.apply(received).filter(|_| received != Signal::CHLD) else {
            let done = self.on(Event::Signal(received));
            let stops =
                |action: &Action| matches!(action, Action::StopSelf(_)) && self.options.suspending.contains(received);
            assert!(done.iter().all(stops), "{received} is to go nowhere, and led to {done:?}");
            return;
        };
        let (main_runs, gone) = (self.exited.is_none(), self.exit.is_some());
        let starts = self.plan.received.is_none() && !self.plan.left.is_empty();
        let is_of_plan = signal.requests_termination() && main_runs && (starts || self.plan.holds_back());
        if is_of_plan {
            return self.signal_of_plan(received, signal, starts);
        }
        if signal.requests_termination() && !gone {
            self.stop = self.stop.or(Some(self.now));
            if !main_runs {
                self.released = self.released.or(Some(self.now));
            }
        }
        self.forwarded = Some(signal);
        let done = self.on(Event::Signal(received));
        self.forwarded = None;
        let of_this = |action: &&Action| matches!(action, Action::Forward(forwarded, _) if *forwarded == signal);
        let forwards: Vec<&Action> = done.iter().filter(of_this).collect();
        if gone {
            assert_eq!(done, [], "{signal} is forwarded after the exit");
            return;
        }
        assert_eq!(forwards.len(), 1, "{signal} led to {done:?}");
        match forwards[0] {
            Action::Forward(_, target) if main_runs => assert!(
                *target == self.options.target || signal == Signal::CONT && *target == Target::Group,
                "{signal} went to {target:?}"
            ),
            action => assert_eq!(*action, Action::Forward(signal, Target::All)),
        }
    }

    /// A stop signal that starts the sequence, or ends its first wait: the next step replaces it.
    /// `signal` is what rinit rewrites `received` to.
    fn signal_of_plan(&mut self, received: Signal, signal: Signal, starts: bool) {
        self.plan.received = self.plan.received.or(Some(signal));
        if starts {
            self.plan.since = self.now;
        }
        let waits = starts && matches!(self.plan.left.front(), Some(Planned::Wait(_)));
        self.ends_wait = !starts;
        let done = self.on(Event::Signal(received));
        self.ends_wait = false;
        let (stops, rest): (Vec<Action>, Vec<Action>) =
            done.iter().partition(|action| matches!(action, Action::StopSelf(_)));
        assert_eq!(!stops.is_empty(), self.options.suspending.contains(received), "{done:?}");
        assert_eq!(rest.is_empty(), waits, "{done:?}");
        assert_eq!(self.plan.has_sent, !waits);
    }

    fn main_exits(&mut self, raw: i32) {
        if self.exited.is_none() {
            let status = WaitStatus::from_raw(raw);
            self.exited = Some((status, self.now));
            if self.plan.holds_back() {
                // The held back signal stops the remaining processes.
                self.released = Some(self.now);
            }
            self.on(Event::MainExited(status));
        }
    }

    /// Handles an event, with everything that follows at the same moment.
    fn on(&mut self, event: Event) -> Vec<Action> {
        let mut done = vec![];
        for action in self.lifecycle.on(self.now, event) {
            self.carry_out(action);
            done.push(action);
            match action {
                Action::AbandonMain => self.main_exits(Signal::KILL.number()),
                Action::Poll => done.extend(self.poll()),
                Action::BeginDrain | Action::Scan => done.extend(self.scan()),
                _ => {}
            }
        }
        if let Some(drain) = self.drain.as_ref().filter(|_| self.exit.is_none()) {
            let deadline = self.lifecycle.deadline();
            assert!(deadline.is_some_and(|deadline| deadline <= drain.due()), "{deadline:?} is too late: {drain:?}");
        }
        done
    }

    fn poll(&mut self) -> Vec<Action> {
        assert!(self.exited.is_some(), "other processes matter while main runs");
        let remaining = self.world.remaining();
        let done = self.on(Event::Polled(remaining));
        if remaining == Remaining::None {
            assert!(matches!(done[..], [Action::Exit(_)]), "no process is left, and that led to {done:?}");
        }
        done
    }

    fn scan(&mut self) -> Vec<Action> {
        assert!(self.drain.is_some(), "a scan before the drain");
        let next = self.drain.as_mut().and_then(|drain| drain.scan(self.now, &mut self.world));
        let done = self.on(Event::Scanned(next));
        match next {
            Some(_) => assert_eq!(done, []),
            None => assert!(matches!(done[..], [Action::Exit(_)]), "the drain is over, and that led to {done:?}"),
        }
        done
    }

    fn carry_out(&mut self, action: Action) {
        assert!(self.exit.is_none(), "{action:?} after the exit");
        let of_main = match action {
            Action::Forward(signal, Target::Group) if self.exited.is_some() => self.options.parting != Some(signal),
            Action::Forward(_, target) => target != Target::All,
            Action::ContinueIfStopped(_) | Action::LendTerminal | Action::GiveTerminal | Action::TakeTerminal => true,
            Action::KillMain | Action::AbandonMain => true,
            _ => false,
        };
        assert!(!of_main || self.exited.is_none(), "{action:?} after main's exit");
        match action {
            Action::BeginDrain => {
                assert!(self.exited.is_some(), "the drain begins while main runs");
                assert!(self.drain.is_none(), "the drain begins twice");
                assert!(!self.options.wait_all || self.released.is_some(), "--wait-all, and no stop signal came");
                self.drain = Some(Scans::begin(self.now, self.options.grace));
                self.drain_began = Some(self.now);
            }
            Action::KillMain => {
                assert_eq!(self.main_killed, None, "main is killed twice");
                self.stop = self.stop.or(Some(self.now));
                self.plan.sends(self.now, Signal::KILL, self.ends_wait);
                self.main_killed = Some(self.now);
            }
            Action::Forward(signal, target)
                if self.exited.is_none() && self.forwarded.is_none() && signal != Signal::CONT =>
            {
                assert_eq!(target, self.options.target);
                self.stop = self.stop.or(Some(self.now));
                self.plan.sends(self.now, signal, self.ends_wait);
            }
            Action::AbandonMain => {
                assert!(!self.main_abandoned, "main is abandoned twice");
                let due = self.main_killed.map(|killed| killed + KILL_TIMEOUT);
                assert!(due.is_some_and(|due| due <= self.now), "main is abandoned before it had time to die");
                self.main_abandoned = true;
            }
            Action::ReportSlowStop => {
                self.reports += 1;
                assert_eq!(self.reports, 1, "reported twice");
                let since = self.stop.into_iter().chain(self.drain_began).min();
                let due = self.options.report_after.zip(since).map(|(limit, since)| since + limit);
                assert!(due.is_some_and(|due| due <= self.now), "reported before its time");
            }
            Action::Exit(code) => self.exit_with(code),
            _ => {}
        }
    }

    fn exit_with(&mut self, code: u8) {
        let status = self.exited.map(|(status, _)| self.options.exit_map.apply(status.shell_code()));
        assert_eq!(Some(code), status, "not main's status");
        let at_once = self.options.grace == Some(Duration::ZERO) && !self.options.wait_all;
        let is_drained = self.drain.as_ref().is_some_and(|drain| drain.done);
        assert!(
            at_once || is_drained || self.world.remaining() == Remaining::None,
            "processes are left, and the drain is not over"
        );
        self.exit = Some(self.now);
    }

    /// What the loop does when it wakes up: everything that is due, until no deadline is over.
    fn settle(&mut self) {
        for _ in 0..16 {
            if self.lifecycle.deadline().is_none_or(|deadline| deadline > self.now) {
                assert!(self.exited.is_some() || !self.plan.is_late(self.now), "a step is late: {:?}", self.plan);
                return;
            }
            self.on(Event::Tick);
        }
        assert_eq!(self.lifecycle.deadline(), None, "a deadline that stays in the past");
    }

    fn pass(&mut self, length: Duration) {
        let end = self.now + length;
        while let Some(deadline) = self.lifecycle.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.settle();
        }
        self.now = end;
    }

    /// When rinit must have exited, if nothing happens meanwhile except that time passes.
    fn latest(&self) -> Option<Moment> {
        let (_, exited) = self.exited?;
        let from = if self.options.wait_all { self.released? } else { exited };
        Some(from + self.options.grace? + GIVES_UP_AFTER)
    }

    /// Main exits now, unless it has exited before. Then rinit exits in time.
    pub fn finish(&mut self, raw: i32) {
        self.main_exits(raw);
        assert!(!self.lifecycle.watches_stops());
        match self.latest() {
            Some(latest) => {
                let left = latest.saturating_sub(self.now);
                self.pass(left);
                // If rinit overslept the end of the grace period, the KILL came late and needs time to take effect.
                self.pass(GIVES_UP_AFTER);
            }
            // The remaining processes have as long as they need.
            None => {
                let children = self.world.children;
                (self.world.children, self.world.unrelated) = (0, 0);
                if children > 0 {
                    self.reaped();
                } else {
                    // rinit finds out by itself.
                    self.pass(PollBackoff::LONGEST.max(LONGEST_INTERVAL));
                }
            }
        }
        assert!(self.exit.is_some(), "no exit: {:?}", self.lifecycle);
        assert_eq!(self.lifecycle.deadline(), None);
    }
}
