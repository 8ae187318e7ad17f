//! Batches of messages.

use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use handover_core::{
    connection::Status,
    ids::ConnectionId,
    ports::{Pointer, Queue},
};
use handover_simulation::lock;
use tokio::sync::Barrier;

use crate::world::{DAY, MINUTE, World};

/// Messages `m0`, `m1`, … as SQS hands them to a function.
pub fn event(bodies: &[String]) -> SqsEvent {
    let record = |(number, body): (usize, &String)| {
        serde_json::json!({
            "messageId": format!("m{number}"),
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1545082649183",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1545082649185"
            },
            "messageAttributes": {},
            "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:handover-wake",
            "awsRegion": "eu-west-1"
        })
    };
    let records: Vec<_> = bodies.iter().enumerate().map(record).collect();
    serde_json::from_value(serde_json::json!({ "Records": records })).unwrap()
}

pub fn pointer(connection: ConnectionId) -> String {
    serde_json::to_string(&Pointer::Wake { connection }).unwrap()
}

async fn come_back(world: &World, bodies: &[String]) -> Vec<String> {
    let answer = world.worker().handle(event(bodies)).await;
    answer
        .batch_item_failures
        .into_iter()
        .map(|failure| failure.item_identifier)
        .collect()
}

#[tokio::test]
async fn ten_messages_are_followed_side_by_side() {
    let world = World::new().await;
    let mut bodies = Vec::new();
    for _ in 0..10 {
        bodies.push(pointer(world.authorized(Duration::ZERO).await));
    }
    // Each submission waits for the nine others: one after the other would wait for ever.
    let barrier: &'static Barrier = Box::leak(Box::new(Barrier::new(10)));
    *lock(&world.registrar.barrier) = Some(barrier);
    assert!(come_back(&world, &bodies).await.is_empty());
    assert_eq!(world.submissions(), 10);
}

#[tokio::test]
async fn a_panic_takes_its_own_message_along_and_no_other() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.authorized(Duration::ZERO).await);
    }
    lock(&world.registrar.cursed).insert(ids[1]);
    let bodies: Vec<_> = ids.iter().copied().map(pointer).collect();
    assert_eq!(come_back(&world, &bodies).await, ["m1"]);
    assert_eq!(world.status(ids[0]).await, Status::Registered);
    assert_eq!(world.status(ids[2]).await, Status::Registered);
    // What was sent may have succeeded: a doubt, not a second attempt.
    assert_eq!(world.status(ids[1]).await, Status::Registering);
    world.clock.advance(12 * MINUTE);
    assert!(come_back(&world, &bodies[1..2]).await.is_empty());
    assert_eq!(world.status(ids[1]).await, Status::InDoubt);
    assert_eq!(world.submissions(), 3);
}

#[tokio::test]
async fn a_panic_before_the_claim_is_tried_again() {
    let world = World::new().await;
    let ids = [
        world.authorized(Duration::ZERO).await,
        world.authorized(Duration::ZERO).await,
    ];
    lock(&world.store.cursed).insert(ids[0]);
    assert_eq!(come_back(&world, &ids.map(pointer)).await, ["m0"]);
    lock(&world.store.cursed).clear();
    assert!(come_back(&world, &[pointer(ids[0])]).await.is_empty());
    assert_eq!(world.status(ids[0]).await, Status::Registered);
}

#[tokio::test]
async fn what_is_not_understood_is_kept_and_the_others_are_followed() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    let bodies = [
        "not json".to_owned(),
        r#"{"v":"2","connection":"conn_00000000000000000000000001"}"#.to_owned(),
        pointer(id),
        r#"{"v":"1","connection":"eff_00000000000000000000000001"}"#.to_owned(),
        String::new(),
    ];
    assert_eq!(come_back(&world, &bodies).await, ["m0", "m1", "m3", "m4"]);
    assert_eq!(world.status(id).await, Status::Registered);
}

#[tokio::test]
async fn a_message_without_an_id_brings_the_batch_back() {
    let world = World::new().await;
    let nameless = serde_json::json!({ "Records": [{ "body": "not json" }] });
    let answer = world.worker().handle(serde_json::from_value(nameless).unwrap()).await;
    assert_eq!(answer.batch_item_failures[0].item_identifier, "");
}

#[tokio::test]
async fn stale_pointers_are_dropped() {
    let world = World::new().await;
    let far = world.authorized(DAY).await;
    let done = world.authorized(Duration::ZERO).await;
    world.wake(done).await.unwrap();
    let nobody = ConnectionId::new(jiff::Timestamp::UNIX_EPOCH, 1);
    let bodies = [pointer(far), pointer(done), pointer(nobody)];
    assert!(come_back(&world, &bodies).await.is_empty());
    assert!(world.waits().is_empty());
}

#[tokio::test]
async fn what_the_queue_carries_is_what_the_worker_reads() {
    let world = World::new().await;
    let id = world.authorized(Duration::ZERO).await;
    world
        .queue
        .send(&Pointer::Wake { connection: id }, Duration::ZERO)
        .await
        .unwrap();
    let bodies: Vec<_> = world
        .queue
        .inner
        .receive()
        .iter()
        .map(|pointer| serde_json::to_string(pointer).unwrap())
        .collect();
    assert!(come_back(&world, &bodies).await.is_empty());
    assert_eq!(world.status(id).await, Status::Registered);
}

#[tokio::test]
async fn an_empty_batch_is_answered() {
    let world = World::new().await;
    assert!(come_back(&world, &[]).await.is_empty());
}
