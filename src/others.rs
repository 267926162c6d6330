//! The others: every process but main that rinit answers for. Who they are, asking them to end, killing them.

use crate::family::Family;
use crate::lifecycle::{Alive, Moment};
use crate::options::Target;
use crate::signal::{Signal, SignalSet};
use crate::sys::everyone::Everyone;
use crate::sys::pidfd::Pidfd;
use crate::sys::procfs::{Procfs, Stat, Status};
use crate::sys::{Errno, Pid, Result, clock, signals};
use log::{debug, trace, warn};
use std::time::Duration;

/// Those that rinit answers for, and what it has asked of them.
pub struct Others {
    reach: Reach,
    asked: Vec<Request>,
    /// Whom the drain has met, in order of PID.
    known: Vec<Known>,
    /// When it last looked at those that are yet to be asked, if there are any.
    left: Option<Moment>,
}

/// One whom the drain has met.
struct Known {
    pid: Pid,
    stand: Stand,
}

impl Known {
    fn is_left(&self) -> bool {
        matches!(self.stand, Stand::Left)
    }
}

/// How the drain stands with somebody.
#[derive(Clone, Copy)]
enum Stand {
    /// It has been asked, or is not ours to ask; and when, unless it ignores that: what it starts from then on (the `sync`
    /// of a trap) is part of its end.
    Settled(Option<Instant>),
    /// To be asked once its parent has ended: before that it is part of the parent's end, or out of reach.
    Left,
}

/// How far rinit's answer goes.
enum Reach {
    /// As PID 1: all processes of the namespace.
    Namespace(Everyone),
    /// Else: descendants only.
    Descendants,
}

/// A stop signal that was forwarded: to whom, and when.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    signal: Signal,
    /// The group that got it; None when everybody did.
    group: Option<Pid>,
    at: Instant,
}

impl Request {
    /// Whether a process got this signal and did not ignore it. (Whom it ended by default is not there to be asked.)
    fn reached(&self, pid: Pid, stat: &Stat, status: &Status) -> bool {
        // Who lives on long after an INT or a QUIT took it for something else: a prompt, a thread dump.
        let lapsed = matches!(self.signal, Signal::INT | Signal::QUIT)
            && clock::ticks_since_boot().saturating_sub(self.at.tick) > LAPSES_AFTER;
        let member = self.group.is_none_or(|group| stat.group == group);
        !lapsed && member && self.at.saw_the_birth_of(pid, stat.started) && !status.ignored.contains(self.signal)
    }
}

/// When somebody was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Instant {
    /// In clock ticks since boot.
    tick: u64,
    /// The PID that had been given away last.
    newest: Option<Pid>,
}

impl Instant {
    fn now(procfs: Option<Procfs>) -> Instant {
        Instant { tick: clock::ticks_since_boot(), newest: procfs.and_then(Procfs::newest_pid) }
    }

    /// Start times come in ticks of 10 ms: within one tick the PIDs, which are given away in order, tell what was first.
    fn saw_the_birth_of(self, pid: Pid, started: u64) -> bool {
        started < self.tick || started == self.tick && self.newest.is_some_and(|newest| pid <= newest)
    }
}

/// In clock ticks: a minute.
const LAPSES_AFTER: u64 = 6000;

/// Processes that start while the others are being asked are asked too, but a fork bomb would never let that end.
const PASSES: usize = 16;

/// Each end of an orphan is an occasion to look at those that are yet to be asked, and there can be thousands of both.
const LEFT_APART: Duration = Duration::from_millis(10);

/// Asking stops at the drain's deadline, or after this long where there is none.
const ASKING_TAKES: Duration = Duration::from_secs(5);

/// Survivors that are named one by one.
const NAMED: usize = 10;

/// More survivors than this are stopped before they are named.
const CROWD: usize = 50;

/// With more survivors than this (a fork bomb) the rest is counted without a look whether some are dead already: the KILL
/// is due, and a thousand processes that want to run leave little time for rinit.
const LOOKED_AT: usize = 1000;

impl Others {
    /// All of the namespace for its init, which alone has an `everyone`; descendants for any other process.
    pub fn new(everyone: Option<Everyone>) -> Others {
        let reach = everyone.map_or(Reach::Descendants, Reach::Namespace);
        Others { reach, asked: Vec::new(), known: Vec::new(), left: None }
    }

    /// Notes a stop signal that is about to be forwarded to `target`, so that whoever gets it is not asked again: many
    /// programs take a second TERM as "now, without saving".
    pub fn note(&mut self, signal: Signal, target: Target, main: Option<Pid>) {
        let group = match target {
            Target::Group if main.is_some() => main,
            Target::All => None,
            Target::Group | Target::Main => return,
        };
        if !signal.asks_for_an_end() {
            return;
        }
        let at = Instant::now(Procfs::of_our_namespace());
        self.asked.retain(|request| request.signal != signal || request.group != group);
        self.asked.push(Request { signal, group, at });
    }

    /// Sends a signal to all of them; to main too, as long as it is there.
    pub fn send(&self, signal: Signal) -> Result<()> {
        match self.reach {
            Reach::Namespace(everyone) => everyone.send(signal),
            Reach::Descendants => {
                let procfs = Procfs::of_our_namespace().ok_or(Errno::ENOENT)?;
                let family = descendants(procfs);
                let sent = family.iter().filter(|pid| send_to_descendant(procfs, **pid, signal).is_ok()).count();
                if sent == 0 { Err(Errno::ESRCH) } else { Ok(()) }
            }
        }
    }

    /// Who is left. `children`: whether rinit has a living child, as its last waitpid(2) told. Those who had to be left
    /// when the others were asked are asked now, if that can be.
    pub fn look(&mut self, children: bool) -> Alive {
        if self.left.is_some_and(|last| clock::now() >= last.saturating_add(LEFT_APART))
            && let Some(procfs) = Procfs::of_our_namespace()
            && self.ask_who_was_left(procfs) > 0
        {
            self.continue_all();
        }
        if children {
            // Nobody tells when they can be asked.
            return if self.left.is_some() { Alive::Strangers } else { Alive::Children };
        }
        let Reach::Namespace(everyone) = self.reach else {
            // Every descendant hangs on a living child, or is one.
            return Alive::Nobody;
        };
        if !everyone.exists() {
            return Alive::Nobody;
        }
        let Some(procfs) = Procfs::of_our_namespace() else {
            return Alive::Strangers;
        };
        // A zombie holds up nothing: its parent, which alone could reap it, counts for itself, or is outside. Whom /proc
        // hides (hidepid) lives as far as we know.
        let mut nobody_is_shown = !procfs.shows_the_kernel();
        let lives = |pid| {
            nobody_is_shown = false;
            procfs.stat(pid).is_some_and(|stat| !stat.is_dead())
        };
        if procfs.processes().any(lives) || nobody_is_shown { Alive::Strangers } else { Alive::Nobody }
    }

    /// Who is left that a KILL from us can end.
    pub fn look_for_killable(&mut self, children: bool) -> Alive {
        let alive = self.look(children);
        let Some(procfs) = Procfs::of_our_namespace() else {
            return alive;
        };
        let us = nix::unistd::getpid();
        // A dead child is still to be reaped.
        let killable = |pid| {
            let stat = procfs.stat(pid);
            stat.is_some_and(|stat| if stat.is_dead() { stat.parent == us } else { signals::may_send(pid) })
        };
        if alive != Alive::Nobody && self.members(procfs).any(killable) { alive } else { Alive::Nobody }
    }

    /// Asks those to end that have not been asked yet, with TERM; and an interactive shell, which ignores TERM, with
    /// HUP. Then continues all, as a stopped process sees neither. `deadline` is the end
    /// of the grace.
    pub fn ask(&mut self, deadline: Option<Moment>) {
        let Some(procfs) = Procfs::of_our_namespace() else {
            return self.ask_unseen();
        };
        let deadline = deadline.unwrap_or_else(|| clock::now().saturating_add(ASKING_TAKES));
        let asked = self.ask_who_is_new(procfs, deadline);
        match self.reach {
            // Mounted with hidepid (proc(5)).
            Reach::Namespace(everyone) if self.known.is_empty() && everyone.exists() => self.ask_unseen(),
            _ => self.continue_all(),
        }
        debug!("{asked} of {} others asked to end", self.known.len());
    }

    /// In passes over all of them, until one finds nobody new. How many were sent a TERM.
    fn ask_who_is_new(&mut self, procfs: Procfs, deadline: Moment) -> usize {
        let mut known = std::mem::take(&mut self.known);
        let mut asking = Asking::new(procfs, &self.reach);
        for _ in 0..PASSES {
            let before = known.len();
            for pid in self.members(procfs) {
                let Err(place) = known.binary_search_by_key(&pid, |known| known.pid) else {
                    continue;
                };
                if clock::now() >= deadline {
                    break;
                }
                let stand = self.meet(pid, &known, &mut asking);
                known.insert(place, Known { pid, stand });
            }
            if known.len() == before {
                break;
            }
        }
        self.keep(known);
        asking.finish()
    }

    /// How many of those that were left could be sent a TERM by now.
    fn ask_who_was_left(&mut self, procfs: Procfs) -> usize {
        let mut known = std::mem::take(&mut self.known);
        let mut asking = Asking::new(procfs, &self.reach);
        for place in 0..known.len() {
            let Some(pid) = known.get(place).filter(|known| known.is_left()).map(|known| known.pid) else { continue };
            let stand = self.meet(pid, &known, &mut asking);
            if let Some(known) = known.get_mut(place) {
                known.stand = stand;
            }
        }
        self.keep(known);
        asking.finish()
    }

    fn keep(&mut self, known: Vec<Known>) {
        self.left = known.iter().any(Known::is_left).then(clock::now);
        self.known = known;
    }

    /// Asks one, if it is to be asked.
    fn meet(&self, pid: Pid, known: &[Known], asking: &mut Asking) -> Stand {
        let procfs = asking.procfs;
        let Some(status) = procfs.status(pid).filter(|status| !status.is_dead()) else { return Stand::Settled(None) };
        let is_out_of_reach = asking.only_children && status.parent != Some(nix::unistd::getpid());
        if is_out_of_reach || is_part_of_an_end(procfs, pid, status.parent, known) {
            return Stand::Left;
        }
        let (sent, since) = self.ask_one(procfs, pid, &status, &mut asking.refused);
        asking.asked += usize::from(sent);
        Stand::Settled(since)
    }

    /// Whether `pid` was sent a TERM; and when it was asked, by that or before, unless it ignores it.
    fn ask_one(&self, procfs: Procfs, pid: Pid, status: &Status, refused: &mut Refused) -> (bool, Option<Instant>) {
        // A session whose leader is outside shows as 0.
        let may_lead_a_session = status.session.is_none_or(|session| session == pid || session.as_raw() == 0);
        // With a thousand others each file that is read counts, and this one matters to few.
        let stat = if may_lead_a_session || !self.asked.is_empty() { procfs.stat(pid) } else { None };
        let before = stat.and_then(|stat| self.asked.iter().find(|request| request.reached(pid, &stat, status)));
        let ask = before.is_none() && !is_left_to_its_init(procfs, pid, status);
        let mut since = before.map(|request| request.at);
        if ask {
            trace!("asking PID {pid}, {} to end", procfs.command(pid));
            // Who sleeps in sigwait(3) looks as if it did nothing about TERM. Whom TERM ends starts nothing more.
            since = (!status.ignored.contains(Signal::TERM)).then(|| Instant::now(Some(procfs)));
            refused.note(pid, self.send_to(procfs, pid, Signal::TERM));
        }
        let leads_a_terminal =
            stat.is_some_and(|stat| (stat.session == pid || stat.session.as_raw() == 0) && stat.has_terminal);
        // An interactive shell. Who acts on TERM would be cut short by a HUP.
        if leads_a_terminal && status.ignored.contains(Signal::TERM) {
            refused.note(pid, self.send_to(procfs, pid, Signal::HUP));
        }
        if matches!(self.reach, Reach::Descendants) {
            let _ = self.send_to(procfs, pid, Signal::CONT);
        }
        (ask, since)
    }

    /// As a stopped process sees neither TERM nor HUP. (Descendants are continued one by one.)
    fn continue_all(&self) {
        if let Reach::Namespace(everyone) = self.reach {
            let _ = everyone.send(Signal::CONT);
        }
    }

    /// Without a /proc of ours it is not known who is there.
    fn ask_unseen(&self) {
        match self.reach {
            Reach::Namespace(everyone) => {
                debug!("/proc does not show this namespace: TERM to everybody");
                let _ = everyone.send(Signal::TERM);
                let _ = everyone.send(Signal::CONT);
            }
            Reach::Descendants => {
                warn!("/proc does not show this namespace, so descendants cannot be asked to end, only waited for");
            }
        }
    }

    /// Names who is left when the grace is over: at most ten, then a count.
    pub fn name_survivors(&self, grace: Option<Duration>) {
        let grace = grace.unwrap_or_default();
        let Some(procfs) = Procfs::of_our_namespace() else {
            return warn_of_unseen_survivors(grace);
        };
        let mut stopped_by_us = false;
        if let Reach::Namespace(everyone) = self.reach
            && self.members(procfs).nth(CROWD).is_some()
        {
            // Else they take all the time that naming them needs. A fork bomb above all.
            stopped_by_us = everyone.send(Signal::STOP).is_ok();
        }
        let mut members = self.members(procfs).peekable();
        if let Reach::Namespace(everyone) = self.reach
            && members.peek().is_none()
            && everyone.exists()
        {
            // Mounted with hidepid (proc(5)).
            return warn_of_unseen_survivors(grace);
        }
        let mut named = 0;
        let mut more = 0usize;
        for pid in members.by_ref().take(LOOKED_AT) {
            let Some(status) = procfs.status(pid).filter(|status| !status.is_dead()) else { continue };
            if named == NAMED {
                more += 1;
                continue;
            }
            named += 1;
            let treatment = status.treatment(Signal::TERM);
            let state = match status.state {
                b'T' | b't' if !stopped_by_us => ", is stopped",
                b'D' => ", is in uninterruptible sleep",
                _ => "",
            };
            let command = procfs.command(pid);
            warn!("killed after the grace of {grace:?}: PID {pid}, {command}, {treatment} SIGTERM{state}");
        }
        more += members.count();
        if more > 0 {
            warn!("killed after the grace of {grace:?}: {more} more");
        }
    }

    /// KILL to all.
    pub fn kill(&mut self) {
        self.left = None;
        match self.reach {
            Reach::Namespace(everyone) => {
                let _ = everyone.send(Signal::KILL);
            }
            Reach::Descendants => {
                let Some(procfs) = Procfs::of_our_namespace() else {
                    return;
                };
                for pid in descendants(procfs) {
                    let _ = send_to_descendant(procfs, pid, Signal::KILL);
                }
            }
        }
    }

    fn members(&self, procfs: Procfs) -> impl Iterator<Item = Pid> {
        let (everyone, family) = match self.reach {
            Reach::Namespace(_) => (Some(procfs.processes()), Vec::new()),
            Reach::Descendants => (None, descendants(procfs)),
        };
        everyone.into_iter().flatten().chain(family)
    }

    fn send_to(&self, procfs: Procfs, pid: Pid, signal: Signal) -> Result<()> {
        match self.reach {
            // Should the PID be another's by now, that one is in the namespace too, and to be asked as well.
            Reach::Namespace(_) => signals::send(pid, signal),
            Reach::Descendants => send_to_descendant(procfs, pid, signal),
        }
    }
}

fn warn_of_unseen_survivors(grace: Duration) {
    warn!("the grace of {grace:?} is over: killing who is left (/proc does not tell who)");
}

/// Whether a process was started by a parent that had been asked by then and does not ignore that; or by such a one.
fn is_part_of_an_end(procfs: Procfs, pid: Pid, parent: Option<Pid>, known: &[Known]) -> bool {
    let place = parent.and_then(|parent| known.binary_search_by_key(&parent, |known| known.pid).ok());
    match place.and_then(|place| known.get(place)).map(|known| known.stand) {
        Some(Stand::Settled(Some(since))) => {
            procfs.stat(pid).is_some_and(|stat| !since.saw_the_birth_of(pid, stat.started))
        }
        Some(Stand::Left) => true,
        Some(Stand::Settled(None)) | None => false,
    }
}

/// Whether a process will be told by an init below us, and to be asked by both would be once too often: by the init of
/// its own PID namespace, if that handles TERM; or by a rinit in ours.
fn is_left_to_its_init(procfs: Procfs, pid: Pid, status: &Status) -> bool {
    let us = nix::unistd::getpid();
    let is_nested = status.nested.is_some() && !status.is_nested_init();
    let mut relative = pid;
    // A chain of parents ends at us or outside; the bound is for one that changes while it is read.
    for _ in 0..1000 {
        let Some(stat) = procfs.stat(relative) else { return false };
        relative = stat.parent;
        if relative == us || relative.as_raw() == 0 {
            return false;
        }
        let Some(status) = procfs.status(relative) else { return false };
        if status.blocked == SignalSet::BLOCKABLE {
            return true;
        }
        if is_nested && status.is_nested_init() {
            return status.caught.contains(Signal::TERM) || status.blocked.contains(Signal::TERM);
        }
    }
    false
}

/// All descendants of this process, parents before children.
fn descendants(procfs: Procfs) -> Vec<Pid> {
    let mut family = Family::read(procfs).from(nix::unistd::getpid());
    family.remove(0);
    family
}

/// Signals a process that is our descendant, and no other, even if its PID has become another's since it was found. The
/// pidfd holds on to one process; what is read after it was opened is about that process, or that process is dead and the
/// signal fails.
fn send_to_descendant(procfs: Procfs, pid: Pid, signal: Signal) -> Result<()> {
    let sent = Pidfd::open(pid).and_then(|pidfd| match is_descendant(procfs, pid) {
        true => pidfd.send(signal),
        false => Err(Errno::ESRCH),
    });
    match sent {
        // No pidfds here: a child's PID is its own until we reap it, and nobody else's is safe.
        Err(Errno::ENOSYS | Errno::EPERM | Errno::EACCES) => {
            let is_child = procfs.stat(pid).is_some_and(|stat| stat.parent == nix::unistd::getpid());
            if is_child { signals::send(pid, signal) } else { Err(Errno::EPERM) }
        }
        sent => sent,
    }
}

/// Whether a process descends from us. Where an ancestor ends meanwhile, its children have another parent: asked again.
fn is_descendant(procfs: Procfs, pid: Pid) -> bool {
    (0..100).find_map(|_| leads_to_us(procfs, pid)).unwrap_or(false)
}

/// Follows the parents up to us. A link counts only if the child still has that parent after the parent's own entry was
/// read: then the PID was the parent's all the while. None where the chain changed while it was read.
fn leads_to_us(procfs: Procfs, pid: Pid) -> Option<bool> {
    let us = nix::unistd::getpid();
    let mut child = pid;
    let Some(mut parent) = procfs.stat(child).map(|stat| stat.parent) else {
        return Some(false);
    };
    for _ in 0..100_000 {
        if parent == us {
            return Some(true);
        }
        if parent.as_raw() <= 1 {
            return Some(false);
        }
        let above = procfs.stat(parent)?.parent;
        if procfs.stat(child)?.parent != parent {
            return None;
        }
        (child, parent) = (parent, above);
    }
    Some(false)
}

/// Asking some of the others, and what came of it.
struct Asking {
    procfs: Procfs,
    /// Without pidfds no PID is certain to be its owner's but a child's. Who is none becomes one as its parents end.
    only_children: bool,
    /// How many were sent a TERM.
    asked: usize,
    refused: Refused,
}

impl Asking {
    fn new(procfs: Procfs, reach: &Reach) -> Asking {
        let only_children = matches!(reach, Reach::Descendants) && Pidfd::open(nix::unistd::getpid()).is_err();
        Asking { procfs, only_children, asked: 0, refused: Refused::default() }
    }

    fn finish(self) -> usize {
        self.refused.report(self.procfs);
        self.asked
    }
}

/// Those whom rinit may not signal.
#[derive(Default)]
struct Refused {
    first: Option<Pid>,
    count: usize,
}

impl Refused {
    fn note(&mut self, pid: Pid, sent: Result<()>) {
        if sent == Err(Errno::EPERM) {
            self.first = self.first.or(Some(pid));
            self.count += 1;
        }
    }

    fn report(&self, procfs: Procfs) {
        if let Some(pid) = self.first {
            let count = self.count;
            let command = procfs.command(pid);
            warn!("may not signal {count} of the others (EPERM; no CAP_KILL?), the first is PID {pid}, {command}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(group: i32, started: u64) -> Stat {
        let pid = Pid::from_raw;
        Stat {
            state: b'S',
            parent: pid(1),
            group: pid(group),
            session: pid(1),
            has_terminal: false,
            threads: 1,
            started,
            resident: 0,
            is_of_kernel: false,
        }
    }

    fn term_to(group: Option<i32>) -> Request {
        let at = Instant { tick: 1000, newest: Some(Pid::from_raw(50)) };
        Request { signal: Signal::TERM, group: group.map(Pid::from_raw), at }
    }

    #[test]
    fn who_was_in_the_group_when_it_was_asked_is_not_asked_again() {
        let status = Status::default();
        let reached =
            |pid, group, started| term_to(Some(7)).reached(Pid::from_raw(pid), &stat(group, started), &status);
        assert!(reached(8, 7, 999));
        assert!(!reached(8, 8, 999), "another group");
        assert!(!reached(60, 7, 1001), "born after");
        assert!(reached(50, 7, 1000), "born in the same tick, before");
        assert!(!reached(51, 7, 1000), "born in the same tick, after");
    }

    #[test]
    fn who_ignored_the_signal_has_not_been_asked() {
        let ignores = Status { ignored: SignalSet(1 << 14), ..Status::default() };
        assert!(!term_to(Some(7)).reached(Pid::from_raw(8), &stat(7, 1), &ignores));
    }

    #[test]
    fn a_signal_to_all_reaches_every_group() {
        assert!(term_to(None).reached(Pid::from_raw(8), &stat(99, 1), &Status::default()));
    }

    #[test]
    fn only_what_asks_for_an_end_is_noted() {
        let main = Some(Pid::from_raw(7));
        let mut others = Others::new(None);
        for (signal, target) in
            [(Signal::HUP, Target::Group), (Signal::CONT, Target::All), (Signal::TERM, Target::Main)]
        {
            others.note(signal, target, main);
        }
        assert_eq!(others.asked, []);
        others.note(Signal::TERM, Target::Group, main);
        others.note(Signal::INT, Target::All, main);
        others.note(Signal::TERM, Target::Group, main);
        let groups: Vec<_> = others.asked.iter().map(|request| (request.signal, request.group)).collect();
        assert_eq!(groups, [(Signal::INT, None), (Signal::TERM, main)]);
    }
}
