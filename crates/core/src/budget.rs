//! What is left of an invocation.

use std::time::Duration;

use jiff::Timestamp;

use crate::{ports::Clock, registration::later};

/// A lease outlives the invocation that took it by this much.
const LEASE_MARGIN: Duration = Duration::from_secs(60);
/// Kept at the end of an invocation for storing what came back: an operation of the store that hangs, and one of the rescue
/// queue after it (8 s each).
const STORING: Duration = Duration::from_secs(18);

/// The least time that a call of the platform's token endpoint is given: it was seen to take 35 s, and who gives up early
/// may have spent a code or a token for nothing.
pub const LEAST_FOR_TOKENS: Duration = Duration::from_secs(60);
/// The most.
const MOST_FOR_TOKENS: Duration = Duration::from_secs(75);
/// Kept free after it, if there is more than the least: for storing the pair on a bad day.
const STORING_A_PAIR: Duration = Duration::from_secs(25);

/// What is left of an invocation, by the monotonic clock: the time of day may be moved, the deadline is not.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    ends_at: Duration,
    timeout: Duration,
}

impl Budget {
    /// An invocation that begins now and is killed after `timeout`.
    #[must_use]
    pub fn begin(clock: &impl Clock, timeout: Duration) -> Self {
        Self {
            ends_at: clock.monotonic().saturating_add(timeout),
            timeout,
        }
    }

    /// What is left.
    #[must_use]
    pub fn left(&self, clock: &impl Clock) -> Duration {
        self.ends_at.saturating_sub(clock.monotonic())
    }

    /// Whether a call that may take `limit` still fits, with its storing. Nothing is sent that does not.
    #[must_use]
    pub fn fits(&self, clock: &impl Clock, limit: Duration) -> bool {
        self.left(clock) >= limit.saturating_add(STORING)
    }

    /// How long a call of the platform's token endpoint may take. `None`: not even the least fits any more.
    #[must_use]
    pub fn for_tokens(&self, clock: &impl Clock) -> Option<Duration> {
        self.fits(clock, LEAST_FOR_TOKENS).then(|| {
            self.left(clock)
                .saturating_sub(STORING_A_PAIR)
                .clamp(LEAST_FOR_TOKENS, MOST_FOR_TOKENS)
        })
    }

    /// When the lease of an effect that begins now ends: nothing outlives its invocation, so nothing is under way then.
    #[must_use]
    pub fn lease_ends_at(&self, now: Timestamp) -> Timestamp {
        later(now, self.timeout.saturating_add(LEASE_MARGIN))
    }
}
