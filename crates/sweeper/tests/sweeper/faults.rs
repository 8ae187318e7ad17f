//! What goes wrong with one connection, one shard or one call stops nothing else.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use handover_core::{connection::Status, event::Event};
use handover_simulation::{faulty::Fault, lock};

use crate::{
    ids, sweep, work_off,
    world::{HOUR, MINUTE, World},
};

#[tokio::test]
async fn a_crash_between_sending_and_moving_sends_twice_which_is_harmless() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    lock(&world.store.postpones).push_back(Fault::Before);
    let report = sweep(&world).await;
    assert_eq!((report.pointed, report.failed), (1, 1));
    assert_eq!(sweep(&world).await.pointed, 1);
    assert_eq!(world.waits().len(), 2);
    world.work().await;
    assert_eq!((world.submissions(), world.status(id).await), (1, Status::Registered));
}

#[tokio::test]
async fn a_wake_up_that_was_not_sent_is_not_put_off() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    world.queue.away.store(true, SeqCst);
    let report = sweep(&world).await;
    assert_eq!((report.pointed, report.failed, report.completed), (0, 1, true));
    world.queue.away.store(false, SeqCst);
    assert_eq!(sweep(&world).await.pointed, 1);
    world.work().await;
    assert_eq!(world.status(id).await, Status::Registered);
}

#[tokio::test]
async fn rejected_items_are_kept_counted_and_passed_over() {
    let world = World::new().await;
    // More than two pages of them, and all due before the others.
    let bad = ids(&world, 250, Duration::ZERO).await;
    world.clock.advance(MINUTE);
    let good = ids(&world, 130, Duration::ZERO).await;
    lock(&world.store.rejected).extend(&bad);
    let before: Vec<_> = world
        .store
        .inner
        .connections()
        .into_iter()
        .filter(|one| bad.contains(&one.id))
        .collect();
    world.clock.advance(HOUR);
    let report = sweep(&world).await;
    assert_eq!((report.rejected, report.pointed, report.failed), (250, 130, 0));
    assert!(report.completed && !report.cut_short);
    assert_eq!(report.oldest_overdue, HOUR + MINUTE);
    let after: Vec<_> = world
        .store
        .inner
        .connections()
        .into_iter()
        .filter(|one| bad.contains(&one.id))
        .collect();
    assert_eq!(before, after, "kept as they are");
    work_off(&world).await;
    for id in good {
        assert_eq!(world.status(id).await, Status::Registered);
    }
    // Once they are understood again, they are taken up.
    lock(&world.store.rejected).clear();
    assert_eq!(sweep(&world).await.pointed, 250);
}

#[tokio::test]
async fn one_that_brings_a_panic_about_stops_no_other() {
    let world = World::new().await;
    let all = ids(&world, 3, Duration::ZERO).await;
    lock(&world.store.cursed).insert(all[0]);
    let report = sweep(&world).await;
    assert_eq!((report.pointed, report.failed), (2, 1));
}

#[tokio::test]
async fn a_shard_that_cannot_be_read_stops_no_other() {
    let world = World::new().await;
    world.store.shards.store(4, SeqCst);
    let all = ids(&world, 40, Duration::ZERO).await;
    *lock(&world.store.shard_away) = Some(0);
    let unread = all.iter().filter(|id| id.randomness() % 4 == 0).count();
    let report = sweep(&world).await;
    assert_eq!(
        (usize::try_from(report.pointed).unwrap(), report.completed),
        (40 - unread, false)
    );
    *lock(&world.store.shard_away) = None;
    assert_eq!(usize::try_from(sweep(&world).await.pointed).unwrap(), unread);
}

/// A connection in one of two shards.
async fn in_shard(world: &World, shard: u128, wait: Duration) {
    loop {
        let id = world.authorized(wait).await;
        if id.randomness() % 2 == shard {
            return;
        }
        world.ask(id, Event::CancelAsked).await;
    }
}

/// What it holds may be due before all that this sweep gave slots to: there was no queue, so it has not to wait for the end
/// of one.
#[tokio::test]
async fn what_a_shard_held_that_could_not_be_read_keeps_its_second() {
    let world = World::new().await;
    world.store.shards.store(2, SeqCst);
    in_shard(&world, 0, 8 * MINUTE).await;
    in_shard(&world, 1, 12 * MINUTE).await;
    *lock(&world.store.shard_away) = Some(0);
    assert_eq!(sweep(&world).await.pointed, 1);
    *lock(&world.store.shard_away) = None;
    assert_eq!(sweep(&world).await.pointed, 1);
    let mut waits = world.waits();
    waits.sort();
    assert_eq!(waits, [8 * MINUTE, 12 * MINUTE]);
}

#[tokio::test]
async fn a_table_that_is_away_is_no_completed_sweep() {
    let world = World::new().await;
    ids(&world, 3, Duration::ZERO).await;
    world.store.away.store(true, SeqCst);
    let report = sweep(&world).await;
    assert_eq!((report.completed, report.swept, report.in_doubt), (false, 0, None));
}

/// The sweeper dies before its n-th call, for every n there is; then the next sweep comes.
#[tokio::test]
async fn wherever_the_sweeper_dies_nothing_is_forgotten() {
    let mut deaths = 0;
    for calls in 0.. {
        let world = World::new().await;
        let all = ids(&world, 2, Duration::ZERO).await;
        let ended = world.authorized(Duration::ZERO).await;
        world.fate.dies_after(calls);
        let lived = world.fate.run(sweep(&world)).await.is_some();
        world.fate.lives();
        world.clock.advance(5 * MINUTE);
        sweep(&world).await;
        world.work().await;
        for id in all.into_iter().chain([ended]) {
            assert_eq!(world.status(id).await, Status::Registered, "after {calls} calls");
        }
        assert_eq!(world.submissions(), 3, "after {calls} calls");
        if lived {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 8, "only {deaths} places to die at");
}
