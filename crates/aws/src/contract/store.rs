//! What a store must do.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use handover_core::{
    authorisation::Authorisation,
    connection::{Connection, Status},
    event::Event,
    ids::{ConnectionId, Revision},
    ports::{Change, Filter, Place, Rejected, Store, Summary, WriteError},
    registration::{Channel, ChannelKind, later},
};
use jiff::Timestamp;

use super::scene::{self, at};

/// Everything below, one after another.
pub async fn store_contract<S: Store>(store: &S) {
    what_is_not_there_is_none(store).await;
    a_journey_reads_back_at_every_step(store).await;
    times_keep_their_precision(store).await;
    a_change_is_written_whole_or_not_at_all(store).await;
    of_two_racing_changes_one_is_written(store).await;
    the_same_change_again_is_a_success(store).await;
    a_change_is_known_again_under_later_ones(store).await;
    an_authorisation_is_consumed_once_in_time_and_by_its_connection(store).await;
    a_trip_opens_only_on_the_link_that_was_read(store).await;
    the_latest_claim_holds_an_identity(store).await;
    applications_and_channels_are_kept_with_what_is_sealed(store).await;
    what_is_due_is_found_in_order(store).await;
    a_wake_up_is_moved_only_if_nothing_moved_it(store).await;
    lists_show_each_connection_once_newest_first(store).await;
    a_count_stops_where_it_is_told_to(store).await;
}

/// Of one status, and not of another.
pub async fn a_count_stops_where_it_is_told_to<S: Store>(store: &S) {
    eventually("connections are counted", || async {
        store.count(Status::Invited, 1).await.unwrap() == 1 && store.count(Status::Invited, 1_000).await.unwrap() > 1
    })
    .await;
    assert_eq!(store.count(Status::InDoubt, 10).await.unwrap(), 0);
}

async fn written<S: Store>(store: &S, change: Change) -> Connection {
    store.write(&change).await.unwrap();
    change.connection
}

async fn current<S: Store>(store: &S, id: ConnectionId) -> Connection {
    store.connection(id).await.unwrap().unwrap()
}

fn assert_conflict(result: Result<(), WriteError>, connection: ConnectionId) {
    assert!(
        matches!(&result, Err(WriteError::Conflict(id)) if *id == connection),
        "{result:?}"
    );
}

/// A new connection whose customer is on the way back from the consent.
async fn on_the_way<S: Store>(store: &S) -> (Connection, Authorisation) {
    let (change, link) = scene::invited(at(0));
    let connection = written(store, change).await;
    let (opened, trip) = scene::trip(&link, at(10));
    store.open_authorisation(&link, &opened, &trip).await.unwrap();
    (connection, trip)
}

/// A connection that keeps a pair, and the change that brought it.
async fn authorized<S: Store>(store: &S) -> (Connection, Change) {
    let (connection, trip) = on_the_way(store).await;
    let claimed = written(store, scene::consent(&connection, &trip, at(20))).await;
    let change = scene::exchanged(&claimed, &trip.id, at(21));
    (written(store, change.clone()).await, change)
}

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
    let change = scene::identified(&connection, &user, at(24));
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
        change.identity = scene::identified(&change.connection, &scene::name("user"), at(22)).identity;
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

/// The same user consents over two connections.
pub async fn the_latest_claim_holds_an_identity<S: Store>(store: &S) {
    let user = scene::name("user");
    for _ in 0..2 {
        let (connection, _) = authorized(store).await;
        let change = scene::identified(&connection, &user, at(30));
        let held = change.identity.clone().unwrap().held;
        written(store, change).await;
        assert_eq!(store.identity(&scene::identity_key(&user)).await.unwrap(), Some(held));
    }
    assert_eq!(
        store
            .identity(&scene::identity_key(&scene::name("user")))
            .await
            .unwrap(),
        None
    );
}

/// What is shown and what is sealed, together.
pub async fn applications_and_channels_are_kept_with_what_is_sealed<S: Store>(store: &S) {
    let name = scene::name("app");
    let mut application = scene::application(&name);
    for display_name in ["Acme", "Acme Bookkeeping"] {
        application.display_name = display_name.into();
        let secret = scene::sealed();
        store.put_application(&application, &secret).await.unwrap();
        assert_eq!(store.application(&application.id).await.unwrap().unwrap(), application);
        let place = Place::Application(application.id.clone());
        assert_eq!(store.sealed(&place).await.unwrap(), Some(secret));
    }
    let channels = [ChannelKind::Http, ChannelKind::Assisted].map(|kind| Channel {
        id: scene::name("channel").parse().unwrap(),
        kind,
        description: "Invantive Cloud".into(),
    });
    let profile = scene::sealed();
    store.put_channel(&channels[0], Some(&profile)).await.unwrap();
    store.put_channel(&channels[1], None).await.unwrap();
    for (channel, sealed) in channels.iter().zip([Some(profile), None]) {
        assert_eq!(store.channel(&channel.id).await.unwrap().unwrap(), *channel);
        assert_eq!(store.sealed(&Place::Channel(channel.id.clone())).await.unwrap(), sealed);
    }
    // What is a person's now sends nothing by itself.
    store.put_channel(&channels[0], None).await.unwrap();
    assert_eq!(
        store.sealed(&Place::Channel(channels[0].id.clone())).await.unwrap(),
        None
    );
    eventually("applications are listed", || async {
        let all = store.applications().await.unwrap();
        assert!(all.is_sorted_by_key(|application| application.id.clone()));
        all.into_iter().filter(|listed| *listed == application).count() == 1
    })
    .await;
    eventually("channels are listed", || async {
        let all = store.channels().await.unwrap();
        assert!(all.is_sorted_by_key(|channel| channel.id.clone()));
        channels.iter().all(|channel| all.contains(channel))
    })
    .await;
}

/// Finds `ids` in all parts of the index.
async fn due_among<S: Store>(
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
        status: None,
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

    // All customers, all states: the last changed first.
    for limit in [7, 1_000] {
        let lines = only_ours(whole_list(store, &Filter::default(), limit).await);
        assert_eq!(lines.len(), ours.len(), "limit {limit}");
        assert_eq!(lines[0].connection, cancelled.id, "the last changed comes first");
        assert!(lines.is_sorted_by(|a, b| a.updated_at >= b.updated_at));
    }
    for (status, count) in [(Status::Invited, 4), (Status::Cancelled, 1), (Status::Failed, 0)] {
        let of_status = Filter {
            status: Some(status),
            reference: None,
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
        matches!(refused, Err(handover_core::ports::ReadError::Rejected(Rejected { .. }))),
        "{refused:?}"
    );
}

/// Lists lag behind: waits for what must become true.
async fn eventually<F, Fut>(what: &str, holds: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds().await {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
