//! Time and chance.

use std::time::Duration;

use jiff::Timestamp;

/// Time. The only way to it: tests and the simulation move it.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment of this process; never jumps. For what is left of an invocation: its deadline
    /// stays in real time even where [`Clock::now`] is moved.
    fn monotonic(&self) -> Duration;

    /// Comes back after `time`.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;
}

/// Chance, fit for secrets.
pub trait Randomness: Send + Sync {
    /// 32 bytes nobody can guess.
    fn secret(&self) -> [u8; 32];

    /// For an id.
    fn id(&self) -> u128;
}
