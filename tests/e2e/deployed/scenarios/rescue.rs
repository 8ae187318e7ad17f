//! The table is away just when a pair has come back.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use handover_local::recorder::Outage;
use handover_standin::books::Peer;

use crate::{evidence::Evidence, world::World};

const DAY: u64 = 24 * 3_600;

/// Writes that bring a pair do not reach the table.
fn outage(caller: &str) -> Outage {
    Outage {
        caller: caller.into(),
        action: "TransactWriteItems".into(),
        body: "PAIR#".into(),
    }
}

pub async fn a_pair_that_the_table_cannot_take_comes_home(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    let mut journey = world.journey(Duration::from_secs(40 * DAY)).await?;
    world.stage.recorder.set_outage(Some(outage("handover-callback")));
    let page = world.connect(&mut journey).await?;
    ensure!(page.status == 200, "the customer gets {}: {}", page.status, page.body);
    world.until(&journey.connection, "authorized").await?;
    world.until_told(&journey.connection, "identified").await?;

    // The worker itself, when it rotates.
    world.stage.recorder.set_outage(Some(outage("handover-worker")));
    world.stage.move_clock(Duration::from_secs(27 * DAY + 60)).await?;
    world.sweep().await?;
    world.until_told(&journey.connection, "rotation_began").await?;
    world.until_rescued().await?;
    world.stage.recorder.set_outage(None);
    world.until_told(&journey.connection, "\"rotated\"").await?;
    let books = world.books();
    let presented: Vec<_> = books.codes.iter().map(|code| code.presented.times()).collect();
    ensure!(presented == [1], "codes were presented {presented:?} times");
    ensure!(
        books.refresh_tokens_spent_by(Peer::Oem) == 1,
        "{} refresh tokens were spent",
        books.refresh_tokens_spent_by(Peer::Oem)
    );
    world.leave(&evidence).await
}
