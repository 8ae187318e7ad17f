//! The facts' tables over the network: each row against the embedded server. The clock is moved, never waited for.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests, which clippy does not see"
)]

mod authorize;
mod control;
mod faults;
mod invantive;
mod me;
mod refresh;
mod setup;
mod token;
