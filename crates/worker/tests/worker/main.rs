//! The worker on ports in memory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests, which clippy does not see"
)]

mod world;

mod batch;
mod doubt;
mod identity;
mod obstacles;
mod registration;
mod tables;
mod wake_ups;
