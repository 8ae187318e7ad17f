//! The contract, and what only DynamoDB can show.

use handover_aws::contract::{scene, store as contract};
use handover_core::ports::{Change, Store, WriteError};

use crate::{
    cloud::cloud,
    unreliable::{Fault, Unreliable},
};

macro_rules! contract {
    ($($name:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            contract::$name(&cloud().await.store().await).await;
        })*
    };
}

contract! {
    what_is_not_there_is_none
    a_journey_reads_back_at_every_step
    times_keep_their_precision
    a_change_is_written_whole_or_not_at_all
    of_two_racing_changes_one_is_written
    the_same_change_again_is_a_success
    a_change_is_known_again_under_later_ones
    an_authorisation_is_consumed_once_in_time_and_by_its_connection
    a_trip_opens_only_on_the_link_that_was_read
    of_two_racing_claims_one_holds_the_identity
    a_place_that_nobody_holds_is_taken_from_nobody
    a_claim_is_known_again
    what_relies_on_a_chain_is_written_only_while_it_lives
    applications_and_channels_are_kept_with_what_is_sealed
    what_is_due_is_found_in_order
    a_wake_up_is_moved_only_if_nothing_moved_it
    lists_show_each_connection_once_newest_first
    pairs_that_near_their_end_are_listed_first_to_end_first
    a_history_is_erased_up_to_a_record
    a_connection_is_removed_as_it_was_read
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_contract_holds_on_one_store_without_tokens() {
    let network = Unreliable::new();
    network.forget_tokens();
    contract::store_contract(&cloud().await.store_over(&network).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_one_call() {
    let (cloud, network) = (cloud().await, Unreliable::new());
    let store = cloud.store_over(&network).await;
    let (created, link) = scene::invited(scene::at(0));
    store.write(&created).await.unwrap();
    let (opened, trip) = scene::trip(&link, scene::at(1));
    store.open_authorisation(&link, &opened, &trip).await.unwrap();
    let claim = scene::consent(&created.connection, &trip, scene::at(2));
    store.write(&claim).await.unwrap();
    let mut everything = scene::exchanged(&claim.connection, &trip.id, scene::at(3));
    everything.identity = scene::identified(&everything.connection, "user", None, scene::at(3)).identity;
    everything.link = scene::invited(scene::at(3)).0.link;
    everything.destroy = vec![handover_core::connection::PairKey {
        authorisation: scene::authorisation(),
        generation: 1,
    }];
    store.write(&everything).await.unwrap();
    assert_eq!(network.calls(), [("TransactWriteItems".into(), 4)].into());

    // Nothing but the state: half the price.
    let bare = Change {
        records: Vec::new(),
        ..scene::any_change(&everything.connection, scene::at(4))
    };
    store.write(&bare).await.unwrap();
    assert_eq!(network.calls(), [("PutItem".into(), 1)].into());
}

fn cancelled(codes: &[&str]) -> Fault {
    let reasons: Vec<_> = codes.iter().map(|code| serde_json::json!({ "Code": code })).collect();
    let body = serde_json::json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": format!("Transaction cancelled, please refer cancellation reasons for specific reasons {codes:?}"),
        "CancellationReasons": reasons,
    });
    Fault::Answers(400, body.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_others_hold_is_waited_for() {
    let (cloud, network) = (cloud().await, Unreliable::new());
    let store = cloud.store_over(&network).await;
    let (change, _) = scene::invited(scene::at(0));
    network.fail(
        "TransactWriteItems",
        3,
        &cancelled(&["TransactionConflict", "None", "None", "None"]),
    );
    store.write(&change).await.unwrap();
    assert_eq!(network.calls()["TransactWriteItems"], 4);

    let next = scene::any_change(&change.connection, scene::at(1));
    network.fail("TransactWriteItems", 4, &cancelled(&["TransactionConflict", "None"]));
    let busy = store.write(&next).await;
    assert!(
        matches!(&busy, Err(WriteError::Unavailable(error)) if error.reason.contains("hold")),
        "{busy:?}"
    );
    store.write(&next).await.unwrap();

    // Another write got it first: the conditions tell.
    let rival = scene::any_change(&next.connection, scene::at(2));
    let loser = scene::any_change(&next.connection, scene::at(2));
    store.write(&rival).await.unwrap();
    network.fail("TransactWriteItems", 1, &cancelled(&["TransactionConflict", "None"]));
    assert!(matches!(store.write(&loser).await, Err(WriteError::Conflict(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_is_unavailable_and_what_is_malformed_is_rejected() {
    let (cloud, network) = (cloud().await, Unreliable::new());
    let store = cloud.store_over(&network).await;
    let (change, _) = scene::invited(scene::at(0));
    network.fail(
        "TransactWriteItems",
        3,
        &cancelled(&["ThrottlingError", "None", "None", "None"]),
    );
    let throttled = store.write(&change).await;
    assert!(matches!(&throttled, Err(WriteError::Unavailable(_))), "{throttled:?}");
    network.mend();
    network.fail(
        "TransactWriteItems",
        3,
        &cancelled(&["ValidationError", "None", "None", "None"]),
    );
    let malformed = store.write(&change).await;
    assert!(matches!(&malformed, Err(WriteError::Rejected(_))), "{malformed:?}");

    // More than an item may hold: DynamoDB's own word.
    network.mend();
    let mut huge = change.clone();
    huge.connection.return_url = Some(format!("https://a.example/{}", "x".repeat(420_000)).parse().unwrap());
    let refused = store.write(&huge).await;
    assert!(matches!(&refused, Err(WriteError::Rejected(_))), "{refused:?}");
    let text = refused.unwrap_err().to_string();
    assert!(text.len() < 500 && !text.contains("xxxx"), "{text}");
    store.write(&change).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_says_what_was_tried_and_nothing_of_what_was_sent() {
    let (cloud, network) = (cloud().await, Unreliable::new());
    let store = cloud.store_over(&network).await;
    let (change, _) = scene::invited_as("Bakery Jansen", scene::at(0));
    let denied = serde_json::json!({
        "__type": "com.amazon.coral.service#AccessDeniedException",
        "Message": "User: arn:aws:sts::1:role/x is not\nauthorized to perform: dynamodb:PutItem",
    });
    network.fail("TransactWriteItems", 1, &Fault::Answers(400, denied.to_string()));
    let error = store.write(&change).await.unwrap_err();
    let text = handover_aws::telemetry::error_chain(&error);
    assert!(
        text.contains(&format!("write revision 1 of CONN#{}/STATE", change.connection.id)),
        "{text}"
    );
    assert!(
        text.contains("AccessDeniedException: User: arn:aws:sts::1:role/x is not authorized"),
        "{text}"
    );
    assert!(!text.contains("Jansen") && !text.contains('\n'), "{text}");
    assert!(!format!("{error:?}").contains("Jansen"));
    assert!(network.bodies().iter().any(|body| body.contains("Jansen")));
}
