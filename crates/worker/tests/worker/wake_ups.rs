//! What a pointer brings about, and which pointers follow.

use std::time::Duration;

use handover_core::{
    connection::Status,
    event::{Actor, Event, What},
    ids::ConnectionId,
    ports::{Clock, LONGEST_DELAY, Pointer, Queue, Store},
    registration::{ChannelKind, Due, later},
};

use crate::world::{DAY, HOUR, MINUTE, World};

#[tokio::test]
async fn an_early_pointer_is_sent_again_for_the_rest() {
    let world = World::new().await;
    let id = world.authorized(10 * MINUTE).await;
    world.clock.advance(7 * MINUTE);
    world.wake(id).await.unwrap();
    assert_eq!(world.waits(), [3 * MINUTE]);
    assert_eq!(world.submissions(), 0);
    world.clock.advance(3 * MINUTE);
    world.work().await;
    assert_eq!(world.status(id).await, Status::Registered);
}

#[tokio::test]
async fn an_early_pointer_counts_from_the_due_time_not_from_the_safety_time() {
    let world = World::new().await;
    let id = world.authorized(10 * MINUTE).await;
    // As the sweeper does once it has sent a pointer.
    let due_at = world.read(id).await.wake_at.unwrap();
    assert!(
        world
            .store
            .postpone(id, due_at, later(due_at, 30 * MINUTE))
            .await
            .unwrap()
    );
    world.clock.advance(9 * MINUTE);
    world.wake(id).await.unwrap();
    assert_eq!(world.waits(), [MINUTE]);
}

#[tokio::test]
async fn what_rests_for_as_long_as_a_message_can_is_pointed_at() {
    let world = World::new().await;
    let id = world.authorized(LONGEST_DELAY).await;
    world.wake(id).await.unwrap();
    assert_eq!(world.waits(), [LONGEST_DELAY]);
}

#[tokio::test]
async fn what_rests_for_longer_is_left_to_the_sweeper() {
    let world = World::new().await;
    let id = world.authorized(HOUR).await;
    world.wake(id).await.unwrap();
    assert!(world.waits().is_empty());
}

#[tokio::test]
async fn what_is_finished_rests_for_ever() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    world.wake(id).await.unwrap();
    let before = world.read(id).await;
    world.clock.advance(DAY);
    world.wake(id).await.unwrap();
    assert_eq!(world.read(id).await, before);
    assert_eq!(world.submissions(), 1);
    assert!(world.waits().is_empty());
}

#[tokio::test]
async fn the_oem_is_warned_once_per_threshold_and_it_is_counted() {
    let mut world = World::new().await;
    world.upkeep.renew_days = None;
    let id = world.consented(
        ChannelKind::Http,
        Due::AfterConsent {
            seconds: 29 * 24 * 3_600,
        },
        Some(crate::world::user()),
    );
    let id = id.await;
    world.clock.advance(23 * DAY);
    assert_eq!(world.wake(id).await.unwrap().warnings, 1);
    assert_eq!(world.wake(id).await.unwrap().warnings, 0);
    // Two thresholds at once are one warning.
    world.clock.advance(6 * DAY - HOUR);
    assert_eq!(world.wake(id).await.unwrap().warnings, 1);
    let told: Vec<_> = world
        .history(id)
        .await
        .into_iter()
        .filter_map(|what| match what {
            What::Expiring { days_left, .. } => Some(days_left),
            _ => None,
        })
        .collect();
    assert_eq!(told, [7, 2], "days that are left, begun ones too");
}

#[tokio::test]
async fn several_matters_that_are_due_together_are_taken_up_in_one_go() {
    let world = World::new().await;
    // Cannot reach: whoever consents on the last day of the link. The pair ends, and then the OEM is reminded.
    let id = world.authorized(DAY).await;
    world.clock.advance(DAY);
    let blocked = world.pair_place(id).await;
    world.store.inner.tamper(&blocked, None);
    world.wake(id).await.unwrap();
    world.clock.advance(40 * DAY);
    world.wake(id).await.unwrap();
    assert_eq!(world.status(id).await, Status::Reauthorize);
    assert!(matches!(world.history(id).await.last(), Some(What::Expired)));
    assert_eq!(world.submissions(), 0);
}

#[tokio::test]
async fn an_exchange_that_never_reported_back_is_given_up_at_the_end_of_its_lease() {
    let world = World::new().await;
    let (id, link) = world.invited(ChannelKind::Http, Due::AfterConsent { seconds: 0 }).await;
    let arrived = Event::ConsentArrived {
        effect: handover_core::ids::EffectId::new(world.clock.now(), 1),
        authorisation: handover_core::ids::AuthorisationId::from_digest(&[1; 32]),
        link,
        lease_ends_at: later(world.clock.now(), 3 * MINUTE),
    };
    world
        .desk()
        .apply(id, &arrived, &Actor::Callback, &Default::default())
        .await
        .unwrap();
    world.wake(id).await.unwrap();
    assert_eq!(world.waits(), [3 * MINUTE]);
    world.clock.advance(3 * MINUTE);
    world.work().await;
    assert!(matches!(world.history(id).await.last(), Some(What::ExchangeLost)));
    assert!(world.read(id).await.effect.is_none());
}

#[tokio::test]
async fn an_unknown_connection_is_dropped() {
    let world = World::new().await;
    let nobody = ConnectionId::new(world.clock.now(), 99);
    assert!(matches!(
        world.wake(nobody).await,
        Err(handover_worker::WakeError::Apply(
            handover_core::apply::ApplyError::Unknown(_)
        ))
    ));
    let pointer = Pointer::Wake { connection: nobody };
    world.queue.send(&pointer, Duration::ZERO).await.unwrap();
    let batch = world
        .worker()
        .batch(crate::batch::event(&[serde_json::to_string(&pointer).unwrap()]))
        .await;
    assert!(batch.answer.batch_item_failures.is_empty());
}

#[tokio::test]
async fn a_wake_up_that_cannot_be_sent_brings_the_message_back() {
    let world = World::new().await;
    let id = world.authorized(10 * MINUTE).await;
    world.queue.away.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(matches!(
        world.wake(id).await,
        Err(handover_worker::WakeError::Queue(_))
    ));
}
