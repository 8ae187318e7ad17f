//! What lies in the tables.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use handover_aws::contract::scene::{self, at};
use handover_core::ports::Store;
use jiff::Timestamp;

use crate::cloud::{CONNECTIONS, VAULT, cloud};

/// As DynamoDB counts, roughly: names and values.
fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len() / 2 + 2,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::M(map) => {
            3 + map
                .iter()
                .map(|(name, value)| name.len() + 1 + size(value))
                .sum::<usize>()
        }
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + size(value)).sum::<usize>(),
        _ => 1,
    }
}

fn nulls(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::Null(_) => 1,
        AttributeValue::M(map) => map.values().map(nulls).sum(),
        AttributeValue::L(list) => list.iter().map(nulls).sum(),
        _ => 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_one_small_item_with_what_the_indexes_need() {
    let cloud = cloud().await;
    let store = cloud.store().await;
    let (created, link) = scene::invited_as("Bakery Jansen & Sons, Utrecht (4711)", at(0));
    store.write(&created).await.unwrap();
    let (opened, trip) = scene::trip(&link, at(1));
    store.open_authorisation(&link, &opened, &trip).await.unwrap();
    let claim = scene::consent(&created.connection, &trip, at(2));
    store.write(&claim).await.unwrap();
    let kept = scene::exchanged(&claim.connection, &trip.id, at(3));
    store.write(&kept).await.unwrap();
    let identified = scene::identified(&kept.connection, "0c5f3d8e-93a3-4b7e-8f39-6f8de0d5b3c1", None, at(6));
    store.write(&identified).await.unwrap();
    let pk = format!("CONN#{}", created.connection.id);
    let authorized = AttributeValue::M(cloud.item(CONNECTIONS, &pk, "STATE").await.unwrap());
    let due = identified.connection.due_at().unwrap();
    let attempt = scene::attempt(&identified.connection, due);
    store.write(&attempt).await.unwrap();

    let item = cloud.item(CONNECTIONS, &pk, "STATE").await.unwrap();
    let names: BTreeSet<_> = item.keys().map(String::as_str).collect();
    let expected = [
        "created_at",
        "doc",
        "pk",
        "reference",
        "revision",
        "sk",
        "status",
        "updated_at",
        "v",
        "wake_at",
        "wake_shard",
        "writer",
    ];
    assert_eq!(names, BTreeSet::from(expected));
    assert_eq!(item["status"], AttributeValue::S("registering".into()));
    assert_eq!(item["v"], AttributeValue::N("1".into()));
    assert_eq!(
        item["created_at"],
        AttributeValue::N(at(0).as_millisecond().to_string())
    );
    assert_eq!(item["updated_at"], AttributeValue::N(due.as_millisecond().to_string()));
    assert_eq!(item["writer"], AttributeValue::S(attempt.writer.to_string()));
    let whole = AttributeValue::M(item);
    assert_eq!(nulls(&whole), 0);
    // The state that a connection is written in most often; room for milliseconds.
    assert!(
        size(&authorized) <= 960,
        "{} bytes: over 1 KB a write costs twice",
        size(&authorized)
    );

    let trip_item = cloud
        .item(CONNECTIONS, &format!("AUTH#{}", trip.id), "AUTH")
        .await
        .unwrap();
    assert_eq!(trip_item["consumed_at"], AttributeValue::S(at(2).to_string()));
    assert_eq!(
        trip_item["expires_at"],
        AttributeValue::N(trip.expires_at.as_millisecond().to_string())
    );
    let gone_at = |lapses_at: Timestamp| AttributeValue::N((lapses_at.as_second() + 30 * 86_400).to_string());
    assert_eq!(trip_item["gone_at"], gone_at(trip.expires_at));
    let link_item = cloud
        .item(CONNECTIONS, &format!("LINK#{}", link.hash), "LINK")
        .await
        .unwrap();
    assert_eq!(link_item["gone_at"], gone_at(link.expires_at));

    let pair = cloud
        .item(VAULT, &format!("PAIR#{}", trip.id), "0000000001")
        .await
        .unwrap();
    let ends_at = kept.connection.pair.as_ref().unwrap().refresh_ends_at.as_second();
    assert_eq!(
        pair["expires_at"],
        AttributeValue::N((ends_at + 7 * 86_400).to_string())
    );
    assert_eq!(
        pair.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        BTreeSet::from(["expires_at", "pk", "sealed", "sk", "v"])
    );

    store.write(&scene::registered(&attempt.connection, due)).await.unwrap();
    let item = cloud.item(CONNECTIONS, &pk, "STATE").await.unwrap();
    let retention = due.as_millisecond() + 180 * 86_400_000;
    assert_eq!(item["wake_at"], AttributeValue::N(retention.to_string()));
    assert_eq!(
        cloud.item(VAULT, &format!("PAIR#{}", trip.id), "0000000001").await,
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_shows_its_fields_to_filters_of_the_stream() {
    let cloud = cloud().await;
    let store = cloud.store().await;
    let (created, _) = scene::invited(at(0));
    store.write(&created).await.unwrap();
    let pk = format!("CONN#{}", created.connection.id);
    let item = cloud.item(CONNECTIONS, &pk, "EVT#00000000000000000001").await.unwrap();
    assert_eq!(item["what"], AttributeValue::S("created".into()));
    assert_eq!(item["number"], AttributeValue::N("1".into()));
    assert_eq!(item["writer"], AttributeValue::S(created.writer.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_hold_nothing_that_is_secret_in_the_clear() {
    let cloud = cloud().await;
    let store = cloud.store().await;
    let (created, link) = scene::invited(at(0));
    store.write(&created).await.unwrap();
    let (opened, trip) = scene::trip(&link, at(1));
    store.open_authorisation(&link, &opened, &trip).await.unwrap();
    let claim = scene::consent(&created.connection, &trip, at(2));
    store.write(&claim).await.unwrap();
    store
        .write(&scene::exchanged(&claim.connection, &trip.id, at(3)))
        .await
        .unwrap();
    let all = cloud
        .raw
        .scan()
        .table_name(CONNECTIONS)
        .send()
        .await
        .unwrap()
        .items
        .unwrap();
    assert!(all.len() > 5);
    let binary = |item: &HashMap<String, AttributeValue>| item.values().any(AttributeValue::is_b);
    assert!(!all.iter().any(binary), "sealed values are the vault's only");
    let sealed = cloud.raw.scan().table_name(VAULT).send().await.unwrap().items.unwrap();
    assert!(sealed.iter().all(binary));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_spread_over_all_shards() {
    let cloud = cloud().await;
    let store = cloud.store().await;
    for _ in 0..64 {
        let (mut change, _) = scene::invited(at(0));
        change.connection.wake_at = Some(at(1));
        store.write(&change).await.unwrap();
    }
    let mut counts = Vec::new();
    for shard in 0..store.shards() {
        counts.push(store.due(shard, at(1), 100).await.unwrap().len());
    }
    assert_eq!(counts.iter().sum::<usize>(), 64);
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}
