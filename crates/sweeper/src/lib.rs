#![doc = include_str!("../README.md")]

mod item;
mod pace;
mod report;
mod shard;
mod sweep;

pub use report::Report;

use std::time::Duration;

use handover_core::apply::Desk;

/// The sweeper: what it works with, and how.
#[derive(Debug)]
pub struct Sweeper<'a, S, Q, C, N> {
    /// Tables, wake-ups, time and chance.
    pub desk: Desk<'a, S, Q, C, N>,
    /// `HANDOVER_DEPLOYMENT`: the dimension of its metrics.
    pub deployment: String,
    /// `HANDOVER_TIMEOUT_SECONDS`: the function's own timeout. Shortly before it, what is left waits for the next sweep.
    pub timeout: Duration,
}
