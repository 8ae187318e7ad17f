//! It took effect, and the answer was lost: for every write.

use handover_aws::{
    DynamoStore,
    contract::scene::{self, at},
};
use handover_core::{
    authorisation::Link,
    connection::Connection,
    ports::{Change, Store, WriteError},
    registration::{Channel, ChannelKind},
};

use crate::{
    cloud::cloud,
    unreliable::{Fault, Unreliable},
};

/// How many answers are lost.
const ONE: usize = 1;
const ALL: usize = 3;

struct Scene {
    store: DynamoStore,
    network: Unreliable,
}

/// `tokens`: whether DynamoDB still knows the write by its token; if not, only what was stored tells.
async fn scene(tokens: bool) -> Scene {
    let network = Unreliable::new();
    if !tokens {
        network.forget_tokens();
    }
    Scene {
        store: cloud().await.store_over(&network).await,
        network,
    }
}

impl Scene {
    /// Loses answers to `operation`, and writes again where the store says so.
    async fn lose<F, Fut>(&self, operation: &'static str, lost: usize, write: F)
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(), WriteError>>,
    {
        self.network.calls();
        self.network.fail(operation, lost, &Fault::AnswerLost);
        let first = write().await;
        if lost == ALL {
            assert!(
                matches!(first, Err(WriteError::Unavailable(_))),
                "{operation}: {first:?}"
            );
            write()
                .await
                .unwrap_or_else(|error| panic!("{operation}, again: {error}"));
        } else {
            first.unwrap_or_else(|error| panic!("{operation}: {error}"));
        }
        assert_eq!(self.network.calls()[operation], lost + 1, "{operation}");
    }

    async fn lose_write(&self, lost: usize, change: &Change) -> Connection {
        let single = change.records.is_empty();
        let operation = if single { "PutItem" } else { "TransactWriteItems" };
        self.lose(operation, lost, || self.store.write(change)).await;
        let stored = self.store.connection(change.connection.id).await.unwrap().unwrap();
        assert_eq!(stored, change.connection);
        if !single {
            let history = self.store.history(stored.id).await.unwrap();
            assert!(history.iter().is_sorted_by_key(|record| record.number));
            assert_eq!(history[history.len() - change.records.len()..], change.records);
        }
        stored
    }

    async fn lose_open(&self, lost: usize, link: &Link) -> handover_core::authorisation::Authorisation {
        let (opened, trip) = scene::trip(link, at(10));
        self.lose("TransactWriteItems", lost, || {
            self.store.open_authorisation(link, &opened, &trip)
        })
        .await;
        assert_eq!(self.store.link(&link.hash).await.unwrap().unwrap(), opened);
        assert_eq!(self.store.authorisation(&trip.id).await.unwrap().unwrap(), trip);
        trip
    }
}

async fn every_write_of_a_journey(lost: usize, tokens: bool) {
    let scene = scene(tokens).await;
    let (created, link) = scene::invited(at(0));
    let connection = scene.lose_write(lost, &created).await;
    let trip = scene.lose_open(lost, &link).await;
    let connection = scene
        .lose_write(lost, &scene::consent(&connection, &trip, at(20)))
        .await;
    let connection = scene
        .lose_write(lost, &scene::exchanged(&connection, &trip.id, at(21)))
        .await;
    let user = scene::name("user");
    let connection = scene
        .lose_write(lost, &scene::identified(&connection, &user, None, at(24)))
        .await;
    let bare = Change {
        records: Vec::new(),
        ..scene::any_change(&connection, at(25))
    };
    let connection = scene.lose_write(lost, &bare).await;
    let due = connection.due_at().unwrap();
    let connection = scene.lose_write(lost, &scene::attempt(&connection, due)).await;
    scene.lose_write(lost, &scene::registered(&connection, due)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_lost_answer_is_known_by_its_token() {
    every_write_of_a_journey(ONE, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_lost_answer_is_known_by_what_was_stored() {
    every_write_of_a_journey(ONE, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_answers_lost_and_written_again_within_ten_minutes() {
    every_write_of_a_journey(ALL, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_answers_lost_and_written_again_much_later() {
    every_write_of_a_journey(ALL, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_up_moves_once() {
    let scene = scene(true).await;
    let (mut change, _) = scene::invited(at(0));
    change.connection.wake_at = Some(at(100));
    scene.store.write(&change).await.unwrap();
    let id = change.connection.id;
    scene.network.fail("UpdateItem", ONE, &Fault::AnswerLost);
    assert!(scene.store.postpone(id, at(100), at(200)).await.unwrap());
    scene.network.fail("UpdateItem", ALL, &Fault::AnswerLost);
    let lost = scene.store.postpone(id, at(200), at(300)).await;
    assert!(matches!(lost, Err(WriteError::Unavailable(_))), "{lost:?}");
    assert!(scene.store.postpone(id, at(200), at(300)).await.unwrap());
    assert_eq!(
        scene.store.connection(id).await.unwrap().unwrap().wake_at,
        Some(at(300))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_and_channels_are_put_again() {
    let scene = scene(false).await;
    for lost in [ONE, ALL] {
        let application = scene::application(&scene::name("app"));
        let sealed = scene::sealed();
        scene
            .lose("TransactWriteItems", lost, || {
                scene.store.put_application(&application, &sealed)
            })
            .await;
        assert_eq!(
            scene.store.application(&application.id).await.unwrap(),
            Some(application)
        );
        let channel = Channel {
            id: scene::name("channel").parse().unwrap(),
            kind: ChannelKind::Assisted,
            description: "by hand".into(),
        };
        scene
            .lose("TransactWriteItems", lost, || {
                scene.store.put_channel(&channel, Some(&sealed))
            })
            .await;
        scene
            .lose("TransactWriteItems", lost, || scene.store.put_channel(&channel, None))
            .await;
        assert_eq!(scene.store.channel(&channel.id).await.unwrap(), Some(channel));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_success_is_known_under_the_write_of_another() {
    let scene = scene(false).await;
    let (created, _) = scene::invited(at(0));
    scene.store.write(&created).await.unwrap();
    let mine = scene::any_change(&created.connection, at(1));
    scene.network.fail("TransactWriteItems", ALL, &Fault::AnswerLost);
    assert!(matches!(
        scene.store.write(&mine).await,
        Err(WriteError::Unavailable(_))
    ));
    let other = scene::any_change(&mine.connection, at(2));
    scene.store.write(&other).await.unwrap();
    scene.store.write(&mine).await.unwrap();
    let stored = scene.store.connection(created.connection.id).await.unwrap().unwrap();
    assert_eq!(stored, other.connection, "it was not written again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_dynamodb_finds_used_differently_decides_nothing() {
    let scene = scene(true).await;
    let (created, link) = scene::invited(at(0));
    let mismatch = Fault::Answers(
        400,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException","Message":"other"}"#
            .into(),
    );
    // Nothing was written before: it is written now. Something was: that is a success.
    for _ in 0..2 {
        scene.network.fail("TransactWriteItems", 1, &mismatch);
        scene.store.write(&created).await.unwrap();
    }
    let (opened, trip) = scene::trip(&link, at(1));
    for _ in 0..2 {
        scene.network.fail("TransactWriteItems", 1, &mismatch);
        scene.store.open_authorisation(&link, &opened, &trip).await.unwrap();
    }
    assert_eq!(scene.store.link(&link.hash).await.unwrap(), Some(opened));
    let id = created.connection.id;
    assert_eq!(scene.store.connection(id).await.unwrap(), Some(created.connection));
    assert_eq!(scene.store.history(id).await.unwrap(), created.records);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_arrived_is_written_by_the_retry() {
    let scene = scene(true).await;
    let (created, _) = scene::invited(at(0));
    let broken = Fault::Answers(500, r#"{"__type":"InternalServerError","message":"try again"}"#.into());
    scene.network.fail("TransactWriteItems", 2, &broken);
    scene.store.write(&created).await.unwrap();
    scene.network.fail("TransactWriteItems", 3, &broken);
    let change = scene::any_change(&created.connection, at(1));
    let error = scene.store.write(&change).await.unwrap_err();
    assert!(error.to_string().contains("InternalServerError: try again"), "{error}");
    scene.store.write(&change).await.unwrap();
    assert_eq!(scene.store.history(created.connection.id).await.unwrap().len(), 3);
}
