//! Changes of a connection: read back, whole or not at all, once.

use std::time::Duration;

use handover_core::{
    authorisation::Authorisation,
    connection::Connection,
    ids::Revision,
    ports::{Change, Place, Store, WriteError},
    registration::later,
};
use jiff::Timestamp;

use super::{assert_conflict, current, on_the_way, written};
use crate::contract::scene::{self, at};

/// Reads of absent items.
pub async fn what_is_not_there_is_none<S: Store>(store: &S) {
    let (change, link) = scene::invited(at(0));
    assert_eq!(store.connection(change.connection.id).await.unwrap(), None);
    assert!(store.history(change.connection.id).await.unwrap().is_empty());
    assert_eq!(store.link(&link.hash).await.unwrap(), None);
    assert_eq!(store.authorisation(&scene::authorisation()).await.unwrap(), None);
    assert_eq!(
        store
            .identity(&scene::identity_key(&scene::name("user")))
            .await
            .unwrap(),
        None
    );
    let nameless = scene::name("none");
    assert_eq!(store.application(&nameless.parse().unwrap()).await.unwrap(), None);
    assert_eq!(store.channel(&nameless.parse().unwrap()).await.unwrap(), None);
    assert_eq!(
        store
            .sealed(&Place::Application(nameless.parse().unwrap()))
            .await
            .unwrap(),
        None
    );
}

/// From link to registered database: state, history, link, authorisation, identity and pair.
pub async fn a_journey_reads_back_at_every_step<S: Store>(store: &S) {
    let (change, link) = scene::invited(at(0));
    let mut history = change.records.clone();
    let connection = written(store, change).await;
    assert_eq!(current(store, connection.id).await, connection);
    assert_eq!(store.link(&link.hash).await.unwrap().unwrap(), link);

    let (opened, trip) = scene::trip(&link, at(10));
    store.open_authorisation(&link, &opened, &trip).await.unwrap();
    assert_eq!(store.link(&link.hash).await.unwrap().unwrap(), opened);
    assert_eq!(store.authorisation(&trip.id).await.unwrap().unwrap(), trip);

    let change = scene::consent(&connection, &trip, at(20));
    history.extend(change.records.clone());
    let connection = written(store, change).await;
    assert_eq!(current(store, connection.id).await, connection);
    let used = store.authorisation(&trip.id).await.unwrap().unwrap();
    assert_eq!(
        used,
        Authorisation {
            consumed_at: Some(at(20)),
            ..trip.clone()
        }
    );

    let change = scene::exchanged(&connection, &trip.id, at(21));
    history.extend(change.records.clone());
    let (key, sealed) = change.pair.clone().unwrap();
    let connection = written(store, change).await;
    assert_eq!(current(store, connection.id).await, connection);
    assert_eq!(store.sealed(&Place::Pair(key.clone())).await.unwrap().unwrap(), sealed);

    let user = scene::name("user");
    let change = scene::identified(&connection, &user, None, at(24));
    history.extend(change.records.clone());
    let held = change.identity.clone().unwrap().held;
    let connection = written(store, change).await;
    assert_eq!(store.identity(&scene::identity_key(&user)).await.unwrap(), Some(held));

    let due = connection.due_at().unwrap();
    let change = scene::attempt(&connection, due);
    history.extend(change.records.clone());
    let connection = written(store, change).await;
    assert_eq!(current(store, connection.id).await, connection);

    let change = scene::registered(&connection, later(due, Duration::from_secs(3)));
    history.extend(change.records.clone());
    assert_eq!(change.destroy.as_slice(), std::slice::from_ref(&key));
    let connection = written(store, change).await;
    assert_eq!(current(store, connection.id).await, connection);
    assert_eq!(
        store.sealed(&Place::Pair(key)).await.unwrap(),
        None,
        "the pair goes with the write"
    );
    assert_eq!(store.history(connection.id).await.unwrap(), history);
}

/// Nothing of a moment is lost, but that a wake-up may come within the millisecond after it; never before.
pub async fn times_keep_their_precision<S: Store>(store: &S) {
    let now = Timestamp::from_nanosecond(long_ago_in_nanoseconds() + 123_456_789).unwrap();
    let (change, link) = scene::invited(now);
    let connection = written(store, change).await;
    let read = current(store, connection.id).await;
    assert_eq!(read.created_at, now);
    assert_eq!(read.updated_at, now);
    let (written_for, read_for) = (connection.wake_at.unwrap(), read.wake_at.unwrap());
    assert!(
        written_for <= read_for && read_for < later(written_for, Duration::from_millis(1)),
        "{read_for}"
    );
    assert_eq!(store.link(&link.hash).await.unwrap().unwrap(), link);
    let (opened, trip) = scene::trip(&link, now);
    store.open_authorisation(&link, &opened, &trip).await.unwrap();
    assert_eq!(store.authorisation(&trip.id).await.unwrap().unwrap(), trip);
    let end = Connection {
        wake_at: Some(Timestamp::MAX),
        ..scene::any_change(&read, now).connection
    };
    let change = Change {
        connection: end,
        ..scene::any_change(&read, now)
    };
    written(store, change).await;
    assert_eq!(current(store, connection.id).await.wake_at, Some(Timestamp::MAX));
}

fn long_ago_in_nanoseconds() -> i128 {
    scene::long_ago().as_nanosecond()
}

/// One condition that does not hold, and nothing at all is there.
pub async fn a_change_is_written_whole_or_not_at_all<S: Store>(store: &S) {
    let (connection, trip) = on_the_way(store).await;
    let claimed = written(store, scene::consent(&connection, &trip, at(20))).await;

    // A stale revision keeps pair, records, link and identity out.
    let stale = {
        let mut change = scene::exchanged(&claimed, &trip.id, at(21));
        let (_, link) = scene::invited(at(0));
        change.expected = Some(Revision(claimed.revision.0 - 1));
        change.link = Some(link);
        change.identity = scene::identified(&change.connection, &scene::name("user"), None, at(22)).identity;
        change
    };
    let history = store.history(claimed.id).await.unwrap();
    assert_conflict(store.write(&stale).await, claimed.id);
    assert_eq!(current(store, claimed.id).await, claimed);
    assert_eq!(store.history(claimed.id).await.unwrap(), history);
    assert_eq!(store.sealed(&Place::Pair(stale.pair.unwrap().0)).await.unwrap(), None);
    assert_eq!(store.link(&stale.link.unwrap().hash).await.unwrap(), None);
    assert_eq!(store.identity(&stale.identity.unwrap().key).await.unwrap(), None);

    // A sealed pair is never overwritten, and keeps the state out.
    let change = scene::exchanged(&claimed, &trip.id, at(21));
    let (key, sealed) = change.pair.clone().unwrap();
    let kept = written(store, change).await;
    let again = Change {
        pair: Some((key.clone(), scene::sealed())),
        ..scene::any_change(&kept, at(30))
    };
    assert_conflict(store.write(&again).await, kept.id);
    assert_eq!(current(store, kept.id).await, kept);
    assert_eq!(store.sealed(&Place::Pair(key)).await.unwrap(), Some(sealed));

    // A connection is made once.
    let (mut other, _) = scene::invited(at(0));
    other.connection.id = kept.id;
    assert_conflict(store.write(&other).await, kept.id);
    assert_eq!(current(store, kept.id).await, kept);

    // One that is not there cannot be changed.
    let (absent, _) = scene::invited(at(0));
    let change = scene::any_change(&absent.connection, at(1));
    assert_conflict(store.write(&change).await, absent.connection.id);
    assert_eq!(store.connection(absent.connection.id).await.unwrap(), None);
}

/// Two changes made from one version.
pub async fn of_two_racing_changes_one_is_written<S: Store>(store: &S) {
    let (change, _) = scene::invited(at(0));
    let mut connection = written(store, change).await;
    for round in 1..=5 {
        let rivals = [
            scene::any_change(&connection, at(round)),
            scene::any_change(&connection, at(round)),
        ];
        let (one, other) = futures::join!(store.write(&rivals[0]), store.write(&rivals[1]));
        let winner = match (one, other) {
            (Ok(()), Err(WriteError::Conflict(_))) => &rivals[0],
            (Err(WriteError::Conflict(_)), Ok(())) => &rivals[1],
            results => panic!("{results:?}"),
        };
        connection = current(store, connection.id).await;
        assert_eq!(connection, winner.connection);
    }
}

/// A change whose answer was lost is written again by the caller.
pub async fn the_same_change_again_is_a_success<S: Store>(store: &S) {
    let (created, link) = scene::invited(at(0));
    store.write(&created).await.unwrap();
    store.write(&created).await.unwrap();
    let (opened, trip) = scene::trip(&link, at(10));
    store.open_authorisation(&link, &opened, &trip).await.unwrap();
    store.open_authorisation(&link, &opened, &trip).await.unwrap();
    let claim = scene::consent(&created.connection, &trip, at(20));
    store.write(&claim).await.unwrap();
    store.write(&claim).await.unwrap();
    store.open_authorisation(&link, &opened, &trip).await.unwrap();
    let exchanged = scene::exchanged(&claim.connection, &trip.id, at(21));
    store.write(&exchanged).await.unwrap();
    store.write(&exchanged).await.unwrap();
    let connection = current(store, created.connection.id).await;
    assert_eq!(connection, exchanged.connection);
    let count = u64::try_from(store.history(connection.id).await.unwrap().len()).unwrap();
    assert_eq!(count, connection.records);
    // A rival with the same content is no retry.
    assert_conflict(
        store
            .write(&Change {
                writer: scene::writer(),
                ..exchanged
            })
            .await,
        connection.id,
    );
}

/// The same, after others have written on top of it.
pub async fn a_change_is_known_again_under_later_ones<S: Store>(store: &S) {
    let (first, _) = scene::invited(at(0));
    let mut connection = written(store, first.clone()).await;
    let second = scene::any_change(&connection, at(1));
    connection = written(store, second.clone()).await;
    for round in 2..4 {
        connection = written(store, scene::any_change(&connection, at(round))).await;
    }
    store.write(&first).await.unwrap();
    store.write(&second).await.unwrap();
    assert_eq!(
        current(store, connection.id).await,
        connection,
        "it is not written again"
    );
}
