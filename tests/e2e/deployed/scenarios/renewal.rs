//! A month and more: pairs are renewed, or end.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use handover_local::{
    stage::{API_KEY, profile},
    wait,
};
use handover_standin::{
    Fault,
    books::Peer,
    faults::{At, FaultKind},
};
use serde_json::{Value, json};

use crate::{
    evidence::Evidence,
    world::{SOON, World},
};

const DAY: u64 = 24 * 3_600;
const MINUTE: u64 = 60;

async fn at(world: &World, moment: u64) -> Result<()> {
    world.stage.move_clock(Duration::from_secs(moment)).await?;
    world.sweep().await
}

async fn flagged(world: &World, connection: &str, days_left: u32) -> Result<()> {
    let told = world.told(connection).await?;
    ensure!(
        told.contains(&format!("\"days_left\":{days_left}")),
        "{days_left} days before its end: {told}"
    );
    let within = format!("{days_left}d");
    let listed = world.handover(&["list", "--expiring", &within], "").await?;
    ensure!(
        listed.ok && listed.out.contains(connection),
        "list --expiring {within}: {}{}",
        listed.out,
        listed.err
    );
    Ok(())
}

async fn spent(world: &World, times: usize) -> Result<()> {
    let reached = wait::until("a refresh token to be spent", SOON, || async {
        Ok((world.books().refresh_tokens_spent_by(Peer::Oem) == times).then_some(()))
    });
    reached.await
}

pub async fn a_pair_is_renewed_on_day_27_and_registered_on_day_40(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    let journey = world.authorised(Duration::from_secs(40 * DAY)).await?;
    world.until(&journey.connection, "authorized").await?;
    at(&world, 23 * DAY + MINUTE).await?;
    flagged(&world, &journey.connection, 7).await?;
    ensure!(
        world.books().refresh_tokens_spent_by(Peer::Oem) == 0,
        "renewed a week before its end"
    );
    at(&world, 27 * DAY + MINUTE).await?;
    spent(&world, 1).await?;
    world.until_told(&journey.connection, "\"rotated\"").await?;
    ensure!(world.sealed_pairs().await?.len() == 1, "one pair is to be sealed");
    let listed = world.handover(&["list", "--expiring", "7d"], "").await?;
    ensure!(
        !listed.out.contains(&journey.connection),
        "a renewed pair is still told to be near its end: {}",
        listed.out
    );

    at(&world, 40 * DAY - 10).await?;
    let shown = world.until(&journey.connection, "registered").await?;
    let books = world.books();
    ensure!(
        books.submissions.len() == 1 && books.refresh_tokens_spent_by(Peer::Oem) == 1,
        "{} submissions, {} renewals: {shown:#}",
        books.submissions.len(),
        books.refresh_tokens_spent_by(Peer::Oem)
    );
    ensure!(world.sealed_pairs().await?.is_empty(), "a pair is still sealed");
    world.leave(&evidence).await
}

pub async fn a_pair_that_is_not_renewed_expires_on_day_30_and_gets_a_new_link(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    world.replace_application(&["--renew", "never"]).await?;
    let mut journey = world.authorised(Duration::from_secs(29 * DAY)).await?;
    world.until(&journey.connection, "authorized").await?;
    // A person never takes this one: only the sweeper has anything to do with it.
    let add = ["channel", "add", "by-hand", "--assisted"];
    world.stage.handover.json(&add, "").await?;
    let mut untaken = world.journey_over("by-hand", Duration::from_secs(DAY)).await?;
    world.authorise(&mut untaken).await?;
    world.until(&untaken.connection, "authorized").await?;
    // Nobody can be reached: the registration is put off until the pair ends.
    let busy = |busy| handover_standin::InvantiveSettings {
        api_key: API_KEY.into(),
        busy,
        ..Default::default()
    };
    world.control().put_invantive(&busy(true)).await?;
    for (days, left) in [(23, 7), (27, 3), (29, 1)] {
        at(&world, days * DAY + MINUTE).await?;
        flagged(&world, &journey.connection, left).await?;
    }
    at(&world, 30 * DAY + MINUTE).await?;
    world.until(&journey.connection, "reauthorize").await?;
    world.until(&untaken.connection, "reauthorize").await?;
    ensure!(
        world.sealed_pairs().await?.is_empty(),
        "an expired pair is still sealed"
    );
    ensure!(world.books().refresh_tokens_spent_by(Peer::Oem) == 0, "it was renewed");

    // The same id, reference and registration: the schedule goes on.
    world.control().put_invantive(&busy(false)).await?;
    let answer = world.stage.handover.json(&["link", &journey.connection], "").await?;
    journey.link = answer.get("link").and_then(Value::as_str).context("no link")?.parse()?;
    world.authorise(&mut journey).await?;
    world.until(&journey.connection, "authorized").await?;
    at(&world, 59 * DAY + 2 * MINUTE).await?;
    world.until(&journey.connection, "registered").await?;
    world.leave(&evidence).await
}

pub async fn an_answer_that_is_lost_is_recovered_once(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    let recovered = world.authorised(Duration::from_secs(40 * DAY)).await?;
    world.until(&recovered.connection, "authorized").await?;
    // Before the platform has done anything: the old token lives.
    world.fault(&fault(FaultKind::ConnectionClosedBefore)).await?;
    at(&world, 27 * DAY + MINUTE).await?;
    world.until_told(&recovered.connection, "rotation_unanswered").await?;
    at(&world, 27 * DAY + 3 * 3_600).await?;
    world.until_told(&recovered.connection, "\"rotated\"").await?;

    // After it: the old one is dead, and that is found out by presenting it once more, and no oftener.
    let lost = world.authorised(Duration::from_secs(60 * DAY)).await?;
    world.until(&lost.connection, "authorized").await?;
    world.fault(&fault(FaultKind::LostAnswer)).await?;
    at(&world, 54 * DAY + 4 * 3_600).await?;
    world.until_told(&lost.connection, "rotation_unanswered").await?;
    at(&world, 54 * DAY + 7 * 3_600).await?;
    world.until(&lost.connection, "reauthorize").await?;
    let books = world.books();
    let presented = books.refresh_tokens.iter().map(|token| token.presented.times()).max();
    ensure!(
        presented == Some(2),
        "a refresh token was presented {presented:?} times"
    );
    world.leave(&evidence).await
}

fn fault(kind: FaultKind) -> Fault {
    Fault {
        at: At::TokenRefresh,
        fault: kind,
        times: 1,
        after: 0,
        delay_seconds: 1,
        effect: None,
        status: None,
    }
}

pub async fn a_channel_that_wants_a_fresh_access_token_gets_one(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    let mut wants = profile(&world.stage.standin.url())?;
    if let Some(fields) = wants.as_object_mut() {
        fields.insert("access_token".into(), json!("fresh"));
    }
    world.stage.add_channel("fresh", &wants, API_KEY).await?;
    let mut journey = world.journey_over("fresh", Duration::from_secs(2 * DAY)).await?;
    world.authorise(&mut journey).await?;
    world.until(&journey.connection, "authorized").await?;
    at(&world, 2 * DAY - 10).await?;
    world.until(&journey.connection, "registered").await?;
    let books = world.books();
    ensure!(
        books.refresh_tokens_spent_by(Peer::Oem) == 1 && books.submissions.len() == 1,
        "rotated {} times, submitted {} times",
        books.refresh_tokens_spent_by(Peer::Oem),
        books.submissions.len()
    );
    world.leave(&evidence).await
}
