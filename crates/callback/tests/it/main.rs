//! The callback function, request by request, on ports in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails where it stands"
)]

mod binary;
mod browser;
mod clock;
mod deviation;
mod events;
mod faults;
mod outcome;
mod secrets;
mod slow;
mod twice;
mod unwanted;
mod way;
mod world;
