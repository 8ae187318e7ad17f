//! The process dies at every call of a rotation.

use handover_core::{
    connection::Status,
    event::What,
    ids::ConnectionId,
    ports::{Clock, Place},
};

use crate::{
    rotation::renewing,
    world::{DAY, HOUR, World},
};

async fn count(world: &World, id: ConnectionId, is: fn(&What) -> bool) -> usize {
    world.history(id).await.iter().filter(|what| is(what)).count()
}

/// What the platform's books and ours say when all has settled.
async fn invariants_hold(world: &World, id: ConnectionId, calls: u32) -> usize {
    let presented = world.presented();
    let recoveries = count(world, id, |what| {
        matches!(what, What::RotationBegan { recovers: Some(_), .. })
    })
    .await;
    let mut distinct = presented.clone();
    distinct.sort();
    distinct.dedup();
    let twice = presented.len() - distinct.len();
    assert!(
        twice <= recoveries && recoveries <= 1,
        "after {calls} calls: {presented:?}"
    );
    // What is not stored was lost with the process, between the answer and the table: an open intent says so.
    let stored = count(world, id, |what| matches!(what, What::Rotated { .. })).await;
    let unanswered = count(world, id, |what| matches!(what, What::RotationUnanswered { .. })).await;
    let lost = presented.len() - stored;
    assert!(lost <= unanswered, "after {calls} calls: {lost} pairs lost");
    assert_eq!(stored, 1, "after {calls} calls");
    assert_eq!(world.pairs(), 1);
    let of_answer = format!("stampNL001.refresh-{}", presented.len() + 1);
    assert_eq!(world.refresh_token(id).await, of_answer, "the last answer is kept");
    assert_eq!(world.status(id).await, Status::Authorized);
    assert!(world.read(id).await.wake_at.is_some_and(|at| at > world.clock.now()));
    lost
}

#[tokio::test]
async fn wherever_the_process_dies_the_token_is_presented_once_or_recovered_once() {
    let (mut deaths, mut lost) = (0, 0);
    for calls in 0.. {
        let (world, id) = renewing().await;
        world.fate.dies_after(calls);
        let lived = world.fate.run(world.wake(id)).await.is_some();
        world.fate.lives();
        world.pass(id, HOUR).await;
        lost += invariants_hold(&world, id, calls).await;
        if lived {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 8, "only {deaths} places to die at");
    // Heard by nobody, or heard and not yet written.
    assert_eq!(lost, 2, "the one window that nobody can close");
}

/// The recovery's process dies too: the token is not presented a third time.
#[tokio::test]
async fn wherever_the_recovery_dies_the_token_is_not_presented_a_third_time() {
    let mut deaths = 0;
    for calls in 0.. {
        let (world, id) = renewing().await;
        // The first answer is heard by nobody.
        world
            .platform
            .refresh_panics
            .store(true, std::sync::atomic::Ordering::SeqCst);
        let message = crate::batch::event(&[crate::batch::pointer(id)]);
        world.worker().handle(message.clone()).await;
        world
            .platform
            .refresh_panics
            .store(false, std::sync::atomic::Ordering::SeqCst);
        handover_simulation::lock(&world.platform.inner.refreshed).push("stampNL001.refresh-1".into());
        let recover_at = {
            let lease_ends_at = world.read(id).await.effect.unwrap().lease_ends_at;
            world.clock.advance_to(lease_ends_at);
            world.wake(id).await.unwrap();
            world.read(id).await.pair.unwrap().open_intent.unwrap().recover_at
        };
        world.clock.advance_to(recover_at);
        world.fate.dies_after(calls);
        let lived = world.fate.run(world.wake(id)).await.is_some();
        world.fate.lives();
        world.pass(id, DAY).await;
        let presented = world.presented();
        let of_first = presented
            .iter()
            .filter(|token| *token == "stampNL001.refresh-1")
            .count();
        assert!(of_first <= 2, "after {calls} calls: {presented:?}");
        match world.status(id).await {
            Status::Authorized => assert_eq!(world.pairs(), 1),
            Status::Reauthorize => assert_eq!(world.pairs(), 0),
            other => panic!("{other} after {calls} calls"),
        }
        if lived {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 8, "only {deaths} places to die at");
}

/// Nothing of a pair that is gone is left in the vault, and nothing opens where it does not belong.
#[tokio::test]
async fn only_the_current_generation_is_sealed() {
    let (world, id) = renewing().await;
    world.wake(id).await.unwrap();
    let pairs: Vec<_> = world
        .store
        .inner
        .sealed_places()
        .into_iter()
        .filter(|place| matches!(place, Place::Pair(_)))
        .collect();
    assert_eq!(pairs, [world.pair_place(id).await]);
}
