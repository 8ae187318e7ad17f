//! The ports in memory, with faults on order.
//!
//! Each passes on to the port in memory inside it (`inner`), keeps count, and fails as a test has asked. All of one
//! process share a [`Fate`].

mod fate;
mod platform;
mod queue;
mod registrar;
mod store;
mod vault;

pub use fate::Fate;
pub use platform::FaultyPlatform;
pub use queue::FaultyQueue;
pub use registrar::{FaultyRegistrar, Request};
pub use store::{Fault, FaultyStore};
pub use vault::FaultyVault;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

fn counted(number: &AtomicU32) {
    number.fetch_add(1, SeqCst);
}

fn is(flag: &AtomicBool) -> bool {
    flag.load(SeqCst)
}
