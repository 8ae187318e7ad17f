//! The system's time and chance: the only place that reads either.

use std::time::{Duration, Instant};

use aws_lc_rs::rand;
use handover_core::ports::{Clock, Randomness};
use jiff::Timestamp;

/// The system clock, in whole milliseconds: what the indexes hold, and shorter in every item.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Counts [`Clock::monotonic`] from now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the port itself")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// The random generator of AWS-LC, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandomness;

impl SystemRandomness {
    fn bytes<const N: usize>() -> [u8; N] {
        let mut bytes = [0; N];
        if rand::fill(&mut bytes).is_err() {
            // Never seen, and nothing safe could follow: a guessable secret would be worse than no process.
            std::process::abort();
        }
        bytes
    }
}

impl Randomness for SystemRandomness {
    fn secret(&self) -> [u8; 32] {
        Self::bytes()
    }

    fn id(&self) -> u128 {
        u128::from_ne_bytes(Self::bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_in_whole_milliseconds() {
        let now = SystemClock::new().now();
        assert_eq!(now.subsec_nanosecond() % 1_000_000, 0);
    }

    #[test]
    fn monotonic_time_goes_on() {
        let clock = SystemClock::new();
        let before = clock.monotonic();
        assert!(clock.monotonic() >= before);
    }

    #[test]
    fn chance_does_not_repeat() {
        assert_ne!(SystemRandomness.secret(), SystemRandomness.secret());
        assert_ne!(SystemRandomness.id(), SystemRandomness.id());
    }
}
