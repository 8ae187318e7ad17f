//! What a run is to be: read from the environment.

use std::time::Duration;

use anyhow::{Context, Result};

/// What a run is to be.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Everything that is left to chance here follows from it.
    pub seed: u64,
    /// Customers.
    pub connections: u32,
    /// Kills at most, over all functions.
    pub kills: u32,
    /// How long it may take in real time. What is not registered by then is stuck.
    pub limit: Duration,
}

impl Plan {
    /// `SEED` (a random one unless given), `CONNECTIONS`, `KILLS` and `MINUTES`.
    ///
    /// # Errors
    /// When one of them is no number.
    pub fn from_environment() -> Result<Self> {
        let connections: u32 = number("CONNECTIONS")?.unwrap_or(50);
        let kills = number("KILLS")?.unwrap_or(connections.saturating_mul(10));
        Ok(Self {
            seed: number("SEED")?.unwrap_or_else(|| fastrand::u64(..)),
            connections,
            kills,
            limit: Duration::from_secs(60 * number("MINUTES")?.unwrap_or(30)),
        })
    }

    /// Chance for one purpose, independent of what the others draw.
    #[must_use]
    pub fn chance(&self, purpose: u64) -> fastrand::Rng {
        let mut seeds = fastrand::Rng::with_seed(self.seed);
        fastrand::Rng::with_seed(seeds.u64(..) ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

fn number<T: std::str::FromStr<Err = std::num::ParseIntError>>(name: &str) -> Result<Option<T>> {
    let given = std::env::var(name).ok().filter(|text| !text.is_empty());
    given
        .map(|text| text.parse().with_context(|| format!("{name} is `{text}`: no number")))
        .transpose()
}
