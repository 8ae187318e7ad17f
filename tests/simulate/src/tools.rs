//! What a process of ours works with: the ports, over its own way out.

use std::time::Duration;

use handover_callback::{Callback, Ports};
use handover_core::apply::Desk;
use handover_sweeper::Sweeper;
use handover_worker::Worker;

use crate::{
    chance::seconds,
    port::{
        Port, SimulatedChance, SimulatedClock, platform::SimulatedPlatform, queue::SimulatedQueue,
        registrar::SimulatedRegistrar, store::SimulatedStore, vault::SimulatedVault,
    },
};

/// The callback's and the worker's timeout (`infra/template.yaml`).
pub const TIMEOUT: Duration = seconds(120);
/// The sweeper's.
pub const SWEEP_TIMEOUT: Duration = seconds(60);
/// After how long a customer is told that the work goes on.
const STILL_WORKING: Duration = seconds(20);

/// The production callback in this world.
pub type SimulatedCallback =
    Callback<SimulatedStore, SimulatedVault, SimulatedQueue, SimulatedPlatform, SimulatedClock, SimulatedChance>;
/// The production desk in this world.
pub type SimulatedDesk<'a> = Desk<'a, SimulatedStore, SimulatedQueue, SimulatedClock, SimulatedChance>;
/// The production worker in this world.
pub type SimulatedWorker<'a> = Worker<
    'a,
    SimulatedStore,
    SimulatedVault,
    SimulatedQueue,
    SimulatedPlatform,
    SimulatedRegistrar,
    SimulatedClock,
    SimulatedChance,
>;

/// The ports of one process.
#[derive(Debug)]
pub struct Tools {
    /// The tables.
    pub store: SimulatedStore,
    /// KMS.
    pub vault: SimulatedVault,
    /// The wake-ups.
    pub queue: SimulatedQueue,
    /// Exact Online.
    pub platform: SimulatedPlatform,
    /// Invantive Cloud.
    pub registrar: SimulatedRegistrar,
    /// Time.
    pub clock: SimulatedClock,
    /// Chance.
    pub chance: SimulatedChance,
    /// The way out itself.
    pub port: Port,
}

impl Tools {
    /// Over this way out.
    #[must_use]
    pub fn over(port: Port) -> Self {
        Self {
            store: SimulatedStore(port.clone()),
            vault: SimulatedVault(port.clone()),
            queue: SimulatedQueue(port.clone()),
            platform: SimulatedPlatform(port.clone()),
            registrar: SimulatedRegistrar(port.clone()),
            clock: SimulatedClock(port.clone()),
            chance: SimulatedChance(port.clone()),
            port,
        }
    }

    /// A desk.
    #[must_use]
    pub fn desk(&self) -> SimulatedDesk<'_> {
        Desk {
            store: &self.store,
            queue: &self.queue,
            clock: &self.clock,
            randomness: &self.chance,
        }
    }

    /// A worker.
    #[must_use]
    pub fn worker(&self) -> SimulatedWorker<'_> {
        Worker {
            desk: self.desk(),
            vault: &self.vault,
            platform: &self.platform,
            registrar: &self.registrar,
            settings: handover_worker::Settings {
                deployment: None,
                timeout: TIMEOUT,
                accept_unknown_identity: false,
            },
        }
    }

    /// A sweeper.
    #[must_use]
    pub fn sweeper(&self) -> Sweeper<'_, SimulatedStore, SimulatedQueue, SimulatedClock, SimulatedChance> {
        Sweeper {
            desk: self.desk(),
            deployment: String::new(),
            timeout: SWEEP_TIMEOUT,
        }
    }

    /// A callback.
    #[must_use]
    pub fn callback(self) -> std::sync::Arc<SimulatedCallback> {
        let ports = Ports {
            store: self.store,
            vault: self.vault,
            queue: self.queue,
            platform: self.platform,
            clock: self.clock,
            randomness: self.chance,
        };
        let settings = handover_callback::Settings {
            timeout: TIMEOUT,
            still_working_after: STILL_WORKING,
        };
        Callback::new(ports, settings)
    }
}
