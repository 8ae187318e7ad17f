//! The ports in memory keep the contract that those on AWS keep.

use std::num::NonZeroU32;

use handover_aws::contract::{queue_contract, store_contract, vault_contract};
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
