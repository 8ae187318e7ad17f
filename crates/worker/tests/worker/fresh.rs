//! A channel that wants an access token which still lives.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use handover_core::{connection::Status, event::What};
use handover_simulation::lock;

use crate::world::{DAY, HOUR, MINUTE, World};

async fn choosy() -> World {
    let world = World::new().await;
    world.registrar.inner.wants_fresh.store(true, SeqCst);
    world
}

#[tokio::test]
async fn the_pair_is_rotated_first_and_the_new_one_registered() {
    let world = choosy().await;
    let id = world.authorized(HOUR).await;
    world.pass(id, HOUR - Duration::from_secs(1)).await;
    assert!(
        world.presented().is_empty(),
        "the channel's wish is not known before it is due"
    );
    world.pass(id, Duration::from_secs(1)).await;
    assert_eq!(world.status(id).await, Status::Registered);
    assert_eq!(world.presented(), ["stampNL001.refresh-1"]);
    assert_eq!(*lock(&world.registrar.inner.submitted), ["stampNL001.refresh-2"]);
    let needed = |what: &What| matches!(what, What::FreshAccessTokenNeeded);
    assert_eq!(world.history(id).await.into_iter().filter(needed).count(), 1);
}

#[tokio::test]
async fn one_that_is_fresh_enough_is_registered_as_it_is() {
    let world = choosy().await;
    let id = world.authorized(Duration::ZERO).await;
    world.wake(id).await.unwrap();
    world.work().await;
    assert_eq!(world.status(id).await, Status::Registered);
    assert!(world.presented().is_empty());
}

#[tokio::test]
async fn one_that_is_too_young_to_be_rotated_and_too_old_to_be_registered_waits() {
    let world = choosy().await;
    let id = world.authorized(9 * MINUTE).await;
    world.pass(id, 9 * MINUTE).await;
    assert_eq!((world.submissions(), world.presented().len()), (0, 0));
    world.pass(id, 2 * MINUTE).await;
    assert_eq!(world.status(id).await, Status::Registered);
    assert_eq!(world.presented().len(), 1);
}

#[tokio::test]
async fn a_registration_that_comes_back_later_rotates_again() {
    let world = choosy().await;
    let id = world.authorized(HOUR).await;
    for _ in 0..4 {
        world.outcome(handover_core::event::Outcome::NotSent {
            reason: "connection refused".into(),
            problem: handover_core::connection::Problem::ChannelUnavailable,
        });
    }
    world.pass(id, DAY).await;
    assert_eq!(world.status(id).await, Status::Registered);
    let (presented, submitted) = (world.presented(), lock(&world.registrar.inner.submitted).clone());
    assert_eq!(submitted.len(), 5);
    assert!(presented.len() >= 2, "an hour later it is too old again");
    let mut distinct = presented.clone();
    distinct.dedup();
    assert_eq!(distinct, presented);
}
