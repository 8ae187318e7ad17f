//! One run: one seed, one thread, one order of things.

mod deeds;
mod functions;

use std::{collections::BTreeMap, error::Error, pin::Pin, sync::Arc, task::Poll, time::Duration};

use futures::{
    StreamExt,
    future::{AbortHandle, Abortable, Aborted},
    stream::FuturesUnordered,
};
use handover_callback::Answer;
use handover_core::{application::DEFAULT_PACE_PER_MINUTE, connection::PairFate, ids::ConnectionId};
use jiff::Timestamp;

use crate::{
    act::{Act, CustomerId, TripId},
    breaks::Break,
    chance::{Chance, days, hours, minutes, seconds},
    coverage::Coverage,
    customer::Customer,
    exact::{Exact, OldDies},
    fault::{Fault, Plan, Target},
    house::{CUSTOMERS, House, PACES},
    invantive::{Invantive, Manner},
    invariants::{self, is_at_rest},
    port::Port,
    rows::ROWS,
    tools::{SimulatedCallback, Tools},
    trace::Trace,
    world::{Hub, Next, ProcessId, Violation, World},
};

/// A run that takes more steps goes round in circles.
const MOST_STEPS: u64 = 60_000;
/// The sweeper's schedule.
const SWEEP_EVERY: Duration = minutes(5);

/// What a run showed.
#[derive(Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// What does not hold.
    pub violations: Vec<Violation>,
    /// Calls and faults.
    pub coverage: Coverage,
    /// What happened.
    pub trace: Trace,
    /// Steps it took.
    pub steps: u64,
}

/// How a seed is played.
#[derive(Debug, Clone, Copy, Default)]
pub struct Game {
    /// With every line of its trace.
    pub aloud: bool,
    /// With a promise that does not hold.
    pub broken: Option<Break>,
}

/// What a process has done.
enum Done {
    /// A command has ended; the OEM has a link in hand.
    Linked(CustomerId, Option<crate::office::Invited>),
    /// A command has ended.
    Said,
    /// The browser has its answer.
    Answered(Asked, Answer),
    /// The environment is free for the next request.
    Idle,
    /// A batch was followed; these come back.
    Followed(Vec<u64>, Vec<u64>),
    /// A sweep is over.
    Swept,
}

/// What a browser asked for.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Connect(CustomerId),
    Callback(CustomerId, TripId),
    Connected,
}

/// What a process does, to its end.
type Work = Pin<Box<dyn Future<Output = Result<(ProcessId, Done), Aborted>>>>;

/// An environment of the callback function.
struct Environment {
    process: ProcessId,
    callback: Arc<SimulatedCallback>,
    serves: Option<Asked>,
    since: Duration,
}

/// A run.
pub struct Run {
    hub: Arc<Hub>,
    customers: Vec<Customer>,
    /// The OEM wants all of them registered at that moment.
    appointed: Option<Timestamp>,
    environments: Vec<Environment>,
    work: FuturesUnordered<Work>,
    aborts: BTreeMap<ProcessId, AbortHandle>,
    started: BTreeMap<ProcessId, Duration>,
    answers: std::sync::mpsc::Receiver<(ProcessId, Done)>,
    answer: std::sync::mpsc::Sender<(ProcessId, Done)>,
    last_sweep: Option<Duration>,
    sweeping_from: Duration,
    steps: u64,
}

/// Plays one seed.
///
/// # Errors
/// When the world cannot be set up.
pub fn play(seed: u64, house: &Arc<House>, game: Game) -> Result<Report, Box<dyn Error + Send + Sync>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        // All that can go on goes on before the scheduler looks again.
        .event_interval(1_000_000)
        .build()?;
    let run = Run::new(seed, house, game)?;
    Ok(runtime.block_on(run.play(seed)))
}

/// The fault that a seed is after, so that every cell of the table gets its turn.
#[must_use]
pub fn target(seed: u64) -> Option<Target> {
    let mut chance = Chance::of(seed ^ 0x5EED_0F7A_16E7);
    let (caller, call) = *chance.pick(ROWS)?;
    let fault = *chance.pick(&Fault::ALL)?;
    Some(Target {
        caller,
        call,
        fault,
        spared: chance.below(3) * chance.below(3),
    })
}

fn manner(chance: &mut Chance) -> Manner {
    use handover_core::connection::LookUpRule;
    let spends_refused = chance.in_thousand(500);
    let honest = if spends_refused {
        PairFate::Spent
    } else {
        PairFate::Unspent
    };
    let pair_if_refused = *chance.pick(&[honest, PairFate::Unknown]).unwrap_or(&PairFate::Unknown);
    // A refusal whose answer was lost leaves no database either.
    let pair_if_absent = *chance.pick(&[honest, PairFate::Unknown]).unwrap_or(&PairFate::Unknown);
    let rule = LookUpRule {
        delay_seconds: 900,
        pair_if_absent,
    };
    Manner {
        look_up: chance.in_thousand(600).then_some(rule),
        pair_if_refused,
        spends_refused,
        wants_fresh: chance.in_thousand(300),
        refuses: *chance.pick(&[0, 0, 100, 300]).unwrap_or(&0),
        puts_off: *chance.pick(&[0, 0, 200, 600]).unwrap_or(&0),
        takes: Duration::ZERO,
    }
}

/// How long after the start all are to be registered, where the OEM has an hour for that.
fn appointed(chance: &mut Chance) -> Option<Duration> {
    let after = *chance.pick(&[hours(5), days(1), days(2), days(3)])?;
    chance.in_thousand(120).then_some(after)
}

impl Run {
    fn new(seed: u64, house: &Arc<House>, game: Game) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut chance = Chance::of(seed);
        let ids = Chance::of(chance.number());
        let appointed = appointed(&mut chance);
        let pace = match appointed {
            // They queue for longer than the sweep sees ahead.
            Some(_) => 1,
            None => *chance.pick(&PACES).unwrap_or(&DEFAULT_PACE_PER_MINUTE),
        };
        let plan = Plan::draw(&mut chance, target(seed));
        let old_dies = *chance
            .pick(&[OldDies::AtExchange, OldDies::AtFirstUse])
            .unwrap_or(&OldDies::AtExchange);
        let invantive = Invantive::new(manner(&mut chance));
        let trace = if game.aloud { Trace::told() } else { Trace::default() };
        let mut world = World::new(chance, ids, plan, Exact::new(old_dies), invantive, trace);
        world.broken = game.broken;
        let appointed = appointed.map(|after| world.at(after));
        let (answer, answers) = std::sync::mpsc::channel();
        let mut run = Self {
            hub: Hub::new(world, house.tables(pace)?, Arc::clone(house)),
            customers: Vec::new(),
            appointed,
            environments: Vec::new(),
            work: FuturesUnordered::new(),
            aborts: BTreeMap::new(),
            started: BTreeMap::new(),
            answers,
            answer,
            last_sweep: None,
            sweeping_from: Duration::ZERO,
            steps: 0,
        };
        run.populate();
        Ok(run)
    }

    fn populate(&mut self) {
        let mut world = self.hub.world();
        let number = 1 + world.chance.below(u64::try_from(CUSTOMERS).unwrap_or(1));
        // One person who connects several companies at once: their exchanges and registrations meet.
        let hurried = world.chance.in_thousand(120);
        let users = if hurried { 1 } else { 1 + world.chance.below(number) };
        for id in 0..usize::try_from(number).unwrap_or(1) {
            let user = world.chance.below(users);
            self.customers.push(Customer {
                user,
                hurried,
                ..Customer::default()
            });
            let most = *world
                .chance
                .pick(&[seconds(1), minutes(10), days(2)])
                .unwrap_or(&minutes(10));
            let most = if hurried { seconds(1) } else { most };
            let after = world.chance.time(Duration::ZERO, most);
            world.plan_act(after, Act::Invite(id));
            if world.chance.in_thousand(250) {
                let after = world.chance.time(minutes(1), days(3));
                world.plan_act(after, Act::Ask(id));
            }
        }
        let calm_from = world.plan.calm_from;
        for _ in 0..world.chance.below(3) {
            let after = world.chance.time(Duration::ZERO, calm_from.min(days(3)));
            world.plan_act(after, Act::Mood);
        }
        if world.chance.in_thousand(150) {
            let after = world.chance.time(minutes(1), calm_from);
            let by = world.chance.time(seconds(10), hours(6));
            world.plan_act(after, Act::Jump(by));
        }
        world.plan_act(minutes(20), Act::LookAfter);
    }

    async fn play(mut self, seed: u64) -> Report {
        while self.step().await {
            self.steps += 1;
        }
        let mut world = self.hub.world();
        if world.violations.is_empty() {
            invariants::at_the_end(&self.hub, &mut world);
        }
        Report {
            seed,
            violations: std::mem::take(&mut world.violations),
            coverage: std::mem::take(&mut world.coverage),
            trace: std::mem::take(&mut world.trace),
            steps: self.steps,
        }
    }

    /// Lets everybody go on until all wait, looks at what has to hold, and lets the next thing happen. Says whether there
    /// is a next one.
    async fn step(&mut self) -> bool {
        self.settle().await;
        invariants::after_step(&self.hub, &mut self.hub.world());
        if self.is_over() {
            return false;
        }
        let before = self.hub.world().now;
        self.sweep_if_due();
        let next = self.hub.world().take_next();
        let passed = self.hub.world().now.saturating_sub(before);
        // Only the callback has timers of its own, and only while it serves.
        if !passed.is_zero() && self.environments.iter().any(|one| one.serves.is_some()) {
            tokio::time::advance(passed).await;
        }
        match next {
            Some(Next::Pass(ticket)) => self.hub.world().pass(ticket),
            Some(Next::Act(act)) => self.act(act),
            None => return false,
        }
        true
    }

    /// Everybody goes on until all wait for the world.
    async fn settle(&mut self) {
        for _ in 0..3 {
            let mut moved = self.drive().await;
            while let Ok((process, done)) = self.answers.try_recv() {
                moved = true;
                self.done(process, done);
            }
            if self.environments.iter().any(|one| one.serves.is_some()) {
                tokio::task::yield_now().await;
            } else if !moved {
                return;
            }
        }
    }

    async fn drive(&mut self) -> bool {
        let mut ended = Vec::new();
        std::future::poll_fn(|context| {
            while let Poll::Ready(Some(done)) = self.work.poll_next_unpin(context) {
                ended.extend(done);
            }
            Poll::Ready(())
        })
        .await;
        let moved = !ended.is_empty();
        for (process, done) in ended {
            self.done(process, done);
        }
        moved
    }

    fn is_over(&self) -> bool {
        let world = self.hub.world();
        if !world.violations.is_empty() || self.steps > MOST_STEPS {
            return true;
        }
        let calm_from = world.plan.calm_from;
        if world.now > calm_from + invariants::BOUND {
            return true;
        }
        // Only where nothing of ours is under way can all have come to rest.
        let quiet = |act: &Act| {
            matches!(
                act,
                Act::LookAfter | Act::TimeIsUp(..) | Act::Exchanges(_) | Act::Mood | Act::Jump(_)
            )
        };
        world.plan.is_calm(world.now)
            && self.work.is_empty()
            && !world.is_busy(quiet)
            && self.hub.store.connections().iter().all(is_at_rest)
    }

    /// Time passes five minutes by five minutes; only a sweep that finds something is played.
    fn sweep_if_due(&mut self) {
        let mut world = self.hub.world();
        let Some(next) = world.next_at() else {
            return;
        };
        let due = self.hub.store.connections().iter().filter_map(|one| one.wake_at).min();
        let Some(due) = due else {
            return;
        };
        let ready_at = world.now + world.until(due).saturating_sub(minutes(15));
        let slot = round_up(ready_at.max(self.sweeping_from), SWEEP_EVERY);
        let slot = self.last_sweep.map_or(slot, |last| slot.max(last + SWEEP_EVERY));
        if slot <= next {
            self.last_sweep = Some(slot);
            let after = slot.saturating_sub(world.now);
            world.plan_act(after, Act::Sweep);
        }
    }

    fn way_out(&self, process: ProcessId) -> Tools {
        Tools::over(Port {
            hub: Arc::clone(&self.hub),
            process,
        })
    }

    fn begin(&mut self, process: ProcessId, limit: Option<Duration>, work: impl Future<Output = Done> + 'static) {
        let (handle, registration) = AbortHandle::new_pair();
        let now = {
            let mut world = self.hub.world();
            if let Some(limit) = limit {
                world.plan_act(limit, Act::TimeIsUp(process, 0));
            }
            world.now
        };
        self.aborts.insert(process, handle);
        self.started.insert(process, now);
        let work = async move { (process, work.await) };
        self.work.push(Box::pin(Abortable::new(work, registration)));
    }

    fn customer_of(&self, connection: ConnectionId) -> Option<CustomerId> {
        self.customers.iter().position(|one| one.connection == Some(connection))
    }
}

fn round_up(time: Duration, to: Duration) -> Duration {
    let whole = to.as_secs().max(1);
    Duration::from_secs(time.as_secs().div_ceil(whole) * whole)
}
