//! What is finished goes; a customer who asks is forgotten at once.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use handover_local::wait;

use crate::{
    evidence::Evidence,
    world::{SOON, World},
};

const DAY: u64 = 24 * 3_600;

pub async fn what_is_finished_goes_after_its_time(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    let journey = world.authorised(Duration::ZERO).await?;
    world.until(&journey.connection, "registered").await?;
    world.stage.move_clock(Duration::from_secs(179 * DAY)).await?;
    world.sweep().await?;
    world.until(&journey.connection, "registered").await?;
    world.stage.move_clock(Duration::from_secs(180 * DAY + 60)).await?;
    world.sweep().await?;
    let key = format!("CONN#{}", journey.connection);
    let gone = wait::until("the connection and its history to be gone", SOON, || async {
        Ok(world.items("ConnectionsTable", &key).await?.is_empty().then_some(()))
    });
    gone.await?;
    world.leave(&evidence).await
}

pub async fn a_customer_is_forgotten_at_once(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let done = world.authorised(Duration::ZERO).await?;
    world.until(&done.connection, "registered").await?;
    let pending = world.authorised(Duration::from_secs(DAY)).await?;
    world.until(&pending.connection, "authorized").await?;
    for journey in [&done, &pending] {
        let said = world.handover(&["forget", &journey.reference, "--yes"], "").await?;
        ensure!(said.ok, "forget: {}", said.err);
        let left = world.told(&journey.connection).await?;
        ensure!(
            !left.contains(&journey.reference) && !left.contains("customer-"),
            "it still says who it was: {left}"
        );
    }
    ensure!(world.sealed_pairs().await?.is_empty(), "a pair is still sealed");
    world.until(&done.connection, "registered").await?;
    world.until(&pending.connection, "cancelled").await?;
    world.leave(&evidence).await
}
