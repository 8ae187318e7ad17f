//! Asking the platform who consented, when it did not tell at once.

use std::time::Duration;

use futures::join;
use handover_core::{
    apply::{Along, ApplyError},
    budget::Budget,
    chain::{self, Order},
    connection::{Connection, Pair},
    event::{Actor, Event},
    ports::{Claimed, Clock, IdentityKey, Platform, Queue, Randomness, Registrar, Store, Vault},
};

use crate::{
    WakeError, Worker,
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
            Ok(in_vain(
                pair,
                "it was not asked in time: its access token has ended".into(),
            ))
        };
        let (event, along) = match told {
            Ok(told) => told,
            // Counts as asked in vain: the next question, or the registration itself, comes back to it.
            Err(Closed::Obstacle(Obstacle { reason, .. })) => in_vain(pair, reason),
            Err(Closed::Away(error)) => return Err(error),
        };
        // On the version that was read: the claim of the identity was made from it.
        match self.desk.apply_to(connection, &event, &Actor::Worker, &along).await {
            Err(ApplyError::Refused(_)) => Ok(self.desk.load(connection.id).await?),
            result => Ok(result?),
        }
    }

    async fn ask_platform(&self, connection: &Connection, pair: &Pair) -> Result<(Event, Along), Closed> {
        let (tokens, application) = join!(self.open_pair(&pair.key), self.open_application(connection));
        let (pair_opened, application) = (tokens?, application?);
        let tokens = pair_opened.tokens_of(connection.id, &application)?;
        let authorisation = pair.key.authorisation.clone();
        let identity = match self.platform.me(&application, &tokens.access_token, ASKING).await {
            Ok(identity) => identity,
            Err(error) => return Ok(in_vain(pair, error.reason)),
        };
        let key = IdentityKey {
            platform: application.platform,
            client_id: application.client_id,
            user: identity.user.clone(),
        };
        let ours = Claimed {
            connection: connection.id,
            authorisation: authorisation.clone(),
            sent_at: pair.sent_at,
        };
        let read = self.desk.store.identity(&key).await;
        let before = read.map_err(|error| Closed::Away(ApplyError::from(error).into()))?;
        let Order { claim, replaces } = chain::order(key, ours, before);
        if claim.is_none() {
            tracing::warn!(connection.id = %connection.id, "handover.chain_outlived");
        }
        let event = Event::Identified {
            authorisation,
            identity,
            replaces,
        };
        let along = Along {
            identity: claim,
            ..Along::default()
        };
        Ok((event, along))
    }
}

fn in_vain(pair: &Pair, reason: String) -> (Event, Along) {
    let authorisation = pair.key.authorisation.clone();
    (Event::NotIdentified { authorisation, reason }, Along::default())
}
