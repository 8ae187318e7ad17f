//! On a simulated clock: the production sweeper and worker, in the simulation's world without its faults.

mod course;
mod people;
pub mod report;

use std::{error::Error, time::Duration};

use handover_core::{
    application::DEFAULT_PACE_PER_MINUTE,
    connection::{PairFate, Status},
    ids::ConnectionId,
};
use handover_simulate::{
    breaks::Break,
    chance::{Chance, hours, minutes},
    exact::{Exact, OldDies},
    fault::Plan,
    invantive::{Invantive, Manner},
    trace::Trace,
    world::{Hub, World},
};
use jiff::Timestamp;

use crate::lateness::Lateness;

/// From the consents to the beginning of the time in which registrations are due: far beyond the queue's reach, so that
/// it is the sweeper that finds them.
const AHEAD: Duration = hours(24);
/// Sweeps before that time begins, as a sweeper that never rests has them.
const RUN_UP: Duration = minutes(20);

/// What is played.
#[derive(Debug, Clone)]
pub struct Setting {
    /// In a word.
    pub name: &'static str,
    /// Connections, over all applications.
    pub connections: u32,
    /// All are due within this, each at a random whole second.
    pub within: Duration,
    /// Applications that share them.
    pub applications: u32,
    /// Each application's pace.
    pub pace_per_minute: u32,
    /// The longest that a message which can be seen waits to be fetched.
    pub fetched_within: Duration,
    /// A promise that does not hold, for the tests of what is seen.
    pub broken: Option<Break>,
}

impl Default for Setting {
    /// A thousand within ten minutes, at the default pace.
    fn default() -> Self {
        Self {
            name: "one application",
            connections: 1_000,
            within: minutes(10),
            applications: 1,
            pace_per_minute: DEFAULT_PACE_PER_MINUTE,
            fetched_within: Duration::from_millis(300),
            broken: None,
        }
    }
}

/// What a run showed, by the books of Invantive Cloud.
#[derive(Debug)]
pub struct Observed {
    /// Of what was registered.
    pub lateness: Lateness,
    /// What should not have been: connections that were not registered, or more than once, and what the world noticed.
    pub wrong: Vec<String>,
}

/// A connection, and when its registration is due.
#[derive(Debug, Clone, Copy)]
struct Appointment {
    connection: ConnectionId,
    due: Timestamp,
}

/// Plays one seed.
///
/// # Errors
/// When the world cannot be set up.
pub fn play(seed: u64, setting: &Setting) -> Result<Observed, Box<dyn Error + Send + Sync>> {
    let mut chance = Chance::of(seed);
    let ids = Chance::of(chance.number());
    let invantive = Invantive::new(Manner {
        look_up: None,
        pair_if_refused: PairFate::Unknown,
        spends_refused: false,
        wants_fresh: false,
        refuses: 0,
        puts_off: 0,
        takes: Duration::from_millis(500),
    });
    let mut world = World::new(
        chance,
        ids,
        Plan::calm(),
        Exact::new(OldDies::AtExchange),
        invantive,
        Trace::default(),
    );
    world.messages.fetched_within = setting.fetched_within;
    world.broken = setting.broken;
    let (hub, appointments) = people::consented(world, setting)?;
    hub.world().now = AHEAD - RUN_UP;
    course::Course::new(&hub).run(AHEAD + setting.within);
    Ok(observe(&hub, &appointments))
}

/// Compares what Invantive Cloud has written down with what was due.
fn observe(hub: &Hub, appointments: &[Appointment]) -> Observed {
    let connections = hub.store.connections();
    let registered = connections
        .iter()
        .filter(|connection| connection.state.status() == Status::Registered)
        .count();
    let world = hub.world();
    let mut wrong: Vec<_> = world
        .violations
        .iter()
        .map(|one| format!("{}: {}", one.invariant, one.found))
        .collect();
    if registered != appointments.len() {
        wrong.push(format!("{registered} of {} count as registered", appointments.len()));
    }
    let mut late = Vec::with_capacity(appointments.len());
    for Appointment { connection, due } in appointments {
        let databases = world.invantive.databases(*connection);
        let submissions = world.invantive.of(*connection).count();
        if (databases.len(), submissions) != (1, 1) {
            wrong.push(format!(
                "{connection}: {submissions} submissions, {} databases",
                databases.len()
            ));
        }
        late.extend(databases.iter().map(|database| {
            let arrived = world.at(database.made_at);
            i64::try_from(arrived.duration_since(*due).as_millis()).unwrap_or(i64::MAX)
        }));
    }
    Observed {
        lateness: late.into_iter().collect(),
        wrong,
    }
}
