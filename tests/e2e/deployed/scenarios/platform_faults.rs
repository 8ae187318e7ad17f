//! What goes wrong at Exact Online.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use handover_standin::{At, Fault, FaultKind, books::Peer};
use serde_json::Value;

use crate::{evidence::Evidence, world::World};

/// Each fault, and whether the pair can have been received all the same.
const FAULTS: [(FaultKind, bool); 18] = [
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
    // What is cut off is the refresh token.
    (FaultKind::MalformedJson, false),
    (FaultKind::DelayBefore, true),
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
    world
        .fault(&Fault {
            delay_seconds: 2,
            ..Fault::once(At::TokenCode, fault)
        })
        .await?;
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
const UNTOLD: [FaultKind; 11] = [
    FaultKind::Unavailable503,
    FaultKind::EmptyBody,
    FaultKind::HtmlBody,
    FaultKind::MalformedJson,
    FaultKind::LostAnswer,
    FaultKind::ConnectionClosedBefore,
    FaultKind::False401,
    FaultKind::TooMany429,
    FaultKind::BadRequest,
    FaultKind::Gateway500,
    FaultKind::False400,
];

pub async fn an_identity_that_was_not_told_is_asked_for_again(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let mut journeys = Vec::new();
    for fault in UNTOLD {
        world.fault(&Fault::once(At::Me, fault)).await?;
        let mut journey = world.journey(Duration::from_secs(1)).await?;
        world.connect(&mut journey).await?;
        let noted = world.until_told(&journey.connection, "not_identified").await;
        noted.with_context(|| format!("with {fault:?} at Me"))?;
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

/// Each way of not showing the log-on.
const CLOSED: [FaultKind; 7] = [
    FaultKind::LostAnswer,
    FaultKind::ConnectionClosedBefore,
    FaultKind::EmptyBody,
    FaultKind::HtmlBody,
    FaultKind::BadRequest,
    FaultKind::Gateway500,
    FaultKind::Unavailable503,
];

pub async fn a_customer_who_met_no_log_on_opens_the_link_again(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::idle().await?;
    let mut journey = world.journey(Duration::from_secs(3_600)).await?;
    for fault in CLOSED {
        world.fault(&Fault::once(At::Authorize, fault)).await?;
        let authorize = journey.browser.follow_link(&journey.link.clone()).await?;
        ensure!(
            journey.browser.consent(&authorize).await.is_err(),
            "{fault:?} did not strike"
        );
        let shown = world.show(&journey.connection).await?;
        ensure!(
            shown.get("status").and_then(Value::as_str) == Some("invited"),
            "after {fault:?} it stands so: {shown:#}"
        );
    }
    world.authorise(&mut journey).await?;
    world.until(&journey.connection, "authorized").await?;
    let presented: Vec<_> = world.books().codes.iter().map(|code| code.presented.times()).collect();
    ensure!(
        presented.iter().sum::<u32>() == 1,
        "codes were presented {presented:?} times"
    );
    world.leave(&evidence).await
}

/// Invantive Cloud has to exchange the refresh token itself, and hears no answer.
pub async fn an_exchange_of_invantives_that_is_lost_is_not_repeated(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    let journey = world.authorised(Duration::from_secs(15 * 60)).await?;
    world.until(&journey.connection, "authorized").await?;
    world
        .fault(&Fault::once(At::InvantiveExchange, FaultKind::LostAnswer))
        .await?;
    // The access token lives ten minutes.
    world.stage.move_clock(Duration::from_secs(15 * 60 + 5)).await?;
    world.sweep().await?;
    // It refuses, with Exact Online's silence for a reason: so says the stand-in, and so it is told.
    let failed = world.until(&journey.connection, "failed").await?;
    ensure!(
        failed.to_string().contains("Exact Online did not answer"),
        "the reason is not told: {failed:#}"
    );
    ensure!(
        world.sealed_pairs().await?.is_empty(),
        "a pair that may be spent is still sealed"
    );
    let books = world.books();
    ensure!(
        books.refresh_tokens_spent_by(Peer::Invantive) == 1 && books.refresh_tokens_spent_by(Peer::Oem) == 0,
        "the fault did not strike, or Handover exchanged: {:#?}",
        books.exchanges
    );
    // A day later it still has been submitted once.
    world.stage.move_clock(Duration::from_secs(24 * 3_600)).await?;
    world.sweep().await?;
    let pointer = format!(r#"{{"v":"1","connection":"{}"}}"#, journey.connection);
    world.stage.aws.work(&[("late", &pointer)]).await?;
    ensure!(
        world.submissions(&journey) == 1,
        "submitted {} times",
        world.submissions(&journey)
    );
    world.leave(&evidence).await
}
