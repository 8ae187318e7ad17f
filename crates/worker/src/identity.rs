//! Asking the platform who consented, when it did not tell at once.

use std::time::Duration;

use futures::join;
use handover_core::{
    apply::{Along, ApplyError},
    budget::Budget,
    connection::{Connection, Identity, Pair, Problem},
    event::{Actor, Event},
    ports::{Clock, Platform, Queue, Randomness, Registrar, Store, Vault},
};

use crate::{
    WakeError, Worker, report,
    unseal::{Closed, Obstacle},
};

/// The question may take so long.
const ASKING: Duration = Duration::from_secs(30);

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
    pub(crate) async fn ask_identity(&self, connection: &Connection, budget: &Budget) -> Result<Connection, WakeError> {
        let Some(pair) = &connection.pair else {
            return Ok(connection.clone());
        };
        if !budget.fits(self.desk.clock, ASKING) {
            return Err(WakeError::NoTime { needed: ASKING });
        }
        let told = if self.desk.clock.now() < pair.access_ends_at {
            self.ask_platform(connection, pair).await
        } else {
            Err(in_vain("it was not asked in time: its access token has ended"))
        };
        let authorisation = &pair.key.authorisation;
        let noted = match told {
            Ok(identity) => {
                let by = &Actor::Worker;
                let noted = self.desk.identify(connection.id, authorisation, &identity, by).await;
                noted.inspect(report::placed)
            }
            // Counts as asked in vain: the next question, or the registration itself, comes back to it.
            Err(Closed::Obstacle(Obstacle { reason, .. })) => {
                let event = Event::NotIdentified {
                    authorisation: authorisation.clone(),
                    reason,
                };
                self.desk
                    .apply_to(connection, &event, &Actor::Worker, &Along::default())
                    .await
            }
            Err(Closed::Away(error)) => return Err(error),
        };
        match noted {
            // Another consent has taken its place, or it is finished.
            Err(ApplyError::Refused(_)) => Ok(self.desk.load(connection.id).await?),
            result => Ok(result?),
        }
    }

    async fn ask_platform(&self, connection: &Connection, pair: &Pair) -> Result<Identity, Closed> {
        let (pair, application) = join!(self.open_pair(&pair.key), self.open_application(connection));
        let (pair, application) = (pair?, application?);
        let tokens = pair.tokens_of(connection.id, &application)?;
        let told = self.platform.me(&application, &tokens.access_token, ASKING).await;
        told.map_err(|error| in_vain(error.reason))
    }
}

fn in_vain(reason: impl Into<String>) -> Closed {
    Closed::Obstacle(Obstacle {
        problem: Problem::IdentityUnknown,
        reason: reason.into(),
    })
}
