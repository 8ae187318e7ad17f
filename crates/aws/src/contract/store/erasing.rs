//! What is not to be kept any longer.

use std::collections::BTreeSet;

use handover_core::{
    connection::Connection,
    event::Record,
    ports::{Change, Store},
};

use super::{assert_conflict, current, due_among, eventually, written};
use crate::contract::scene::{self, at};

/// A change that brings `count` records at once.
fn eventful(connection: &Connection, count: u64) -> Change {
    let change = scene::any_change(connection, at(1));
    let one = &change.records[0];
    let records: Vec<_> = (1..=count)
        .map(|number| Record {
            number: connection.records + number,
            ..one.clone()
        })
        .collect();
    Change {
        connection: Connection {
            records: connection.records + count,
            ..change.connection
        },
        records,
        ..change
    }
}

/// More records than one transaction touches; in parts, and again.
pub async fn a_history_is_erased_up_to_a_record<S: Store>(store: &S) {
    let mut connection = written(store, scene::invited(at(0)).0).await;
    for _ in 0..3 {
        connection = written(store, eventful(&connection, 80)).await;
    }
    let (id, last) = (connection.id, connection.records);
    let neighbour = written(store, scene::invited(at(0)).0).await;
    let others = store.history(neighbour.id).await.unwrap();
    let left = async || {
        let history = store.history(id).await.unwrap();
        history.into_iter().map(|record| record.number).collect::<Vec<_>>()
    };
    assert!(last > 200);
    for (to, from) in [(0, 1), (7, 8), (7, 8), (last - 1, last)] {
        store.erase_history(id, to).await.unwrap();
        assert_eq!(left().await, (from..=last).collect::<Vec<_>>(), "up to {to}");
    }
    for to in [last, last, u64::MAX] {
        store.erase_history(id, to).await.unwrap();
        assert!(left().await.is_empty());
    }
    assert_eq!(current(store, id).await, connection, "the connection stays");
    assert_eq!(
        store.history(neighbour.id).await.unwrap(),
        others,
        "so does the history of others"
    );
    written(store, scene::any_change(&connection, at(2))).await;
    assert_eq!(left().await, [last + 1], "what comes after is kept");
}

/// A connection that nobody keeps any longer.
pub async fn a_connection_is_removed_as_it_was_read<S: Store>(store: &S) {
    let (mut created, _) = scene::invited(at(0));
    created.connection.wake_at = Some(at(100));
    let stale = written(store, created).await;
    let mut change = scene::any_change(&stale, at(1));
    change.connection.wake_at = Some(at(200));
    let connection = written(store, change).await;
    let id = connection.id;
    assert_conflict(store.remove(&stale).await, id);
    assert_eq!(current(store, id).await, connection);

    // What the sweeper moved is no other version.
    assert!(store.postpone(id, at(200), at(300)).await.unwrap());
    store.remove(&connection).await.unwrap();
    assert_eq!(store.connection(id).await.unwrap(), None);
    store.remove(&connection).await.unwrap();
    eventually("the index forgets it", || async {
        due_among(store, &BTreeSet::from([id]), at(1_000)).await.is_empty()
    })
    .await;
    assert_conflict(store.write(&scene::any_change(&connection, at(2))).await, id);
}
