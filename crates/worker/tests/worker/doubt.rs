//! Doubts, and how look-ups settle them.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use handover_core::{
    connection::{LookUpRule, PairFate, State, Status},
    event::{LookUpAnswer, Outcome, What},
    ids::{AuthorisationId, ConnectionId},
    ports::Place,
};
use handover_simulation::lock;

use crate::world::{CHANNEL, DAY, HOUR, MINUTE, World};

const RULE: LookUpRule = LookUpRule {
    delay_seconds: 900,
    pair_if_absent: PairFate::Unspent,
};

/// A world whose process died while the attempt was under way.
async fn died(rule: Option<LookUpRule>) -> (World, ConnectionId, AuthorisationId) {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    let authorisation = world.read(id).await.pair.unwrap().key.authorisation;
    *lock(&world.registrar.inner.rule) = rule;
    let barrier: &'static tokio::sync::Barrier = Box::leak(Box::new(tokio::sync::Barrier::new(2)));
    *lock(&world.registrar.barrier) = Some(barrier);
    tokio::select! {
        biased;
        woken = world.wake(id) => panic!("it came back: {woken:?}"),
        () = async { while world.submissions() == 0 { tokio::task::yield_now().await } } => {}
    }
    *lock(&world.registrar.barrier) = None;
    assert_eq!(world.status(id).await, Status::Registering);
    (world, id, authorisation)
}

async fn lease_ends(world: &World, id: ConnectionId) {
    world.clock.advance(3 * MINUTE);
    world.wake(id).await.unwrap();
    assert_eq!(world.status(id).await, Status::InDoubt);
    assert_eq!(world.submissions(), 1);
}

#[tokio::test]
async fn before_the_lease_ends_nobody_touches_it() {
    let (world, id, _) = died(Some(RULE)).await;
    let before = world.read(id).await;
    world.clock.advance(2 * MINUTE);
    world.wake(id).await.unwrap();
    assert_eq!(world.read(id).await, before);
    assert_eq!(world.waits(), [MINUTE]);
}

#[tokio::test]
async fn a_look_up_that_finds_the_database_settles_at_once() {
    let (world, id, authorisation) = died(Some(RULE)).await;
    lease_ends(&world, id).await;
    assert_eq!(world.waits(), [Duration::from_secs(30)]);
    lock(&world.registrar.inner.answers).push_back(LookUpAnswer::Found("acme-boekhouding".parse().unwrap()));
    world.clock.advance(Duration::from_secs(30));
    world.work().await;
    assert_eq!(world.status(id).await, Status::Registered);
    assert!(!world.has_pair().await);
    assert_eq!(*lock(&world.registrar.looked_up), [authorisation]);
    assert_eq!(world.submissions(), 1);
}

#[tokio::test]
async fn absent_settles_when_it_was_heard_twice_after_the_delay() {
    let (world, id, _) = died(Some(RULE)).await;
    lease_ends(&world, id).await;
    // The first look-up comes too early to count.
    world.clock.advance(Duration::from_secs(30));
    world.work().await;
    assert_eq!(world.status(id).await, Status::InDoubt);
    let mut heard = 0;
    while world.status(id).await == Status::InDoubt {
        heard += 1;
        assert!(heard < 4, "never settled");
        world.clock.advance(HOUR);
        world.wake(id).await.unwrap();
    }
    assert_eq!(heard, 2);
    assert_eq!(world.status(id).await, Status::Failed);
    assert!(world.has_pair().await, "the profile says that the pair is unspent then");
    assert_eq!(world.submissions(), 1);
}

#[tokio::test]
async fn a_look_up_still_knows_its_key_when_the_pair_has_ended() {
    let (world, id, authorisation) = died(Some(RULE)).await;
    lock(&world.registrar.inner.answers).extend([const { LookUpAnswer::Unclear }; 3]);
    lease_ends(&world, id).await;
    world.clock.advance(31 * DAY);
    world.wake(id).await.unwrap();
    assert!(world.read(id).await.pair.is_none() && !world.has_pair().await);
    assert!(!lock(&world.registrar.looked_up).is_empty());
    assert!(
        lock(&world.registrar.looked_up)
            .iter()
            .all(|asked| *asked == authorisation)
    );
}

#[tokio::test]
async fn look_ups_that_cannot_be_made_do_not_spin() {
    let (world, id, _) = died(Some(RULE)).await;
    lease_ends(&world, id).await;
    world
        .store
        .inner
        .tamper(&Place::Channel(CHANNEL.parse().unwrap()), None);
    for _ in 0..24 {
        world.clock.advance(HOUR);
        world.wake(id).await.unwrap();
        world.wake(id).await.unwrap();
    }
    let State::InDoubt(doubt) = world.read(id).await.state else {
        panic!("settled")
    };
    // Each comes a step of the delay later than the one before: few in a day, and never two at once.
    assert!((2..=20).contains(&doubt.looked), "{}", doubt.looked);
    assert_eq!(doubt.absent, 0);
    world.store_channel().await;
    world.registrar.no_look_up.store(true, SeqCst);
    world.clock.advance(DAY);
    world.wake(id).await.unwrap();
    assert_eq!(world.status(id).await, Status::InDoubt);
}

#[tokio::test]
async fn without_a_rule_a_person_settles_it() {
    let (world, id, _) = died(None).await;
    lease_ends(&world, id).await;
    for _ in 0..10 {
        world.clock.advance(DAY);
        world.wake(id).await.unwrap();
    }
    assert_eq!(world.status(id).await, Status::InDoubt);
    assert!(lock(&world.registrar.looked_up).is_empty());
    assert!(
        world
            .history(id)
            .await
            .iter()
            .any(|what| matches!(what, What::Reminded))
    );
}

#[tokio::test]
async fn a_doubt_that_a_person_settled_meanwhile_stays_settled() {
    let (world, id, _) = died(Some(RULE)).await;
    lease_ends(&world, id).await;
    world.clock.advance(MINUTE);
    let settle = async {
        let by = handover_core::event::Actor::Person("dev".into());
        let settled = handover_core::event::Event::Settled(handover_core::event::Settlement::NotRegistered {
            pair: PairFate::Spent,
        });
        world
            .desk()
            .apply(id, &settled, &by, &Default::default())
            .await
            .unwrap();
    };
    let (woken, ()) = futures::join!(world.wake(id), settle);
    woken.unwrap();
    assert_eq!(world.status(id).await, Status::Failed);
}

#[tokio::test]
async fn kms_that_is_away_leaves_the_doubt_as_it_is() {
    let (world, id, _) = died(Some(RULE)).await;
    lease_ends(&world, id).await;
    world.clock.advance(MINUTE);
    world.vault.no_opening.store(true, SeqCst);
    let before = world.read(id).await;
    assert!(world.wake(id).await.is_err());
    assert_eq!(world.read(id).await, before);
}

#[tokio::test]
async fn a_late_answer_after_the_lease_still_counts() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    let barrier: &'static tokio::sync::Barrier = Box::leak(Box::new(tokio::sync::Barrier::new(2)));
    *lock(&world.registrar.barrier) = Some(barrier);
    world.outcome(Outcome::Registered {
        segment: "acme-boekhouding".parse().unwrap(),
    });
    let lease = async {
        while world.submissions() == 0 {
            tokio::task::yield_now().await;
        }
        world.clock.advance(3 * MINUTE);
        world.wake(id).await.unwrap();
        assert_eq!(world.status(id).await, Status::InDoubt);
        barrier.wait().await;
    };
    let (woken, ()) = futures::join!(world.wake(id), lease);
    woken.unwrap();
    assert_eq!(world.status(id).await, Status::Registered);
}
