//! The sweeper on ports in memory, alone and with the worker.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests, which clippy does not see"
)]

// Theirs.
#[allow(dead_code, reason = "the worker's tests use the rest")]
#[path = "../../../worker/tests/worker/world.rs"]
mod world;

mod burst;
mod faults;
mod pace;
mod properties;
mod queue;
mod sweeps;

use handover_core::ids::ConnectionId;
use handover_simulation::{
    Chance, ManualClock,
    faulty::{FaultyQueue, FaultyStore},
};
use handover_sweeper::{Report, Sweeper};

use crate::world::World;

fn sweeper(world: &World) -> Sweeper<'_, FaultyStore, FaultyQueue, ManualClock, Chance> {
    Sweeper {
        desk: world.desk(),
        deployment: "handover-test".into(),
        timeout: std::time::Duration::from_secs(60),
    }
}

async fn sweep(world: &World) -> Report {
    sweeper(world).sweep().await
}

async fn ids(world: &World, number: usize, wait: std::time::Duration) -> Vec<ConnectionId> {
    let mut ids = Vec::new();
    for _ in 0..number {
        ids.push(world.authorized(wait).await);
    }
    ids
}

/// Lets the worker do what is sent at a pace within the next minutes.
async fn work_off(world: &World) {
    for _ in 0..5 {
        world.clock.advance(world::MINUTE);
        world.work().await;
    }
}
