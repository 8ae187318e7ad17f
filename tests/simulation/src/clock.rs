//! Time that stands until it is moved, and chance that repeats itself.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use handover_core::{
    ports::{Clock, Randomness},
    registration::later,
};
use jiff::Timestamp;

use crate::lock;

/// Time that stands until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    start: Timestamp,
    passed: Mutex<Duration>,
}

impl ManualClock {
    /// Stands at `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self {
            start,
            passed: Mutex::new(Duration::ZERO),
        }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        *lock(&self.passed) += by;
    }

    /// Lets time pass until `moment`, if that is still to come.
    pub fn advance_to(&self, moment: Timestamp) {
        self.advance(Duration::try_from(moment.duration_since(self.now())).unwrap_or_default());
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        later(self.start, self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        *lock(&self.passed)
    }

    async fn sleep(&self, time: Duration) {
        self.advance(time);
        tokio::task::yield_now().await;
    }
}

/// Chance that repeats itself: the same numbers in every run.
#[derive(Debug, Default)]
pub struct Chance(AtomicU64);

impl Chance {
    /// Another sequence for another seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// SplitMix64.
    fn next(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Randomness for Chance {
    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.next().to_le_bytes());
        }
        bytes
    }

    fn id(&self) -> u128 {
        (u128::from(self.next()) << 64) | u128::from(self.next())
    }
}
