#![doc = include_str!("../README.md")]

mod batch;
mod chores;
mod identity;
mod look_up;
mod register;
mod report;
mod rescue;
mod rotate;
mod settings;
mod unseal;
mod wake;
mod withdraw;

pub use batch::Batch;
pub use settings::Settings;
pub use wake::{WakeError, Woken};

use handover_core::apply::Desk;

/// The worker: what it works with, and how.
#[derive(Debug)]
pub struct Worker<'a, S, V, Q, P, R, C, N> {
    /// Tables, wake-ups, time and chance.
    pub desk: Desk<'a, S, Q, C, N>,
    /// Opens what is sealed, and seals what a rotation brings.
    pub vault: &'a V,
    /// Rotates, and tells who consented.
    pub platform: &'a P,
    /// Registers.
    pub registrar: &'a R,
    /// How.
    pub settings: Settings,
}
