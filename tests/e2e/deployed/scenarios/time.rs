//! Hours and days later: the clock of functions and stand-ins is moved.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use handover_local::wait;
use jiff::Timestamp;
use serde_json::Value;

use super::journey::PRECISION;
use crate::{evidence::Evidence, world::World};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

pub async fn what_was_far_away_is_registered_within_two_seconds_of_its_time(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    let journey = world.authorised(Duration::from_secs(3 * DAY)).await?;
    let shown = world.until(&journey.connection, "authorized").await?;
    let due = due(&shown)?;

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

/// Three are due at once, at a pace of one a minute, just within the queue's reach.
pub async fn a_herd_keeps_its_pace_from_one_sweep_to_the_next(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    world.replace_application(&["--pace", "1"]).await?;
    let (mut herd, mut first_due) = (Vec::new(), Timestamp::MAX);
    for _ in 0..3 {
        let journey = world.authorised(Duration::from_secs(2 * HOUR)).await?;
        first_due = first_due.min(due(&world.until(&journey.connection, "authorized").await?)?);
        herd.push(journey.connection);
    }
    let sweep_at = async |moment| {
        world.stage.move_clock(Duration::from_secs(moment)).await?;
        world.sweep().await
    };
    sweep_at(2 * HOUR - 14 * MINUTE - 30).await?;
    let applications = world.items("ConnectionsTable", "APP#").await?;
    ensure!(
        applications.iter().any(|item| item.pointer("/taken_until/N").is_some()),
        "no sweep after this one would know of its slots: {applications:?}"
    );
    sweep_at(2 * HOUR + MINUTE).await?;
    sweep_at(2 * HOUR + 6 * MINUTE).await?;
    for connection in &herd {
        world.until(connection, "registered").await?;
    }
    // A quarter of a minute's worth may go at once: 45 s after the first comes the second, and 60 s after that the third.
    let last = world.books().submissions.last().map(|submission| submission.at);
    let after = last.context("no submission")?.duration_since(first_due);
    ensure!(after.as_secs() >= 105, "the third came {after} after the first was due");
    world.leave(&evidence).await
}

fn due(shown: &Value) -> Result<Timestamp> {
    let due = shown.get("due_at").and_then(Value::as_str);
    Ok(due.context("no due_at")?.parse()?)
}
