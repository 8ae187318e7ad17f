//! Where the tables in memory do as DynamoDB does, beyond what every store must.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which clippy does not see"
)]

use std::{collections::BTreeSet, num::NonZeroU32, time::Duration};

use handover_aws::contract::scene::{self, at};
use handover_core::{
    authorisation::Authorisation,
    connection::{Connection, PairKey, Status},
    event::Event,
    ports::{Change, Filter, IdentityClaim, LiveChain, Place, Store, WriteError},
    registration::later,
};
use handover_simulation::MemoryStore;
use jiff::{SignedDuration, Timestamp};

async fn written(store: &MemoryStore, change: Change) -> Connection {
    store.write(&change).await.unwrap();
    change.connection
}

async fn conflicts(store: &MemoryStore, change: &Change) {
    let before = store.connection(change.connection.id).await.unwrap();
    let result = store.write(change).await;
    assert!(
        matches!(result, Err(WriteError::Conflict(id)) if id == change.connection.id),
        "{result:?}"
    );
    assert_eq!(store.connection(change.connection.id).await.unwrap(), before);
}

/// A change that leaves nothing but the state.
fn bare(connection: &Connection, seconds: u64) -> Change {
    Change {
        records: Vec::new(),
        ..scene::any_change(connection, at(seconds))
    }
}

#[tokio::test]
async fn a_change_without_records_is_known_again_until_somebody_writes_over_it() {
    let store = MemoryStore::default();
    let created = written(&store, scene::invited(at(0)).0).await;
    let mut first = bare(&created, 1);
    first.connection.wake_at = Some(at(100));
    let connection = written(&store, first.clone()).await;
    store.write(&first).await.unwrap();
    // A wake-up that was moved is no write of a connection.
    assert!(store.postpone(connection.id, at(100), at(500)).await.unwrap());
    store.write(&first).await.unwrap();
    assert_eq!(
        store.connection(connection.id).await.unwrap().unwrap().wake_at,
        Some(at(500))
    );
    written(&store, bare(&connection, 2)).await;
    conflicts(&store, &first).await;
}

#[tokio::test]
async fn a_writer_that_writes_on_is_not_taken_for_a_retry() {
    let store = MemoryStore::default();
    let created = scene::invited(at(0)).0;
    let writer = created.writer;
    let connection = written(&store, created).await;
    let next = Change {
        writer,
        ..bare(&connection, 1)
    };
    let connection = written(&store, next).await;
    assert_eq!(store.connection(connection.id).await.unwrap(), Some(connection));
}

#[tokio::test]
async fn records_and_links_are_never_overwritten() {
    let store = MemoryStore::default();
    let (created, link) = scene::invited(at(0));
    let records = created.records.clone();
    let connection = written(&store, created).await;
    let same_number = Change {
        records: records.clone(),
        ..scene::any_change(&connection, at(1))
    };
    conflicts(&store, &same_number).await;
    let (other_link, _) = scene::trip(&link, at(1));
    let same_link = Change {
        link: Some(other_link),
        ..scene::any_change(&connection, at(1))
    };
    conflicts(&store, &same_link).await;
    assert_eq!(store.history(connection.id).await.unwrap(), records);
    assert_eq!(store.link(&link.hash).await.unwrap(), Some(link));
}

#[tokio::test]
async fn what_no_transaction_can_hold_is_rejected() {
    let store = MemoryStore::default();
    let (created, link) = scene::invited(at(0));
    let connection = written(&store, created).await;
    let (opened, trip) = scene::trip(&link, at(10));
    store.open_authorisation(&link, &opened, &trip).await.unwrap();
    let claimed = written(&store, scene::consent(&connection, &trip, at(20))).await;
    let exchanged = scene::exchanged(&claimed, &trip.id, at(21));
    let key = exchanged.pair.clone().unwrap().0;

    let both = Change {
        destroy: vec![key.clone()],
        ..exchanged.clone()
    };
    let twice = Change {
        records: exchanged
            .records
            .iter()
            .cycle()
            .take(2 * exchanged.records.len())
            .cloned()
            .collect(),
        ..exchanged.clone()
    };
    let generation = |generation| PairKey {
        generation,
        ..key.clone()
    };
    let many = Change {
        destroy: (100..200).map(generation).collect(),
        ..exchanged.clone()
    };
    let key_of_user = scene::identity_key("user");
    let checked_and_put = Change {
        requires: Some(LiveChain {
            key: key_of_user.clone(),
            authorisation: trip.id.clone(),
        }),
        identity: Some(IdentityClaim {
            key: key_of_user,
            held: scene::claimed(&exchanged.connection),
            instead_of: None,
        }),
        ..exchanged.clone()
    };
    for change in [both, twice, many, checked_and_put] {
        let result = store.write(&change).await;
        assert!(matches!(result, Err(WriteError::Rejected(_))), "{result:?}");
    }
    assert_eq!(store.sealed(&Place::Pair(key.clone())).await.unwrap(), None);
    // Named twice to go is once.
    let change = Change {
        destroy: vec![generation(7), generation(7)],
        ..exchanged
    };
    written(&store, change).await;
    assert!(store.sealed(&Place::Pair(key)).await.unwrap().is_some());
}

#[tokio::test]
async fn an_authorisation_ends_with_the_millisecond_before_its_end() {
    let store = MemoryStore::default();
    let (created, link) = scene::invited(at(0));
    let connection = written(&store, created).await;
    let (opened, trip) = scene::trip(&link, at(10));
    store.open_authorisation(&link, &opened, &trip).await.unwrap();
    let nearly = |nanoseconds| trip.expires_at - SignedDuration::from_nanos(nanoseconds);
    conflicts(&store, &scene::consent(&connection, &trip, nearly(1))).await;
    let moment = nearly(1_000_001);
    written(&store, scene::consent(&connection, &trip, moment)).await;
    let used = Authorisation {
        consumed_at: Some(moment),
        ..trip.clone()
    };
    assert_eq!(store.authorisation(&trip.id).await.unwrap(), Some(used));
    // Opened once more, after it was used: what was written stays.
    store.open_authorisation(&link, &opened, &trip).await.unwrap();
    let other = Authorisation {
        application: "exact-be".parse().unwrap(),
        ..trip
    };
    let result = store.open_authorisation(&opened, &opened, &other).await;
    assert!(matches!(result, Err(WriteError::Conflict(_))), "{result:?}");
}

#[tokio::test]
async fn a_wake_up_within_a_millisecond_is_due_after_it() {
    let store = MemoryStore::default();
    let (mut created, _) = scene::invited(at(0));
    let moment = later(at(100), Duration::from_nanos(1));
    let whole = later(at(100), Duration::from_millis(1));
    created.connection.wake_at = Some(moment);
    let id = created.connection.id;
    written(&store, created).await;
    assert!(store.due(0, moment, 10).await.unwrap().is_empty());
    assert_eq!(store.due(0, whole, 10).await.unwrap()[0].wake_at, whole);
    assert!(store.postpone(id, moment, Timestamp::MAX).await.unwrap());
    assert!(
        store.postpone(id, whole, Timestamp::MAX).await.unwrap(),
        "it stands there"
    );
    assert_eq!(
        store.connection(id).await.unwrap().unwrap().wake_at,
        Some(Timestamp::MAX)
    );
}

#[tokio::test]
async fn each_wake_up_is_in_one_part_of_the_index() {
    let store = MemoryStore::sharded(NonZeroU32::new(4).unwrap());
    let mut made = BTreeSet::new();
    for _ in 0..40 {
        let mut created = scene::invited(at(0)).0;
        created.connection.wake_at = Some(at(1));
        made.insert(written(&store, created).await.id);
    }
    let mut found = Vec::new();
    for shard in 0..store.shards() {
        for pointer in store.due(shard, at(1), 100).await.unwrap() {
            assert_eq!(pointer.connection.randomness() % 4, u128::from(shard));
            found.push(pointer.connection);
        }
    }
    assert_eq!(found.len(), made.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), made);
    assert!(store.due(4, at(1), 100).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_part_of_a_customers_list_may_be_empty_and_not_the_last() {
    let store = MemoryStore::default();
    let first = written(&store, scene::invited_as("jansen", at(1)).0).await;
    written(&store, scene::invited_as("jansen", at(2)).0).await;
    written(&store, scene::next(&first, Event::CancelAsked, at(3))).await;
    let filter = Filter {
        status: Some(Status::Cancelled),
        reference: Some("jansen".parse().unwrap()),
        ..Filter::default()
    };
    let part = store.list(&filter, 1, None).await.unwrap();
    assert!(part.items.is_empty());
    let part = store.list(&filter, 0, part.next.as_deref()).await.unwrap();
    assert_eq!(part.items[0].connection, first.id);
    assert_eq!(part.next, None);
}
