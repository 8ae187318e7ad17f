//! The page of the outcome in states that come later.

use std::time::Duration;

use handover_core::{
    agenda::{self, Step, Task},
    apply::Along,
    connection::{Attempter, PairFate, State},
    event::{Actor, Event, Outcome, Settlement},
    ids::EffectId,
    ports::{Clock, Pointer, Randomness},
    registration::later,
};

use crate::{
    browser::{Browser, Trip},
    world::{World, title},
};

async fn connected() -> (World, handover_core::ids::ConnectionId, Browser, Trip) {
    let world = World::new().await;
    let (id, token) = world.invite().await;
    let due = handover_core::registration::Due::AfterConsent { seconds: 0 };
    world.ask(id, Event::RescheduleAsked(due)).await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    browser.come_back(&world, &trip, "code").await;
    (world, id, browser, trip)
}

async fn attempt(world: &World, id: handover_core::ids::ConnectionId) -> EffectId {
    let effect = EffectId::new(world.ports().clock.now(), world.ports().randomness.id());
    let begun = Event::AttemptBegun {
        effect,
        by: Attempter::Worker,
        lease_ends_at: later(world.ports().clock.now(), Duration::from_secs(180)),
        look_up: None,
        accept_unknown_identity: false,
    };
    world
        .desk()
        .apply(id, &begun, &Actor::Worker, &Along::default())
        .await
        .unwrap();
    effect
}

#[tokio::test(start_paused = true)]
async fn before_the_code_has_come_the_page_waits() {
    let world = World::new().await;
    let (_, token) = world.invite().await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    let page = browser.look(&world, &trip).await;
    assert_eq!((page.status_code, title(&page)), (200, "Waiting for your consent"));
    assert!(page.body.contains("content=\"3\""));
}

#[tokio::test(start_paused = true)]
async fn the_registration_does_not_change_what_the_customer_is_told() {
    let (world, id, mut browser, trip) = connected().await;
    let effect = attempt(&world, id).await;
    assert_eq!(title(&browser.look(&world, &trip).await), "Connected");
    let outcome = Outcome::Registered {
        segment: "jansen".parse().unwrap(),
    };
    world.ask(id, Event::AttemptEnded { effect, outcome }).await;
    assert!(matches!(world.connection(id).await.state, State::Registered(_)));
    assert_eq!(title(&browser.look(&world, &trip).await), "Connected");
}

#[tokio::test(start_paused = true)]
async fn a_doubt_is_not_the_customers() {
    let (world, id, mut browser, trip) = connected().await;
    let effect = attempt(&world, id).await;
    let outcome = Outcome::Unanswered {
        reason: "no answer".into(),
    };
    world.ask(id, Event::AttemptEnded { effect, outcome }).await;
    assert_eq!(title(&browser.look(&world, &trip).await), "Connected");
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_or_cancelled_is_no_longer_connected() {
    let (world, id, mut browser, trip) = connected().await;
    let effect = attempt(&world, id).await;
    let outcome = Outcome::Refused {
        reason: "no".into(),
        pair: PairFate::Spent,
    };
    world.ask(id, Event::AttemptEnded { effect, outcome }).await;
    assert_eq!(title(&browser.look(&world, &trip).await), "No longer connected");

    let (world, id, mut browser, trip) = connected().await;
    world.ask(id, Event::CancelAsked).await;
    assert_eq!(title(&browser.look(&world, &trip).await), "No longer connected");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ended_without_a_word_asks_for_a_new_try() {
    let world = World::new().await;
    let (id, token) = world.invite().await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    // A process that dies in the middle: the claim stands, nobody reports back.
    *world.ports().platform.takes.lock().unwrap() = Duration::from_secs(100_000);
    browser.rush_back(&world, &trip, "code").await;
    assert_eq!(title(&browser.look(&world, &trip).await), "Still working");
    tokio::time::advance(Duration::from_secs(200)).await;
    world.ask(id, Event::Woke).await;
    assert_eq!(title(&browser.look(&world, &trip).await), "That did not work");
    browser.depart(&world, &token).await;
}

/// An attempt that was taken for failed turns out to have made it, while the customer consents again.
#[tokio::test(start_paused = true)]
async fn a_database_that_stands_on_the_consent_before_is_put_before_the_worker() {
    let (world, id, mut browser, _) = connected().await;
    let effect = attempt(&world, id).await;
    let outcome = Outcome::Unanswered {
        reason: "no answer".into(),
    };
    world.ask(id, Event::AttemptEnded { effect, outcome }).await;
    let not_registered = Settlement::NotRegistered { pair: PairFate::Spent };
    world.ask(id, Event::Settled(not_registered)).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let token = world.renew_link(id).await;
    let trip = browser.depart(&world, &token).await;
    *world.ports().platform.takes.lock().unwrap() = Duration::from_secs(35);
    browser.rush_back(&world, &trip, "another code").await;
    let outcome = Outcome::Registered {
        segment: "jansen".parse().unwrap(),
    };
    world.ask(id, Event::AttemptEnded { effect, outcome }).await;
    world.idle().await;
    let connection = world.connection(id).await;
    assert!(connection.cut_off().is_some());
    let now = world.ports().clock.now();
    assert_eq!(agenda::step(&connection, now), Step::Perform(Task::Alarm));
    let pointer = Pointer::Wake { connection: id };
    assert_eq!(world.ports().queue.inner.waiting().last(), Some(&(now, pointer)));
}
