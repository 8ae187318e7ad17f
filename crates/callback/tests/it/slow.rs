//! A platform that takes its time.

use std::time::Duration;

use handover_core::{
    connection::{Problem, State},
    event::What,
};

use crate::{
    browser::{Browser, Trip},
    world::{World, title},
};

const SECOND: Duration = Duration::from_secs(1);

async fn slow(takes: u32) -> (World, handover_core::ids::ConnectionId, Browser, Trip) {
    let world = World::new().await;
    *world.ports().platform.takes.lock().unwrap() = takes * SECOND;
    let (id, token) = world.invite().await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    (world, id, browser, trip)
}

#[tokio::test(start_paused = true)]
async fn after_twenty_seconds_the_customer_is_told_and_the_exchange_goes_on() {
    let (world, id, mut browser, trip) = slow(35).await;
    let start = tokio::time::Instant::now();
    let answer = browser.rush_back(&world, &trip, "code").await;
    assert_eq!(start.elapsed(), 20 * SECOND);
    assert_eq!(
        (answer.status_code, answer.headers["location"].as_str()),
        (303, trip.outcome().as_str())
    );

    let page = browser.look(&world, &trip).await;
    assert_eq!((page.status_code, title(&page)), (200, "Still working"));
    assert!(page.body.contains("<meta http-equiv=\"refresh\" content=\"3\">"));
    assert_eq!(world.pairs(), 0);
    // A reload meanwhile, too.
    assert_eq!(browser.rush_back(&world, &trip, "code").await.status_code, 303);

    world.idle().await;
    assert_eq!(start.elapsed(), 35 * SECOND);
    assert_eq!(title(&browser.look(&world, &trip).await), "Connected");
    assert_eq!(world.codes(), ["code"]);
    assert_eq!(world.pairs(), 1);
    let stored = world
        .history(id)
        .await
        .into_iter()
        .filter(|what| matches!(what, What::Authorized { .. }))
        .count();
    assert_eq!(stored, 1);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_hangs_up_changes_nothing() {
    let (world, id, mut browser, trip) = slow(10).await;
    let event = browser.event("/callback/exact-nl", &trip.query("code"));
    let hung_up = tokio::time::timeout(2 * SECOND, world.answer(event)).await;
    assert!(hung_up.is_err());
    world.idle().await;
    assert_eq!(world.connection(id).await.state, State::Authorized);
    assert!(world.pair(&trip.id).await.is_some());
    assert_eq!(title(&browser.look(&world, &trip).await), "Connected");
}

#[tokio::test(start_paused = true)]
async fn a_slow_question_for_the_identity_does_not_hold_up_the_storing() {
    let (world, id, mut browser, trip) = slow(0).await;
    *world.ports().platform.me_takes.lock().unwrap() = 40 * SECOND;
    let event = browser.event("/callback/exact-nl", &trip.query("code"));
    let look = async {
        tokio::time::sleep(SECOND).await;
        (world.pairs(), world.connection(id).await.state)
    };
    let (answer, seen) = tokio::join!(world.answer(event), look);
    assert_eq!(answer.status_code, 303);
    assert_eq!(seen, (1, State::Authorized));
    assert_eq!(title(&browser.look(&world, &trip).await), "Connected");
    world.idle().await;
    assert!(world.connection(id).await.identity.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_fails_late_is_shown_all_the_same() {
    let (world, id, mut browser, trip) = slow(35).await;
    let error = handover_core::ports::ExchangeError {
        problem: Problem::ConsentFailed,
        reason: "no answer".into(),
        unclear: false,
    };
    world
        .ports()
        .platform
        .inner
        .exchanges
        .lock()
        .unwrap()
        .push_back(Err(error));
    browser.rush_back(&world, &trip, "code").await;
    assert_eq!(title(&browser.look(&world, &trip).await), "Still working");
    world.idle().await;
    assert_eq!(title(&browser.look(&world, &trip).await), "That did not work");
    assert!(world.connection(id).await.effect.is_none());
}

/// The question who consented takes long: the customer does not wait for it, and the worker need not ask.
#[tokio::test(start_paused = true)]
async fn the_customer_goes_on_as_soon_as_the_pair_is_stored() {
    let (world, id, mut browser, trip) = slow(0).await;
    *world.ports().platform.me_takes.lock().unwrap() = 7 * SECOND;
    let start = tokio::time::Instant::now();
    let answer = browser.rush_back(&world, &trip, "code").await;
    assert_eq!((answer.status_code, start.elapsed()), (303, Duration::ZERO));
    assert_eq!(world.pairs(), 1);
    assert_eq!(title(&browser.look(&world, &trip).await), "Connected");
    assert!(world.connection(id).await.identity.is_none());
    world.idle().await;
    assert_eq!(start.elapsed(), 7 * SECOND);
    assert!(world.connection(id).await.identity.is_some());
}
