//! The drain's rules: which remaining process is asked to exit and when, and which is killed. Pure decisions: records, a
//! process list and the time go in, orders come out.
//!
//! **Each process is asked to exit once: by its parent if it has one that can do so, and by rinit otherwise. No process is
//! killed that has not been asked.**
//!
//! A process that has not been asked is *due* as soon as one of these holds:
//!
//! 1. Its parent is rinit, or lives outside of the PID namespace (what `docker exec` started).
//! 2. Its parent cannot pass the request on: the parent ignores SIGTERM, is the init of a nested PID namespace without a
//!    handler for it, or is a shell that has been asked and sleeps until this very child exits.
//! 3. The *last call* has come: half the grace period is over, or 5 s where that is sooner.
//!
//! Main's process group goes first. Until the last call, a process outside of it is not due while a member of the group
//! is left that can act on SIGTERM, as what runs for the group (containerd-shim for dockerd) is still needed.
//!
//! Some kinds of process wait longer:
//!
//! - What a process starts once it has been asked (the `sync` of a trap, a `pg_dump`) is part of its exit. As long as that
//!   process is left, it is asked a second before the grace period is over, and not at the last call.
//! - An orphan whose parent handled SIGTERM may have been asked by that parent. If it handles SIGTERM too, it is asked a
//!   second after its parent's exit. (With the default action it would be gone if it had been asked.)
//! - A reader of another process's output (`tee`, a log shipper) normally reads to the end of file and exits by itself. It
//!   is asked a second after all other processes are gone, and at the latest a second before the grace period is over:
//!   without its reader, a process that is still saving would be killed by SIGPIPE. A process with a child that is no such
//!   reader is none either: it has work of its own.
//! - A process that was forked less than 100 ms ago and has executed no program yet is looked up again then: `tee` in
//!   `exec > >(tee log)` is still the shell at first.
//!
//! A process *counts as asked* if a forwarded stop signal reached it that it does not ignore; `StopHistory` knows. SIGINT and
//! SIGQUIT count until the last call only, and so does a signal where it is not certain that the process was there already.
//!
//! A SIGTERM that a process ignored when it was sent does not count. It is sent again as soon as the process no longer
//! ignores it: programs inherit "ignored" from their parent and set a handler a moment later.
//!
//! A process that cannot act on SIGTERM (ignores it, or leaves it pending) is killed 5 s after it was asked. All that are
//! left are killed when the grace period is over; a process that appears at that moment is asked, and has half a second.

pub use super::facts::{Facts, Terminal};
use super::history::{Reached, StopHistory};
use crate::duration::Moment;
use crate::signal::{Signal, Treatment};
use nix::unistd::Pid;
use std::time::Duration;

/// Where the rules look processes up. Every call may read files, so none is made without need.
pub trait Processes {
    /// The facts about a process; None when it is gone.
    fn facts(&mut self, pid: Pid) -> Option<Facts>;
    /// Whether its stdin is a pipe, and not the one that rinit has as stdin.
    fn reads_pipe(&mut self, pid: Pid) -> bool;
    /// Whether a process group has a member left. A zombie is one too.
    fn group_exists(&mut self, group: Pid) -> bool;
    /// Whether `shell` is a shell that sleeps until its foreground child `child` exits.
    fn waits_for(&mut self, shell: Pid, child: Pid) -> bool;
}

/// What to do with one process, or with all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send SIGTERM, then SIGCONT, as a stopped process does not see SIGTERM.
    Ask(Pid),
    /// The same to a process that ignores SIGTERM. If it does not any more once that was sent, call `may_have_counted`.
    AskInVain(Pid),
    /// Send SIGHUP, then SIGCONT: an interactive shell ignores SIGTERM.
    HangUp(Pid),
    /// Send SIGCONT: it is stopped and could not act on a request.
    Continue(Pid),
    /// Send SIGKILL: it was asked, and cannot act on SIGTERM.
    Kill(Pid),
    /// Send SIGKILL to all: the grace period is over.
    KillAll,
}

impl Order {
    /// The process that this order asks to exit.
    pub fn asks(&self) -> Option<Pid> {
        match self {
            Order::Ask(pid) | Order::AskInVain(pid) | Order::HangUp(pid) => Some(*pid),
            Order::Continue(_) | Order::Kill(_) | Order::KillAll => None,
        }
    }
}

/// A process that cannot act on SIGTERM is killed this long after it was asked. The last call comes no later either.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long an orphan of a parent that handled SIGTERM, and a reader that is left alone, may take to exit by itself.
const BY_ITSELF: Duration = Duration::from_secs(1);

/// A forked process that has executed no program for this long is what it is. In clock ticks: 100 ms.
const SETTLED: u64 = 10;

/// How long a process has that appears when the grace period is over.
const NEWCOMERS: Duration = Duration::from_millis(500);

/// Intervals between scans: they double from the first to the second.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(50);

/// A scan looks up at most this many processes again whose turn has not come. All of them would be too many with
/// thousands; those whose turn may have come by their parent's exit are looked up in any case.
const REVISITED: usize = 32;

/// Per-process drain state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not asked yet.
    Deferred,
    /// Not asked yet, and its parent, which handled SIGTERM, exited at `Record::since`.
    Orphaned,
    /// Counts as asked, until the last call.
    Provisional,
    /// Its turn has come, but it ignores SIGTERM, since `Record::since` at least.
    Deaf,
    /// Asked at `Record::since`.
    Asked,
    /// Asked, and looked up once more `PATIENCE` later: it is not deaf.
    Acting,
    /// A zombie, or killed: nothing more is to be done.
    Done,
}

/// What is kept about a process: 40 bytes at most.
#[derive(Clone, Copy, Debug)]
struct Record {
    pid: Pid,
    parent: Pid,
    started: u64,
    /// In milliseconds since the drain began.
    since: u32,
    state: State,
    /// In main's process group.
    in_group: bool,
    /// What it did about SIGTERM when it was looked up last.
    acts: Acts,
    terminal: Terminal,
    /// A reader of another process's output.
    reader: bool,
    /// `Facts::is_fork` when it was looked up last.
    fork: bool,
    /// Counts as asked by a forwarded signal, and not by the drain.
    forwarded: bool,
    /// Looked up in this very scan.
    fresh: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acts {
    /// SIGTERM has no effect on it.
    Not,
    /// SIGTERM ends it.
    ByDefault,
    /// It does something of its own about SIGTERM, such as to pass the request on. Where /proc does not show what a
    /// process does with signals (gVisor), it may.
    Itself,
}

impl Acts {
    fn of(facts: &Facts) -> Acts {
        match facts.treatment {
            Treatment::Ignores => Acts::Not,
            Treatment::Default if facts.nested_init => Acts::Not,
            Treatment::Default => Acts::ByDefault,
            Treatment::Handles | Treatment::Blocks | Treatment::Unknown => Acts::Itself,
        }
    }
}

impl Record {
    /// Whether it is still to be asked, or looked at again.
    fn is_open(&self) -> bool {
        matches!(self.state, State::Deferred | State::Orphaned | State::Provisional | State::Deaf)
    }

    fn is_left(&self) -> bool {
        self.state != State::Done
    }

    /// Whether the rest waits for it, as main's process group goes first.
    fn holds_the_rest(&self) -> bool {
        self.in_group && self.is_left() && !self.reader && self.acts != Acts::Not
    }
}

/// One drain, from main's exit to rinit's.
#[derive(Clone, Debug)]
pub struct Rules {
    /// rinit's own PID.
    us: Pid,
    /// Main's process group, if there was a main.
    group: Option<Pid>,
    grace: Option<Duration>,
    began: Moment,
    /// `began` in clock ticks since boot, the unit of `Facts::started`.
    began_tick: u64,
    /// When the first stop signal was forwarded, in the same ticks.
    forwarded_tick: u64,
    /// Sorted by PID.
    records: Vec<Record>,
    /// Since when only readers are left.
    readers_alone: Option<Moment>,
    interval: Duration,
    /// Where the next scan goes on with those that it looks up again.
    turn: usize,
    first: bool,
    last_call_made: bool,
    /// When all that are left are killed: a moment after the grace period where processes have just appeared.
    kill_all: Option<Moment>,
}

impl Rules {
    /// A drain that begins now. `grace` None: no process is killed.
    pub fn new(us: Pid, group: Option<Pid>, grace: Option<Duration>, began: Moment, began_tick: u64) -> Rules {
        Rules {
            us,
            group,
            grace,
            began,
            began_tick,
            forwarded_tick: began_tick,
            records: Vec::new(),
            readers_alone: None,
            interval: SHORTEST,
            turn: 0,
            first: true,
            last_call_made: false,
            kill_all: None,
        }
    }

    /// How many processes are left, and how many of these have not been asked.
    pub fn counts(&self) -> (usize, usize) {
        let count = |wanted: fn(&Record) -> bool| self.records.iter().filter(|record| wanted(record)).count();
        (count(Record::is_left), self.deferred().count())
    }

    /// The processes that have not been asked.
    pub fn deferred(&self) -> impl Iterator<Item = Pid> {
        let is_deferred = |record: &&Record| matches!(record.state, State::Deferred | State::Orphaned);
        self.records.iter().filter(is_deferred).map(|record| record.pid)
    }

    /// Whether no process is still to be asked, or looked up again.
    pub fn has_asked_all(&self) -> bool {
        !self.records.iter().any(Record::is_open)
    }

    /// The processes that are left.
    pub fn left(&self) -> impl Iterator<Item = Pid> {
        self.records.iter().filter(|record| record.is_left()).map(|record| record.pid)
    }

    /// A stop signal has just been sent to all.
    pub fn note_to_all(&mut self, signal: Signal, now: Moment) {
        let since = self.age(now);
        let state = if StopHistory::counts_for_good(signal) { State::Asked } else { State::Provisional };
        for record in &mut self.records {
            if matches!(record.state, State::Deferred | State::Orphaned | State::Provisional)
                && record.acts != Acts::Not
            {
                (record.state, record.since) = (state, since);
            }
        }
    }

    /// An order could not be carried out: the process may be asked again later.
    pub fn not_sent(&mut self, pid: Pid) {
        self.set(pid, State::Deferred);
        self.interval = LONGEST;
    }

    /// A process that ignored SIGTERM, and was sent it, handles it now, or blocks it: it may have set its handler before. A
    /// blocked signal is not lost, even if it is ignored as well (signal(7), and `sig_ignored` in the kernel).
    pub fn may_have_counted(&mut self, pid: Pid, treatment: Treatment) {
        match treatment {
            Treatment::Ignores => {}
            Treatment::Blocks => self.set(pid, State::Asked),
            Treatment::Unknown | Treatment::Default | Treatment::Handles => self.set(pid, State::Provisional),
        }
    }

    fn set(&mut self, pid: Pid, state: State) {
        if let Ok(place) = self.place(pid)
            && let Some(record) = self.records.get_mut(place)
        {
            record.state = state;
        }
    }

    /// Before the first scan, where that would take long: looks up some of the processes, sorted by PID and after those of
    /// an earlier call, and asks those that are due whatever the rest may be. They exit while the rest is looked up.
    pub fn begin(
        &mut self,
        now: Moment,
        some: &[Pid],
        history: &StopHistory,
        processes: &mut dyn Processes,
    ) -> Vec<Order> {
        let mut orders = Vec::new();
        self.forwarded_tick = history.first().unwrap_or(self.began_tick);
        let known = self.records.len();
        for pid in some {
            let record = self.welcome(*pid, now, history, processes, &mut orders);
            self.records.extend(record);
        }
        let group_left = self.group.is_some_and(|group| processes.group_exists(group));
        self.ask_those_due(known, now, group_left, processes, &mut orders);
        orders
    }

    /// One scan: `present` are the processes that exist now, sorted by PID. What to do, in this order.
    pub fn step(
        &mut self,
        now: Moment,
        present: &[Pid],
        history: &StopHistory,
        processes: &mut dyn Processes,
    ) -> Vec<Order> {
        let mut orders = Vec::new();
        self.forwarded_tick = history.first().unwrap_or(self.began_tick);
        let last_call = self.last_call(now) && !self.last_call_made;
        self.last_call_made |= last_call;
        let is_over = self.kill_all.is_none() && self.over().is_some_and(|over| over <= now);
        let before = std::mem::take(&mut self.records);
        self.records.reserve_exact(present.len());
        let mut open = 0;
        let mut old = before.iter().peekable();
        for pid in present {
            while old.next_if(|record| record.pid < *pid).is_some() {}
            let record = match old.next_if(|record| record.pid == *pid) {
                None => self.welcome(*pid, now, history, processes, &mut orders),
                Some(record) if record.is_open() => {
                    let in_turn = open >= self.turn && open - self.turn < REVISITED;
                    open += 1;
                    let has_parent = record.parent == self.us || present.binary_search(&record.parent).is_ok();
                    match in_turn || last_call || !has_parent {
                        true => self.revisit(*record, now, &before, processes),
                        false => Some(Record { fresh: false, ..*record }),
                    }
                }
                Some(record) if (last_call || is_over) && self.has_new_owner(record, processes) => {
                    self.welcome(*pid, now, history, processes, &mut orders)
                }
                Some(record) => self.check_up_on(*record, now, processes, &mut orders),
            };
            self.records.extend(record);
        }
        self.turn = if self.turn.saturating_add(REVISITED) < open { self.turn + REVISITED } else { 0 };
        let changed = self.records.len() != before.len() || self.first;
        drop(before);
        if !self.has_asked_all() {
            self.correct_readers();
            let only_readers = self.records.iter().all(|record| !record.is_left() || record.reader);
            self.readers_alone = if only_readers { self.readers_alone.or(Some(now)) } else { None };
            let group_left = self.group_is_left(processes);
            self.ask_those_due(0, now, group_left, processes, &mut orders);
        }
        self.kill_when_over(now, &mut orders);
        self.first = false;
        let may_come_due = !self.has_asked_all();
        let asked = orders.iter().any(|order| order.asks().is_some());
        self.interval = match may_come_due && (changed || asked) {
            true => SHORTEST,
            false => self.interval.saturating_mul(2).min(LONGEST),
        };
        orders
    }

    /// The first look at a process. None when it is gone already.
    fn welcome(
        &self,
        pid: Pid,
        now: Moment,
        history: &StopHistory,
        processes: &mut dyn Processes,
        orders: &mut Vec<Order>,
    ) -> Option<Record> {
        let facts = processes.facts(pid)?;
        let mut record = Record {
            pid,
            parent: facts.parent,
            started: facts.started,
            since: self.age(now),
            state: State::Deferred,
            in_group: self.group == Some(facts.group),
            acts: Acts::of(&facts),
            terminal: facts.terminal,
            reader: false,
            fork: facts.is_fork,
            forwarded: false,
            fresh: true,
        };
        if facts.dead {
            record.state = State::Done;
            return Some(record);
        }
        record.state = match history.reached(pid, &facts) {
            Reached::Yes => State::Asked,
            Reached::Maybe => State::Provisional,
            // rinit starts no process now, so a new child of rinit's lost its parent between two scans.
            Reached::No if facts.parent == self.us && (!self.first || history.main_handled()) => State::Orphaned,
            Reached::No => State::Deferred,
        };
        record.forwarded = matches!(record.state, State::Asked | State::Provisional);
        // What `docker exec -i` started reads from outside.
        record.reader = record.state != State::Asked && facts.parent.as_raw() != 0 && processes.reads_pipe(pid);
        if facts.stopped {
            orders.push(Order::Continue(pid));
        }
        Some(record)
    }

    /// Whether a process that has been asked is gone, and its PID has been used again. This is looked up before it matters.
    fn has_new_owner(&self, record: &Record, processes: &mut dyn Processes) -> bool {
        processes.facts(record.pid).is_some_and(|facts| facts.started != record.started)
    }

    /// Looks up a process again that has not been asked. None when it is gone; a new one that has its PID is welcomed by the
    /// next scan.
    fn revisit(
        &self,
        mut record: Record,
        now: Moment,
        before: &[Record],
        processes: &mut dyn Processes,
    ) -> Option<Record> {
        let facts = processes.facts(record.pid).filter(|facts| facts.started == record.started)?;
        if facts.dead {
            return Some(Record { state: State::Done, ..record });
        }
        if facts.parent != record.parent {
            let parent = before.binary_search_by_key(&record.parent, |parent| parent.pid).ok();
            let handled = parent.and_then(|place| before.get(place)).is_some_and(|parent| parent.acts == Acts::Itself);
            if handled && record.state == State::Deferred {
                (record.state, record.since) = (State::Orphaned, self.age(now));
            }
            record.parent = facts.parent;
        }
        record.in_group = self.group == Some(facts.group);
        record.acts = Acts::of(&facts);
        record.fresh = true;
        if record.fork {
            record.reader = record.parent.as_raw() != 0 && processes.reads_pipe(record.pid);
            record.fork = facts.is_fork;
        }
        if record.state == State::Deaf && record.acts != Acts::Not {
            record.state = State::Deferred;
        }
        Some(record)
    }

    /// What is still to be done about a process that has been asked. None when it is gone.
    fn check_up_on(
        &self,
        mut record: Record,
        now: Moment,
        processes: &mut dyn Processes,
        orders: &mut Vec<Order>,
    ) -> Option<Record> {
        if record.state != State::Asked {
            return Some(record);
        }
        if record.terminal == Terminal::Unknown && self.last_call(now) && self.has_had(&record, BY_ITSELF, now) {
            orders.push(Order::HangUp(record.pid));
            record.terminal = Terminal::No;
        }
        if self.grace.is_some() && self.has_had(&record, PATIENCE, now) {
            let facts = processes.facts(record.pid).filter(|facts| facts.started == record.started)?;
            let deaf = facts.pending && !facts.dead;
            if deaf {
                orders.push(Order::Kill(record.pid));
            }
            record.state = if deaf || facts.dead { State::Done } else { State::Acting };
        }
        Some(record)
    }

    /// Asks the processes that are due, from the record at this place on. `group_left`: main's group, which goes first.
    fn ask_those_due(
        &mut self,
        from: usize,
        now: Moment,
        group_left: bool,
        processes: &mut dyn Processes,
        orders: &mut Vec<Order>,
    ) {
        let since = self.age(now);
        for place in from..self.records.len() {
            let Some(mut record) = self.records.get(place).filter(|record| record.is_open()).copied() else { continue };
            if record.state != State::Deaf && !self.is_due(&record, now, group_left, processes) {
                continue;
            }
            // A handler may have been set, and the process may be gone, since it was looked up.
            let known = match record.fresh {
                true => Some(record),
                false => self.revisit(record, now, &self.records, processes),
            };
            match known {
                None => record.state = State::Done,
                Some(known) if known.state == State::Done => record = known,
                // A shell that waits for its child blocks signals for moments, and ignores SIGTERM all the same.
                Some(known) if known.terminal == Terminal::Leads => {
                    orders.push(Order::HangUp(known.pid));
                    record = Record { state: State::Acting, since, ..known };
                }
                Some(known) if known.acts != Acts::Not => {
                    orders.push(Order::Ask(known.pid));
                    record = Record { state: State::Asked, since, ..known };
                }
                Some(known) if record.state == State::Deaf => {
                    record = known;
                    if self.grace.is_some() && self.has_had(&record, PATIENCE, now) {
                        orders.push(Order::Kill(record.pid));
                        record.state = State::Done;
                    }
                }
                Some(known) => {
                    orders.push(Order::AskInVain(known.pid));
                    record = Record { state: State::Deaf, since, ..known };
                }
            }
            if let Some(place) = self.records.get_mut(place) {
                *place = record;
            }
        }
    }

    /// A process with a child that is no reader is none.
    fn correct_readers(&mut self) {
        if !self.records.iter().any(|record| record.reader && record.is_open()) {
            return;
        }
        for place in 0..self.records.len() {
            let parent =
                self.records.get(place).filter(|child| child.is_left() && !child.reader).map(|child| child.parent);
            if let Some(Ok(place)) = parent.map(|parent| self.place(parent))
                && let Some(parent) = self.records.get_mut(place)
            {
                parent.reader = false;
            }
        }
    }

    fn is_due(&self, record: &Record, now: Moment, group_left: bool, processes: &mut dyn Processes) -> bool {
        let nearly_over = self.grace.is_some_and(|grace| self.elapsed(now) >= latest(grace));
        if record.reader {
            let left_alone = self.readers_alone.is_some_and(|since| now.saturating_sub(since) >= BY_ITSELF);
            return left_alone || nearly_over;
        }
        if self.last_call(now) {
            return nearly_over || !self.is_part_of_an_exit(record);
        }
        if record.fork && self.tick(now) < record.started.saturating_add(SETTLED) {
            return false;
        }
        if record.state == State::Provisional || group_left && !record.in_group {
            return false;
        }
        if record.parent == self.us || record.parent.as_raw() == 0 {
            let may_have_been_asked = record.state == State::Orphaned && record.acts == Acts::Itself;
            return !may_have_been_asked || self.has_had(record, BY_ITSELF, now);
        }
        self.parent_cannot_pass_on(record, processes)
    }

    fn parent_cannot_pass_on(&self, record: &Record, processes: &mut dyn Processes) -> bool {
        let Some(parent) = self.find(record.parent).filter(|parent| parent.is_left()) else { return false };
        match parent.acts {
            Acts::Not => true,
            Acts::ByDefault => false,
            Acts::Itself => {
                let asked = matches!(parent.state, State::Asked | State::Acting);
                asked && record.started < self.asked_at(parent) && processes.waits_for(parent.pid, record.pid)
            }
        }
    }

    /// Whether a process was started by one that had been asked by then and is still left, or by such a process.
    fn is_part_of_an_exit(&self, record: &Record) -> bool {
        let mut child = record;
        // The bound is for parents that seem to go round in circles, as a PID was used again.
        for _ in 0..100 {
            let Some(parent) = self.find(child.parent).filter(|parent| parent.is_left()) else { return false };
            match parent.state {
                State::Asked | State::Acting | State::Provisional => {
                    return parent.acts == Acts::Itself && child.started >= self.asked_at(parent);
                }
                _ => child = parent,
            }
        }
        false
    }

    /// When a process was asked, in clock ticks since boot.
    fn asked_at(&self, record: &Record) -> u64 {
        match record.forwarded {
            true => self.forwarded_tick,
            false => self.began_tick.saturating_add(u64::from(record.since / 10)),
        }
    }

    /// The time in clock ticks since boot.
    fn tick(&self, now: Moment) -> u64 {
        self.began_tick.saturating_add(u64::from(self.age(now) / 10))
    }

    /// Whether a member of main's process group is left that can act on SIGTERM. One that its parent does not reap is not.
    fn group_is_left(&mut self, processes: &mut dyn Processes) -> bool {
        let waits = |record: &Record| !record.in_group && record.is_open() && record.state != State::Deaf;
        if !self.records.iter().any(waits) {
            return false;
        }
        self.records.iter_mut().filter(|record| record.holds_the_rest()).any(|record| {
            let facts = processes.facts(record.pid).filter(|facts| facts.started == record.started && !facts.dead);
            if facts.is_none() {
                record.state = State::Done;
            }
            facts.is_some()
        })
    }

    /// Kills what is left when the grace period is over.
    fn kill_when_over(&mut self, now: Moment, orders: &mut Vec<Order>) {
        let Some(over) = self.over().filter(|over| *over <= now) else {
            return;
        };
        let newcomers = if orders.iter().any(|order| order.asks().is_some()) { NEWCOMERS } else { Duration::ZERO };
        if *self.kill_all.get_or_insert(now.saturating_add(newcomers)) <= now {
            orders.clear();
            orders.push(Order::KillAll);
            return;
        }
        // In milliseconds, as `since` is.
        let over = self.age(over);
        for record in self.records.iter_mut().filter(|record| record.is_left() && record.since < over) {
            orders.push(Order::Kill(record.pid));
            record.state = State::Done;
        }
    }

    /// When to scan again at the latest.
    pub fn next(&self, now: Moment) -> Moment {
        let soon = now.saturating_add(self.interval);
        let over = self.over().filter(|over| *over > now);
        [over, self.kill_all.filter(|at| *at > now)].into_iter().flatten().fold(soon, Moment::min)
    }

    /// When the grace period is over.
    fn over(&self) -> Option<Moment> {
        self.grace.map(|grace| self.began.saturating_add(grace))
    }

    fn last_call(&self, now: Moment) -> bool {
        self.elapsed(now) >= self.grace.map_or(PATIENCE, |grace| PATIENCE.min(grace / 2))
    }

    /// Whether `time` has passed since `Record::since`.
    fn has_had(&self, record: &Record, time: Duration, now: Moment) -> bool {
        self.elapsed(now) >= Duration::from_millis(record.since.into()).saturating_add(time)
    }

    fn elapsed(&self, now: Moment) -> Duration {
        now.saturating_sub(self.began)
    }

    /// The time since the drain began, in milliseconds. 49 days are enough.
    fn age(&self, now: Moment) -> u32 {
        u32::try_from(self.elapsed(now).as_millis()).unwrap_or(u32::MAX)
    }

    fn place(&self, pid: Pid) -> Result<usize, usize> {
        self.records.binary_search_by_key(&pid, |record| record.pid)
    }

    fn find(&self, pid: Pid) -> Option<&Record> {
        self.records.get(self.place(pid).ok()?)
    }
}

/// When a process is asked at the latest, whatever it waits for: a second before the grace period is over.
fn latest(grace: Duration) -> Duration {
    grace.saturating_sub(BY_ITSELF).max(grace / 2)
}

#[cfg(test)]
mod simulation;
