//! Lists for people.

use std::collections::BTreeSet;

use handover_core::{
    connection::{Connection, Status},
    event::Event,
    ids::ConnectionId,
    ports::{Filter, ReadError, Rejected, Store, Summary},
};
use jiff::Timestamp;

use super::{eventually, on_the_way, written};
use crate::contract::scene::{self, at};

/// Of one status, and not of another.
pub async fn a_count_stops_where_it_is_told_to<S: Store>(store: &S) {
    eventually("connections are counted", || async {
        store.count(Status::Invited, 1).await.unwrap() == 1 && store.count(Status::Invited, 1_000).await.unwrap() > 1
    })
    .await;
    assert_eq!(store.count(Status::InDoubt, 10).await.unwrap(), 0);
}

async fn whole_list<S: Store>(store: &S, filter: &Filter, limit: u32) -> Vec<Summary> {
    let mut lines = Vec::new();
    let mut after = None;
    loop {
        let page = store.list(filter, limit, after.as_deref()).await.unwrap();
        assert!(page.items.len() <= usize::try_from(limit).unwrap());
        lines.extend(page.items);
        after = page.next;
        if after.is_none() {
            return lines;
        }
    }
}

/// Lists for people, in parts of any size.
pub async fn lists_show_each_connection_once_newest_first<S: Store>(store: &S) {
    let reference = scene::name("customer");
    let filter = Filter {
        reference: Some(reference.parse().unwrap()),
        ..Filter::default()
    };
    let mut ours = Vec::new();
    // Two of them in the same moment.
    for seconds in [1, 2, 2, 3, 4] {
        let (change, _) = scene::invited_as(&reference, at(seconds));
        ours.push(written(store, change).await);
    }
    let cancelled = written(store, scene::next(&ours[0], Event::CancelAsked, at(50))).await;
    ours[0] = cancelled.clone();
    let ids: BTreeSet<_> = ours.iter().map(|connection| connection.id).collect();
    let only_ours = |lines: Vec<Summary>| {
        lines
            .into_iter()
            .filter(|line| ids.contains(&line.connection))
            .collect::<Vec<_>>()
    };

    eventually("all are listed", || async {
        store.list(&filter, 100, None).await.unwrap().items.len() == ours.len()
            && only_ours(whole_list(store, &Filter::default(), 1_000).await).len() == ours.len()
    })
    .await;
    for limit in [1, 2, 3, 5, 100] {
        let lines = whole_list(store, &filter, limit).await;
        let made: Vec<_> = lines.iter().map(|line| line.connection).collect();
        assert_eq!(
            made.iter().collect::<BTreeSet<_>>().len(),
            ours.len(),
            "limit {limit}: {made:?}"
        );
        assert_eq!(made.last(), Some(&cancelled.id), "the customer's last made comes first");
    }

    // All customers, all states.
    for limit in [7, 1_000] {
        let lines = only_ours(whole_list(store, &Filter::default(), limit).await);
        assert_eq!(lines.len(), ours.len(), "limit {limit}");
        assert_eq!(
            lines[0].connection, ours[4].id,
            "the last made comes first, whatever was changed last"
        );
        let made = |line: &Summary| ours.iter().find(|one| one.id == line.connection).unwrap().created_at;
        assert!(lines.is_sorted_by(|a, b| made(a) >= made(b)));
    }
    for (status, count) in [(Status::Invited, 4), (Status::Cancelled, 1), (Status::Failed, 0)] {
        let of_status = Filter {
            status: Some(status),
            ..Filter::default()
        };
        assert_eq!(
            only_ours(whole_list(store, &of_status, 50).await).len(),
            count,
            "{status}"
        );
        let both = Filter {
            status: Some(status),
            ..filter.clone()
        };
        assert_eq!(whole_list(store, &both, 2).await.len(), count, "{status}");
    }

    let line = store.list(&filter, 1, None).await.unwrap().items.remove(0);
    let shown = ours.iter().find(|connection| connection.id == line.connection).unwrap();
    assert_eq!(line.reference, shown.reference);
    assert_eq!(line.application, shown.application);
    assert_eq!(line.status, shown.state.status());
    assert_eq!(line.database, shown.registration.database);
    assert_eq!(line.updated_at, shown.updated_at);

    let refused = store.list(&filter, 1, Some("not a position")).await;
    assert!(
        matches!(refused, Err(ReadError::Rejected(Rejected { .. }))),
        "{refused:?}"
    );
}

/// How long before its end a pair is old enough to be warned of, and a little.
const NEARLY_OVER: u64 = 24 * 86_400;

/// A connection of which the OEM was warned, whose pair was asked for so many seconds after [`at`]`(0)`.
async fn flagged<S: Store>(store: &S, asked: u64) -> Connection {
    let (connection, trip) = on_the_way(store).await;
    let claimed = written(store, scene::consent(&connection, &trip, at(20))).await;
    let connection = written(store, scene::exchanged(&claimed, &trip.id, at(asked))).await;
    let connection = written(store, scene::next(&connection, Event::Woke, at(NEARLY_OVER))).await;
    assert!(connection.pair.as_ref().unwrap().warned_days.is_some());
    connection
}

fn end(connection: &Connection) -> Timestamp {
    connection.pair.as_ref().unwrap().refresh_ends_at
}

/// What is flagged, by the end of its pair, as long as it is.
pub async fn pairs_that_near_their_end_are_listed_first_to_end_first<S: Store>(store: &S) {
    let mut flags = Vec::new();
    for asked in [400, 100, 300, 100] {
        flags.push(flagged(store, asked).await);
    }
    let (unflagged, trip) = on_the_way(store).await;
    let unflagged = written(store, scene::consent(&unflagged, &trip, at(20))).await;
    let unflagged = written(store, scene::exchanged(&unflagged, &trip.id, at(50))).await;

    let before = |moment| Filter {
        expiring_before: Some(moment),
        ..Filter::default()
    };
    let known: BTreeSet<_> = flags
        .iter()
        .chain([&unflagged])
        .map(|connection| connection.id)
        .collect();
    let listed = async |filter: &Filter, limit| -> Vec<ConnectionId> {
        let lines = whole_list(store, filter, limit).await;
        assert!(lines.is_sorted_by_key(|line| line.pair_ends_at), "{lines:?}");
        let ours = lines.into_iter().map(|line| line.connection);
        ours.filter(|id| known.contains(id)).collect()
    };
    let (first, last) = (end(&flags[1]), end(&flags[0]));
    let later = Timestamp::from_second(last.as_second() + 1).unwrap();
    eventually("what is flagged is listed", || async {
        listed(&before(later), 100).await.len() == flags.len()
    })
    .await;
    for limit in [1, 2, 3, 100] {
        let all = listed(&before(later), limit).await;
        assert_eq!(all.len(), flags.len(), "limit {limit}: {all:?}");
        assert_eq!(all.last(), Some(&flags[0].id));
        assert_eq!(
            listed(&before(last), limit).await.len(),
            3,
            "those that end before then"
        );
        assert!(listed(&before(first), limit).await.is_empty());
    }
    let of_one = Filter {
        reference: Some(flags[2].reference.clone()),
        ..before(later)
    };
    assert_eq!(listed(&of_one, 5).await, [flags[2].id]);
    let of_status = Filter {
        status: Some(Status::Cancelled),
        ..before(later)
    };
    assert!(listed(&of_status, 100).await.is_empty());
    let not_yet = Filter {
        reference: Some(unflagged.reference.clone()),
        ..before(later)
    };
    assert!(listed(&not_yet, 5).await.is_empty());

    // Renewed, or given up: not flagged any more.
    let renewal = later_by(end(&flags[0]), -2 * 86_400);
    let rotating = written(store, scene::rotation(&flags[0], renewal)).await;
    written(store, scene::rotated(&rotating, renewal)).await;
    written(store, scene::next(&flags[1], Event::CancelAsked, at(NEARLY_OVER))).await;
    eventually("what is not flagged any more leaves", || async {
        listed(&before(Timestamp::MAX), 100).await == [flags[3].id, flags[2].id]
    })
    .await;
}

fn later_by(moment: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_second(moment.as_second() + seconds).unwrap()
}
