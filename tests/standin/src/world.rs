//! The state of both servers, behind one lock, and the way into it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::{
    books::Books, clock::Clock, exact::Exact, faults::Faults, invantive::Invantive, random::Randomness, settings::User,
};

/// Everything there is: state and randomness. Time comes from outside.
#[derive(Clone, Debug)]
pub struct World {
    /// Exact Online.
    pub exact: Exact,
    /// Invantive Cloud.
    pub invantive: Invantive,
    /// Faults that were asked for.
    pub faults: Faults,
    /// Where new values come from.
    pub random: Randomness,
}

impl World {
    /// A world with one sample user and no app.
    pub fn new(mut random: Randomness) -> Self {
        let mut exact = Exact::default();
        exact.put_user(SAMPLE_USER, sample_user(), &mut random);
        Self {
            exact,
            invantive: Invantive::default(),
            faults: Faults::default(),
            random,
        }
    }

    /// The books as they stand.
    pub fn books(&self, clock: &Clock) -> Books {
        Books {
            now: clock.now(),
            offset_seconds: clock.offset_seconds(),
            consents: self.exact.consents.clone(),
            codes: self.exact.codes.all().to_vec(),
            exchanges: self.exact.exchanges.clone(),
            refresh_tokens: self.exact.refresh_tokens.all().to_vec(),
            access_tokens: self.exact.access_tokens.all().to_vec(),
            me_calls: self.exact.me_calls.clone(),
            submissions: self.invantive.submissions.clone(),
            lookups: self.invantive.lookups.clone(),
            databases: self.invantive.databases.iter().map(|held| held.entry.clone()).collect(),
            errors: self.exact.errors.clone(),
        }
    }
}

/// The name of the user that is always there.
pub const SAMPLE_USER: &str = "j.jansen";

/// The user that is always there; the password is `welcome`.
pub fn sample_user() -> User {
    User {
        password: "welcome".to_owned(),
        full_name: "Janneke Jansen".to_owned(),
        email: "j.jansen@example.com".to_owned(),
        user_id: None,
        division: 123_456,
    }
}

/// The world and its clock, shared by all handlers.
#[derive(Clone, Debug)]
pub struct Shared {
    world: Arc<Mutex<World>>,
    clock: Arc<Clock>,
}

impl Shared {
    /// Shares a world.
    pub fn new(world: World) -> Self {
        Self {
            world: Arc::new(Mutex::new(world)),
            clock: Arc::new(Clock::default()),
        }
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Does something to the world at the present time, after all that was due before it.
    pub fn enter<T>(&self, act: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        let mut world = self.lock();
        let now = self.clock.now();
        world.tick(now);
        act(&mut world, now)
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
