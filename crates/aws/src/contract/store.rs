//! What a store must do, by subject.

mod chains;
mod changes;
mod consents;
mod erasing;
mod lists;
mod settings;
mod wake;

use std::time::{Duration, Instant};

use handover_core::{
    authorisation::Authorisation,
    connection::Connection,
    ids::ConnectionId,
    ports::{Change, Store, WriteError},
};

pub use chains::*;
pub use changes::*;
pub use consents::*;
pub use erasing::*;
pub use lists::*;
pub use settings::*;
pub use wake::*;

use super::scene::{self, at};

/// Everything, one after another.
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
    of_two_racing_claims_one_holds_the_identity(store).await;
    a_place_that_nobody_holds_is_taken_from_nobody(store).await;
    a_claim_is_known_again(store).await;
    what_relies_on_a_chain_is_written_only_while_it_lives(store).await;
    applications_and_channels_are_kept_with_what_is_sealed(store).await;
    slots_that_are_taken_are_kept(store).await;
    what_is_due_is_found_in_order(store).await;
    a_wake_up_is_moved_only_if_nothing_moved_it(store).await;
    lists_show_each_connection_once_newest_first(store).await;
    pairs_that_near_their_end_are_listed_first_to_end_first(store).await;
    a_count_stops_where_it_is_told_to(store).await;
    a_history_is_erased_up_to_a_record(store).await;
    a_connection_is_removed_as_it_was_read(store).await;
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

/// A connection that keeps a pair.
async fn authorized<S: Store>(store: &S) -> Connection {
    let (connection, trip) = on_the_way(store).await;
    let claimed = written(store, scene::consent(&connection, &trip, at(20))).await;
    written(store, scene::exchanged(&claimed, &trip.id, at(21))).await
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
