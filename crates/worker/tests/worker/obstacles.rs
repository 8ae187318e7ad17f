//! What stands in the way before the claim: nothing is sent, and the text says what to do.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use handover_core::{
    connection::{Problem, Status},
    ids::ConnectionId,
    plaintext,
    ports::{Clock, NotPrepared, Place, Sealed},
    secret::Plaintext,
};
use handover_simulation::{lock, received};

use crate::world::{APPLICATION, CHANNEL, HOUR, World, identity_key};

enum What {
    Missing,
    Altered,
    /// Another connection's, or another application's.
    Moved,
    /// Sealed for its place, but of a form nobody knows.
    Strange,
}

async fn spoil(world: &World, place: &Place, what: &What) {
    let sealed = match what {
        What::Missing => None,
        What::Altered => Some(Sealed(b"rubbish".to_vec())),
        What::Moved => {
            let elsewhere = Place::Application("exact-be".parse().unwrap());
            Some(world.sealed(&elsewhere, &Plaintext::new(b"{}".to_vec())).await)
        }
        What::Strange => Some(world.sealed(place, &Plaintext::new(br#"{"v":9}"#.to_vec())).await),
    };
    world.store.inner.tamper(place, sealed);
}

async fn is_blocked(world: &World, id: ConnectionId, problem: Problem, says: &[&str]) {
    world.wake(id).await.unwrap();
    let connection = world.read(id).await;
    assert_eq!(world.submissions(), 0);
    assert_eq!(connection.state.status(), Status::Authorized);
    assert_eq!(connection.attempts, 0, "no claim");
    let attention = connection.attention.unwrap();
    assert_eq!(attention.problem, problem, "{}", attention.text);
    for word in says {
        assert!(attention.text.contains(word), "`{word}` is not in: {}", attention.text);
    }
    // It comes back by itself, and not at once.
    let waits = world.waits();
    assert!(
        matches!(waits.as_slice(), [wait] if (30..=37).contains(&wait.as_secs())),
        "{waits:?}"
    );
}

async fn mended(world: &World, id: ConnectionId) {
    world.clock.advance(HOUR);
    world.work().await;
    assert_eq!(world.status(id).await, Status::Registered);
    assert!(world.read(id).await.attention.is_none());
}

#[tokio::test]
async fn the_pair() {
    for (what, problem, says) in [
        (
            What::Missing,
            Problem::Tampered,
            ["gone from the vault", "handover link"],
        ),
        (
            What::Altered,
            Problem::Tampered,
            ["not what was sealed there", "handover link"],
        ),
        (
            What::Moved,
            Problem::Tampered,
            ["not what was sealed there", "handover link"],
        ),
        (
            What::Strange,
            Problem::Configuration,
            ["token pair is of an unknown form", "handover link"],
        ),
    ] {
        let world = World::new().await;
        let id = world.authorized(Duration::ZERO).await;
        spoil(&world, &world.pair_place(id).await, &what).await;
        is_blocked(&world, id, problem, &says).await;
    }
}

#[tokio::test]
async fn the_application() {
    for (what, problem, says) in [
        (What::Missing, Problem::Configuration, ["`exact-nl`", "store it again"]),
        (
            What::Altered,
            Problem::Tampered,
            ["not what was sealed there", "store the application `exact-nl` again"],
        ),
        (
            What::Moved,
            Problem::Tampered,
            ["not what was sealed there", "store the application `exact-nl` again"],
        ),
        (
            What::Strange,
            Problem::Configuration,
            ["application is of an unknown form", "store the application again"],
        ),
    ] {
        let world = World::new().await;
        let id = world.authorized(Duration::ZERO).await;
        spoil(&world, &Place::Application(APPLICATION.parse().unwrap()), &what).await;
        is_blocked(&world, id, problem, &says).await;
        world.store_application().await;
        mended(&world, id).await;
    }
}

#[tokio::test]
async fn the_channel() {
    for (what, problem, says) in [
        (What::Missing, Problem::Configuration, ["`invantive`", "store it again"]),
        (
            What::Altered,
            Problem::Tampered,
            ["not what was sealed there", "store the channel `invantive` again"],
        ),
        (
            What::Moved,
            Problem::Tampered,
            ["not what was sealed there", "store the channel `invantive` again"],
        ),
    ] {
        let world = World::new().await;
        let id = world.authorized(Duration::ZERO).await;
        spoil(&world, &Place::Channel(CHANNEL.parse().unwrap()), &what).await;
        is_blocked(&world, id, problem, &says).await;
        world.store_channel().await;
        mended(&world, id).await;
    }
}

#[tokio::test]
async fn the_profile() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    lock(&world.registrar.inner.obstacles).push_back(NotPrepared {
        problem: Problem::Configuration,
        reason: "the address is not https".into(),
    });
    is_blocked(&world, id, Problem::Configuration, &["not https"]).await;
    mended(&world, id).await;
}

#[tokio::test]
async fn no_text_holds_a_secret() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    spoil(
        &world,
        &Place::Application(APPLICATION.parse().unwrap()),
        &What::Altered,
    )
    .await;
    world.wake(id).await.unwrap();
    let history = format!("{:?}", world.history(id).await);
    assert!(
        !history.contains("hush") && !history.contains("stampNL001"),
        "{history}"
    );
}

#[tokio::test]
async fn kms_that_is_away_brings_the_message_back() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    let before = world.read(id).await;
    world.vault.no_opening.store(true, SeqCst);
    let error = world.wake(id).await.unwrap_err();
    assert!(matches!(error, handover_worker::WakeError::Vault(_)), "{error}");
    assert_eq!(world.read(id).await, before, "untouched");
    world.vault.no_opening.store(false, SeqCst);
    world.wake(id).await.unwrap();
    assert_eq!(world.submissions(), 1);
}

/// The pair of another connection, sealed for this place: what a copied or altered item of the plain table leads to.
#[tokio::test]
async fn a_pair_that_was_issued_to_another_connection() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    let key = world.read(id).await.pair.unwrap().key;
    let place = Place::Pair(key);
    let stranger = ConnectionId::new(world.clock.now(), 99);
    let foreign = plaintext::of_pair(&received(1), stranger, &identity_key().client_id);
    let sealed = world.sealed(&place, &foreign).await;
    world.store.inner.tamper(&place, Some(sealed));
    is_blocked(
        &world,
        id,
        Problem::Tampered,
        &["another connection", "nothing was sent"],
    )
    .await;
}

/// The OEM replaced the application after the consent.
#[tokio::test]
async fn a_pair_that_was_issued_to_another_client_id() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    let place = Place::Pair(world.read(id).await.pair.unwrap().key);
    let old = plaintext::of_pair(&received(1), id, &"an-older-client".parse().unwrap());
    let sealed = world.sealed(&place, &old).await;
    world.store.inner.tamper(&place, Some(sealed));
    is_blocked(
        &world,
        id,
        Problem::Configuration,
        &["an-older-client", "handover link"],
    )
    .await;
}
