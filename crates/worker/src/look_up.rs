//! Asking the channel about an attempt in doubt.

use handover_core::{
    apply::{Along, ApplyError},
    connection::{Connection, Doubt, State},
    event::{Actor, Event, LookUpAnswer},
    ports::{Clock, Platform, Queue, Randomness, Registrar, Store, Vault},
};

use crate::{
    WakeError, Worker, report,
    unseal::{Closed, Obstacle},
};

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
    /// Asks, and notes what was said.
    pub(crate) async fn look_up(&self, connection: &Connection) -> Result<Connection, WakeError> {
        let State::InDoubt(doubt) = &connection.state else {
            return Ok(connection.clone());
        };
        let answer = match self.ask_channel(connection, doubt).await {
            Ok(answer) => answer,
            // A look-up that cannot be made counts as one without an answer, so that the next one moves on.
            Err(Closed::Obstacle(Obstacle { problem, reason })) => {
                tracing::warn!(
                    connection.id = %connection.id,
                    problem = problem.as_str(),
                    reason,
                    "handover.look_up_not_made"
                );
                LookUpAnswer::Unclear
            }
            Err(Closed::Away(error)) => return Err(error),
        };
        let event = Event::LookedUp {
            attempt: doubt.attempt,
            answer,
        };
        match self
            .desk
            .apply(connection.id, &event, &Actor::Worker, &Along::default())
            .await
        {
            Ok(next) => {
                if let State::Registered(done) = &next.state {
                    report::registered(&next, done);
                }
                Ok(next)
            }
            // Settled by a person or a late word meanwhile.
            Err(ApplyError::Refused(_)) => Ok(self.desk.load(connection.id).await?),
            Err(error) => Err(error.into()),
        }
    }

    async fn ask_channel(&self, connection: &Connection, doubt: &Doubt) -> Result<LookUpAnswer, Closed> {
        let profile = self.open_profile(connection).await?;
        self.registrar
            .look_up(
                &profile,
                connection.id,
                &doubt.authorisation,
                &connection.reference,
                &connection.registration.database,
            )
            .await
            .map_err(|error| Closed::Obstacle(error.into()))
    }
}
