//! Hours and days later: the clock of functions and stand-ins is moved.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use handover_local::wait;
use jiff::Timestamp;
use serde_json::Value;

use super::journey::PRECISION;
use crate::{evidence::Evidence, world::World};

const DAY: u64 = 24 * 3_600;

pub async fn what_was_far_away_is_registered_within_two_seconds_of_its_time(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    let journey = world.authorised(Duration::from_secs(3 * DAY)).await?;
    let shown = world.until(&journey.connection, "authorized").await?;
    let due: Timestamp = shown
        .get("due_at")
        .and_then(Value::as_str)
        .context("no due_at")?
        .parse()?;

    // A sweep long before finds nothing to do.
    world.stage.move_clock(Duration::from_secs(2 * DAY)).await?;
    world.sweep().await?;
    ensure!(world.books().submissions.is_empty(), "submitted a day early");
    // One ten seconds before leaves a pointer for the exact second.
    world.stage.move_clock(Duration::from_secs(3 * DAY - 10)).await?;
    world.sweep().await?;
    let submitted = wait::until("the submission", Duration::from_secs(60), || async {
        Ok(world.books().submissions.first().map(|submission| submission.at))
    });
    let late = submitted.await?.duration_since(due);
    ensure!(
        !late.is_negative() && late.unsigned_abs() <= PRECISION,
        "submitted {late} after it was due"
    );
    world.until(&journey.connection, "registered").await?;
    world.leave(&evidence).await
}
