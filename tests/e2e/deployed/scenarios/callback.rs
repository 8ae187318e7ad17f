//! Bad input at the callback.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use handover_local::customer::Customer;
use handover_local::stage::PASSWORD;
use url::Url;

use crate::{
    evidence::Evidence,
    world::{Journey, World},
};

const LATER: Duration = Duration::from_secs(3_600);

/// The callback's address with one of its parameters changed.
fn with(callback: &Url, name: &str, value: &str) -> Url {
    let mut changed = callback.clone();
    let pairs: Vec<_> = callback
        .query_pairs()
        .map(|(key, old)| {
            let value = if key == name {
                value.to_owned()
            } else {
                old.into_owned()
            };
            (key.into_owned(), value)
        })
        .collect();
    changed.query_pairs_mut().clear().extend_pairs(pairs);
    changed
}

async fn refused(browser: &mut Customer, what: &str, url: &Url) -> Result<()> {
    let page = browser.open(url).await?;
    ensure!((400..500).contains(&page.status), "{what}: answered {}", page.status);
    ensure!(
        page.body.contains("<html"),
        "{what}: the answer is no page: {}",
        page.body
    );
    Ok(())
}

async fn callback_of(journey: &mut Journey) -> Result<Url> {
    let authorize = journey.browser.follow_link(&journey.link.clone()).await?;
    journey.browser.consent(&authorize).await
}

pub async fn bad_input_gets_a_page_and_exchanges_nothing(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let mut journey = world.journey(LATER).await?;
    let callback = callback_of(&mut journey).await?;

    let mut stranger = Customer::new(&world.stage.gateway.url(), "stranger", PASSWORD)?;
    refused(&mut stranger, "another browser", &callback).await?;
    let unknown = with(&callback, "state", &"A".repeat(43));
    refused(&mut journey.browser, "an unknown state", &unknown).await?;
    let mut elsewhere = callback.clone();
    elsewhere.set_path("/callback/another-app");
    refused(&mut journey.browser, "another application's callback", &elsewhere).await?;
    let mut bare = callback.clone();
    bare.set_query(None);
    refused(&mut journey.browser, "no parameters", &bare).await?;
    let huge = with(&callback, "code", &"x".repeat(60 * 1024));
    refused(&mut journey.browser, "60 KB of parameters", &huge).await?;
    let mut twice = callback.clone();
    twice.query_pairs_mut().append_pair("state", "another");
    refused(&mut journey.browser, "a parameter twice", &twice).await?;
    let mut nowhere = callback.clone();
    nowhere.set_path("/connect/no-such-link");
    nowhere.set_query(None);
    refused(&mut journey.browser, "an unknown link", &nowhere).await?;

    ensure!(
        world.books().codes.iter().all(|code| code.presented.times() == 0),
        "a code was presented"
    );

    // None of that has used the state: the right browser still gets through.
    let page = journey.browser.come_back(&callback).await?;
    ensure!(
        page.status == 200,
        "the right browser gets {}: {}",
        page.status,
        page.body
    );
    world.until(&journey.connection, "authorized").await?;
    // Used: a reload shows the outcome and exchanges nothing.
    let reloaded = journey.browser.come_back(&callback).await?;
    ensure!(reloaded.status == 200, "a reload gets {}", reloaded.status);
    let presented: Vec<_> = world.books().codes.iter().map(|code| code.presented.times()).collect();
    ensure!(presented == [1], "codes were presented {presented:?} times");

    let mut hesitant = world.journey(LATER).await?;
    let authorize = hesitant.browser.follow_link(&hesitant.link.clone()).await?;
    let said_no = hesitant.browser.refuse(&authorize).await?;
    let page = hesitant.browser.come_back(&said_no).await?;
    ensure!(page.status < 500, "a refusal gets {}", page.status);
    let shown = world.show(&hesitant.connection).await?.to_string();
    ensure!(
        shown.contains("access_denied"),
        "the refusal is not remembered: {shown}"
    );
    // The customer changes their mind.
    world.connect(&mut hesitant).await?;
    world.until(&hesitant.connection, "authorized").await?;
    world.leave(&evidence).await
}

pub async fn a_callback_that_comes_twice_at_once_is_exchanged_once(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let mut journey = world.journey(LATER).await?;
    let callback = callback_of(&mut journey).await?;
    let mut browsers = Vec::new();
    for _ in 0..4 {
        let mut browser = Customer::new(&world.stage.gateway.url(), "same", PASSWORD)?;
        browser.cookies.clone_from(&journey.browser.cookies);
        browsers.push(browser);
    }
    let answers = futures::future::join_all(browsers.iter_mut().map(|browser| browser.come_back(&callback))).await;
    for answer in answers {
        let page = answer?;
        ensure!(page.status == 200, "one of four gets {}: {}", page.status, page.body);
    }
    world.until(&journey.connection, "authorized").await?;
    let presented: Vec<_> = world.books().codes.iter().map(|code| code.presented.times()).collect();
    ensure!(presented == [1], "codes were presented {presented:?} times");
    ensure!(
        world.sealed_pairs().await?.len() == 1,
        "the pair is not stored exactly once"
    );
    world.leave(&evidence).await
}

pub async fn a_trip_that_took_too_long_gets_a_page_and_the_link_stays_good(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::movable().await?;
    let mut journey = world.journey(LATER).await?;
    let authorize = journey.browser.follow_link(&journey.link.clone()).await?;
    world.stage.move_clock(Duration::from_secs(2 * 3_600)).await?;
    let callback = journey.browser.consent(&authorize).await?;
    refused(&mut journey.browser, "a lapsed trip", &callback).await?;
    let presented: Vec<_> = world.books().codes.iter().map(|code| code.presented.times()).collect();
    ensure!(presented == [0], "codes were presented {presented:?} times");

    world.authorise(&mut journey).await?;
    world.until(&journey.connection, "authorized").await?;
    let presented: Vec<_> = world.books().codes.iter().map(|code| code.presented.times()).collect();
    ensure!(presented == [0, 1], "codes were presented {presented:?} times");
    world.leave(&evidence).await
}
