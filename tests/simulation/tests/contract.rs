//! The ports in memory keep the contract that those on AWS keep.

use std::num::NonZeroU32;

use handover_aws::contract::{queue_contract, scene, store_contract, vault_contract};
use handover_core::ports::Queue;
use handover_simulation::{ManualClock, MemoryQueue, MemoryStore, MemoryVault};
use jiff::Timestamp;

#[tokio::test]
async fn the_store() {
    store_contract(&MemoryStore::default()).await;
}

#[tokio::test]
async fn the_store_with_an_index_in_parts() {
    store_contract(&MemoryStore::sharded(NonZeroU32::new(4).unwrap())).await;
}

#[tokio::test]
async fn the_vault() {
    vault_contract(&MemoryVault, true).await;
}

#[tokio::test]
async fn the_queue() {
    queue_contract(&MemoryQueue::new(&ManualClock::at(Timestamp::UNIX_EPOCH))).await;
}

#[tokio::test]
async fn rescued_pairs_come_back_as_they_were_sent_once_each() {
    let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
    let queue = MemoryQueue::new(&clock);
    let sent = [1, 2].map(|seconds| scene::rescued(scene::at(seconds)));
    for rescued in &sent {
        queue.rescue(rescued).await.unwrap();
    }
    assert_eq!(queue.rescued(), sent);
    assert_eq!(queue.receive_rescued(), sent);
    assert!(queue.receive_rescued().is_empty());
}
