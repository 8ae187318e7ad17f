//! What goes wrong at Exact Online.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use handover_local::wait;
use handover_standin::{At, Fault, FaultKind};
use serde_json::Value;

use crate::{
    evidence::Evidence,
    world::{SOON, World},
};

/// Each fault, and whether the pair can have been received all the same.
const FAULTS: [(FaultKind, bool); 16] = [
    (FaultKind::LostAnswer, false),
    (FaultKind::ConnectionClosedBefore, false),
    (FaultKind::EmptyBody, false),
    (FaultKind::HtmlBody, false),
    (FaultKind::BadRequest, false),
    (FaultKind::Gateway500, false),
    (FaultKind::False400, false),
    (FaultKind::False401, false),
    (FaultKind::Forbidden403, false),
    (FaultKind::TooMany429, false),
    (FaultKind::Unavailable503, false),
    (FaultKind::InvalidClient, false),
    (FaultKind::NoRefreshToken, false),
    (FaultKind::NumberExpiresIn, true),
    (FaultKind::NoExpiresIn, true),
    (FaultKind::CapitalBearer, true),
];

pub async fn no_fault_of_the_token_endpoint_leaves_a_connection_stuck(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    for (fault, received) in FAULTS {
        one(&world, fault, received)
            .await
            .with_context(|| format!("with {fault:?} at the exchange of the code"))?;
    }
    ensure!(
        world.books().codes.iter().all(|code| code.presented.times() <= 1),
        "a code was presented more than once"
    );
    world.leave(&evidence).await
}

async fn one(world: &World, fault: FaultKind, received: bool) -> Result<()> {
    let mut journey = world.journey(Duration::from_secs(1)).await?;
    world.fault(&Fault::once(At::TokenCode, fault)).await?;
    let page = world.connect(&mut journey).await?;
    ensure!(page.status < 500, "the customer gets {}: {}", page.status, page.body);
    if !received {
        let shown = world.show(&journey.connection).await?;
        ensure!(
            shown.get("status").and_then(Value::as_str) == Some("invited"),
            "it stands so: {shown:#}"
        );
        ensure!(
            !shown.get("attention").is_none_or(Value::is_null),
            "nobody is told: {shown:#}"
        );
        // The same link, once more: a code that came to nothing costs a consent, no more.
        let page = world.connect(&mut journey).await?;
        ensure!(
            page.status == 200,
            "the second time the customer gets {}: {}",
            page.status,
            page.body
        );
    }
    world.until(&journey.connection, "registered").await?;
    ensure!(
        world.submissions(&journey) == 1,
        "submitted {} times",
        world.submissions(&journey)
    );
    Ok(())
}

/// Each way of not telling who consented.
const UNTOLD: [FaultKind; 8] = [
    FaultKind::Unavailable503,
    FaultKind::EmptyBody,
    FaultKind::HtmlBody,
    FaultKind::MalformedJson,
    FaultKind::LostAnswer,
    FaultKind::ConnectionClosedBefore,
    FaultKind::False401,
    FaultKind::TooMany429,
];

pub async fn an_identity_that_was_not_told_is_asked_for_again(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let mut journeys = Vec::new();
    for fault in UNTOLD {
        world.fault(&Fault::once(At::Me, fault)).await?;
        let mut journey = world.journey(Duration::from_secs(1)).await?;
        world.connect(&mut journey).await?;
        let what = format!("{fault:?} to strike and to be noted");
        wait::until(&what, SOON, || async {
            let shown = world.show(&journey.connection).await?;
            Ok(shown.to_string().contains("not_identified").then_some(()))
        })
        .await?;
        journeys.push((fault, journey));
    }
    // Asked again after 30 s, before which nothing is registered: nobody would know whose database it is.
    try_join_all(journeys.iter().map(async |(fault, journey)| {
        let registered = world
            .stage
            .until_status(&journey.connection, "registered", Duration::from_secs(240))
            .await;
        registered.with_context(|| format!("after {fault:?} at Me"))?;
        ensure!(
            world.submissions(journey) == 1,
            "{fault:?}: submitted {} times",
            world.submissions(journey)
        );
        Ok(())
    }))
    .await?;
    world.leave(&evidence).await
}
