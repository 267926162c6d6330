//! The others: every process but main that rinit answers for. Who they are, asking them to end, killing them.

use crate::lifecycle::{Alive, Moment};
use crate::options::Target;
use crate::signal::{Signal, SignalSet};
use crate::sys::everyone::Everyone;
use crate::sys::pidfd::Pidfd;
use crate::sys::procfs::{Procfs, Status};
use crate::sys::{Errno, Pid, Result, clock, signals};
use asked::{Asked, Instant};
use log::{debug, trace, warn};
use reach::Reach;
use std::time::Duration;

mod asked;
mod reach;

/// Those that rinit answers for, and what it has asked of them.
pub struct Others {
    reach: Reach,
    asked: Asked,
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
        Others { reach: Reach::of(everyone), asked: Asked::default(), known: Vec::new(), left: None }
    }

    /// Notes a stop signal that is about to be forwarded to `target`, so that whoever gets it is not asked again.
    pub fn note(&mut self, signal: Signal, target: Target, main: Option<Pid>) {
        self.asked.note(signal, target, main);
    }

    /// Sends a signal to all of them; to main too, as long as it is there. ESRCH where there is nobody, ENOENT where /proc
    /// does not show who they are.
    pub fn send(&self, signal: Signal) -> Result<()> {
        self.reach.send(signal)
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
        if alive != Alive::Nobody && self.reach.members(procfs).any(killable) { alive } else { Alive::Nobody }
    }

    /// Asks those to end that have not been asked yet, with TERM; and an interactive shell, which ignores TERM, with HUP.
    /// Then continues all, as a stopped process sees neither. `deadline` is the end of the grace.
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
        let mut asking = Asking::new(procfs, self.reach);
        for _ in 0..PASSES {
            let before = known.len();
            for pid in self.reach.members(procfs) {
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
        let mut asking = Asking::new(procfs, self.reach);
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
        let before = stat.and_then(|stat| self.asked.before(pid, &stat, status));
        let ask = before.is_none() && !is_left_to_its_init(procfs, pid, status);
        let mut since = before;
        if ask {
            trace!("asking PID {pid}, {} to end", procfs.command(pid));
            // Who sleeps in sigwait(3) looks as if it did nothing about TERM. Whom TERM ends starts nothing more.
            since = (!status.ignored.contains(Signal::TERM)).then(|| Instant::now(Some(procfs)));
            refused.note(pid, self.reach.send_to(procfs, pid, Signal::TERM));
        }
        let leads_a_terminal =
            stat.is_some_and(|stat| (stat.session == pid || stat.session.as_raw() == 0) && stat.has_terminal);
        // An interactive shell. Who acts on TERM would be cut short by a HUP.
        if leads_a_terminal && status.ignored.contains(Signal::TERM) {
            refused.note(pid, self.reach.send_to(procfs, pid, Signal::HUP));
        }
        if matches!(self.reach, Reach::Descendants) {
            let _ = self.reach.send_to(procfs, pid, Signal::CONT);
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
            && self.reach.members(procfs).nth(CROWD).is_some()
        {
            // Else they take all the time that naming them needs. A fork bomb above all.
            stopped_by_us = everyone.send(Signal::STOP).is_ok();
        }
        let mut members = self.reach.members(procfs).peekable();
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
        let _ = self.reach.send(Signal::KILL);
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
    fn new(procfs: Procfs, reach: Reach) -> Asking {
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
