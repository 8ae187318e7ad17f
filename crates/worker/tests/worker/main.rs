//! The worker on ports in memory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests, which clippy does not see"
)]

mod world;

mod batch;
mod chains;
mod chores;
mod deaths;
mod doubt;
mod fresh;
mod identity;
mod obstacles;
mod registration;
mod rescue;
mod rotation;
mod tables;
mod wake_ups;
