//! The drain in simulated worlds: trees of processes that behave differently, and a kernel that gives orphans to rinit and
//! uses PIDs again. Scans come late or early, and processes start and exit during a scan. Each order of the rules is checked
//! when it is carried out.

use super::super::history::{Recipients, StopHistory};
use super::*;
use crate::properties::cases;
use crate::signal::SignalSet;
use proptest::collection::vec;
use proptest::prelude::*;

/// What a process does when SIGTERM arrives, or without it. Times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Behaviour {
    /// The default action: it dies.
    Default,
    /// Ignores it, for ever.
    Ignores,
    /// Blocks it and never takes it.
    Hangs,
    /// Handles it, and exits after this time.
    Handles(u16),
    /// Passes it on to its children, and exits when they have exited.
    Forwards,
    /// Passes it on to its children, and exits at once.
    ForwardsAndExits,
    /// Starts a child that will handle SIGTERM. The process itself exits after this time.
    StartsHelper(u16),
    /// The default action: it dies. Until then it starts a child at this interval.
    Forks(u16),
    /// Ignores it until this time after the drain's beginning, and handles it from then on.
    HandlesLate(u16),
    /// Reads what other processes write: exits when only readers are left. Dies of SIGTERM.
    Reads,
}

/// A process that a world starts.
#[derive(Clone, Copy, Debug)]
struct Spec {
    behaviour: Behaviour,
    /// Its parent: rinit if 0, otherwise one of the processes before it.
    parent: u8,
    in_group: bool,
    /// None: it is there from the beginning. Otherwise it is started from outside, 2 s and this many milliseconds later.
    joins: Option<u16>,
}

#[derive(Clone, Debug)]
struct Process {
    pid: Pid,
    parent: Pid,
    started: Moment,
    behaviour: Behaviour,
    in_group: bool,
    /// Dead, and not reaped by its parent yet.
    zombie: bool,
    /// When it exits, if it has begun to.
    exits: Option<Moment>,
    /// When it starts its next child.
    forks: Option<Moment>,
    /// Waits for its children, and then exits.
    waits: bool,
    /// How often rinit has asked it, forwarded signals included.
    asked: u32,
    /// When rinit asked it last.
    asked_at: Option<Moment>,
    /// Its parent has asked it.
    by_parent: bool,
    pending: bool,
    /// It may count as asked by the forwarded signal, which it ignored.
    may_count: bool,
    /// Its PID was used before, so a scan may take it for the earlier process.
    reuses: bool,
    /// When its parent exited, and left it to rinit.
    orphaned: Option<Moment>,
    /// Whether that parent handled SIGTERM.
    parent_handled: bool,
}

const US: Pid = Pid::from_raw(1);
const MAIN: Pid = Pid::from_raw(2);
/// The beginning of each world.
const EPOCH: Moment = Duration::from_secs(1000);

#[derive(Clone)]
struct World {
    now: Moment,
    began: Moment,
    grace: Duration,
    processes: Vec<Process>,
    joining: Vec<(Moment, Spec)>,
    next_pid: i32,
    /// PIDs that are free, and since when. Not used again within one scan: the kernel goes through all others first.
    free: Vec<(Moment, i32)>,
    random: u64,
    /// Whether processes go on between two look-ups of one scan.
    races: bool,
    /// SIGKILL was sent to all.
    killed_all: bool,
    /// A child of rinit has exited since the last scan.
    reaped: bool,
}

fn ms(time: u16) -> Duration {
    Duration::from_millis(time.into())
}

impl World {
    fn new(specs: &[Spec], grace: Duration, seed: u64) -> World {
        let mut world = World {
            now: EPOCH,
            began: EPOCH,
            grace,
            processes: Vec::new(),
            joining: Vec::new(),
            next_pid: 3,
            free: Vec::new(),
            random: seed | 1,
            races: !seed.is_multiple_of(2),
            killed_all: false,
            reaped: false,
        };
        for spec in specs {
            match spec.joins {
                Some(after) => world.joining.push((EPOCH + Duration::from_secs(2) + ms(after), *spec)),
                None => {
                    let place = usize::from(spec.parent) % (world.processes.len() + 1);
                    let parent = place.checked_sub(1).map_or(US, |place| world.processes[place].pid);
                    world.start(spec.behaviour, parent, spec.in_group);
                }
            }
        }
        world
    }

    fn chance(&mut self, one_in: u64) -> bool {
        // xorshift
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.is_multiple_of(one_in)
    }

    fn start(&mut self, behaviour: Behaviour, parent: Pid, in_group: bool) {
        let reusable = self.free.iter().position(|(since, _)| *since + Duration::from_millis(30) < self.now);
        let (pid, reuses) = match reusable.filter(|_| self.chance(2)) {
            Some(place) => (self.free.remove(place).1, true),
            None => {
                self.next_pid += 1;
                (self.next_pid - 1, false)
            }
        };
        let forks = match behaviour {
            Behaviour::Forks(every) => Some(self.now + ms(every.max(1))),
            _ => None,
        };
        self.processes.push(Process {
            pid: Pid::from_raw(pid),
            parent,
            started: self.now,
            behaviour,
            in_group,
            zombie: false,
            exits: None,
            forks,
            waits: false,
            asked: 0,
            asked_at: None,
            by_parent: false,
            pending: false,
            may_count: false,
            reuses,
            orphaned: None,
            parent_handled: false,
        });
    }

    fn treatment(&self, process: &Process) -> Treatment {
        match process.behaviour {
            Behaviour::Default | Behaviour::Forks(_) | Behaviour::Reads => Treatment::Default,
            Behaviour::Ignores => Treatment::Ignores,
            Behaviour::Hangs => Treatment::Blocks,
            Behaviour::HandlesLate(after) if self.now < self.began + ms(after) => Treatment::Ignores,
            Behaviour::HandlesLate(_)
            | Behaviour::Handles(_)
            | Behaviour::Forwards
            | Behaviour::ForwardsAndExits
            | Behaviour::StartsHelper(_) => Treatment::Handles,
        }
    }

    fn find(&self, pid: Pid) -> Option<usize> {
        self.processes.iter().position(|process| process.pid == pid)
    }

    /// SIGTERM arrives, from rinit or from the parent.
    fn terminate(&mut self, pid: Pid) {
        let Some(place) = self.find(pid).filter(|place| !self.processes[*place].zombie) else { return };
        let behaviour = self.processes[place].behaviour;
        let now = self.now;
        let children: Vec<Pid> =
            self.processes.iter().filter(|child| child.parent == pid && !child.zombie).map(|child| child.pid).collect();
        let pass_on = |world: &mut World| {
            for child in &children {
                if let Some(place) = world.find(*child)
                    && world.treatment(&world.processes[place]) != Treatment::Ignores
                {
                    world.processes[place].by_parent = true;
                }
                world.terminate(*child);
            }
        };
        match behaviour {
            Behaviour::Default | Behaviour::Forks(_) | Behaviour::Reads => self.exit(pid),
            Behaviour::Ignores => {}
            Behaviour::Hangs => self.processes[place].pending = true,
            Behaviour::HandlesLate(after) if now < self.began + ms(after) => {}
            Behaviour::HandlesLate(after) | Behaviour::Handles(after) => {
                self.processes[place].exits.get_or_insert(now + ms(after));
            }
            Behaviour::Forwards => {
                self.processes[place].waits = true;
                pass_on(self);
            }
            Behaviour::ForwardsAndExits => {
                pass_on(self);
                self.exit(pid);
            }
            Behaviour::StartsHelper(after) => {
                if self.processes[place].exits.is_none() {
                    self.processes[place].exits = Some(now + ms(after));
                    let in_group = self.processes[place].in_group;
                    self.start(Behaviour::Handles(after), pid, in_group);
                }
            }
        }
    }

    /// It exits: its children go to rinit, and its parent reaps it, at once or later.
    fn exit(&mut self, pid: Pid) {
        let Some(place) = self.find(pid) else { return };
        let handled = self.treatment(&self.processes[place]) == Treatment::Handles;
        let (now, parent) = (self.now, self.processes[place].parent);
        for child in self.processes.iter_mut().filter(|child| child.parent == pid) {
            (child.parent, child.orphaned, child.parent_handled) = (US, Some(now), handled);
        }
        self.processes[place].zombie = true;
        if parent.as_raw() <= 1 || !self.chance(4) {
            self.processes.remove(place);
            self.free.push((now, pid.as_raw()));
        }
        self.reaped |= parent == US;
        // What a dead parent did not reap, rinit reaps.
        let orphans: Vec<i32> = self
            .processes
            .iter()
            .filter(|child| child.zombie && child.parent == US)
            .map(|child| child.pid.as_raw())
            .collect();
        self.processes.retain(|child| !(child.zombie && child.parent == US));
        self.free.extend(orphans.into_iter().map(|pid| (now, pid)));
    }

    /// When something happens next by itself.
    fn next_event(&self) -> Option<Moment> {
        let own = self.processes.iter().filter(|process| !process.zombie);
        own.flat_map(|process| [process.exits, process.forks])
            .chain(self.joining.iter().map(|(at, _)| Some(*at)))
            .flatten()
            .min()
    }

    /// Whatever is due by now happens.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            let due = |at: Option<Moment>, now| at.is_some_and(|at| at <= now);
            let now = self.now;
            if let Some(place) = self.joining.iter().position(|(at, _)| *at <= now) {
                let (_, spec) = self.joining.remove(place);
                self.start(spec.behaviour, Pid::from_raw(0), false);
            } else if let Some(process) = self.processes.iter().find(|one| !one.zombie && due(one.exits, now)) {
                self.exit(process.pid);
            } else if let Some(process) = self.processes.iter_mut().find(|one| !one.zombie && due(one.forks, now)) {
                process.forks = None;
                let (pid, in_group, behaviour) = (process.pid, process.in_group, process.behaviour);
                // No fork bomb: the tree stays small.
                if self.processes.len() < 60 {
                    self.start(Behaviour::Default, pid, in_group);
                    if let Behaviour::Forks(every) = behaviour
                        && let Some(place) = self.find(pid)
                    {
                        self.processes[place].forks = Some(now + ms(every.max(1)));
                    }
                }
            } else if let Some(process) = self.processes.iter().find(|one| {
                !one.zombie && one.waits && !self.processes.iter().any(|child| child.parent == one.pid && !child.zombie)
            }) {
                self.exit(process.pid);
            } else if !self.processes.iter().any(|one| !one.zombie && one.behaviour != Behaviour::Reads)
                && let Some(reader) = self.processes.iter().find(|one| !one.zombie)
                && self.joining.is_empty()
            {
                self.exit(reader.pid);
            } else {
                return;
            }
        }
        unreachable!("the world does not settle");
    }

    fn pass(&mut self, until: Moment) {
        while let Some(at) = self.next_event().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.settle();
        }
        self.now = until;
        self.settle();
    }

    /// Checks an order and carries it out.
    fn obey(&mut self, order: Order, last_call: bool) {
        match order {
            Order::Ask(pid) | Order::AskIgnoring(pid) | Order::HangUp(pid) => self.ask(pid, last_call),
            Order::Continue(_) => {}
            Order::Kill(pid) => {
                if let Some(place) = self.find(pid) {
                    self.check_kill(place);
                    self.exit(pid);
                }
            }
            Order::KillAll => {
                self.killed_all = true;
                assert!(self.now >= self.began + self.grace, "all are killed within the grace period");
                for place in 0..self.processes.len() {
                    self.check_kill(place);
                }
                self.free.clear();
                self.processes.clear();
            }
        }
    }

    fn ask(&mut self, pid: Pid, last_call: bool) {
        let Some(place) = self.find(pid).filter(|place| !self.processes[*place].zombie) else { return };
        let process = self.processes[place].clone();
        let treatment = self.treatment(&process);
        // The drain may not know yet that the process has set a handler.
        let handles_late = |one: &Process| matches!(one.behaviour, Behaviour::HandlesLate(_));
        let acts = |one: &Process| self.treatment(one) != Treatment::Ignores && !one.zombie && !handles_late(one);
        let now = self.now;
        assert!(process.asked == 0, "asked twice: {process:?} at {:?}", now - self.began);
        if !last_call {
            let parent = self.find(process.parent).map(|place| &self.processes[place]);
            // With races the parent may have set its handler during this scan.
            if let Some(parent) = parent.filter(|parent| !self.races && !parent.reuses) {
                assert!(!acts(parent), "its parent handles SIGTERM: {process:?}, {parent:?}");
            }
            let delays = |one: &&Process| one.in_group && !one.reuses && acts(one) && one.behaviour != Behaviour::Reads;
            if !process.in_group && !self.races {
                let member = self.processes.iter().find(delays);
                assert!(member.is_none(), "main's group is still there: {process:?}, {member:?}");
            }
            // The drain does not know parents that exited before it began.
            let recently = process.orphaned.is_some_and(|at| at > self.began && now < at + SELF_EXIT_TIME);
            let asked_before = process.by_parent && process.parent_handled && recently && !self.races;
            assert!(!asked_before, "asked by its parent a moment ago: {process:?}");
        }
        let parent = self.find(process.parent).map(|place| &self.processes[place]);
        let is_helper =
            parent.is_some_and(|parent| acts(parent) && parent.asked_at.is_some_and(|at| at < process.started));
        let nearly_over = now >= self.began + latest_request(self.grace);
        assert!(!is_helper || nearly_over || self.races || process.reuses, "part of its parent's exit: {process:?}");
        if treatment != Treatment::Ignores {
            self.processes[place].asked += 1;
            self.processes[place].asked_at = Some(now);
        }
        self.terminate(pid);
    }

    fn check_kill(&self, place: usize) {
        let process = &self.processes[place];
        let over = self.began + self.grace;
        let was_asked = process.asked > 0 || process.by_parent || process.may_count;
        let ignores_term = self.treatment(process) == Treatment::Ignores;
        let came_late = process.started + LONGEST * 2 >= over;
        let just_set = self.races && matches!(process.behaviour, Behaviour::HandlesLate(_));
        assert!(
            process.zombie || was_asked || ignores_term || came_late || just_set,
            "killed and never asked: {process:?}"
        );
        if self.now < over && !process.zombie {
            assert!(ignores_term || process.pending || just_set, "killed, and it could act: {process:?}");
            let since = process.asked_at.unwrap_or(process.started);
            assert!(
                self.now + LONGEST >= since + RESPONSE_TIME || ignores_term && self.now >= self.began + RESPONSE_TIME,
                "killed early, {:?} after the beginning, grace {:?}: {process:?}",
                self.now - self.began,
                self.grace
            );
        }
    }
}

impl Processes for World {
    fn facts(&mut self, pid: Pid) -> Option<Facts> {
        if self.races && self.chance(8) {
            let later = self.now + Duration::from_millis(1);
            self.pass(later);
        }
        let process = &self.processes[self.find(pid)?];
        let treatment = self.treatment(process);
        Some(Facts {
            parent: process.parent,
            group: if process.in_group { MAIN } else { process.pid },
            started: process.started.as_millis() as u64 / 10,
            dead: process.zombie,
            stopped: false,
            treatment,
            pending: process.pending,
            ignored: if treatment == Treatment::Ignores { SignalSet::ALL } else { SignalSet::EMPTY },
            nested_init: false,
            is_fork: false,
            interactive_shell: InteractiveShell::No,
        })
    }

    fn reads_pipe(&mut self, pid: Pid) -> bool {
        self.find(pid).is_some_and(|place| self.processes[place].behaviour == Behaviour::Reads)
    }

    fn group_exists(&mut self, _: Pid) -> bool {
        self.processes.iter().any(|process| process.in_group)
    }

    fn is_shell(&mut self, _: Pid) -> bool {
        false
    }

    fn waits_for(&mut self, _: Pid, _: Pid) -> bool {
        false
    }
}

/// The stop signal that came before main's exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    None,
    ToGroup,
    ToAll,
    /// To main alone. Whether main handles it.
    ToMain(bool),
}

/// A drain after a stop signal and main's exit, which follows the signal after `before` milliseconds.
fn begin(world: &mut World, stop: Stop, before: u16) -> (Rules, StopHistory) {
    let mut history = StopHistory::default();
    // Until the drain begins, `Behaviour::HandlesLate` ignores SIGTERM.
    world.began = EPOCH + Duration::from_secs(3600);
    // Long enough that start times are certain.
    let start = world.now + Duration::from_millis(500);
    world.pass(start);
    let tick = |now: Moment| now.as_millis() as u64 / 10;
    if stop != Stop::None {
        let recipients = match stop {
            Stop::ToAll => Recipients::All,
            Stop::ToMain(_) => Recipients::Process(MAIN),
            Stop::ToGroup | Stop::None => Recipients::Group(MAIN),
        };
        history.note(Signal::TERM, recipients, tick(world.now), stop == Stop::ToMain(true));
        if matches!(stop, Stop::ToAll | Stop::ToGroup) {
            // A process that ignores it now and handles it when the drain begins counts as asked: the drain cannot know.
            for process in world.processes.iter_mut().filter(|one| one.in_group || stop == Stop::ToAll) {
                process.may_count = matches!(process.behaviour, Behaviour::HandlesLate(_));
            }
        }
        let reached: Vec<Pid> = world
            .processes
            .iter()
            .filter(|one| !one.zombie && world.treatment(one) != Treatment::Ignores)
            .filter(|one| stop == Stop::ToAll || stop == Stop::ToGroup && one.in_group)
            .map(|one| one.pid)
            .collect();
        for pid in &reached {
            if let Some(place) = world.find(*pid) {
                world.processes[place].asked = 1;
                world.processes[place].asked_at = Some(world.now);
            }
        }
        reached.into_iter().for_each(|pid| world.terminate(pid));
        let exits = world.now + ms(before);
        world.pass(exits);
    }
    world.began = world.now;
    (Rules::new(US, Some(MAIN), Some(world.grace), world.now, tick(world.now)), history)
}

fn scan(world: &mut World, rules: &mut Rules, history: &StopHistory) {
    let now = world.now;
    let mut present: Vec<Pid> = world.processes.iter().map(|process| process.pid).collect();
    present.sort_unstable();
    let last_call = rules.is_past_last_call(now);
    // Some first scans ask in batches.
    if rules.first && world.chance(2) {
        let size = 1 + usize::from(world.random as u8) % 8;
        for batch in present.chunks(size) {
            let orders = rules.scan_batch(now, batch, history, world);
            obey(world, rules, orders, last_call);
        }
    }
    let orders = rules.step(now, &present, history, world);
    obey(world, rules, orders, last_call);
    world.settle();
}

fn obey(world: &mut World, rules: &mut Rules, orders: Vec<Order>, last_call: bool) {
    for order in orders {
        world.obey(order, last_call);
        if let Order::AskIgnoring(pid) = order
            && let Some(facts) = world.facts(pid).filter(|facts| facts.treatment != Treatment::Ignores)
        {
            rules.treatment_after(pid, facts.treatment);
            if let Some(place) = world.find(pid) {
                // It is asked once more at the last call.
                world.processes[place].asked = 0;
            }
        }
    }
}

/// From main's exit to rinit's: scans when the rules want, or because a child was reaped.
/// `late`: whether some scans come later than the rules want.
fn drain(world: &mut World, rules: &mut Rules, history: &StopHistory, late: bool) {
    scan(world, rules, history);
    let mut last = world.now;
    while world.processes.iter().any(|process| !process.zombie) || !world.joining.is_empty() {
        if world.processes.iter().all(|process| process.zombie) {
            // rinit exits here, and with it the namespace: no process joins any more.
            return;
        }
        assert!(!world.killed_all, "alive after SIGKILL");
        let elapsed = world.now - world.began;
        assert!(elapsed <= world.grace + Duration::from_secs(1), "the drain does not end: {:?}", world.processes);
        let mut at = rules.next(world.now);
        assert!(at > world.now && at <= world.now + LONGEST, "scans at {at:?}");
        if std::mem::take(&mut world.reaped) {
            at = at.min((last + Duration::from_millis(10)).max(world.now + Duration::from_millis(1)));
        }
        if late && world.chance(4) {
            at += Duration::from_millis(world.random % 40);
        }
        world.pass(at);
        last = world.now;
        scan(world, rules, history);
    }
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    let time = || prop_oneof![0..50u16, 0..3000u16, 4900..12_000u16];
    prop_oneof![
        4 => Just(Behaviour::Default),
        2 => Just(Behaviour::Ignores),
        1 => Just(Behaviour::Hangs),
        4 => time().prop_map(Behaviour::Handles),
        3 => Just(Behaviour::Forwards),
        2 => Just(Behaviour::ForwardsAndExits),
        2 => time().prop_map(Behaviour::StartsHelper),
        1 => (1..200u16).prop_map(Behaviour::Forks),
        2 => time().prop_map(Behaviour::HandlesLate),
        2 => Just(Behaviour::Reads),
    ]
}

fn spec() -> impl Strategy<Value = Spec> {
    (behaviour(), any::<u8>(), proptest::bool::weighted(0.3), proptest::option::weighted(0.1, 0..8000u16)).prop_map(
        |(behaviour, parent, in_group, joins)| Spec {
            behaviour,
            // Half of them are children of rinit's.
            parent: if parent < 128 { 0 } else { parent },
            in_group: in_group && joins.is_none(),
            joins,
        },
    )
}

fn stop() -> impl Strategy<Value = Stop> {
    proptest::sample::select(vec![Stop::None, Stop::ToGroup, Stop::ToAll, Stop::ToMain(false), Stop::ToMain(true)])
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn each_process_is_asked_once_and_none_is_killed_unasked(
        specs in vec(spec(), 0..40),
        grace in prop_oneof![Just(30_000u16), Just(5000), 200..20_000u16],
        stop in stop(),
        before in prop_oneof![Just(0u16), 0..2000u16],
        seed: u64,
        late: bool,
    ) {
        let mut world = World::new(&specs, ms(grace), seed);
        let (mut rules, history) = begin(&mut world, stop, before);
        drain(&mut world, &mut rules, &history, late);
    }
}

/// What can happen next in a small world.
#[derive(Clone, Copy, Debug)]
enum Event {
    Scan,
    /// The process at this place exits.
    Exit(usize),
    /// The process at this place starts a child.
    Fork(usize),
    Join,
    Pass(u64),
}

fn explore(world: &World, rules: &Rules, history: &StopHistory, depth: usize, states: &mut u64) {
    *states += 1;
    if world.processes.iter().all(|process| process.zombie) {
        // rinit has exited.
        return;
    }
    // From every state the drain ends.
    let (mut last, mut end) = (world.clone(), rules.clone());
    drain(&mut last, &mut end, history, false);
    if depth == 0 {
        return;
    }
    let places = 0..world.processes.len();
    let own = places.clone().map(Event::Exit).chain(places.map(Event::Fork));
    let others = [Event::Scan, Event::Join, Event::Pass(20), Event::Pass(5000)];
    for event in others.into_iter().chain(own) {
        let (mut world, mut rules) = (world.clone(), rules.clone());
        let now = world.now;
        match event {
            Event::Scan => {
                world.pass(now + Duration::from_millis(1));
                scan(&mut world, &mut rules, history);
            }
            Event::Exit(place) => world.exit(world.processes[place].pid),
            Event::Fork(place) if world.processes.len() < 4 => {
                let process = world.processes[place].clone();
                world.start(Behaviour::Handles(300), process.pid, process.in_group);
            }
            Event::Join if world.processes.len() < 4 => world.start(Behaviour::Handles(300), Pid::from_raw(0), false),
            Event::Fork(_) | Event::Join => continue,
            Event::Pass(time) => {
                // The loop scans whenever that is due.
                let until = now + Duration::from_millis(time);
                while rules.next(world.now) < until && !world.processes.is_empty() {
                    let at = rules.next(world.now);
                    world.pass(at);
                    scan(&mut world, &mut rules, history);
                }
                world.pass(until);
            }
        }
        explore(&world, &rules, history, depth - 1, states);
    }
}

#[test]
fn the_rules_hold_in_small_worlds_for_every_order_of_events() {
    // How many events are tried in every order: more in the worlds where a parent passes the request on.
    let (events, more) = if cfg!(debug_assertions) { (2, 3) } else { (4, 6) };
    let behaviours = [
        Behaviour::Default,
        Behaviour::Ignores,
        Behaviour::Handles(300),
        Behaviour::Forwards,
        Behaviour::ForwardsAndExits,
    ];
    let mut states = 0;
    for first in behaviours {
        for second in behaviours {
            for (parent, groups) in [(0, [true, false]), (1, [true, false]), (1, [false, false]), (1, [true, true])] {
                for stop in [Stop::None, Stop::ToGroup, Stop::ToMain(true)] {
                    let spec = |behaviour, parent, in_group| Spec { behaviour, parent, in_group, joins: None };
                    let specs = [spec(first, 0, groups[0]), spec(second, parent, groups[1])];
                    let mut world = World::new(&specs, Duration::from_secs(12), 2);
                    let (rules, history) = begin(&mut world, stop, 0);
                    let passes_on = (first, second, parent) == (Behaviour::Forwards, Behaviour::Handles(300), 1);
                    let depth = if passes_on && stop == Stop::None { more } else { events };
                    explore(&world, &rules, &history, depth, &mut states);
                }
            }
        }
    }
    println!("{states} states");
}

#[test]
fn a_record_is_small() {
    assert!(size_of::<Record>() <= 40);
}
