//! The index of wake-ups.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use handover_core::{
    ids::ConnectionId,
    ports::{DuePointer, ReadError, StoreError, WriteError},
};
use jiff::Timestamp;

use super::{
    DynamoStore,
    failed::Failed,
    item::{self, Item, n, s, version},
    key::Key,
    plain::refuse_unknown,
    state, time,
    transact::patiently,
};
use crate::failure::told;

impl DynamoStore {
    pub(super) async fn read_due(
        &self,
        shard: u32,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DuePointer>, ReadError> {
        let shard = state::shard_name(shard);
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.connections)
            .index_name("wake")
            .key_condition_expression("wake_shard = :shard AND wake_at <= :until")
            .expression_attribute_values(":shard", s(&shard))
            .expression_attribute_values(":until", n(time::floor(until)))
            .limit(i32::try_from(limit.max(1)).unwrap_or(i32::MAX))
            .into_paginator()
            .items()
            .send();
        let mut due = Vec::new();
        while due.len() < wanted {
            let Some(item) = pages.next().await else { break };
            let item = item.map_err(|error| StoreError {
                what: format!("read what is due in {shard}"),
                reason: told(&error),
            })?;
            match pointer(&item) {
                Some(pointer) => due.push(pointer),
                // Kept, and in nobody's way: the others are due all the same.
                None => tracing::error!(item = ?Key::of(&item), "an entry of the wake-up index cannot be read"),
            }
        }
        Ok(due)
    }

    pub(super) async fn move_wake(&self, id: ConnectionId, from: Timestamp, to: Timestamp) -> Result<bool, WriteError> {
        let key = Key::state(id);
        let to = time::ceil(to);
        let call = self
            .client
            .update_item()
            .table_name(&self.tables.connections)
            .set_key(Some(key.attributes()))
            .update_expression("SET wake_at = :to")
            .condition_expression("wake_at = :from AND v = :v")
            .expression_attribute_values(":from", n(time::ceil(from)))
            .expression_attribute_values(":to", n(to))
            .expression_attribute_values(":v", version())
            .return_values_on_condition_check_failure(AllOld);
        match patiently(|| async { call.clone().send().await.map(drop).map_err(Failed::of_update) }).await {
            Ok(()) => Ok(true),
            Err(Failed::Condition(found)) => {
                refuse_unknown(&found)?;
                // Where it was to go, it stands: an earlier try took effect, or another sweeper did the same.
                Ok(found.iter().any(|item| item::number(&key, item, "wake_at") == Ok(to)))
            }
            Err(other) => Err(other.into_error(format!("postpone {key}"))),
        }
    }
}

fn pointer(item: &Item) -> Option<DuePointer> {
    let key = Key::of(item)?;
    Some(DuePointer {
        connection: key.connection()?,
        wake_at: time::moment(item::number(&key, item, "wake_at").ok()?),
    })
}
