#![doc = include_str!("../README.md")]

mod clock;
pub mod faulty;
mod lines;
mod platform;
mod queue;
mod registrar;
mod store;
mod vault;

pub use clock::{Chance, ManualClock};
pub use lines::Lines;
pub use platform::{ScriptedPlatform, received};
pub use queue::MemoryQueue;
pub use registrar::ScriptedRegistrar;
pub use store::MemoryStore;
pub use vault::MemoryVault;

use std::sync::{Mutex, MutexGuard};

/// A lock that a failed test elsewhere cannot spoil.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
