//! What goes wrong at Invantive Cloud's interface.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use futures::future::try_join_all;
use handover_local::{stage::API_KEY, wait};
use handover_standin::{At, Fault, FaultKind, InvantiveSettings};
use serde_json::Value;

use crate::{
    evidence::Evidence,
    world::{Journey, World},
};

/// Each fault, and where the connection stands right after it.
const FAULTS: [(FaultKind, &[&str]); 10] = [
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
    try_join_all(journeys.iter().map(|(fault, journey)| settled(&world, *fault, journey))).await?;
    what_the_profile_calls_busy_comes_back(&world).await?;
    world.leave(&evidence).await
}

async fn struck(world: &World, fault: FaultKind, expected: &[&str]) -> Result<Journey> {
    world.fault(&Fault::once(At::Register, fault)).await?;
    let journey = world.authorised(Duration::from_secs(1)).await?;
    let what = format!("the fault to strike and the connection to be one of {expected:?}");
    wait::until(&what, Duration::from_secs(60), || async {
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
    let made = |world: &World| {
        let books = world.books();
        books
            .databases
            .iter()
            .any(|database| database.reference.as_deref() == Some(journey.reference.as_str()))
    };
    let shown = world.show(&journey.connection).await?;
    let status = shown
        .get("status")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    match status.as_str() {
        "in_doubt" if made(world) => {
            world
                .stage
                .until_status(&journey.connection, "registered", Duration::from_secs(180))
                .await?;
        }
        // Nothing was made, and the look-up's "absent" does not count for a quarter of an hour: a person settles it.
        "in_doubt" => {
            let resolved = ["resolve", &journey.connection, "--not-registered", "--unspent"];
            let said = world.handover(&resolved, "").await?;
            ensure!(said.ok, "{fault:?}: resolve: {}", said.err);
            let said = world.handover(&["retry", &journey.connection], "").await?;
            ensure!(said.ok, "{fault:?}: retry: {}", said.err);
            world
                .stage
                .until_status(&journey.connection, "registered", Duration::from_secs(60))
                .await?;
        }
        "failed" => {}
        // Back in half a minute and a bit.
        "authorized" | "registering" | "registered" => {
            world
                .stage
                .until_status(&journey.connection, "registered", Duration::from_secs(180))
                .await?;
        }
        other => bail!("{fault:?}: stands as {other}"),
    }
    let books = world.books();
    let of_this = |reference: &Option<String>| reference.as_deref() == Some(journey.reference.as_str());
    let databases = books
        .databases
        .iter()
        .filter(|database| of_this(&database.reference))
        .count();
    ensure!(databases <= 1, "{fault:?}: {databases} databases were made");
    let unanswered = books
        .submissions
        .iter()
        .filter(|submission| of_this(&submission.reference));
    ensure!(
        unanswered.count() <= 2,
        "{fault:?}: submitted more often than it was asked for"
    );
    Ok(())
}

/// Nothing was done, says the profile of that answer: it is tried again in half a minute and a bit.
async fn what_the_profile_calls_busy_comes_back(world: &World) -> Result<()> {
    let settings = |busy| InvantiveSettings {
        api_key: API_KEY.into(),
        busy,
        ..InvantiveSettings::default()
    };
    world.control().put_invantive(&settings(true)).await?;
    let journey = world.authorised(Duration::from_secs(1)).await?;
    wait::until("the registration to be put off", Duration::from_secs(60), || async {
        let shown = world.show(&journey.connection).await?;
        Ok(shown.to_string().contains("attempt_put_off").then_some(()))
    })
    .await?;
    world.control().put_invantive(&settings(false)).await?;
    world
        .stage
        .until_status(&journey.connection, "registered", Duration::from_secs(180))
        .await?;
    Ok(())
}

/// Look-ups that bring no clear answer, one of each.
const UNCLEAR: [FaultKind; 5] = [
    FaultKind::LostAnswer,
    FaultKind::EmptyBody,
    FaultKind::MalformedJson,
    FaultKind::Gateway500,
    FaultKind::ConnectionClosedBefore,
];

pub async fn a_look_up_that_fails_is_made_again(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    let mut journeys = Vec::new();
    for _ in UNCLEAR {
        world.fault(&Fault::once(At::Register, FaultKind::LostAnswer)).await?;
        let journey = world.authorised(Duration::from_secs(1)).await?;
        world
            .stage
            .until_status(&journey.connection, "in_doubt", Duration::from_secs(60))
            .await?;
        journeys.push(journey);
    }
    for fault in UNCLEAR {
        world.fault(&Fault::once(At::Lookup, fault)).await?;
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
        wait::until("the look-up to be noted", Duration::from_secs(60), || async {
            let shown = world.show(&journey.connection).await?;
            Ok((!shown.pointer("/doubt/looked_at").is_none_or(Value::is_null)).then_some(()))
        })
        .await?;
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
