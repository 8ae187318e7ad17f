//! Failures after the point of no return.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use handover_core::{
    connection::{Problem, State},
    event::What,
    ports::{Clock, ExchangeError, MeError},
};
use handover_simulation::faulty::Fault;
use handover_simulation::received;

use crate::{
    browser::{Browser, Trip},
    world::{TIMEOUT, World, title},
};

async fn departed() -> (World, handover_core::ids::ConnectionId, String, Browser, Trip) {
    let world = World::new().await;
    let (id, token) = world.invite().await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    (world, id, token, browser, trip)
}

fn is_stored(world: &World, trip: &Trip, id: handover_core::ids::ConnectionId) -> impl Future<Output = ()> {
    let trip = trip.id.clone();
    async move {
        let pair = world.pair(&trip).await.expect("the pair is stored");
        assert!(pair.refresh_token.same_as(&received(1).refresh_token));
        let connection = world.connection(id).await;
        assert_eq!(connection.state, State::Authorized);
        assert_eq!(connection.pair.unwrap().key.authorisation, trip);
        let stored = world
            .history(id)
            .await
            .into_iter()
            .filter(|what| matches!(what, What::Authorized { .. }))
            .count();
        assert_eq!(stored, 1, "once");
        assert_eq!(world.codes().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_received_pair_is_stored_whatever_the_table_does() {
    use Fault::{After, Before, Conflict, None};
    // The first write is the claim.
    for faults in [
        vec![None, Conflict],
        vec![
            None, Conflict, Conflict, Conflict, Conflict, Conflict, Conflict, Conflict, Conflict, Conflict,
        ],
        vec![None, Before],
        vec![None, Before, Conflict, Before, After],
        vec![None, After],
        vec![None, After, After],
        // The identity's write.
        vec![None, None, Conflict, Conflict],
        vec![None, None, After],
    ] {
        let (world, id, _, mut browser, trip) = departed().await;
        world.ports().store.writes.lock().unwrap().extend(faults.clone());
        assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
        world.idle().await;
        is_stored(&world, &trip, id).await;
        assert!(world.connection(id).await.identity.is_some(), "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_meets_nothing_but_others_writes_is_rescued_when_time_runs_out_and_not_before() {
    for (conflicts, rescued) in [(9, 0), (10_000, 1)] {
        let (world, id, _, mut browser, trip) = departed().await;
        let mut faults = vec![Fault::Conflict; conflicts];
        faults.insert(0, Fault::None);
        world.ports().store.writes.lock().unwrap().extend(faults);
        let start = tokio::time::Instant::now();
        assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
        world.idle().await;
        assert!(start.elapsed() < TIMEOUT, "{:?}", start.elapsed());
        world.ports().store.writes.lock().unwrap().clear();
        assert_eq!((world.pairs(), world.bring_home().await), (1 - rescued, rescued));
        is_stored(&world, &trip, id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_the_table_does_not_take_goes_to_the_rescue_queue_and_comes_home() {
    let (world, id, _, mut browser, trip) = departed().await;
    world.ports().store.writes.lock().unwrap().push_back(Fault::None);
    world.ports().store.writes_fail.store(true, Relaxed);
    let start = tokio::time::Instant::now();
    assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
    world.idle().await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(world.pairs(), 0);
    assert_eq!(title(&browser.look(&world, &trip).await), "Still working");

    world.ports().store.writes_fail.store(false, Relaxed);
    assert_eq!(world.bring_home().await, 1);
    is_stored(&world, &trip, id).await;
    assert_eq!(title(&browser.look(&world, &trip).await), "Connected");
    // Who it is was told to a process that could not note it: the worker asks.
    let connection = world.connection(id).await;
    assert_eq!((connection.identity.as_ref(), connection.identity_misses), (None, 0));
    assert!(connection.wake_at.unwrap() <= connection.pair.unwrap().access_ends_at);
}

#[tokio::test(start_paused = true)]
async fn a_table_and_a_queue_that_are_away_for_half_a_minute_lose_no_pair() {
    let (world, id, _, mut browser, trip) = departed().await;
    world.ports().queue.rescue_away.store(true, Relaxed);
    *world.ports().platform.takes.lock().unwrap() = Duration::from_secs(30);
    let event = browser.event("/callback/exact-nl", &trip.query("code"));
    let outage = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        world.ports().store.writes_fail.store(true, Relaxed);
        world.ports().store.reads_fail.store(true, Relaxed);
        tokio::time::sleep(Duration::from_secs(50)).await;
        world.ports().store.reads_fail.store(false, Relaxed);
        world.ports().store.writes_fail.store(false, Relaxed);
    };
    let (answer, ()) = tokio::join!(world.answer(event), outage);
    assert_eq!(answer.status_code, 303);
    world.idle().await;
    is_stored(&world, &trip, id).await;
    assert_eq!(title(&browser.look(&world, &trip).await), "Connected");
}

#[tokio::test(start_paused = true)]
async fn a_table_and_a_queue_that_stay_away_end_with_the_invocation() {
    let (world, id, _, mut browser, trip) = departed().await;
    world.ports().queue.rescue_away.store(true, Relaxed);
    world.ports().store.writes.lock().unwrap().push_back(Fault::None);
    world.ports().store.writes_fail.store(true, Relaxed);
    let start = tokio::time::Instant::now();
    assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
    world.idle().await;
    assert!(
        start.elapsed() <= TIMEOUT && start.elapsed() > TIMEOUT - Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    // The intent stands: nobody tries this code again, and the end of the lease is looked at.
    let connection = world.connection(id).await;
    let effect = connection.effect.unwrap();
    assert_eq!(connection.wake_at, Some(effect.lease_ends_at));
    assert!(effect.lease_ends_at >= world.ports().clock.now());
    assert_eq!(title(&browser.look(&world, &trip).await), "Still working");
}

#[tokio::test(start_paused = true)]
async fn an_exchange_without_a_pair_says_what_to_do() {
    for (problem, page) in [
        (Problem::ConsentFailed, "That did not work"),
        (Problem::Configuration, "Please contact us"),
    ] {
        let (world, id, token, mut browser, trip) = departed().await;
        let error = ExchangeError {
            problem,
            reason: "the platform answered 400".into(),
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
        assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
        assert_eq!(title(&browser.look(&world, &trip).await), page);
        let connection = world.connection(id).await;
        assert_eq!(
            (connection.state, connection.attention.unwrap().problem),
            (State::Invited, problem)
        );
        assert!(connection.effect.is_none() && connection.link.is_some() && world.pairs() == 0);

        // The code is spent, the link is not.
        assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
        assert_eq!(world.codes().len(), 1);
        let again = browser.depart(&world, &token).await;
        browser.come_back(&world, &again, "code-2").await;
        assert_eq!(title(&browser.look(&world, &again).await), "Connected");
        let opened = world.ports().vault.opened.lock().unwrap().len();
        let mended = problem == Problem::Configuration;
        assert_eq!(
            opened,
            if mended { 2 } else { 1 },
            "an application that was refused is read anew"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_consented_may_stay_unknown() {
    let (world, id, _, mut browser, trip) = departed().await;
    world
        .ports()
        .platform
        .inner
        .identities
        .lock()
        .unwrap()
        .push_back(Err(MeError { reason: "503".into() }));
    browser.come_back(&world, &trip, "code").await;
    assert_eq!(title(&browser.look(&world, &trip).await), "Connected");
    let connection = world.connection(id).await;
    assert_eq!((connection.identity, connection.identity_misses), (None, 1));
    assert_eq!(connection.attention.unwrap().problem, Problem::IdentityUnknown);
    // To be asked again: two minutes after the answer, a pointer says.
    let sent = world.ports().queue.sent.lock().unwrap().clone();
    assert_eq!(sent.len(), 1);
    assert!(world.pair(&trip.id).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_panic_beside_the_storing_does_not_reach_it() {
    let (world, id, _, mut browser, trip) = departed().await;
    world.ports().platform.me_panics.store(true, Relaxed);
    assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
    world.idle().await;
    is_stored(&world, &trip, id).await;
    assert_eq!(world.connection(id).await.identity_misses, 1);
}

#[tokio::test(start_paused = true)]
async fn work_that_breaks_off_is_not_begun_again() {
    let (world, id, _, mut browser, trip) = departed().await;
    world.ports().platform.exchange_panics.store(true, Relaxed);
    assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
    world.idle().await;
    assert_eq!(title(&browser.look(&world, &trip).await), "Still working");
    assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
    assert_eq!(world.ports().platform.limits.lock().unwrap().len(), 1, "sent once");
    assert!(
        world.connection(id).await.effect.is_some(),
        "the end of its lease settles it"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_data_key_nothing_is_exchanged() {
    let (world, _, _, mut browser, trip) = departed().await;
    world.ports().vault.no_keys.store(true, Relaxed);
    let answer = browser.come_back(&world, &trip, "code").await;
    assert_eq!(
        (answer.status_code, title(&answer)),
        (503, "Please try again in a minute")
    );
    assert!(world.codes().is_empty() && !world.is_used(&trip.id).await);
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_took_too_long_sends_nothing() {
    let (world, id, _, mut browser, trip) = departed().await;
    // The claim's answer is lost, and reading it again takes most of the invocation.
    world.ports().store.writes.lock().unwrap().push_back(Fault::After);
    let event = browser.event("/callback/exact-nl", &trip.query("code"));
    let stall = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        tokio::time::advance(Duration::from_secs(60)).await;
    };
    let (answer, ()) = tokio::join!(world.answer(event), stall);
    assert_eq!(answer.status_code, 303);
    world.idle().await;
    assert!(world.codes().is_empty(), "less than the exchange needs was left");
    let connection = world.connection(id).await;
    assert!(connection.effect.is_none(), "said at once, not at the end of the lease");
    assert_eq!(connection.attention.unwrap().problem, Problem::ConsentFailed);
    assert_eq!(title(&browser.look(&world, &trip).await), "That did not work");
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_was_given_up_is_taken_back() {
    let (world, id, _, mut browser, trip) = departed().await;
    // Written, its answer lost; and then nothing can be read for a while.
    world.ports().store.writes.lock().unwrap().push_back(Fault::After);
    let event = browser.event("/callback/exact-nl", &trip.query("code"));
    let away = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.ports().store.reads_fail.store(true, Relaxed);
        tokio::time::sleep(Duration::from_secs(4)).await;
        world.ports().store.reads_fail.store(false, Relaxed);
    };
    let (answer, ()) = tokio::join!(world.answer(event), away);
    assert_eq!(answer.status_code, 303);
    world.idle().await;
    assert_eq!(title(&browser.look(&world, &trip).await), "That did not work");
    assert!(world.codes().is_empty(), "nothing was sent");
    let connection = world.connection(id).await;
    assert!(connection.effect.is_none(), "said at once, not at the end of the lease");
    assert_eq!(connection.unclear_since, None, "an older pair is as good as before");
}

#[tokio::test(start_paused = true)]
async fn exchanges_of_one_user_that_overlap_are_contested() {
    let (world, first, _, mut browser, trip) = departed().await;
    // Its answer takes 15 s; meanwhile the same user consents for another connection, later sent, sooner answered.
    *world.ports().platform.takes.lock().unwrap() = Duration::from_secs(15);
    let (_, token) = world.invite().await;
    let later = browser.depart(&world, &token).await;
    let one = world.answer(browser.event("/callback/exact-nl", &trip.query("code-1")));
    let two = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        *world.ports().platform.takes.lock().unwrap() = Duration::ZERO;
        world
            .answer(browser.event("/callback/exact-nl", &later.query("code-2")))
            .await
    };
    tokio::join!(one, two);
    world.idle().await;
    let older = world.connection(first).await;
    assert!(!older.contests[0].ours_is_later);
    assert_eq!(older.attention.unwrap().problem, Problem::Contested);
    assert_eq!(older.to_tell.len(), 1, "the other is told by the worker");
    assert_eq!(world.pairs(), 2, "nothing is destroyed before it is settled");
    // Until the other was told, the older one holds the place: a third consent finds it.
    let (third, token) = world.invite().await;
    let last = browser.depart(&world, &token).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    browser.come_back(&world, &last, "code-3").await;
    let attention = world.connection(third).await.attention.unwrap();
    assert!(attention.text.contains(&first.to_string()), "{}", attention.text);
}
