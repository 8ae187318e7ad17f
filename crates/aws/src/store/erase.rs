//! Removing what is not to be kept any longer.

use aws_sdk_dynamodb::types::{Delete, ReturnValuesOnConditionCheckFailure::AllOld};
use handover_core::{
    connection::Connection,
    ids::ConnectionId,
    ports::{StoreError, WriteError},
};

use super::{
    DynamoStore,
    failed::Failed,
    item::{n, s, version},
    key::Key,
    plain::refuse_unknown,
    transact::{Step, patiently},
};
use crate::failure::told;

/// As many items as one transaction touches.
const TOGETHER: usize = 100;

impl DynamoStore {
    /// Whatever their version: what names a customer is to go. Deletes what is there, not what `to` counts: again costs
    /// one read.
    pub(super) async fn delete_history(&self, id: ConnectionId, to: u64) -> Result<(), WriteError> {
        let what = || format!("erase the history of {id}");
        for keys in self.history_keys(id, to).await?.chunks(TOGETHER) {
            let steps: Result<Vec<_>, _> = keys.iter().map(|key| self.delete(key)).collect();
            let steps = steps.map_err(|error| Failed::from(error).into_error(what()))?;
            self.transact(steps, None)
                .await
                .map_err(|failed| failed.into_error(what()))?;
        }
        Ok(())
    }

    async fn history_keys(&self, id: ConnectionId, to: u64) -> Result<Vec<Key>, StoreError> {
        let (first, last) = (Key::event(id, 0), Key::event(id, to));
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.connections)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", s(first.pk))
            .expression_attribute_values(":first", s(first.sk))
            .expression_attribute_values(":last", s(last.sk))
            .projection_expression("pk, sk")
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut keys = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| StoreError {
                what: format!("read which records {id} has"),
                reason: told(&error),
            })?;
            keys.extend(Key::of(&item));
        }
        Ok(keys)
    }

    fn delete(&self, key: &Key) -> Result<Step, aws_sdk_dynamodb::error::BuildError> {
        Delete::builder()
            .table_name(&self.tables.connections)
            .set_key(Some(key.attributes()))
            .build()
            .map(Step::Delete)
    }

    /// What is gone already is gone: an earlier try took effect.
    pub(super) async fn delete_connection(&self, read: &Connection) -> Result<(), WriteError> {
        let key = Key::state(read.id);
        let call = self
            .client
            .delete_item()
            .table_name(&self.tables.connections)
            .set_key(Some(key.attributes()))
            .condition_expression("attribute_not_exists(pk) OR (revision = :revision AND v = :v)")
            .expression_attribute_values(":revision", n(read.revision.0))
            .expression_attribute_values(":v", version())
            .return_values_on_condition_check_failure(AllOld);
        match patiently(|| async { call.clone().send().await.map(drop).map_err(Failed::of_delete) }).await {
            Ok(()) => Ok(()),
            Err(Failed::Condition(found)) => {
                refuse_unknown(&found)?;
                Err(WriteError::Conflict(read.id))
            }
            Err(other) => Err(other.into_error(format!("remove {key}"))),
        }
    }
}
