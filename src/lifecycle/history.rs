//! A made-up history, and what must hold of it at every step, whoever makes it up: the property tests or the fuzzer.

use super::*;
use crate::stop_sequence::Step as Planned;

/// What the world may do next.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// It arrives.
    Signal(Signal),
    /// The terminal, or somebody, stops main.
    Stop(Signal, bool),
    /// The kernel discards the stop that rinit shares.
    Discard(Signal),
    /// main ends so, if it has not.
    End(i32),
    /// As many children, or others, are born.
    Born {
        /// Of rinit's.
        children: u8,
        /// Of somebody else's.
        strangers: u8,
    },
    /// As many of them die by themselves.
    Die {
        /// Of rinit's.
        children: u8,
        /// Of somebody else's.
        strangers: u8,
    },
    /// A CHLD that means nothing.
    FalseAlarm,
    /// The loop looks at the clock without need.
    Tick,
    /// Time passes, and the loop wakes up at each deadline.
    Pass(Duration),
    /// Time passes while rinit gets no CPU: it wakes up late.
    Oversleep(Duration),
}

/// The others, as they are in truth.
#[derive(Clone, Copy, Debug, Default)]
pub struct World {
    /// Those of rinit's.
    pub children: u32,
    /// Those of somebody else's.
    pub strangers: u32,
    /// Whether a KILL ends them. It does not if they hang in the kernel.
    pub can_be_killed: bool,
}

impl World {
    fn alive(self) -> Alive {
        match (self.children, self.strangers) {
            (0, 0) => Alive::Nobody,
            (0, _) => Alive::Strangers,
            _ => Alive::Children,
        }
    }
}

/// A history, and what must hold of it at every step.
#[derive(Debug)]
pub struct History {
    /// The choices.
    pub options: Options,
    /// What is looked at.
    pub lifecycle: Lifecycle,
    world: World,
    now: Moment,
    /// When main ended.
    ended: Option<(WaitStatus, Moment)>,
    /// The first signal that asks for an end.
    stop: Option<Moment>,
    /// The first that arrived when nothing but `--wait-all` kept rinit.
    released: Option<Moment>,
    asked: Option<Moment>,
    killed: Option<Moment>,
    main_killed: Option<Moment>,
    main_left: bool,
    reports: u32,
    exit: Option<Moment>,
    plan: Plan,
    /// A second stop signal ends the first wait.
    is_told_to_go_on: bool,
    /// The signal that is handed in, which is forwarded as it is.
    forwarded: Option<Signal>,
}

/// The stop sequence as it is to be, modelled once more and in another way: what is left of it, front first.
#[derive(Debug)]
struct Plan {
    left: std::collections::VecDeque<Planned>,
    /// What started it.
    received: Option<Signal>,
    has_sent: bool,
    /// From when on the wait in front counts.
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
    fn sends(&mut self, now: Moment, signal: Signal, is_told_to: bool) {
        if let Some(Planned::Wait(time)) = self.left.front() {
            assert!(is_told_to || self.since + *time <= now, "{signal} is sent too early");
            self.left.pop_front();
        }
        let planned = match self.left.pop_front() {
            Some(Planned::Send(planned)) => Some(planned),
            Some(Planned::SendReceived) => self.received,
            other => panic!("{signal} is sent, not {other:?}"),
        };
        assert_eq!(planned, Some(signal));
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

impl History {
    /// main has just been started, in this world.
    pub fn new(options: Options, job_control: JobControl, world: World) -> History {
        History {
            lifecycle: Lifecycle::new(options.clone(), job_control),
            plan: Plan::of(&options),
            is_told_to_go_on: false,
            forwarded: None,
            options,
            world,
            now: Duration::from_secs(1000),
            ended: None,
            stop: None,
            released: None,
            asked: None,
            killed: None,
            main_killed: None,
            main_left: false,
            reports: 0,
            exit: None,
        }
    }

    /// One step further.
    pub fn take(&mut self, step: Step) {
        match step {
            Step::Signal(signal) => self.signal(signal),
            Step::Stop(signal, in_foreground) => {
                let foreground = if in_foreground { Foreground::Ours } else { Foreground::Mains };
                drop(self.on(Event::MainStopped { signal, foreground, by_itself: false }));
            }
            Step::Discard(signal) => drop(self.on(Event::StopDiscarded(signal))),
            Step::End(raw) => self.end(raw),
            Step::Born { children, strangers } => {
                // A KILL to all leaves nobody who could bear children.
                if self.killed.is_none() {
                    self.world.children += u32::from(children);
                    self.world.strangers += u32::from(strangers);
                }
            }
            Step::Die { children, strangers } => {
                let before = self.world.children;
                self.world.children = before.saturating_sub(children.into());
                self.world.strangers = self.world.strangers.saturating_sub(strangers.into());
                if self.world.children < before {
                    self.on(Event::Reaped);
                }
            }
            Step::FalseAlarm => {
                self.on(Event::Reaped);
                if self.ended.is_none() {
                    assert_eq!(self.on(Event::Seen(self.world.alive())), [], "others matter while main runs");
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

    /// Exactly one forward, to whom it is for, or none where there is nobody left to have it or it is rewritten to none.
    fn signal(&mut self, received: Signal) {
        let Some(signal) = self.options.rewrites.apply(received).filter(|_| received != Signal::CHLD) else {
            let done = self.on(Event::Signal(received));
            let stops =
                |action: &Action| matches!(action, Action::StopSelf(_)) && self.options.suspending.contains(received);
            assert!(done.iter().all(stops), "{received} is to go nowhere, and led to {done:?}");
            return;
        };
        let (main_runs, killed, gone) = (self.ended.is_none(), self.killed.is_some(), self.exit.is_some());
        let starts = self.plan.received.is_none() && !self.plan.left.is_empty();
        let is_of_plan = signal.requests_termination() && main_runs && (starts || self.plan.holds_back());
        if is_of_plan {
            return self.signal_of_plan(signal, starts);
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
        if killed || gone {
            assert_eq!(done, [], "a signal for nobody");
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

    /// A stop signal that starts the sequence, or ends the time that it begins with: it is replaced by the next step.
    fn signal_of_plan(&mut self, signal: Signal, starts: bool) {
        self.plan.received = self.plan.received.or(Some(signal));
        if starts {
            self.plan.since = self.now;
        }
        let waits = starts && matches!(self.plan.left.front(), Some(Planned::Wait(_)));
        self.is_told_to_go_on = !starts;
        let done = self.on(Event::Signal(signal));
        self.is_told_to_go_on = false;
        assert_eq!(done.is_empty(), waits, "{done:?}");
        assert_eq!(self.plan.has_sent, !waits);
    }

    fn end(&mut self, raw: i32) {
        if self.ended.is_none() {
            let status = WaitStatus::from_raw(raw);
            self.ended = Some((status, self.now));
            if self.plan.holds_back() {
                // It goes on as a stop of all that remain.
                self.released = Some(self.now);
            }
            self.on(Event::MainEnded(status));
        }
    }

    /// An event, and all that follows at the same moment.
    fn on(&mut self, event: Event) -> Vec<Action> {
        let mut done = vec![];
        for action in self.lifecycle.on(self.now, event) {
            self.carry_out(action);
            done.push(action);
            if action == Action::LeaveMain {
                self.end(Signal::KILL.number());
            }
            if matches!(action, Action::Look | Action::LookForKillable) {
                let killable = action == Action::Look || self.world.can_be_killed;
                let seen = if killable { self.world.alive() } else { Alive::Nobody };
                done.extend(self.on(Event::Seen(seen)));
            }
        }
        done
    }

    fn carry_out(&mut self, action: Action) {
        assert!(self.exit.is_none(), "{action:?} after the exit");
        let of_main = match action {
            Action::Forward(signal, Target::Group) if self.ended.is_some() => self.options.parting != Some(signal),
            Action::Forward(_, target) => target != Target::All,
            Action::ContinueIfStopped(_) | Action::LendTerminal | Action::GiveTerminal | Action::TakeTerminal => true,
            Action::KillMain | Action::LeaveMain => true,
            _ => false,
        };
        assert!(!of_main || self.ended.is_none(), "{action:?} after main's end");
        match action {
            Action::AskOthers => {
                assert!(self.ended.is_some(), "the others are asked while main runs");
                assert_eq!(self.asked, None, "asked twice");
                self.asked = Some(self.now);
                let ends = self.options.grace.map(|grace| self.now + grace);
                assert_eq!(self.lifecycle.grace_ends(), ends, "the time that there is to ask them");
            }
            Action::KillMain => {
                assert_eq!(self.main_killed, None, "main is killed twice");
                self.stop = self.stop.or(Some(self.now));
                self.plan.sends(self.now, Signal::KILL, self.is_told_to_go_on);
                self.main_killed = Some(self.now);
            }
            Action::Forward(signal, target)
                if self.ended.is_none() && self.forwarded.is_none() && signal != Signal::CONT =>
            {
                assert_eq!(target, self.options.target);
                self.stop = self.stop.or(Some(self.now));
                self.plan.sends(self.now, signal, self.is_told_to_go_on);
            }
            Action::LeaveMain => {
                assert!(!self.main_left, "main is left twice");
                let due = self.main_killed.map(|killed| killed + KILL_TAKES_MAIN);
                assert!(due.is_some_and(|due| due <= self.now), "main is left before it had time to die");
                self.main_left = true;
            }
            Action::KillOthers => {
                let due = self.options.grace.zip(self.asked).map(|(grace, asked)| asked + grace);
                assert!(due.is_some_and(|due| due <= self.now), "the others are killed within the grace");
                self.killed = self.killed.or(Some(self.now));
                if self.world.can_be_killed {
                    (self.world.children, self.world.strangers) = (0, 0);
                }
            }
            Action::ReportSlowStop => {
                self.reports += 1;
                assert_eq!(self.reports, 1, "reported twice");
                let since = self.stop.into_iter().chain(self.asked).min();
                let due = self.options.report_after.zip(since).map(|(limit, since)| since + limit);
                assert!(due.is_some_and(|due| due <= self.now), "reported before its time");
            }
            Action::Exit(code) => self.exit_with(code),
            _ => {}
        }
    }

    fn exit_with(&mut self, code: u8) {
        let status = self.ended.map(|(status, _)| self.options.exit_map.apply(status.shell_code()));
        assert_eq!(Some(code), status, "not main's status");
        let at_once = self.options.grace == Some(Duration::ZERO) && !self.options.wait_all;
        assert!(
            at_once || self.killed.is_some() || self.world.alive() == Alive::Nobody,
            "others are alive, and have not had their grace"
        );
        self.exit = Some(self.now);
    }

    /// The loop: whatever is due is done, and then nothing is due any more.
    fn settle(&mut self) {
        for _ in 0..16 {
            if self.lifecycle.deadline().is_none_or(|deadline| deadline > self.now) {
                assert!(self.ended.is_some() || !self.plan.is_late(self.now), "a step is late: {:?}", self.plan);
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

    /// When rinit must be gone at the latest, if nothing else happens than that time passes.
    fn latest(&self) -> Option<Moment> {
        let (_, ended) = self.ended?;
        let from = if self.options.wait_all { self.released? } else { ended };
        Some(from + self.options.grace? + KILL_TAKES)
    }

    /// main ends now at the latest, and rinit is gone in time.
    pub fn come_to_its_end(&mut self, raw: i32) {
        self.end(raw);
        assert!(!self.lifecycle.watches_stops());
        match self.latest() {
            Some(latest) => {
                let left = latest.saturating_sub(self.now);
                self.pass(left);
                // Who overslept the grace has the KILL's half second still to go.
                self.pass(KILL_TAKES);
            }
            // Nothing ends the others but themselves.
            None => {
                (self.world.children, self.world.strangers) = (0, 0);
                self.on(Event::Reaped);
                self.pass(Looks::WHEN_WAITING);
            }
        }
        assert!(self.exit.is_some(), "no end: {:?}", self.lifecycle);
        assert_eq!(self.lifecycle.deadline(), None);
    }
}
