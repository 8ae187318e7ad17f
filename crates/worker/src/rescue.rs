//! Bringing a pair home that the table could not take.

use handover_aws::telemetry::error_chain;
use handover_core::{
    apply::ApplyError,
    decide::{Refused, Why},
    event::Actor,
    ports::{Clock, Platform, Queue, Randomness, Registrar, Rescued, Store, Vault},
};

use crate::{Worker, batch::ComesBack};

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
    /// Stores a pair from the rescue queue, and sees to the connection's next wake-up. The message goes only when both
    /// are done: coming twice is harmless.
    pub(crate) async fn bring_home(&self, rescued: &Rescued) -> Result<(), ComesBack> {
        let connection = match self.desk.bring_home(rescued, &Actor::Worker).await {
            Ok(connection) => connection,
            Err(error) => return Err(not_yet(rescued, &error)),
        };
        let kept = connection.pair.as_ref().map(|pair| &pair.key) == Some(&rescued.brought.pair);
        tracing::info!(
            connection.id = %connection.id,
            effect.id = %rescued.brought.effect,
            pair.generation = rescued.brought.pair.generation,
            pair.kept = kept,
            "handover.pair_home"
        );
        self.desk.point(&connection).await.map_err(|error| {
            tracing::warn!(connection.id = %connection.id, error = %error_chain(&error), "handover.wake_up_not_sent");
            ComesBack
        })
    }
}

fn not_yet(rescued: &Rescued, error: &ApplyError) -> ComesBack {
    let (connection, effect) = (rescued.connection, rescued.brought.effect);
    match error {
        // The old token is being presented once more: which of the two brings the pair is not known yet. Or an attempt
        // with an older consent's pair is under way or in doubt.
        ApplyError::Refused(Refused {
            why: why @ (Why::UnderWay { .. } | Why::InDoubt),
            ..
        }) => {
            tracing::info!(connection.id = %connection, effect.id = %effect, why = %why, "handover.rescue_waits");
        }
        // Unknown too: a pair is not dropped, it ends among the dead letters.
        error => {
            tracing::error!(
                connection.id = %connection,
                effect.id = %effect,
                error = %error_chain(error),
                "handover.rescue_failed"
            );
        }
    }
    ComesBack
}
