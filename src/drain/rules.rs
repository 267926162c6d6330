//! The drain's rules: which remaining process is asked to exit and when, and which is killed. Pure decisions: records, a
//! process list and the time go in, orders come out.
//!
//! **Each process is asked to exit once: by its parent if it has one that can do so, and by rinit otherwise. No process is
//! killed that has not been asked.**
//!
//! A process that has not been asked is *due* as soon as one of these holds:
//!
//! 1. Its parent is rinit, or is outside of the PID namespace (`docker exec` starts such processes).
//! 2. Its parent cannot pass the request on: the parent ignores SIGTERM, is the init of a nested PID namespace without a
//!    handler for it, or is a shell that has been asked and sleeps until this very child exits.
//! 3. The *last call* has come: half the grace period is over, or 5 s where that is sooner.
//!
//! Main's process group is asked first. Until the last call, a process outside of the group is not due while the group has
//! a member that can act on SIGTERM and is not a reader (see below): the group may still need it, as dockerd needs
//! containerd-shim.
//!
//! Four kinds of process wait longer:
//!
//! - A process that was started by a process that had been asked (the `sync` of a trap, a `pg_dump`) is part of its parent's
//!   exit. Until the parent has exited, the process is asked no earlier than a second before the grace period is over.
//! - An orphan whose parent handled SIGTERM may have been asked by that parent. If it handles SIGTERM too, it is asked a
//!   second after its parent's exit. (With the default action, the parent's SIGTERM would have killed it.)
//! - A reader of another process's output (`tee`, a log shipper) normally reads to the end of file and exits by itself. It
//!   is asked a second after all other processes are gone, and at the latest a second before the grace period is over:
//!   SIGPIPE would kill a process that is still saving if its reader exited. A reader with a child that is no reader
//!   has work of its own, and is asked like any other process.
//! - A shell that was forked less than 100 ms ago and has executed no program yet is examined again after that time:
//!   `tee` in `exec > >(tee log)` is still a copy of the shell at first.
//!
//! A process *counts as asked* if it received a forwarded stop signal that it does not ignore (see `StopHistory`). SIGINT and
//! SIGQUIT count only until the last call. So does a signal that may have been sent before the process was started.
//!
//! A SIGTERM that a process ignored when it was sent does not count. It is sent again as soon as the process no longer
//! ignores it: programs inherit "ignored" from their parent and set a handler a moment later.
//!
//! A process that cannot act on SIGTERM (ignores it, or leaves it pending) is killed 5 s after it was asked. All remaining
//! processes are killed when the grace period is over. A process that appears at that moment is asked, and has half a second.

pub use super::facts::{Facts, InteractiveShell};
use super::history::{Reached, StopHistory};
use crate::duration::Moment;
use crate::signal::{Signal, Treatment};
use nix::unistd::Pid;
use std::time::Duration;

/// How the rules look processes up. Each call may read files, so the rules call only what they need.
pub trait Processes {
    /// The facts about a process; None when it is gone.
    fn facts(&mut self, pid: Pid) -> Option<Facts>;
    /// Whether its stdin is a pipe other than rinit's own stdin.
    fn reads_pipe(&mut self, pid: Pid) -> bool;
    /// Whether a process group has members. Zombies are members too.
    fn group_exists(&mut self, group: Pid) -> bool;
    /// Whether it is a shell. Called only for processes that were forked a moment ago.
    fn is_shell(&mut self, pid: Pid) -> bool;
    /// Whether `shell` is a shell that sleeps until its foreground child `child` exits.
    fn waits_for(&mut self, shell: Pid, child: Pid) -> bool;
}

/// What to do with one process, or with all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send SIGTERM, then SIGCONT, as a stopped process does not see SIGTERM.
    Ask(Pid),
    /// The same to a process that ignores SIGTERM. Afterwards call `treatment_after`: it may have set a handler meanwhile.
    AskIgnoring(Pid),
    /// Send SIGHUP, then SIGCONT: an interactive shell ignores SIGTERM.
    HangUp(Pid),
    /// Send SIGCONT: it is stopped and could not act on a request.
    Continue(Pid),
    /// Send SIGKILL: it was asked, and cannot act on SIGTERM, or the grace period is over.
    Kill(Pid),
    /// Send SIGKILL to all: the grace period is over.
    KillAll,
}

impl Order {
    /// The process that this order asks to exit, and the signal for that.
    pub fn asks(&self) -> Option<(Pid, Signal)> {
        match self {
            Order::Ask(pid) | Order::AskIgnoring(pid) => Some((*pid, Signal::TERM)),
            Order::HangUp(pid) => Some((*pid, Signal::HUP)),
            Order::Continue(_) | Order::Kill(_) | Order::KillAll => None,
        }
    }
}

/// A process that cannot act on SIGTERM is killed this long after it was asked. This is also the latest time of the last call.
pub const RESPONSE_TIME: Duration = Duration::from_secs(5);

/// How long an orphan of a parent that handled SIGTERM, and readers once only readers are left, have to exit by themselves.
const SELF_EXIT_TIME: Duration = Duration::from_secs(1);

/// A forked shell that executes a program does so within this time. In clock ticks: 100 ms.
const EXEC_TICKS: u64 = 10;

/// The time to exit for a process that appears when the grace period is over.
const LATE_TIME: Duration = Duration::from_millis(500);

/// Intervals between scans. They double from the shortest to the longest.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(50);

/// Of the processes that may still have to be asked, one scan examines at most this many again: there may be thousands.
/// The last call examines all. A process whose parent has exited may have become due, and is examined in any case.
const MAX_REEXAMINED: usize = 32;

/// Per-process drain state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not asked yet.
    Deferred,
    /// Not asked yet. Its parent exited at `Record::since`, and handled SIGTERM, or may have.
    Orphaned,
    /// Counts as asked until the last call.
    Provisional,
    /// Was due, and ignored the SIGTERM that was sent at `Record::since`.
    Ignoring,
    /// Asked at `Record::since`.
    Asked,
    /// Asked, and examined again `RESPONSE_TIME` later: it can act on SIGTERM. Also an interactive shell after SIGHUP.
    Responsive,
    /// A zombie, or killed: nothing is left to do.
    Done,
}

/// What the drain keeps about a process: at most 40 bytes, as there may be 100,000 of them.
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
    /// Its reaction to SIGTERM when it was last examined.
    on_term: OnTerm,
    interactive_shell: InteractiveShell,
    /// A reader of another process's output.
    reader: bool,
    /// A shell that was forked a moment ago and had executed no program when it was last examined.
    forked_shell: bool,
    /// A forwarded signal has asked it, or may have.
    forwarded: bool,
    /// Present in the first scan, so it was started before the drain asked any process.
    from_start: bool,
    /// Examined in this scan.
    fresh: bool,
}

/// How a process reacts to SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnTerm {
    /// SIGTERM has no effect.
    Ignored,
    /// SIGTERM kills it.
    Default,
    /// It handles SIGTERM, and may pass the request on. Also assumed where /proc does not show signals (gVisor).
    Handled,
}

impl OnTerm {
    fn of(facts: &Facts) -> OnTerm {
        match facts.treatment {
            Treatment::Ignores => OnTerm::Ignored,
            Treatment::Default if facts.nested_init => OnTerm::Ignored,
            Treatment::Default => OnTerm::Default,
            Treatment::Handles | Treatment::Blocks | Treatment::Unknown => OnTerm::Handled,
        }
    }
}

impl Record {
    /// Whether the drain may still have to ask it.
    fn is_open(&self) -> bool {
        matches!(self.state, State::Deferred | State::Orphaned | State::Provisional | State::Ignoring)
    }

    fn is_left(&self) -> bool {
        self.state != State::Done
    }

    /// Whether processes outside of main's group wait for it.
    fn delays_others(&self) -> bool {
        self.in_group && self.is_left() && !self.reader && self.on_term != OnTerm::Ignored
    }
}

/// One drain, from its beginning to rinit's exit.
#[derive(Clone, Debug)]
pub struct Rules {
    /// rinit's own PID.
    us: Pid,
    /// Main's process group, if there was a main.
    group: Option<Pid>,
    pub(super) grace: Option<Duration>,
    pub(super) began: Moment,
    /// `began` in clock ticks since boot, the unit of `Facts::started`.
    began_tick: u64,
    /// `StopHistory::first`, in the same ticks; `began_tick` if no stop signal was forwarded.
    forwarded_tick: u64,
    /// Sorted by PID.
    records: Vec<Record>,
    /// Since when all remaining processes are readers.
    readers_alone: Option<Moment>,
    interval: Duration,
    /// Of the open records, the first that the next scan examines again.
    next_reexamined: usize,
    /// Whether the first scan is not over yet.
    first: bool,
    /// Whether a scan has taken place since the last call.
    last_call_made: bool,
    /// When all remaining processes are killed. Set by the first scan after the grace period.
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
            next_reexamined: 0,
            first: true,
            last_call_made: false,
            kill_all: None,
        }
    }

    /// How many processes are left, and how many of these have not been asked.
    pub fn counts(&self) -> (usize, usize) {
        (self.left().count(), self.deferred().count())
    }

    /// The processes that have not been asked.
    pub fn deferred(&self) -> impl Iterator<Item = Pid> {
        let is_deferred = |record: &&Record| matches!(record.state, State::Deferred | State::Orphaned);
        self.records.iter().filter(is_deferred).map(|record| record.pid)
    }

    /// Whether no process is left that the drain may still have to ask. (One that counts as asked only until the last
    /// call is such a process.)
    pub fn has_asked_all(&self) -> bool {
        !self.records.iter().any(Record::is_open)
    }

    /// The processes that are left.
    pub fn left(&self) -> impl Iterator<Item = Pid> {
        self.records.iter().filter(|record| record.is_left()).map(|record| record.pid)
    }

    /// A stop signal is about to be sent to all.
    pub fn note_to_all(&mut self, signal: Signal, now: Moment) {
        let since = self.age(now);
        let state = if StopHistory::only_requests_exit(signal) { State::Asked } else { State::Provisional };
        for record in &mut self.records {
            if matches!(record.state, State::Deferred | State::Orphaned | State::Provisional)
                && record.on_term != OnTerm::Ignored
            {
                (record.state, record.since) = (state, since);
            }
        }
    }

    /// An order to ask this process could not be carried out: ask it again later.
    pub fn not_sent(&mut self, pid: Pid) {
        self.set(pid, State::Deferred);
        self.interval = LONGEST;
    }

    /// The answer to `Order::AskIgnoring`: what the process does with SIGTERM after it was sent. A handler may have been set
    /// before or after SIGTERM arrived. A blocked signal stays pending, even if it is ignored as well (signal(7), and
    /// `sig_ignored` in the kernel).
    pub fn treatment_after(&mut self, pid: Pid, treatment: Treatment) {
        match treatment {
            Treatment::Ignores => {}
            Treatment::Blocks => self.set(pid, State::Asked),
            Treatment::Unknown | Treatment::Default | Treatment::Handles => self.set(pid, State::Provisional),
        }
    }

    fn set(&mut self, pid: Pid, state: State) {
        if let Some(place) = self.place(pid)
            && let Some(record) = self.records.get_mut(place)
        {
            record.state = state;
        }
    }

    /// Part of a first scan of very many processes: examines a batch of them, and asks those that are due no matter which
    /// other processes there are. They exit while rinit examines the next batch. Batches must come in the order of PIDs.
    pub fn scan_batch(
        &mut self,
        now: Moment,
        batch: &[Pid],
        history: &StopHistory,
        processes: &mut dyn Processes,
    ) -> Vec<Order> {
        let mut orders = Vec::new();
        self.forwarded_tick = history.first().unwrap_or(self.began_tick);
        let known = self.records.len();
        for pid in batch {
            let record = self.examine(*pid, now, history, processes, &mut orders);
            self.records.extend(record);
        }
        let group_left = self.group.is_some_and(|group| processes.group_exists(group));
        self.ask_due_processes(known, now, group_left, processes, &mut orders);
        orders
    }

    /// One scan: `present` are the processes that exist now, sorted by PID. Returns what to do, in this order.
    pub fn step(
        &mut self,
        now: Moment,
        present: &[Pid],
        history: &StopHistory,
        processes: &mut dyn Processes,
    ) -> Vec<Order> {
        let mut orders = Vec::new();
        self.forwarded_tick = history.first().unwrap_or(self.began_tick);
        // The first scan after the last call examines all open processes again. For the others it checks whether the
        // PID has a new owner, as does the first scan after the grace period.
        let makes_last_call = self.is_past_last_call(now) && !self.last_call_made;
        self.last_call_made |= makes_last_call;
        let ends_grace = self.kill_all.is_none() && self.grace_end().is_some_and(|end| end <= now);
        let before = std::mem::take(&mut self.records);
        self.records.reserve_exact(present.len());
        let mut open = 0;
        // Both lists are sorted by PID.
        let mut old = before.iter().peekable();
        for pid in present {
            while old.next_if(|record| record.pid < *pid).is_some() {}
            let record = match old.next_if(|record| record.pid == *pid) {
                None => self.examine(*pid, now, history, processes, &mut orders),
                Some(record) if record.is_open() => {
                    let is_next = open >= self.next_reexamined && open - self.next_reexamined < MAX_REEXAMINED;
                    open += 1;
                    let parent_exists = record.parent == self.us || present.binary_search(&record.parent).is_ok();
                    match is_next || makes_last_call || !parent_exists {
                        true => self.reexamine(*record, now, &before, processes),
                        false => Some(Record { fresh: false, ..*record }),
                    }
                }
                Some(record) if (makes_last_call || ends_grace) && self.has_new_owner(record, processes) => {
                    self.examine(*pid, now, history, processes, &mut orders)
                }
                Some(record) => self.check_asked(*record, now, processes, &mut orders),
            };
            // A process without a record is new to the next scan, which examines it.
            self.records.extend(record);
        }
        self.next_reexamined = if self.next_reexamined.saturating_add(MAX_REEXAMINED) < open {
            self.next_reexamined + MAX_REEXAMINED
        } else {
            0
        };
        let changed = self.records.len() != before.len() || self.first;
        drop(before);
        if !self.has_asked_all() {
            self.correct_readers();
            let only_readers = self.records.iter().all(|record| !record.is_left() || record.reader);
            self.readers_alone = if only_readers { self.readers_alone.or(Some(now)) } else { None };
            let group_left = self.group_is_left(processes);
            self.ask_due_processes(0, now, group_left, processes, &mut orders);
        }
        self.kill_after_grace(now, &mut orders);
        self.first = false;
        let may_come_due = !self.has_asked_all();
        let asked = orders.iter().any(|order| order.asks().is_some());
        self.interval = match may_come_due && (changed || asked) {
            true => SHORTEST,
            false => self.interval.saturating_mul(2).min(LONGEST),
        };
        orders
    }

    /// Makes a record of a new process. None when it is gone already.
    fn examine(
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
            on_term: OnTerm::of(&facts),
            interactive_shell: facts.interactive_shell,
            reader: false,
            forked_shell: facts.is_fork && self.is_young(facts.started, now) && processes.is_shell(pid),
            forwarded: false,
            from_start: self.first,
            fresh: true,
        };
        if facts.dead {
            record.state = State::Done;
            return Some(record);
        }
        record.state = match history.reached(pid, &facts) {
            Reached::Yes => State::Asked,
            Reached::Maybe => State::Provisional,
            // rinit starts no processes now, so a new child of rinit is an orphan whose parent exited since the last
            // scan and may have handled SIGTERM. In the first scan the parent may be main, which can have passed on
            // only a signal that it handled.
            Reached::No if facts.parent == self.us && (!self.first || history.main_handled()) => State::Orphaned,
            Reached::No => State::Deferred,
        };
        record.forwarded = matches!(record.state, State::Asked | State::Provisional);
        // The stdin of a process that `docker exec -i` started comes from outside.
        record.reader = record.state != State::Asked && facts.parent.as_raw() != 0 && processes.reads_pipe(pid);
        if facts.stopped {
            orders.push(Order::Continue(pid));
        }
        Some(record)
    }

    /// Whether the PID of a process that has been asked now belongs to another process.
    fn has_new_owner(&self, record: &Record, processes: &mut dyn Processes) -> bool {
        processes.facts(record.pid).is_some_and(|facts| facts.started != record.started)
    }

    /// Examines an open process again. None when it is gone, even if another process has its PID by now. `before`: the
    /// records in which its former parent is looked up.
    fn reexamine(
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
            let handled =
                parent.and_then(|place| before.get(place)).is_some_and(|parent| parent.on_term == OnTerm::Handled);
            if handled && record.state == State::Deferred {
                (record.state, record.since) = (State::Orphaned, self.age(now));
            }
            record.parent = facts.parent;
        }
        record.in_group = self.group == Some(facts.group);
        record.on_term = OnTerm::of(&facts);
        record.fresh = true;
        if record.forked_shell {
            record.reader = record.parent.as_raw() != 0 && processes.reads_pipe(record.pid);
            record.forked_shell = facts.is_fork;
        }
        if record.state == State::Ignoring && record.on_term != OnTerm::Ignored {
            record.state = State::Deferred;
        }
        Some(record)
    }

    /// Checks a process that has been asked. None when it is gone.
    fn check_asked(
        &self,
        mut record: Record,
        now: Moment,
        processes: &mut dyn Processes,
        orders: &mut Vec<Order>,
    ) -> Option<Record> {
        if record.state != State::Asked {
            return Some(record);
        }
        // If it is an interactive shell, it has ignored SIGTERM.
        if record.interactive_shell == InteractiveShell::Maybe
            && self.is_past_last_call(now)
            && self.has_had(&record, SELF_EXIT_TIME, now)
        {
            orders.push(Order::HangUp(record.pid));
            record.interactive_shell = InteractiveShell::No;
        }
        if self.grace.is_some() && self.has_had(&record, RESPONSE_TIME, now) {
            let facts = processes.facts(record.pid).filter(|facts| facts.started == record.started)?;
            let hangs = facts.pending && !facts.dead;
            if hangs {
                orders.push(Order::Kill(record.pid));
            }
            record.state = if hangs || facts.dead { State::Done } else { State::Responsive };
        }
        Some(record)
    }

    /// Asks the processes that are due, beginning with record number `from`. `group_left`: whether main's group, which is
    /// asked first, has a member that can act on SIGTERM.
    fn ask_due_processes(
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
            if record.state != State::Ignoring && !self.is_due(&record, now, group_left, processes) {
                continue;
            }
            // Since the last examination it may have set a handler or exited.
            let current = match record.fresh {
                true => Some(record),
                false => self.reexamine(record, now, &self.records, processes),
            };
            match current {
                // The next scan drops it, or examines a process that has its PID now.
                None => continue,
                Some(current) if current.state == State::Done => record = current,
                // Whatever `on_term` is: while the shell starts a child it blocks SIGTERM, and then seems to handle it.
                Some(current) if current.interactive_shell == InteractiveShell::Yes => {
                    orders.push(Order::HangUp(current.pid));
                    // It was sent SIGHUP, so a pending SIGTERM does not mean that it hangs.
                    record = Record { state: State::Responsive, since, ..current };
                }
                Some(current) if current.on_term != OnTerm::Ignored => {
                    orders.push(Order::Ask(current.pid));
                    record = Record { state: State::Asked, since, ..current };
                }
                Some(current) if record.state == State::Ignoring => {
                    record = current;
                    if self.grace.is_some() && self.has_had(&record, RESPONSE_TIME, now) {
                        orders.push(Order::Kill(record.pid));
                        record.state = State::Done;
                    }
                }
                Some(current) => {
                    orders.push(Order::AskIgnoring(current.pid));
                    record = Record { state: State::Ignoring, since, ..current };
                }
            }
            if let Some(place) = self.records.get_mut(place) {
                *place = record;
            }
        }
    }

    /// Clears `reader` for each process with a child that is not a reader: it has work of its own.
    fn correct_readers(&mut self) {
        if !self.records.iter().any(|record| record.reader && record.is_open()) {
            return;
        }
        for place in 0..self.records.len() {
            let parent =
                self.records.get(place).filter(|child| child.is_left() && !child.reader).map(|child| child.parent);
            if let Some(place) = parent.and_then(|parent| self.place(parent))
                && let Some(parent) = self.records.get_mut(place)
            {
                parent.reader = false;
            }
        }
    }

    fn is_due(&self, record: &Record, now: Moment, group_left: bool, processes: &mut dyn Processes) -> bool {
        let nearly_over = self.grace.is_some_and(|grace| self.elapsed(now) >= latest_request(grace));
        if record.reader {
            let left_alone = self.readers_alone.is_some_and(|since| now.saturating_sub(since) >= SELF_EXIT_TIME);
            return left_alone || nearly_over;
        }
        if self.is_past_last_call(now) {
            return nearly_over || !self.is_part_of_an_exit(record);
        }
        if record.forked_shell && self.is_young(record.started, now) {
            return false;
        }
        if record.state == State::Provisional || group_left && !record.in_group {
            return false;
        }
        if record.parent == self.us || record.parent.as_raw() == 0 {
            let may_have_been_asked = record.state == State::Orphaned && record.on_term == OnTerm::Handled;
            return !may_have_been_asked || self.has_had(record, SELF_EXIT_TIME, now);
        }
        self.parent_cannot_pass_on(record, processes)
    }

    fn parent_cannot_pass_on(&self, record: &Record, processes: &mut dyn Processes) -> bool {
        let Some(parent) = self.find(record.parent).filter(|parent| parent.is_left()) else { return false };
        match parent.on_term {
            OnTerm::Ignored => true,
            OnTerm::Default => false,
            OnTerm::Handled => {
                let asked = matches!(parent.state, State::Asked | State::Responsive);
                asked && !self.may_follow_request(record, parent) && processes.waits_for(parent.pid, record.pid)
            }
        }
    }

    /// Whether the process, or one of its ancestors, was started by a process that had been asked by then and is still left.
    fn is_part_of_an_exit(&self, record: &Record) -> bool {
        let mut child = record;
        // The limit ends a circle of parents, which can appear when a PID is used again.
        for _ in 0..100 {
            let Some(parent) = self.find(child.parent).filter(|parent| parent.is_left()) else { return false };
            match parent.state {
                State::Asked | State::Responsive | State::Provisional => {
                    return parent.on_term == OnTerm::Handled && self.may_follow_request(child, parent);
                }
                _ => child = parent,
            }
        }
        false
    }

    /// Whether a process may have been started after its parent was asked. Within one clock tick the order is unknown.
    fn may_follow_request(&self, child: &Record, parent: &Record) -> bool {
        child.started >= self.asked_at(parent) && (parent.forwarded || !child.from_start)
    }

    /// When a process was asked, in clock ticks since boot. For a forwarded signal, the earliest time that is known.
    fn asked_at(&self, record: &Record) -> u64 {
        match record.forwarded {
            true => self.forwarded_tick,
            false => self.tick(record.since),
        }
    }

    /// Whether a process with this start time may be about to execute a program.
    fn is_young(&self, started: u64, now: Moment) -> bool {
        self.tick(self.age(now)) < started.saturating_add(EXEC_TICKS)
    }

    /// Whether main's process group has a member that can act on SIGTERM and is not a reader. A zombie cannot act.
    fn group_is_left(&mut self, processes: &mut dyn Processes) -> bool {
        let waits = |record: &Record| !record.in_group && record.is_open() && record.state != State::Ignoring;
        if !self.records.iter().any(waits) {
            // Nothing depends on the answer, so read no files for it.
            return false;
        }
        self.records.iter_mut().filter(|record| record.delays_others()).any(|record| {
            let facts = processes.facts(record.pid).filter(|facts| facts.started == record.started && !facts.dead);
            if facts.is_none() {
                record.state = State::Done;
            }
            facts.is_some()
        })
    }

    /// Kills the remaining processes when the grace period is over.
    fn kill_after_grace(&mut self, now: Moment, orders: &mut Vec<Order>) {
        let Some(end) = self.grace_end().filter(|end| *end <= now) else {
            return;
        };
        // Processes that have just been asked get some time; all others are killed now.
        let delay = if orders.iter().any(|order| order.asks().is_some()) { LATE_TIME } else { Duration::ZERO };
        if *self.kill_all.get_or_insert(now.saturating_add(delay)) <= now {
            orders.clear();
            orders.push(Order::KillAll);
            return;
        }
        let end = self.age(end);
        for record in self.records.iter_mut().filter(|record| record.is_left() && record.since < end) {
            orders.push(Order::Kill(record.pid));
            record.state = State::Done;
        }
    }

    /// When to scan again at the latest.
    pub fn next(&self, now: Moment) -> Moment {
        let soon = now.saturating_add(self.interval);
        let grace_end = self.grace_end().filter(|end| *end > now);
        [grace_end, self.kill_all.filter(|at| *at > now)].into_iter().flatten().fold(soon, Moment::min)
    }

    /// When the grace period is over.
    fn grace_end(&self) -> Option<Moment> {
        self.grace.map(|grace| self.began.saturating_add(grace))
    }

    /// Whether the last call has come.
    fn is_past_last_call(&self, now: Moment) -> bool {
        self.elapsed(now) >= self.grace.map_or(RESPONSE_TIME, |grace| RESPONSE_TIME.min(grace / 2))
    }

    /// Whether `time` has passed since `Record::since`.
    fn has_had(&self, record: &Record, time: Duration, now: Moment) -> bool {
        self.elapsed(now) >= Duration::from_millis(record.since.into()).saturating_add(time)
    }

    fn elapsed(&self, now: Moment) -> Duration {
        now.saturating_sub(self.began)
    }

    /// The time since the drain began, in milliseconds; at most 49 days.
    fn age(&self, now: Moment) -> u32 {
        u32::try_from(self.elapsed(now).as_millis()).unwrap_or(u32::MAX)
    }

    /// The clock tick this many milliseconds after the drain began, counted since boot.
    fn tick(&self, age: u32) -> u64 {
        self.began_tick.saturating_add(u64::from(age / 10))
    }

    fn place(&self, pid: Pid) -> Option<usize> {
        self.records.binary_search_by_key(&pid, |record| record.pid).ok()
    }

    fn find(&self, pid: Pid) -> Option<&Record> {
        self.records.get(self.place(pid)?)
    }
}

/// The latest time to ask a process, after the drain's beginning: a second before the grace period is over, or half of
/// it if that is later.
fn latest_request(grace: Duration) -> Duration {
    grace.saturating_sub(SELF_EXIT_TIME).max(grace / 2)
}

#[cfg(test)]
mod simulation;
