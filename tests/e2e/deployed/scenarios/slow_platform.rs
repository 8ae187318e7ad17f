//! A platform that takes 35 seconds, behind a gateway that gives up after 30.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use handover_local::wait;
use handover_standin::{At, Fault, FaultKind};

use crate::{evidence::Evidence, world::World};

pub async fn the_customer_sees_still_working_and_then_the_outcome(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let mut journey = world.journey(Duration::from_secs(3_600)).await?;
    world
        .fault(&Fault {
            delay_seconds: 35,
            ..Fault::once(At::TokenCode, FaultKind::Delay)
        })
        .await?;

    let authorize = journey.browser.follow_link(&journey.link.clone()).await?;
    let callback = journey.browser.consent(&authorize).await?;
    let answer = journey.browser.open(&callback).await?;
    let next = answer
        .location
        .clone()
        .with_context(|| format!("answered {}: {}", answer.status, answer.body))?;
    let page = journey.browser.open(&next).await?;
    ensure!(page.status == 200, "the page answers {}", page.status);
    ensure!(
        page.body.to_lowercase().contains("still working"),
        "the page says: {}",
        page.body
    );
    ensure!(
        page.body.contains("http-equiv=\"refresh\""),
        "the page does not refresh itself: {}",
        page.body
    );

    world.until(&journey.connection, "authorized").await?;
    let outcome = wait::until("the page to show the outcome", Duration::from_secs(10), || {
        let next = next.clone();
        let mut browser = journey.browser.clone();
        async move {
            let page = browser.open(&next).await?;
            Ok((!page.body.to_lowercase().contains("still working")).then_some(page))
        }
    });
    let outcome = outcome.await?;
    ensure!(outcome.status == 200, "the outcome's page answers {}", outcome.status);
    let presented: Vec<_> = world.books().codes.iter().map(|code| code.presented.times()).collect();
    ensure!(presented == [1], "codes were presented {presented:?} times");
    ensure!(
        world.sealed_pairs().await?.len() == 1,
        "the pair is not stored exactly once"
    );
    world.leave(&evidence).await
}
