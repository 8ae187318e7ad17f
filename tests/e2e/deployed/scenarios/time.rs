//! Hours and days later: the clock of functions and stand-ins is moved.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use handover_local::{stage::API_KEY, wait};
use jiff::Timestamp;
use serde_json::Value;

use super::journey::PRECISION;
use crate::{evidence::Evidence, world::World};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

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

pub async fn a_pair_is_warned_of_and_expires(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    let journey = world.authorised(Duration::from_secs(29 * DAY)).await?;
    world.until(&journey.connection, "authorized").await?;
    // Not yet due when the other one's last warning is, so that no worker has it in hand when it ends.
    let late = world.authorised(Duration::from_secs(30 * DAY - HOUR)).await?;
    // Nobody can be reached: the registration is put off until the pair ends.
    let settings = handover_standin::InvantiveSettings {
        api_key: API_KEY.into(),
        busy: true,
        ..Default::default()
    };
    world.control().put_invantive(&settings).await?;
    for (days, left) in [(23, "7"), (27, "3"), (29, "1")] {
        world.stage.move_clock(Duration::from_secs(days * DAY + 60)).await?;
        world.sweep().await?;
        let shown = world.show(&journey.connection).await?.to_string();
        ensure!(
            shown.contains(&format!("\"days_left\":{left}")),
            "{left} days before its end: {shown}"
        );
    }
    world.stage.move_clock(Duration::from_secs(30 * DAY + 60)).await?;
    world.sweep().await?;
    world.until(&journey.connection, "reauthorize").await?;
    world.until(&late.connection, "reauthorize").await?;
    ensure!(
        world.sealed_pairs().await?.is_empty(),
        "an expired pair is still sealed"
    );
    world.leave(&evidence).await
}
