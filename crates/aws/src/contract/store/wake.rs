//! The index of wake-ups.

use std::collections::BTreeSet;

use handover_core::{connection::Connection, ids::ConnectionId, ports::Store};
use jiff::Timestamp;

use super::{current, eventually, written};
use crate::contract::scene::{self, at};

/// Finds `ids` in all parts of the index.
pub(super) async fn due_among<S: Store>(
    store: &S,
    ids: &BTreeSet<ConnectionId>,
    until: Timestamp,
) -> Vec<(u32, ConnectionId, Timestamp)> {
    let mut found = Vec::new();
    for shard in 0..store.shards() {
        let due = store.due(shard, until, 10_000).await.unwrap();
        assert!(due.is_sorted_by_key(|pointer| pointer.wake_at), "{due:?}");
        let ours = due.into_iter().filter(|pointer| ids.contains(&pointer.connection));
        found.extend(ours.map(|pointer| (shard, pointer.connection, pointer.wake_at)));
    }
    found
}

/// The index of wake-ups holds what has one, in order of time.
pub async fn what_is_due_is_found_in_order<S: Store>(store: &S) {
    let mut ids = BTreeSet::new();
    let mut connections = Vec::new();
    for seconds in [300, 100, 200, 400, 500, 600, 700, 800] {
        let (mut change, _) = scene::invited(at(0));
        change.connection.wake_at = Some(at(seconds));
        ids.insert(change.connection.id);
        connections.push(written(store, change).await);
    }
    eventually("what is due is found", || async {
        due_among(store, &ids, at(400)).await.len() == 4
    })
    .await;
    eventually("what is due exactly then is found", || async {
        due_among(store, &ids, at(100)).await.len() == 1
    })
    .await;
    assert!(due_among(store, &ids, at(99)).await.is_empty());
    let all = due_among(store, &ids, at(1_000)).await;
    for (_, id, wake_at) in &all {
        let connection = connections.iter().find(|connection| connection.id == *id).unwrap();
        assert_eq!(connection.wake_at, Some(*wake_at));
    }
    let (shard, _, first) = all[0];
    let one = store.due(shard, at(1_000), 1).await.unwrap();
    assert!(
        one.len() == 1 && one[0].wake_at <= first,
        "the earliest come first: {one:?}"
    );

    // What has no wake-up any more leaves it.
    for connection in connections {
        let mut change = scene::any_change(&connection, at(10));
        change.connection.wake_at = None;
        let connection = written(store, change).await;
        assert_eq!(current(store, connection.id).await.wake_at, None);
    }
    eventually("the index forgets", || async {
        due_among(store, &ids, at(1_000)).await.is_empty()
    })
    .await;
}

/// The sweeper's safety time.
pub async fn a_wake_up_is_moved_only_if_nothing_moved_it<S: Store>(store: &S) {
    let (mut change, _) = scene::invited(at(0));
    change.connection.wake_at = Some(at(100));
    let connection = written(store, change).await;
    let id = connection.id;
    assert!(!store.postpone(id, at(99), at(500)).await.unwrap());
    assert!(store.postpone(id, at(100), at(500)).await.unwrap());
    assert!(
        store.postpone(id, at(100), at(500)).await.unwrap(),
        "a retry meets its own success"
    );
    assert!(!store.postpone(id, at(100), at(600)).await.unwrap());
    let read = current(store, id).await;
    assert_eq!(
        read,
        Connection {
            wake_at: Some(at(500)),
            ..connection.clone()
        },
        "nothing else has changed"
    );
    let ids = BTreeSet::from([id]);
    eventually("it is due later", || async {
        due_among(store, &ids, at(499)).await.is_empty()
    })
    .await;
    eventually("it is due then", || async {
        due_among(store, &ids, at(500)).await.len() == 1
    })
    .await;

    // A change made from the version before is written all the same.
    let mut change = scene::any_change(&connection, at(110));
    change.connection.wake_at = None;
    written(store, change).await;
    assert!(
        !store.postpone(id, at(500), at(700)).await.unwrap(),
        "what has no wake-up gets none"
    );
    assert_eq!(current(store, id).await.wake_at, None);
    assert!(
        !store.postpone(scene::id(at(0)), at(1), at(2)).await.unwrap(),
        "nor does what is not there"
    );
}
