//! The main job.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use handover_standin::books::Peer;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    evidence::Evidence,
    world::{SOON, World},
};

/// What "at the agreed second" means.
pub const PRECISION: Duration = Duration::from_secs(2);

pub async fn a_customer_is_connected_and_registered_in_time(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let mut journey = world.journey(Duration::from_secs(5)).await?;
    let page = world.connect(&mut journey).await?;
    ensure!(
        page.status == 200 && page.url.path().starts_with("/connected/"),
        "ends on {} {}",
        page.status,
        page.url
    );
    ensure!(page.url.query().is_none(), "the code is still in the address bar");

    let shown = world.until(&journey.connection, "registered").await?;
    let due: Timestamp = shown
        .get("due_at")
        .and_then(Value::as_str)
        .context("no due_at")?
        .parse()?;
    let books = world.books();
    let submission = books.submissions.first().context("nothing was submitted")?;
    let late = submission.at.duration_since(due);
    ensure!(
        !late.is_negative() && late.unsigned_abs() <= PRECISION,
        "submitted {late} after it was due"
    );

    ensure!(
        books.submissions.len() == 1,
        "submitted {} times",
        books.submissions.len()
    );
    let presented: Vec<_> = books.codes.iter().map(|code| code.presented.times()).collect();
    ensure!(presented == [1], "codes were presented {presented:?} times");
    ensure!(
        books.refresh_tokens_spent_by(Peer::Oem) == 0,
        "Handover itself spent a refresh token"
    );
    ensure!(
        world.sealed_pairs().await?.is_empty(),
        "a pair is still sealed after the registration"
    );

    // The page follows the state, for the browser that holds the cookie only.
    let again = journey.browser.open(&page.url).await?;
    ensure!(again.status == 200, "the page is gone: {}", again.status);
    // A link is good until a consent succeeded.
    let link = journey.link.clone();
    let used = journey.browser.open(&link).await?;
    ensure!((400..500).contains(&used.status), "a used link answers {}", used.status);

    let told = world.handover(&["show", &journey.connection], "").await?;
    ensure!(
        told.ok && told.out.contains("registered"),
        "show says: {}{}",
        told.out,
        told.err
    );
    let listed = world.handover(&["list"], "").await?;
    ensure!(
        listed.out.contains(&journey.connection),
        "list does not show it: {}{}",
        listed.out,
        listed.err
    );
    world.leave(&evidence).await
}

pub async fn a_connection_can_be_cancelled_rescheduled_and_given_a_new_link(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;

    let mut renewed = world.journey(Duration::from_secs(3_600)).await?;
    let answer = world.stage.handover.json(&["link", &renewed.connection], "").await?;
    let old = std::mem::replace(
        &mut renewed.link,
        answer.get("link").and_then(Value::as_str).context("no link")?.parse()?,
    );
    let replaced = renewed.browser.open(&old).await?;
    ensure!(
        (400..500).contains(&replaced.status),
        "a replaced link answers {}",
        replaced.status
    );
    world.connect(&mut renewed).await?;
    world.until(&renewed.connection, "authorized").await?;
    let sooner = world
        .handover(&["reschedule", &renewed.connection, "--register-now"], "")
        .await?;
    ensure!(sooner.ok, "reschedule: {}", sooner.err);
    world.until(&renewed.connection, "registered").await?;

    consents_again(&world).await?;

    let dropped = world.authorised(Duration::from_secs(3_600)).await?;
    ensure!(world.sealed_pairs().await?.len() == 1, "one pair is to be sealed now");
    let cancelled = world.handover(&["cancel", &dropped.connection], "").await?;
    ensure!(cancelled.ok, "cancel: {}", cancelled.err);
    world.stage.until_status(&dropped.connection, "cancelled", SOON).await?;
    ensure!(
        world.sealed_pairs().await?.is_empty(),
        "a cancelled connection keeps its pair"
    );
    ensure!(world.submissions(&dropped) == 0, "a cancelled connection was submitted");

    let again = world.handover(&["cancel", &dropped.connection], "").await?;
    ensure!(
        !again.ok && again.err.contains("finished"),
        "cancelling twice says: {}",
        again.err
    );
    world.leave(&evidence).await
}

/// A new link for a customer who is authorised: the new pair takes the place of the old one.
async fn consents_again(world: &World) -> Result<()> {
    let mut journey = world.authorised(Duration::from_secs(3_600)).await?;
    let first = world.sealed_pairs().await?;
    let answer = world.stage.handover.json(&["link", &journey.connection], "").await?;
    journey.link = answer.get("link").and_then(Value::as_str).context("no link")?.parse()?;
    let page = world.connect(&mut journey).await?;
    ensure!(
        page.status == 200,
        "the second consent ends on {}: {}",
        page.status,
        page.body
    );
    world.until(&journey.connection, "authorized").await?;
    let second = world.sealed_pairs().await?;
    ensure!(
        first.len() == 1 && second.len() == 1,
        "{} pairs, then {}",
        first.len(),
        second.len()
    );
    ensure!(
        first.first().and_then(|item| item.get("pk")) != second.first().and_then(|item| item.get("pk")),
        "the old pair stayed"
    );
    let said = world.handover(&["cancel", &journey.connection], "").await?;
    ensure!(said.ok, "cancel: {}", said.err);
    Ok(())
}
