//! What goes wrong at Invantive Cloud's interface.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use handover_local::{
    cloud::free_port,
    customer::Customer,
    stage::{API_KEY, PASSWORD, profile},
    wait,
};
use handover_standin::{At, Fault, FaultKind, InvantiveSettings};
use serde_json::Value;

use crate::{
    evidence::Evidence,
    world::{Journey, SOON, World},
};

/// The wait for what comes back after half a minute and a bit.
const COMES_BACK: Duration = Duration::from_secs(180);

/// Each fault, and where the connection stands right after it.
const FAULTS: [(FaultKind, &[&str]); 11] = [
    // The database was made: a look-up finds it.
    (FaultKind::LostAnswer, &["in_doubt", "registered"]),
    (FaultKind::MalformedJson, &["in_doubt", "registered"]),
    // Closed after it was sent: nobody can say that it was not read.
    (FaultKind::ConnectionClosedBefore, &["in_doubt"]),
    // Answers that the profile does not list.
    (FaultKind::EmptyBody, &["in_doubt"]),
    (FaultKind::HtmlBody, &["in_doubt"]),
    (FaultKind::BadRequest, &["in_doubt"]),
    (FaultKind::Gateway500, &["in_doubt"]),
    (FaultKind::False400, &["in_doubt"]),
    (FaultKind::Unavailable503, &["in_doubt"]),
    (FaultKind::TooMany429, &["in_doubt"]),
    // 35 s, of the 60 that the profile allows: it is waited for.
    (FaultKind::Delay, &["registering"]),
];

pub async fn no_fault_of_the_channel_is_answered_by_a_second_submission(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let mut journeys = Vec::new();
    for (fault, expected) in FAULTS {
        let journey = struck(&world, fault, expected).await;
        journeys.push((
            fault,
            journey.with_context(|| format!("with {fault:?} at the registration"))?,
        ));
    }
    // A sweep counts the doubts for the alarm.
    world.sweep().await?;
    // The look-ups come after half a minute: side by side.
    try_join_all(journeys.iter().map(async |(fault, journey)| {
        let settled = settled(&world, *fault, journey).await;
        settled.with_context(|| format!("with {fault:?} at the registration"))
    }))
    .await?;
    world.leave(&evidence).await
}

async fn struck(world: &World, fault: FaultKind, expected: &[&str]) -> Result<Journey> {
    world.fault(&Fault::once(At::Register, fault)).await?;
    let journey = world.authorised(Duration::from_secs(1)).await?;
    let what = format!("the fault to strike and the connection to be one of {expected:?}");
    wait::until(&what, SOON, || async {
        let struck = world
            .control()
            .faults()
            .await?
            .iter()
            .any(|fault| !fault.struck_at.is_empty());
        let shown = world.show(&journey.connection).await?;
        let status = shown.get("status").and_then(Value::as_str).unwrap_or_default();
        Ok((struck && expected.contains(&status)).then_some(()))
    })
    .await?;
    world.control().clear_faults().await?;
    Ok(journey)
}

async fn settled(world: &World, fault: FaultKind, journey: &Journey) -> Result<()> {
    if !fault.has_effect() {
        // Nothing was made, and the look-up's "absent" does not count for a quarter of an hour: a person settles it.
        let resolved = ["resolve", &journey.connection, "--not-registered", "--unspent"];
        let said = world.handover(&resolved, "").await?;
        ensure!(said.ok, "resolve: {}", said.err);
        ensure!(world.submissions(journey) == 1, "submitted again before anybody asked");
        let said = world.handover(&["retry", &journey.connection], "").await?;
        ensure!(said.ok, "retry: {}", said.err);
    }
    world
        .stage
        .until_status(&journey.connection, "registered", COMES_BACK)
        .await?;
    let doubted = world.told(&journey.connection).await?.contains("in_doubt");
    ensure!(doubted == (fault != FaultKind::Delay), "a doubt was noted: {doubted}");
    let books = world.books();
    let databases = books
        .databases
        .iter()
        .filter(|database| database.reference.as_deref() == Some(journey.reference.as_str()));
    let databases = databases.count();
    ensure!(databases == 1, "{databases} databases were made");
    let wanted = if fault.has_effect() { 1 } else { 2 };
    let submitted = world.submissions(journey);
    ensure!(submitted == wanted, "submitted {submitted} times");
    Ok(())
}

/// A channel that leads to another address than the stage's stand-in.
const ELSEWHERE: &str = "elsewhere";

pub async fn what_surely_had_no_effect_comes_back_by_itself(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    // Nobody listens there.
    let nowhere = format!("http://127.0.0.1:{}", free_port()?);
    world.stage.add_channel(ELSEWHERE, &profile(&nowhere)?, API_KEY).await?;
    let mut unreachable = world.journey_over(ELSEWHERE, Duration::from_secs(1)).await?;
    world.authorise(&mut unreachable).await?;
    world.until_told(&unreachable.connection, "attempt_put_off").await?;
    ensure!(world.submissions(&unreachable) == 0, "somebody was reached");

    // Nothing was done, says the profile of that answer.
    let settings = |busy| InvantiveSettings {
        api_key: API_KEY.into(),
        busy,
        ..InvantiveSettings::default()
    };
    world.control().put_invantive(&settings(true)).await?;
    let busy = world.authorised(Duration::from_secs(1)).await?;
    world.until_told(&busy.connection, "attempt_put_off").await?;

    world.control().put_invantive(&settings(false)).await?;
    let right = profile(&world.stage.standin.url())?;
    world.stage.add_channel(ELSEWHERE, &right, API_KEY).await?;
    for journey in [&unreachable, &busy] {
        world
            .stage
            .until_status(&journey.connection, "registered", COMES_BACK)
            .await?;
        let told = world.told(&journey.connection).await?;
        ensure!(!told.contains("in_doubt"), "it was in doubt: {told}");
    }
    ensure!(
        world.submissions(&unreachable) == 1,
        "the one that had reached nobody was submitted {} times",
        world.submissions(&unreachable)
    );
    let books = world.books();
    let of_busy = |reference: &Option<String>| reference.as_deref() == Some(busy.reference.as_str());
    let outcomes: Vec<_> = books
        .submissions
        .iter()
        .filter(|one| of_busy(&one.reference))
        .map(|one| one.outcome.as_str())
        .collect();
    ensure!(
        outcomes == ["busy", "created"],
        "the busy one was answered {outcomes:?}"
    );
    world.leave(&evidence).await
}

pub async fn a_refusal_ends_it_with_its_reason(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let first = world.authorised(Duration::from_secs(1)).await?;
    world.until(&first.connection, "registered").await?;
    // The same user through another connection of the same app.
    let mut again = world.journey(Duration::from_secs(1)).await?;
    again.browser = Customer::new(&world.stage.gateway.url(), "customer-0", PASSWORD)?;
    world.authorise(&mut again).await?;
    let failed = world.until(&again.connection, "failed").await?;
    let reason = failed.to_string();
    ensure!(
        reason.contains("itgenscr590") && reason.contains("at most one data container"),
        "the reason is not told: {failed:#}"
    );
    // Nobody knows whether the refusal has spent it, says the profile.
    ensure!(world.sealed_pairs().await?.is_empty(), "the pair is still sealed");
    ensure!(
        world.submissions(&again) == 1,
        "submitted {} times",
        world.submissions(&again)
    );
    // It stays so: a pointer that comes late finds nothing to do.
    let pointer = format!(r#"{{"v":"1","connection":"{}"}}"#, again.connection);
    world.stage.aws.work(&[("late", &pointer)]).await?;
    ensure!(world.submissions(&again) == 1, "a refused one was submitted again");
    world.leave(&evidence).await
}

/// Look-ups that bring no clear answer, one of each.
const UNCLEAR: [FaultKind; 7] = [
    FaultKind::LostAnswer,
    FaultKind::EmptyBody,
    FaultKind::MalformedJson,
    FaultKind::Gateway500,
    FaultKind::ConnectionClosedBefore,
    FaultKind::BadRequest,
    FaultKind::False400,
];

pub async fn a_look_up_that_fails_is_made_again(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    // Before the first doubt: its look-up comes half a minute later.
    for fault in UNCLEAR {
        world.fault(&Fault::once(At::Lookup, fault)).await?;
    }
    let mut journeys = Vec::new();
    for _ in UNCLEAR {
        world.fault(&Fault::once(At::Register, FaultKind::LostAnswer)).await?;
        let journey = world.authorised(Duration::from_secs(1)).await?;
        world.until(&journey.connection, "in_doubt").await?;
        journeys.push(journey);
    }
    // The first look-ups, at their time, all fail.
    wait::until("every look-up to have failed once", Duration::from_secs(90), || async {
        Ok(world
            .control()
            .faults()
            .await?
            .iter()
            .all(|fault| fault.left == 0)
            .then_some(()))
    })
    .await?;
    for journey in &journeys {
        world.until_told(&journey.connection, "no clear answer").await?;
    }
    // The next ones, a quarter of an hour later, find the databases.
    world.stage.move_clock(Duration::from_secs(16 * 60)).await?;
    world.sweep().await?;
    for journey in &journeys {
        world.until(&journey.connection, "registered").await?;
        ensure!(
            world.submissions(journey) == 1,
            "submitted {} times",
            world.submissions(journey)
        );
    }
    world.leave(&evidence).await
}
