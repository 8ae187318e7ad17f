//! Performing writes, with patience for others that hold the same items.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::BuildError,
    types::{ConditionCheck, Delete, Put, TransactWriteItem, Update},
};

use super::{DynamoStore, failed::Failed};

/// Waits between tries while another write holds an item; it takes milliseconds. After these, whoever held it has
/// written, and the conditions tell.
const PATIENCE: [Duration; 3] = [
    Duration::from_millis(30),
    Duration::from_millis(90),
    Duration::from_millis(270),
];

/// One step of a write.
pub(super) enum Step {
    Put(Put),
    Update(Update),
    Delete(Delete),
    Check(ConditionCheck),
}

impl From<Step> for TransactWriteItem {
    fn from(step: Step) -> Self {
        let item = Self::builder();
        match step {
            Step::Put(put) => item.put(put),
            Step::Update(update) => item.update(update),
            Step::Delete(delete) => item.delete(delete),
            Step::Check(check) => item.condition_check(check),
        }
        .build()
    }
}

impl From<BuildError> for Failed {
    fn from(error: BuildError) -> Self {
        Self::Never(error.to_string())
    }
}

impl DynamoStore {
    /// All steps or none. `token`: the same for the same write, at most 36 characters; DynamoDB answers for ten minutes
    /// after a success what it answered then. Without one, the retries of this call have one of their own.
    pub(super) async fn transact(&self, mut steps: Vec<Step>, token: Option<String>) -> Result<(), Failed> {
        if steps.len() == 1
            && let Some(Step::Put(put)) = steps.pop_if(|step| matches!(step, Step::Put(_)))
        {
            return self.put(put).await;
        }
        let steps = steps.into_iter().map(Into::into).collect();
        let call = self.client.transact_write_items().set_transact_items(Some(steps));
        let send = |token: Option<String>| {
            let call = call.clone().set_client_request_token(token);
            patiently(move || {
                let call = call.clone();
                async move { call.send().await.map(drop).map_err(Failed::of_transaction) }
            })
        };
        match send(token).await {
            // The token only spares work: what recognises a write is what it stores.
            Err(Failed::Seen) => send(None).await,
            result => result,
        }
    }

    /// A single put costs half of a transaction.
    async fn put(&self, put: Put) -> Result<(), Failed> {
        let call = self
            .client
            .put_item()
            .table_name(put.table_name)
            .set_item(Some(put.item))
            .set_condition_expression(put.condition_expression)
            .set_expression_attribute_names(put.expression_attribute_names)
            .set_expression_attribute_values(put.expression_attribute_values)
            .set_return_values_on_condition_check_failure(put.return_values_on_condition_check_failure);
        patiently(|| async { call.clone().send().await.map(drop).map_err(Failed::of_put) }).await
    }
}

/// Tries again while an item is held. Safe: a try that was refused for that wrote nothing.
pub(super) async fn patiently<F, Done>(attempt: F) -> Result<(), Failed>
where
    F: Fn() -> Done,
    Done: Future<Output = Result<(), Failed>>,
{
    for wait in PATIENCE {
        match attempt().await {
            Err(Failed::Busy) => tokio::time::sleep(wait).await,
            other => return other,
        }
    }
    attempt().await
}
