//! A pair that the table cannot take.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use handover_core::{
    connection::{Cause, Problem, State, Status},
    event::{Actor, Event, What},
    ids::{ConnectionId, EffectId},
    ports::{Clock, Randomness, RefreshRefusal, Rescued},
    registration::later,
};
use handover_simulation::{faulty::Fault, lock};
use handover_worker::WakeError;

use crate::{
    batch::{event, pointer},
    rotation::renewing,
    world::{DAY, HOUR, MINUTE, World},
};

/// The body of its message.
fn body(rescued: &Rescued) -> String {
    serde_json::json!({
        "v": "rescue-1",
        "connection": rescued.connection,
        "brought": rescued.brought,
        "sealed": STANDARD.encode(&rescued.sealed.0),
    })
    .to_string()
}

/// Whether the message of a rescued pair is done with.
async fn comes_home(world: &World, rescued: &Rescued) -> bool {
    let answer = world.worker().handle(event(&[body(rescued)])).await;
    answer.batch_item_failures.is_empty()
}

/// A pair was renewed and the table was away; it is back now.
async fn rescued() -> (World, ConnectionId, Rescued) {
    let (world, id) = renewing().await;
    lock(&world.store.writes).extend([Fault::None, Fault::Away]);
    world.wake(id).await.unwrap();
    world.store.away.store(false, SeqCst);
    let mut rescued = world.queue.inner.receive_rescued();
    assert_eq!(rescued.len(), 1, "once");
    (world, id, rescued.remove(0))
}

#[tokio::test]
async fn it_goes_to_the_rescue_queue_and_comes_home() {
    let (world, id, rescued) = rescued().await;
    assert_eq!(world.read(id).await.pair.unwrap().key.generation, 1);
    assert!(comes_home(&world, &rescued).await);
    let connection = world.read(id).await;
    assert_eq!(connection.pair.unwrap().key.generation, 2);
    assert!(connection.effect.is_none());
    assert_eq!(
        (world.pairs(), world.refresh_token(id).await.as_str()),
        (1, "stampNL001.refresh-2")
    );
    // At least once: a second arrival changes nothing.
    let before = world.read(id).await;
    assert!(comes_home(&world, &rescued).await);
    assert_eq!(world.read(id).await, before);
    world.pass(id, 13 * DAY).await;
    assert_eq!(world.status(id).await, Status::Registered);
    assert_eq!(world.presented().len(), 1);
}

#[tokio::test]
async fn it_comes_home_after_the_lease_as_well() {
    let (world, id, rescued) = rescued().await;
    world.pass(id, 10 * MINUTE).await;
    assert!(world.read(id).await.pair.unwrap().open_intent.is_some());
    assert!(comes_home(&world, &rescued).await);
    let pair = world.read(id).await.pair.unwrap();
    assert!(pair.key.generation == 2 && pair.open_intent.is_none());
    world.pass(id, DAY).await;
    assert_eq!(world.presented().len(), 1, "there is nothing left to recover");
}

#[tokio::test]
async fn a_table_that_is_still_away_brings_the_message_back() {
    let (world, id, rescued) = rescued().await;
    world.store.away.store(true, SeqCst);
    assert!(!comes_home(&world, &rescued).await);
    world.store.away.store(false, SeqCst);
    assert!(comes_home(&world, &rescued).await);
    assert_eq!(world.read(id).await.pair.unwrap().key.generation, 2);
}

#[tokio::test]
async fn with_table_and_queue_away_both_are_tried_to_the_last_second() {
    let (world, id) = renewing().await;
    lock(&world.store.writes).extend([Fault::None, Fault::Away]);
    world.queue.rescue_away.store(true, SeqCst);
    let start = world.clock.monotonic();
    let error = world.wake(id).await.unwrap_err();
    assert!(matches!(error, WakeError::PairLost { .. }), "{error}");
    let took = world.clock.monotonic() - start;
    assert!(
        took <= world.timeout && took > world.timeout - Duration::from_secs(1),
        "{took:?}"
    );
    assert_eq!(world.presented().len(), 1);
    // The intent stands: the old token is presented once more, after its lease.
    world.store.away.store(false, SeqCst);
    world.pass(id, HOUR).await;
    assert_eq!(world.presented(), ["stampNL001.refresh-1"; 2]);
    assert_eq!(world.read(id).await.pair.unwrap().key.generation, 3);
}

#[tokio::test]
async fn a_table_that_comes_back_in_time_takes_it() {
    let (world, id) = renewing().await;
    lock(&world.store.writes).extend([vec![Fault::None], vec![Fault::Before; 100]].concat());
    world.queue.rescue_away.store(true, SeqCst);
    world.wake(id).await.unwrap();
    assert_eq!(world.read(id).await.pair.unwrap().key.generation, 2);
    assert!(world.queue.inner.rescued().is_empty());
}

/// While the old token is presented once more nobody knows which of the two brings the pair.
#[tokio::test]
async fn a_late_one_waits_for_the_recovery_and_is_taken_if_that_brings_none() {
    let (world, id, rescued) = rescued().await;
    world.pass(id, 4 * MINUTE).await;
    let intent = world.read(id).await.pair.unwrap().open_intent.unwrap();
    world.clock.advance_to(intent.recover_at);
    let effect = EffectId::new(world.clock.now(), world.chance.id());
    let into = world.read(id).await.next_pair().unwrap();
    let lease_ends_at = later(world.clock.now(), 3 * MINUTE);
    let begun = Event::RotationBegun {
        effect,
        into,
        lease_ends_at,
    };
    world.ask(id, begun).await;
    assert!(!comes_home(&world, &rescued).await);
    assert_eq!(world.read(id).await.effect.unwrap().id, effect);

    let failed = Event::RotationFailed {
        effect,
        refusal: RefreshRefusal::Used,
        problem: Problem::RotationFailed,
        reason: "old refresh token used".into(),
    };
    let by = Actor::Worker;
    world.desk().apply(id, &failed, &by, &Default::default()).await.unwrap();
    let lost = State::Reauthorize(Cause::Lost { generation: 1 });
    assert_eq!(world.read(id).await.state, lost);
    assert!(comes_home(&world, &rescued).await);
    assert_eq!(world.status(id).await, Status::Authorized);
    assert_eq!(world.refresh_token(id).await, "stampNL001.refresh-2");
}

#[tokio::test]
async fn one_that_nobody_wants_any_more_is_dropped_with_a_record() {
    let (world, id, rescued) = rescued().await;
    world.pass(id, 10 * MINUTE).await;
    world.ask(id, Event::CancelAsked).await;
    assert!(comes_home(&world, &rescued).await);
    assert_eq!((world.status(id).await, world.pairs()), (Status::Cancelled, 0));
    assert!(matches!(world.history(id).await.last(), Some(What::PairDropped { .. })));
}

#[tokio::test]
async fn one_of_an_unknown_connection_is_kept() {
    let (world, _, rescued) = rescued().await;
    let stranger = Rescued {
        connection: ConnectionId::new(world.clock.now(), 99),
        ..rescued
    };
    assert!(!comes_home(&world, &stranger).await);
}

#[tokio::test]
async fn it_comes_in_a_batch_with_wake_ups() {
    let (world, id, rescued) = rescued().await;
    let other = world.authorized(Duration::ZERO).await;
    let answer = world
        .worker()
        .handle(event(&[pointer(other), body(&rescued), "{\"v\":\"rescue-9\"}".into()]))
        .await;
    let failed: Vec<_> = answer
        .batch_item_failures
        .into_iter()
        .map(|f| f.item_identifier)
        .collect();
    assert_eq!(failed, ["m2"]);
    assert_eq!(world.read(id).await.pair.unwrap().key.generation, 2);
    assert_eq!(world.status(other).await, Status::Registered);
}
