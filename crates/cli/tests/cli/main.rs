//! The command, over the ports in memory, as a process, and on a terminal of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests, helpers included, fail by panicking"
)]

mod app;
mod arguments;
mod asks;
mod channel;
mod connect;
mod expiring;
mod forget;
mod frames;
#[cfg(unix)]
mod process;
mod rotation;
#[cfg(unix)]
mod screen;
mod setup;
mod show;
mod take;
