//! What a run is to be: read from the environment.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// What a run is to be.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Due times follow from it.
    pub seed: u64,
    /// Customers.
    pub connections: usize,
    /// All are due within this.
    pub within: Duration,
}

impl Plan {
    /// `SEED` (a random one unless given), `CONNECTIONS` (100) and `MINUTES` (2).
    pub fn from_environment() -> Result<Self> {
        let minutes: u64 = number("MINUTES")?.unwrap_or(2);
        // The sweeper finds all of them at once, as long as they are within the queue's reach.
        ensure!((1..=10).contains(&minutes), "MINUTES is {minutes}: from 1 to 10");
        Ok(Self {
            seed: number("SEED")?.unwrap_or_else(|| fastrand::u64(..)),
            connections: number("CONNECTIONS")?.unwrap_or(100),
            within: Duration::from_secs(60 * minutes),
        })
    }

    /// When each is due, from the beginning of that time: whole seconds.
    pub fn seconds(&self) -> Vec<Duration> {
        let mut chance = fastrand::Rng::with_seed(self.seed);
        (0..self.connections)
            .map(|_| Duration::from_secs(chance.u64(0..self.within.as_secs())))
            .collect()
    }

    /// How long before that time the clock begins to run: the sweeper of a local cloud needs some of it.
    pub fn lead(&self) -> Duration {
        Duration::from_secs(30) + Duration::from_millis(200) * u32::try_from(self.connections).unwrap_or(u32::MAX)
    }
}

fn number<T: std::str::FromStr<Err = std::num::ParseIntError>>(name: &str) -> Result<Option<T>> {
    let given = std::env::var(name).ok().filter(|text| !text.is_empty());
    given
        .map(|text| text.parse().with_context(|| format!("{name} is `{text}`: no number")))
        .transpose()
}
