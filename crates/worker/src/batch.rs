//! A batch of messages, side by side.

use std::{io, panic::AssertUnwindSafe};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{FutureExt, future::join_all};
use handover_aws::{
    metrics::{self, Metric, Unit},
    queue::{self, Message},
    telemetry::error_chain,
};
use handover_core::{
    apply::ApplyError,
    budget::Budget,
    ids::ConnectionId,
    ports::{Clock, Platform, Pointer, Queue, Randomness, Registrar, Store, Vault},
};

use crate::{WakeError, Woken, Worker};

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Batch {
    /// The messages that have to come back.
    pub answer: SqsBatchResponse,
    /// What is counted.
    pub woken: Woken,
}

/// A message that has to come back. What happened is in the log.
pub(crate) struct ComesBack;

impl<S, V, Q, P, R, C, N> Worker<'_, S, V, Q, P, R, C, N>
where
    S: Store,
    V: Vault,
    Q: Queue,
    P: Platform,
    R: Registrar,
    C: Clock,
    N: Randomness,
{
    /// Follows a batch of messages, wake-ups or rescued pairs, and says which have to come back.
    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        // Boxed: the SDK's futures are nested too deeply to lie in one with the runtime's.
        let batch = self.batch(event).boxed_local().await;
        if batch.woken.warnings > 0 {
            self.count("ExpiringWithinSevenDays", batch.woken.warnings);
        }
        batch.answer
    }

    /// Like [`Worker::handle`], with what is counted.
    pub async fn batch(&self, event: SqsEvent) -> Batch {
        let budget = Budget::begin(self.desk.clock, self.settings.timeout);
        let ends = join_all(event.records.iter().map(|message| self.message(message, &budget))).await;
        let mut batch = Batch::default();
        for (message, (woken, end)) in event.records.iter().zip(ends) {
            batch.woken.warnings = batch.woken.warnings.saturating_add(woken.warnings);
            if let Err(ComesBack) = end {
                // Without an id nothing can be named: an empty one brings the whole batch back, which is harmless.
                batch.answer.add_failure(message.message_id.clone().unwrap_or_default());
            }
        }
        batch
    }

    pub(crate) fn count(&self, name: &'static str, number: u32) {
        let Some(deployment) = &self.settings.deployment else {
            return;
        };
        let counted = [Metric {
            name,
            unit: Unit::Count,
            value: number.into(),
        }];
        if let Err(error) = metrics::emit(io::stdout(), deployment, self.desk.clock.now(), &counted) {
            tracing::warn!(error = %error, "handover.metrics_lost");
        }
    }

    async fn message(&self, message: &SqsMessage, budget: &Budget) -> (Woken, Result<(), ComesBack>) {
        let id = message.message_id.as_deref().unwrap_or_default();
        let mut woken = Woken::default();
        let following = self.follow(id, message.body.as_deref().unwrap_or_default(), budget, &mut woken);
        // A panic takes its own message along, not the nine others. What it had claimed is settled by its lease.
        let end = AssertUnwindSafe(following).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(message.id = id, "handover.panicked");
            Err(ComesBack)
        });
        (woken, end)
    }

    async fn follow(&self, message: &str, body: &str, budget: &Budget, woken: &mut Woken) -> Result<(), ComesBack> {
        let connection = match queue::read(body) {
            Ok(Message::Wake(Pointer::Wake { connection })) => connection,
            Ok(Message::Rescue(rescued)) => return self.bring_home(&rescued).await,
            // Not understood here, perhaps by another version: kept, in the end among the dead letters.
            Err(error) => {
                tracing::error!(message.id = message, error = %error, "handover.message_refused");
                return Err(ComesBack);
            }
        };
        match self.wake(connection, budget, woken).await {
            Ok(()) => Ok(()),
            Err(error) => said(connection, message, &error),
        }
    }
}

/// The one place where a failure is logged.
fn said(connection: ConnectionId, message: &str, error: &WakeError) -> Result<(), ComesBack> {
    match error {
        WakeError::Apply(ApplyError::Unknown(_)) => {
            tracing::warn!(connection.id = %connection, message.id = message, "handover.connection_unknown");
            Ok(())
        }
        // Others keep writing first: whoever does has stored when the connection is looked at next.
        WakeError::Apply(ApplyError::Conflict(_)) => {
            tracing::debug!(connection.id = %connection, message.id = message, "handover.claim_lost");
            Ok(())
        }
        WakeError::PairLost { effect, source } => {
            tracing::error!(
                connection.id = %connection,
                message.id = message,
                effect.id = %effect,
                error = %error_chain(source),
                "handover.pair_lost"
            );
            Err(ComesBack)
        }
        error => {
            tracing::error!(
                connection.id = %connection,
                message.id = message,
                error = %error_chain(error),
                "handover.wake_failed"
            );
            Err(ComesBack)
        }
    }
}
