//! Trips through the consent screen.

use handover_core::ports::{Change, Store};

use super::{assert_conflict, current, on_the_way, written};
use crate::contract::scene::{self, at};

/// The state of a consent is good once.
pub async fn an_authorisation_is_consumed_once_in_time_and_by_its_connection<S: Store>(store: &S) {
    let (connection, trip) = on_the_way(store).await;
    let late = scene::consent(&connection, &trip, trip.expires_at);
    assert_conflict(store.write(&late).await, connection.id);
    let unknown = Change {
        consume: Some(scene::authorisation()),
        ..scene::consent(&connection, &trip, at(20))
    };
    assert_conflict(store.write(&unknown).await, connection.id);
    let (stranger, _) = on_the_way(store).await;
    let foreign = Change {
        consume: Some(trip.id.clone()),
        ..scene::any_change(&stranger, at(20))
    };
    assert_conflict(store.write(&foreign).await, stranger.id);
    assert_eq!(store.authorisation(&trip.id).await.unwrap().unwrap().consumed_at, None);

    let connection = written(store, scene::consent(&connection, &trip, at(20))).await;
    let twice = Change {
        consume: Some(trip.id.clone()),
        ..scene::any_change(&connection, at(21))
    };
    assert_conflict(store.write(&twice).await, connection.id);
    assert_eq!(current(store, connection.id).await, connection);
}

/// Two trips that start from one version of a link.
pub async fn a_trip_opens_only_on_the_link_that_was_read<S: Store>(store: &S) {
    let (change, link) = scene::invited(at(0));
    let connection = written(store, change).await;
    let (first_link, first) = scene::trip(&link, at(10));
    let (rival_link, rival) = scene::trip(&link, at(11));
    store.open_authorisation(&link, &first_link, &first).await.unwrap();
    assert_conflict(
        store.open_authorisation(&link, &rival_link, &rival).await,
        connection.id,
    );
    assert_eq!(store.authorisation(&rival.id).await.unwrap(), None);
    assert_eq!(store.link(&link.hash).await.unwrap().unwrap(), first_link);
    let (second_link, second) = scene::trip(&first_link, at(12));
    store
        .open_authorisation(&first_link, &second_link, &second)
        .await
        .unwrap();
    assert_eq!(store.link(&link.hash).await.unwrap().unwrap().live.len(), 2);
    // The first one, again, after the second.
    store.open_authorisation(&link, &first_link, &first).await.unwrap();
    assert_eq!(store.link(&link.hash).await.unwrap().unwrap(), second_link);
}
