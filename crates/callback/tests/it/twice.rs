//! Once is once: reloads, two windows, two processes.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use handover_core::{
    connection::{Problem, State},
    event::{Event, What},
    ids::EffectId,
    ports::{Clock, Randomness, RefreshRefusal},
    registration::{Due, later},
};
use handover_simulation::faulty::Fault;

use crate::{
    browser::Browser,
    world::{World, title},
};

#[tokio::test(start_paused = true)]
async fn a_reload_shows_the_outcome_and_never_exchanges_again() {
    let world = World::new().await;
    let (id, token) = world.invite().await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    for code in ["code", "code", "another"] {
        let answer = browser.come_back(&world, &trip, code).await;
        assert_eq!(
            (answer.status_code, answer.headers["location"].as_str()),
            (303, trip.outcome().as_str())
        );
    }
    tokio::time::advance(Duration::from_secs(7_200)).await;
    assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
    assert_eq!(world.codes(), ["code"]);
    assert_eq!(world.pairs(), 1);
    assert_eq!(world.connection(id).await.state, State::Authorized);
}

#[tokio::test(start_paused = true)]
async fn of_two_at_once_one_exchanges_and_both_see_the_outcome() {
    for takes in [Duration::ZERO, Duration::from_secs(5)] {
        let world = World::new().await;
        *world.ports().platform.takes.lock().unwrap() = takes;
        let (_, token) = world.invite().await;
        let mut browser = Browser::default();
        let trip = browser.depart(&world, &token).await;
        let event = browser.event("/callback/exact-nl", &trip.query("code"));
        let (one, two, three) = tokio::join!(
            world.answer(event.clone()),
            world.answer(event.clone()),
            world.answer(event)
        );
        for answer in [one, two, three] {
            assert_eq!(
                (answer.status_code, answer.headers["location"].as_str()),
                (303, trip.outcome().as_str())
            );
        }
        world.idle().await;
        assert_eq!(world.codes(), ["code"]);
        assert_eq!(world.pairs(), 1);
        assert_eq!(title(&browser.look(&world, &trip).await), "Connected");
    }
}

#[tokio::test(start_paused = true)]
async fn while_one_trips_code_is_exchanged_another_trip_waits() {
    let world = World::new().await;
    *world.ports().platform.takes.lock().unwrap() = Duration::from_secs(15);
    let (_, token) = world.invite().await;
    let mut browser = Browser::default();
    let first = browser.depart(&world, &token).await;
    let second = browser.depart(&world, &token).await;
    let one = world.answer(browser.event("/callback/exact-nl", &first.query("code-1")));
    let two = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let answer = world
            .answer(browser.event("/callback/exact-nl", &second.query("code-2")))
            .await;
        let link = world.answer(browser.event(&format!("/connect/{token}"), "")).await;
        (answer, link)
    };
    let (one, (two, link)) = tokio::join!(one, two);
    assert_eq!(one.status_code, 303);
    for answer in [two, link] {
        assert_eq!((answer.status_code, title(&answer)), (409, "Already under way"));
    }
    assert!(!world.is_used(&second.id).await);
    assert_eq!(world.codes(), ["code-1"]);
    // The first has succeeded: the second finds the link used.
    let late = world
        .answer(browser.event("/callback/exact-nl", &second.query("code-2")))
        .await;
    assert_eq!(late.status_code, 410);
    assert_eq!(world.codes(), ["code-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_meets_another_writer_is_decided_anew() {
    let world = World::new().await;
    let (id, token) = world.invite().await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    world
        .ports()
        .store
        .writes
        .lock()
        .unwrap()
        .extend([Fault::Conflict, Fault::Conflict]);
    assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
    assert_eq!(world.codes(), ["code"]);
    let began = world
        .history(id)
        .await
        .into_iter()
        .filter(|what| matches!(what, What::ExchangeBegan { .. }))
        .count();
    assert_eq!(began, 1);
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_is_recognised_and_exchanged_once() {
    for faults in [vec![Fault::After], vec![Fault::Before, Fault::After]] {
        let world = World::new().await;
        let (id, token) = world.invite().await;
        let mut browser = Browser::default();
        let trip = browser.depart(&world, &token).await;
        world.ports().store.writes.lock().unwrap().extend(faults);
        assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
        assert_eq!(world.codes(), ["code"]);
        let history = world.history(id).await;
        assert_eq!(
            history
                .iter()
                .filter(|what| matches!(what, What::ExchangeBegan { .. }))
                .count(),
            1
        );
        assert!(world.pair(&trip.id).await.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_cannot_be_written_leaves_the_code_unspent() {
    let world = World::new().await;
    let (id, token) = world.invite().await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    world.ports().store.writes_fail.store(true, Relaxed);
    assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 503);
    world.ports().store.writes_fail.store(false, Relaxed);
    assert!(world.codes().is_empty() && !world.is_used(&trip.id).await);
    assert_eq!(world.connection(id).await.state, State::Invited);
}

#[tokio::test(start_paused = true)]
async fn opening_a_link_meets_other_windows_and_lost_answers() {
    for fault in [Fault::Conflict, Fault::After] {
        let world = World::new().await;
        let (_, token) = world.invite().await;
        let mut browser = Browser::default();
        world.ports().store.writes.lock().unwrap().push_back(fault);
        let trip = browser.depart(&world, &token).await;
        assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
        assert_eq!(world.pairs(), 1, "{fault:?}");
    }
    let world = World::new().await;
    let (_, token) = world.invite().await;
    world.ports().store.writes.lock().unwrap().extend([Fault::Conflict; 5]);
    let mut browser = Browser::default();
    assert_eq!(
        browser.get(&world, &format!("/connect/{token}"), "").await.status_code,
        503
    );
}

#[tokio::test(start_paused = true)]
async fn a_link_that_was_replaced_while_the_customer_consented_is_not_exchanged() {
    let world = World::new().await;
    let (id, token) = world.invite().await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    world.renew_link(id).await;
    assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 410);
    assert!(world.codes().is_empty() && !world.is_used(&trip.id).await);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_during_the_exchange_is_a_wish_and_the_pair_is_dropped() {
    let world = World::new().await;
    *world.ports().platform.takes.lock().unwrap() = Duration::from_secs(10);
    let (id, token) = world.invite().await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    let event = browser.event("/callback/exact-nl", &trip.query("code"));
    let cancel = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.ask(id, Event::CancelAsked).await;
    };
    let (answer, ()) = tokio::join!(world.answer(event), cancel);
    assert_eq!(answer.status_code, 303);
    assert_eq!(world.connection(id).await.state, State::Cancelled);
    assert_eq!(world.pairs(), 0);
    assert_eq!(title(&browser.look(&world, &trip).await), "No longer connected");
}

/// The kept pair is being rotated while the customer consents anew.
#[tokio::test(start_paused = true)]
async fn while_the_pair_is_rotated_a_consent_waits_and_its_code_is_not_spent() {
    let world = World::new().await;
    let (id, token) = world.invite().await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    browser.come_back(&world, &trip, "code-1").await;
    let due = Due::AfterConsent {
        seconds: 60 * 24 * 3_600,
    };
    world.ask(id, Event::RescheduleAsked(due)).await;
    tokio::time::advance(Duration::from_secs(27 * 24 * 3_600)).await;
    let again = world.renew_link(id).await;
    let second = browser.depart(&world, &again).await;
    let effect = EffectId::new(world.ports().clock.now(), world.ports().randomness.id());
    let begun = Event::RotationBegun {
        effect,
        into: world.connection(id).await.next_pair().unwrap(),
        lease_ends_at: later(world.ports().clock.now(), Duration::from_secs(180)),
    };
    world.ask(id, begun).await;
    let answer = browser.come_back(&world, &second, "code-2").await;
    assert_eq!((answer.status_code, title(&answer)), (409, "Already under way"));
    assert_eq!(world.codes(), ["code-1"]);
    assert!(!world.is_used(&second.id).await);
    assert_eq!(title(&browser.look(&world, &trip).await), "Connected");

    let failed = Event::RotationFailed {
        effect,
        refusal: RefreshRefusal::Unharmed,
        problem: Problem::PlatformUnavailable,
        reason: "503".into(),
    };
    world.ask(id, failed).await;
    assert_eq!(browser.come_back(&world, &second, "code-2").await.status_code, 303);
    assert_eq!(world.codes(), ["code-1", "code-2"]);
    assert_eq!(world.pairs(), 1);
}
