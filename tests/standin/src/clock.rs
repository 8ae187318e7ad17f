//! The clock of both servers: the machine's time plus an offset that anyone may set.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Real time plus a settable offset, so that thirty days pass in a moment.
#[derive(Debug, Default)]
pub struct Clock {
    offset_seconds: AtomicI64,
}

/// What `GET` and `PUT /__standin/clock` answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// The time on this clock.
    pub now: Timestamp,
    /// How far it is from real time.
    pub offset_seconds: i64,
}

/// What `PUT /__standin/clock` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetClock {
    /// The distance from real time, absolute: setting it twice is setting it once.
    pub offset_seconds: i64,
}

impl Clock {
    /// The time on this clock.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(&self) -> Timestamp {
        later(Timestamp::now(), self.offset_seconds())
    }

    /// How far the clock is from real time.
    pub fn offset_seconds(&self) -> i64 {
        self.offset_seconds.load(Ordering::SeqCst)
    }

    /// Puts the clock at `offset_seconds` from real time.
    pub fn set(&self, offset_seconds: i64) {
        self.offset_seconds.store(offset_seconds, Ordering::SeqCst);
    }

    /// What it shows.
    pub fn read(&self) -> ClockReading {
        ClockReading {
            now: self.now(),
            offset_seconds: self.offset_seconds(),
        }
    }
}

/// `seconds` after `at`, held at the end of time rather than failing.
pub fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_held_at_its_ends() {
        assert_eq!(later(Timestamp::UNIX_EPOCH, i64::MAX), Timestamp::MAX);
        assert_eq!(later(Timestamp::UNIX_EPOCH, i64::MIN), Timestamp::MIN);
        assert_eq!(later(Timestamp::UNIX_EPOCH, 570).as_second(), 570);
    }

    #[test]
    fn the_offset_is_absolute() {
        let clock = Clock::default();
        clock.set(86_400);
        clock.set(86_400);
        assert_eq!(clock.offset_seconds(), 86_400);
    }
}
