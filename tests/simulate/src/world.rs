//! The world of one run: time, processes, what waits for its turn, and the books of everybody outside.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    task::Waker,
    time::Duration,
};

use handover_core::{ids::ConnectionId, registration::later};
use handover_simulation::{MemoryStore, lock};
use jiff::Timestamp;

use crate::{
    act::Act,
    breaks::Break,
    call::{Call, Kind},
    chance::Chance,
    coverage::Coverage,
    exact::Exact,
    fault::{Fault, Plan},
    house::House,
    invantive::Invantive,
    messages::Messages,
    trace::Trace,
    witness::Witness,
};

/// Names a process: one environment of a function, or one command of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessId(pub u64);

/// What is shared by all in one run.
#[derive(Debug)]
pub struct Hub {
    world: Mutex<World>,
    /// The two tables.
    pub store: MemoryStore,
    /// What the OEM has set up.
    pub house: Arc<House>,
}

impl Hub {
    /// A new world.
    #[must_use]
    pub fn new(world: World, store: MemoryStore, house: Arc<House>) -> Arc<Self> {
        Arc::new(Self {
            world: Mutex::new(world),
            store,
            house,
        })
    }

    /// The world. Held for one step only, never while anything is awaited.
    pub fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }
}

/// A process.
#[derive(Debug)]
pub struct Process {
    /// What runs in it, as the table of calls says.
    pub caller: &'static str,
    /// Whether it still runs.
    pub alive: bool,
    /// It stands still until then.
    pub frozen_until: Duration,
    /// The end of its invocation does not end it.
    pub spared: bool,
    /// Counts its invocations.
    pub invocation: u64,
}

/// A call, or a sleep, that waits for its turn.
#[derive(Debug)]
struct Waiting {
    process: ProcessId,
    kills: bool,
    /// It has left its process: that one standing still does not hold it up.
    on_the_wire: bool,
    told: (&'static str, &'static str),
    waker: Option<Waker>,
}

/// What comes next, and when.
#[derive(Debug)]
pub enum Next {
    /// A call goes on.
    Pass(u64),
    /// Somebody or something acts.
    Act(Act),
}

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its name.
    pub invariant: &'static str,
    /// What was found.
    pub found: String,
}

/// Time, processes, what waits, and the books.
#[derive(Debug)]
pub struct World {
    /// Since the start, as a clock that never jumps tells it.
    pub now: Duration,
    /// How far our clocks are ahead of everybody else's.
    pub ahead: Duration,
    /// Chance of the run.
    pub chance: Chance,
    /// Chance of our processes: ids and secrets.
    pub ids: Chance,
    /// What goes wrong.
    pub plan: Plan,
    /// What went wrong.
    pub coverage: Coverage,
    /// What happened.
    pub trace: Trace,
    /// Exact Online.
    pub exact: Exact,
    /// Invantive Cloud.
    pub invantive: Invantive,
    /// The queue.
    pub messages: Messages,
    /// What our processes were told, and what became of it.
    pub witness: Witness,
    /// What does not hold.
    pub violations: Vec<Violation>,
    /// A promise that does not hold in this run.
    pub broken: Option<Break>,
    /// The tables have changed since somebody looked.
    pub changed: bool,
    processes: BTreeMap<ProcessId, Process>,
    agenda: BTreeMap<(Duration, u64, u64), Next>,
    waiting: BTreeMap<u64, Waiting>,
    tickets: u64,
}

/// Our clocks at the start of a run.
pub const START: i64 = 1_795_452_551;

impl World {
    /// An empty one.
    #[must_use]
    pub fn new(chance: Chance, ids: Chance, plan: Plan, exact: Exact, invantive: Invantive, trace: Trace) -> Self {
        Self {
            now: Duration::ZERO,
            ahead: Duration::ZERO,
            chance,
            ids,
            plan,
            coverage: Coverage::default(),
            trace,
            exact,
            invantive,
            messages: Messages::default(),
            witness: Witness::default(),
            violations: Vec::new(),
            broken: None,
            changed: true,
            processes: BTreeMap::new(),
            agenda: BTreeMap::new(),
            waiting: BTreeMap::new(),
            tickets: 0,
        }
    }

    /// What our clocks show.
    #[must_use]
    pub fn clock(&self) -> Timestamp {
        self.at(self.now)
    }

    /// What our clocks show so long after the start, if they do not jump from now on.
    #[must_use]
    pub fn at(&self, since_start: Duration) -> Timestamp {
        let start = Timestamp::from_second(START).unwrap_or(Timestamp::UNIX_EPOCH);
        later(start, since_start + self.ahead)
    }

    /// How long until our clocks show `moment`.
    #[must_use]
    pub fn until(&self, moment: Timestamp) -> Duration {
        Duration::try_from(moment.duration_since(self.clock())).unwrap_or_default()
    }

    /// An invariant does not hold. Said once.
    pub fn violated(&mut self, invariant: &'static str, found: String) {
        let violation = Violation { invariant, found };
        if !self.violations.contains(&violation) {
            self.trace
                .note(self.now, || format!("!! {}: {}", violation.invariant, violation.found));
            self.violations.push(violation);
        }
    }

    /// Somebody or something will act.
    pub fn plan_act(&mut self, after: Duration, act: Act) {
        self.put(self.now + after, Next::Act(act));
    }

    fn put(&mut self, at: Duration, next: Next) {
        let tie = self.chance.number();
        self.tickets += 1;
        self.agenda.insert((at, tie, self.tickets), next);
    }

    /// When the next thing happens.
    #[must_use]
    pub fn next_at(&self) -> Option<Duration> {
        self.agenda.first_key_value().map(|((at, ..), _)| *at)
    }

    /// What happens next. Time goes on to it.
    pub fn take_next(&mut self) -> Option<Next> {
        let ((at, ..), next) = self.agenda.pop_first()?;
        self.now = self.now.max(at);
        Some(next)
    }

    /// Whether anything but `idle` acts is still to come.
    pub fn is_busy(&self, idle: impl Fn(&Act) -> bool) -> bool {
        self.agenda.values().any(|next| match next {
            Next::Pass(_) => true,
            Next::Act(act) => !idle(act),
        })
    }

    // ------------------------------------------------------------------------------------------------- Processes

    /// A process starts.
    pub fn start(&mut self, caller: &'static str) -> ProcessId {
        let id = ProcessId(u64::try_from(self.processes.len()).unwrap_or(u64::MAX));
        self.processes.insert(
            id,
            Process {
                caller,
                alive: true,
                frozen_until: Duration::ZERO,
                spared: false,
                invocation: 0,
            },
        );
        id
    }

    /// A process.
    pub fn process(&mut self, id: ProcessId) -> Option<&mut Process> {
        self.processes.get_mut(&id)
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_alive(&self, id: ProcessId) -> bool {
        self.processes.get(&id).is_some_and(|process| process.alive)
    }

    /// It dies, with everything in flight.
    pub fn kill(&mut self, id: ProcessId, why: &'static str) {
        let Some(process) = self.processes.get_mut(&id).filter(|process| process.alive) else {
            return;
        };
        process.alive = false;
        let caller = process.caller;
        self.waiting.retain(|_, waiting| waiting.process != id);
        self.nothing_left_lying(id, why);
        self.trace
            .step(self.now, [id.0, 1, 0], || format!("{caller}#{} dies: {why}", id.0));
        self.witness.died(id);
        self.plan_act(Duration::ZERO, Act::Died(id));
    }

    /// With a pair in hand nothing else is done, and no process dies of anything else, before it is being kept.
    fn nothing_left_lying(&mut self, id: ProcessId, then: &'static str) {
        if let Some(token) = self.witness.left_lying(id) {
            let found = format!("pair {token} came, and before anything was done to keep it: {then}");
            self.violated("received_pairs_are_kept", found);
        }
    }

    fn caller(&self, id: ProcessId) -> &'static str {
        self.processes.get(&id).map_or("nobody", |process| process.caller)
    }

    // ----------------------------------------------------------------------------------------------------- Calls

    /// A call begins: what goes wrong with it, and the ticket of its way there. `longest`: its caller waits no longer.
    pub fn begin(&mut self, process: ProcessId, call: Call, longest: Duration) -> (u64, Option<Fault>) {
        let caller = self.caller(process);
        self.nothing_left_lying(process, call.name);
        self.coverage.called(caller, call);
        let Self { plan, chance, now, .. } = self;
        let fault = plan.strike(chance, *now, caller, call);
        if let Some(fault) = fault {
            self.coverage.struck(caller, call, fault);
        }
        let there = crate::latency::there(&mut self.chance, call, fault, longest);
        let kills = fault == Some(Fault::CrashBefore);
        let ticket = self.wait(process, there, kills, (call.name, ""));
        if let Some(waiting) = self.waiting.get_mut(&ticket) {
            waiting.on_the_wire = call.kind == Kind::Irreversible;
        }
        (ticket, fault)
    }

    /// A call has had its effect, or failed: the ticket of its way back.
    pub fn end(&mut self, process: ProcessId, call: Call, fault: Option<Fault>, longest: Duration) -> u64 {
        let back = crate::latency::back(&mut self.chance, fault, longest);
        if fault == Some(Fault::Stall) {
            let until = self.now + back;
            if let Some(process) = self.processes.get_mut(&process) {
                process.frozen_until = until;
                process.spared = true;
            }
        }
        let told = (call.name, fault.map_or("answers", Fault::as_str));
        self.wait(process, back, fault == Some(Fault::CrashAfter), told)
    }

    /// A ticket for so long from now.
    pub fn wait(&mut self, process: ProcessId, time: Duration, kills: bool, told: (&'static str, &'static str)) -> u64 {
        let at = self.now + time;
        self.put(at, Next::Pass(self.tickets + 1));
        let ticket = self.tickets;
        self.waiting.insert(
            ticket,
            Waiting {
                process,
                kills,
                on_the_wire: false,
                told,
                waker: None,
            },
        );
        ticket
    }

    /// Whether the call with this ticket may go on; if not, who is to be told when it may.
    pub fn may_pass(&mut self, process: ProcessId, ticket: u64, waker: &Waker) -> bool {
        match self.waiting.get_mut(&ticket) {
            Some(waiting) => {
                waiting.waker = Some(waker.clone());
                false
            }
            // Its turn has come, or its process is dead and it never will.
            None => self.is_alive(process),
        }
    }

    /// The turn of a ticket has come.
    pub fn pass(&mut self, ticket: u64) {
        let Some(waiting) = self.waiting.remove(&ticket) else {
            return;
        };
        let process = waiting.process;
        let frozen_until = self
            .processes
            .get(&process)
            .map(|one| one.frozen_until)
            .unwrap_or_default();
        if frozen_until > self.now && !waiting.on_the_wire {
            self.tickets += 1;
            let again = ticket;
            let tie = self.chance.number();
            self.agenda.insert((frozen_until, tie, self.tickets), Next::Pass(again));
            self.waiting.insert(again, waiting);
            return;
        }
        let (name, how) = waiting.told;
        let caller = self.caller(process);
        self.trace.step(
            self.now,
            [process.0, crate::trace::number_of(name), u64::from(waiting.kills)],
            || format!("{caller}#{} {name} {how}", process.0),
        );
        if waiting.kills {
            return self.kill(process, "crash");
        }
        if let Some(waker) = waiting.waker {
            waker.wake();
        }
    }

    /// Short for the trace.
    #[must_use]
    pub fn short(id: ConnectionId) -> String {
        let text = id.to_string();
        text.get(text.len().saturating_sub(4)..).unwrap_or_default().to_owned()
    }
}
