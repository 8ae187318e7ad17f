//! Who consented.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use handover_core::{
    connection::{Problem, Status},
    event::What,
    ports::{MeError, Place, Store},
    registration::{ChannelKind, Due},
};
use handover_simulation::lock;

use crate::world::{APPLICATION, CHANNEL, DAY, HOUR, MINUTE, World, identity_key, user};

const TOMORROW: Due = Due::AfterConsent { seconds: 24 * 3_600 };

#[tokio::test]
async fn the_platform_is_asked_again_and_the_identity_claimed() {
    let world = World::new().await;
    let id = world.consented(ChannelKind::Http, TOMORROW, None).await;
    lock(&world.platform.inner.identities).push_back(Err(MeError { reason: "503".into() }));
    world.clock.advance(Duration::from_secs(30));
    world.wake(id).await.unwrap();
    let connection = world.read(id).await;
    assert_eq!(
        (connection.identity_misses, connection.attention.unwrap().problem),
        (1, Problem::IdentityUnknown)
    );

    world.clock.advance(2 * MINUTE);
    world.work().await;
    let connection = world.read(id).await;
    assert_eq!(connection.identity, Some(user()));
    assert!(connection.attention.is_none());
    let held = world.store.identity(&identity_key()).await.unwrap().unwrap();
    assert_eq!(
        (held.connection, held.authorisation),
        (id, connection.pair.unwrap().key.authorisation)
    );
    // The channel's profile is nobody's business here.
    assert!(!lock(&world.vault.opened).contains(&Place::Channel(CHANNEL.parse().unwrap())));
}

#[tokio::test]
async fn an_earlier_chain_of_the_same_user_is_told_as_replaced() {
    let world = World::new().await;
    let earlier = world.authorized(DAY).await;
    world.clock.advance(HOUR);
    let later = world.consented(ChannelKind::Http, TOMORROW, None).await;
    world.clock.advance(MINUTE);
    world.wake(later).await.unwrap();
    let told = world.history(later).await;
    assert!(
        told.iter()
            .any(|what| matches!(what, What::ChainReplaced { connection } if *connection == earlier))
    );
    assert_eq!(
        world.store.identity(&identity_key()).await.unwrap().unwrap().connection,
        later
    );
}

#[tokio::test]
async fn a_later_chain_keeps_its_claim_and_the_earlier_one_needs_a_consent() {
    let world = World::new().await;
    let earlier = world.consented(ChannelKind::Http, TOMORROW, None).await;
    world.clock.advance(Duration::from_secs(10));
    let later = world.consented(ChannelKind::Http, TOMORROW, Some(user())).await;
    world.clock.advance(MINUTE);
    world.wake(earlier).await.unwrap();
    assert_eq!(world.read(earlier).await.identity, Some(user()));
    assert_eq!(world.status(earlier).await, Status::Reauthorize);
    assert_eq!(
        world.store.identity(&identity_key()).await.unwrap().unwrap().connection,
        later
    );
}

#[tokio::test]
async fn three_questions_at_most_and_none_with_a_dead_token() {
    let world = World::new().await;
    let id = world.consented(ChannelKind::Http, TOMORROW, None).await;
    for _ in 0..9 {
        lock(&world.platform.inner.identities).push_back(Err(MeError { reason: "503".into() }));
    }
    for _ in 0..20 {
        world.clock.advance(MINUTE);
        world.wake(id).await.unwrap();
    }
    let asked = *lock(&world.platform.inner.asked);
    assert!((3..=4).contains(&asked), "{asked}");
}

#[tokio::test]
async fn what_cannot_be_opened_counts_as_asked_in_vain() {
    let world = World::new().await;
    let id = world.consented(ChannelKind::Http, TOMORROW, None).await;
    world
        .store
        .inner
        .tamper(&Place::Application(APPLICATION.parse().unwrap()), None);
    world.clock.advance(MINUTE);
    world.wake(id).await.unwrap();
    assert_eq!(world.read(id).await.identity_misses, 1);
    assert_eq!(*lock(&world.platform.inner.asked), 0);
}

#[tokio::test]
async fn an_unknown_identity_is_not_registered_and_nothing_is_opened_for_it() {
    let world = World::new().await;
    let id = world.consented(ChannelKind::Http, TOMORROW, None).await;
    world.clock.advance(DAY);
    world.wake(id).await.unwrap();
    world.work().await;
    let connection = world.read(id).await;
    let attention = connection.attention.unwrap();
    assert_eq!(attention.problem, Problem::IdentityUnknown);
    assert!(attention.text.contains("switch it on"), "{}", attention.text);
    assert_eq!((world.submissions(), connection.attempts), (0, 0));
    assert_eq!(*lock(&world.platform.inner.asked), 0, "asked with a dead token");
    assert!(lock(&world.vault.opened).is_empty());
}

#[tokio::test]
async fn an_unknown_identity_is_registered_where_that_is_switched_on() {
    let mut world = World::new().await;
    world.accept_unknown_identity = true;
    let id = world.consented(ChannelKind::Http, TOMORROW, None).await;
    world.clock.advance(DAY);
    world.wake(id).await.unwrap();
    world.work().await;
    assert_eq!(world.status(id).await, Status::Registered);
}

#[tokio::test]
async fn what_is_due_at_once_waits_for_the_identity_only() {
    let world = World::new().await;
    let id = world
        .consented(ChannelKind::Http, Due::AfterConsent { seconds: 0 }, None)
        .await;
    world.wake(id).await.unwrap();
    assert_eq!(world.submissions(), 0);
    for _ in 0..2 {
        world.clock.advance(Duration::from_secs(20));
        world.work().await;
    }
    assert_eq!(world.status(id).await, Status::Registered);
}

#[tokio::test]
async fn a_table_that_is_away_brings_the_message_back() {
    let world = World::new().await;
    let id = world.consented(ChannelKind::Http, TOMORROW, None).await;
    world.clock.advance(MINUTE);
    world.store.away.store(true, SeqCst);
    assert!(world.wake(id).await.is_err());
    world.store.away.store(false, SeqCst);
    world.wake(id).await.unwrap();
    assert_eq!(world.read(id).await.identity, Some(user()));
}
