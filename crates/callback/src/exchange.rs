//! From the point of no return to a stored pair.

use std::{sync::Arc, time::Duration};

use handover_core::{
    application::ApplicationSecret,
    apply::{Along, ApplyError, Kept},
    budget::Budget,
    connection::{Cause, Connection, Identity, Problem, State},
    event::{Actor, Brought, Event},
    ids::{ConnectionId, EffectId},
    plaintext,
    ports::{Clock, DataKey, ExchangeError, MeError, Platform, Queue, Randomness, Received, Rescued, Store, Vault},
    secret::{AccessToken, AuthorizationCode},
};
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::{Callback, callback::Return, claim::Claim, told};

/// The most that the question for the identity is given. The worker asks again.
const FOR_IDENTITY: Duration = Duration::from_secs(20);

/// When a code was on its way.
struct Sent {
    at: Timestamp,
    answered_at: Timestamp,
}

impl<S, V, Q, P, C, R> Callback<S, V, Q, P, C, R>
where
    S: Store + 'static,
    V: Vault + 'static,
    Q: Queue + 'static,
    P: Platform + 'static,
    C: Clock + 'static,
    R: Randomness + 'static,
{
    pub(crate) async fn exchange(
        self: &Arc<Self>,
        back: &Return,
        claim: Claim<V::Key>,
        code: AuthorizationCode,
        budget: &Budget,
        safe: oneshot::Sender<()>,
    ) {
        let Self { ports, .. } = &**self;
        // The claim itself may have been slow. Nothing is sent that could not be heard out.
        let ended = if let Some(limit) = budget.for_tokens(&ports.clock) {
            let at = ports.clock.now();
            let answer = ports
                .platform
                .exchange(&claim.application, &code, &back.verifier, limit)
                .await;
            let answered_at = ports.clock.now();
            answer.map(|received| (received, Sent { at, answered_at }))
        } else {
            Err(ExchangeError {
                problem: Problem::ConsentFailed,
                reason: "the code was not sent: too little time was left; the customer has to open the link again"
                    .into(),
                unclear: false,
            })
        };
        let connection = match ended {
            Ok((received, sent)) => self.keep(back, claim, received, sent, budget, safe).await,
            Err(error) => {
                self.give_up(back, claim.connection.id, claim.effect, error, budget)
                    .await
            }
        };
        if let Some(connection) = connection {
            self.point(&connection).await;
        }
    }

    /// A pair is in hand. Until it is stored nothing else is looked at: `me` runs beside it, in a task of its own, so
    /// that not even a panic there can reach it.
    async fn keep(
        self: &Arc<Self>,
        back: &Return,
        claim: Claim<V::Key>,
        received: Received,
        sent: Sent,
        budget: &Budget,
        safe: oneshot::Sender<()>,
    ) -> Option<Connection> {
        let Claim {
            effect,
            connection,
            application,
            into,
            key,
        } = claim;
        let sealed = match key.seal(&plaintext::of_pair(&received, connection.id, &application.client_id)) {
            Ok(sealed) => sealed,
            Err(error) => {
                let error = ExchangeError {
                    problem: Problem::ConsentFailed,
                    reason: told(&error),
                    // The platform has made a pair, and it is lost here.
                    unclear: true,
                };
                return self.give_up(back, connection.id, effect, error, budget).await;
            }
        };
        let rescued = Rescued {
            connection: connection.id,
            brought: Brought {
                effect,
                pair: into,
                sent_at: sent.at,
                answered_at: sent.answered_at,
                expires_in: received.expires_in,
                platform: application.platform,
                client_id: application.client_id.clone(),
            },
            sealed,
        };
        let identity = self.ask(application, received.access_token);
        let stored = match self.desk().keep(&connection, &rescued, &Actor::Callback, budget).await {
            Ok(Kept::Stored(stored)) => *stored,
            Ok(Kept::Rescued) => {
                // The worker brings it home, and asks who it is.
                tracing::warn!(connection.id = %connection.id, authorisation.id = %back.trip, "handover.pair_rescued");
                return None;
            }
            Err(error) => {
                tracing::error!(
                    connection.id = %connection.id, authorisation.id = %back.trip, error = %told(&error),
                    "handover.pair_lost"
                );
                return None;
            }
        };
        let kept = stored
            .pair
            .as_ref()
            .is_some_and(|pair| pair.key.authorisation == back.trip);
        // The customer need not wait for what follows. Where nobody waits any more, that is fine too.
        let _ = safe.send(());
        tracing::info!(connection.id = %stored.id, authorisation.id = %back.trip, pair.kept = kept, "handover.pair_received");
        if !kept {
            return Some(stored);
        }
        let identity = identity.await.unwrap_or_else(|error| {
            Err(MeError {
                reason: format!("the question for the identity broke off: {}", told(&error)),
            })
        });
        Some(self.identify(back, stored, identity, budget).await)
    }

    fn ask(
        self: &Arc<Self>,
        application: ApplicationSecret,
        access_token: AccessToken,
    ) -> tokio::task::JoinHandle<Result<Identity, MeError>> {
        let callback = Arc::clone(self);
        self.background.spawn(async move {
            callback
                .ports
                .platform
                .me(&application, &access_token, FOR_IDENTITY)
                .await
        })
    }

    /// Records who consented, or that nobody knows. Where not even that succeeds, the worker asks.
    async fn identify(
        &self,
        back: &Return,
        stored: Connection,
        identity: Result<Identity, MeError>,
        budget: &Budget,
    ) -> Connection {
        let (desk, by) = (self.desk(), &Actor::Callback);
        let noted = match identity {
            Ok(identity) => desk.identify(stored.id, &back.trip, &identity, by).await,
            Err(error) => {
                tracing::warn!(connection.id = %stored.id, error = %told(&error), "handover.identity_not_told");
                let event = Event::NotIdentified {
                    authorisation: back.trip.clone(),
                    reason: error.reason,
                };
                desk.record(stored.id, &event, by, &Along::default(), budget).await
            }
        };
        match noted {
            Ok(connection) => {
                placed(back, &connection);
                connection
            }
            Err(ApplyError::Refused(refused)) => {
                tracing::info!(connection.id = %stored.id, error = %told(&refused), "handover.identity_late");
                stored
            }
            Err(error) => {
                tracing::error!(connection.id = %stored.id, error = %told(&error), "handover.identity_not_recorded");
                stored
            }
        }
    }

    pub(crate) async fn give_up(
        &self,
        back: &Return,
        connection: ConnectionId,
        effect: EffectId,
        error: ExchangeError,
        budget: &Budget,
    ) -> Option<Connection> {
        if error.problem == Problem::Configuration {
            self.applications.forget(&back.application);
        }
        tracing::warn!(
            connection.id = %connection, authorisation.id = %back.trip, problem = error.problem.as_str(),
            error = %told(&error), "handover.exchange_failed"
        );
        let event = Event::ExchangeFailed {
            effect,
            problem: error.problem,
            reason: error.reason,
            unclear: error.unclear,
        };
        match self
            .desk()
            .record(connection, &event, &Actor::Callback, &Along::default(), budget)
            .await
        {
            Ok(connection) => Some(connection),
            // Its claim was never written, or has been settled meanwhile.
            Err(ApplyError::Refused(_)) => None,
            Err(error) => {
                // The end of its lease says as much.
                tracing::error!(connection.id = %connection, error = %told(&error), "handover.failure_not_recorded");
                None
            }
        }
    }

    /// A wake-up that is lost costs precision only: the sweeper finds what is due.
    pub(crate) async fn point(&self, connection: &Connection) {
        if let Err(error) = self.desk().point(connection).await {
            tracing::warn!(connection.id = %connection.id, error = %told(&error), "handover.wake_up_not_sent");
        }
    }
}

/// What the place of the trip's chain among those of its user means for it.
fn placed(back: &Return, connection: &Connection) {
    if let State::Reauthorize(Cause::Superseded { .. }) = &connection.state {
        tracing::warn!(connection.id = %connection.id, authorisation.id = %back.trip, "handover.chain_outlived");
    } else if !connection.contests.is_empty() {
        tracing::warn!(connection.id = %connection.id, authorisation.id = %back.trip, "handover.chain_contested");
    }
}
