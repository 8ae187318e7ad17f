//! From the point of no return to a stored pair.

use std::{sync::Arc, time::Duration};

use handover_core::{
    application::ApplicationSecret,
    apply::{Along, ApplyError},
    budget::Budget,
    connection::{Connection, Identity, Problem},
    event::{Actor, Event},
    ids::{ConnectionId, EffectId},
    plaintext,
    ports::{
        Claimed, Clock, DataKey, ExchangeError, IdentityClaim, IdentityKey, MeError, Platform, Queue, Randomness,
        Received, Store, Vault,
    },
    secret::{AccessToken, AuthorizationCode},
};
use jiff::Timestamp;

use crate::{Callback, callback::Return, claim::Claim, told};

/// The least time that an exchange is given: the platform was seen to take 35 s, and who gives up early may have
/// spent the code for nothing.
pub(crate) const LEAST: Duration = Duration::from_secs(60);
/// The most.
const MOST: Duration = Duration::from_secs(75);
/// Kept free after it, if there is more than the least: for storing on a bad day.
const FOR_STORING: Duration = Duration::from_secs(25);
/// The most that the question for the identity is given. The worker asks again.
const FOR_IDENTITY: Duration = Duration::from_secs(20);

/// A pair on its way into the table, without the pair.
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
    ) {
        let Self { ports, .. } = &**self;
        // The claim itself may have been slow. Nothing is sent that could not be heard out.
        let ended = if budget.fits(&ports.clock, LEAST) {
            let limit = budget.left(&ports.clock).saturating_sub(FOR_STORING).clamp(LEAST, MOST);
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
            })
        };
        let connection = match ended {
            Ok((received, sent)) => self.keep(back, claim, received, sent, budget).await,
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
    ) -> Option<Connection> {
        let Claim {
            effect,
            connection,
            application,
            key,
        } = claim;
        let sealed = match key.seal(&plaintext::of_pair(&received)) {
            Ok(sealed) => sealed,
            Err(error) => {
                let error = ExchangeError {
                    problem: Problem::ConsentFailed,
                    reason: told(&error),
                };
                return self.give_up(back, connection.id, effect, error, budget).await;
            }
        };
        let event = Event::Exchanged {
            effect,
            authorisation: back.trip.clone(),
            sent_at: sent.at,
            answered_at: sent.answered_at,
            expires_in: received.expires_in,
        };
        let along = Along {
            pair: Some(sealed),
            ..Along::default()
        };
        let identity = self.ask(application.clone(), received.access_token);
        let stored = self
            .desk()
            .record(connection.id, &event, &Actor::Callback, &along, budget)
            .await;
        let stored = match stored {
            Ok(stored) => stored,
            Err(error) => {
                tracing::error!(
                    connection.id = %connection.id, authorisation.id = %back.trip, error = %told(&error),
                    "a received pair could not be stored"
                );
                return None;
            }
        };
        let kept = stored
            .pair
            .as_ref()
            .is_some_and(|pair| pair.key.authorisation == back.trip);
        tracing::info!(connection.id = %stored.id, authorisation.id = %back.trip, pair.kept = kept, "a pair was received");
        if !kept {
            return Some(stored);
        }
        let identity = identity.await.unwrap_or_else(|error| {
            Err(MeError {
                reason: format!("the question for the identity broke off: {}", told(&error)),
            })
        });
        Some(self.identify(back, stored, &application, identity, &sent, budget).await)
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
        application: &ApplicationSecret,
        identity: Result<Identity, MeError>,
        sent: &Sent,
        budget: &Budget,
    ) -> Connection {
        let told_who = match identity {
            Ok(identity) => self.claim_identity(back, &stored, application, identity, sent).await,
            Err(error) => {
                tracing::warn!(connection.id = %stored.id, error = %told(&error), "the platform did not tell who consented");
                let event = Event::NotIdentified {
                    authorisation: back.trip.clone(),
                    reason: error.reason,
                };
                Some((event, Along::default()))
            }
        };
        let Some((event, along)) = told_who else {
            return stored;
        };
        match self
            .desk()
            .record(stored.id, &event, &Actor::Callback, &along, budget)
            .await
        {
            Ok(connection) => connection,
            Err(ApplyError::Refused(refused)) => {
                tracing::info!(connection.id = %stored.id, error = %told(&refused), "an identity came too late");
                stored
            }
            Err(error) => {
                tracing::error!(connection.id = %stored.id, error = %told(&error), "could not record who consented");
                stored
            }
        }
    }

    /// Chains of one user and application are ordered by when their exchanges were sent: only a later one takes over.
    async fn claim_identity(
        &self,
        back: &Return,
        stored: &Connection,
        application: &ApplicationSecret,
        identity: Identity,
        sent: &Sent,
    ) -> Option<(Event, Along)> {
        let key = IdentityKey {
            platform: application.platform,
            client_id: application.client_id.clone(),
            user: identity.user.clone(),
        };
        let before = match self.ports.store.identity(&key).await {
            Ok(before) => before,
            Err(error) => {
                tracing::error!(connection.id = %stored.id, error = %told(&error), "could not read who holds a chain");
                return None;
            }
        };
        let authorisation = back.trip.clone();
        if let Some(newer) = before.as_ref().filter(|before| before.sent_at > sent.at) {
            tracing::warn!(
                connection.id = %stored.id, other.connection.id = %newer.connection,
                "a newer consent of the same user has ended this chain already"
            );
            return Some((
                Event::Identified {
                    authorisation,
                    identity,
                    replaces: None,
                },
                Along::default(),
            ));
        }
        let held = Claimed {
            connection: stored.id,
            authorisation: authorisation.clone(),
            sent_at: sent.at,
        };
        let along = Along {
            identity: Some(IdentityClaim { key, held }),
            ..Along::default()
        };
        let replaces = before.map(|before| before.connection);
        Some((
            Event::Identified {
                authorisation,
                identity,
                replaces,
            },
            along,
        ))
    }

    async fn give_up(
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
            error = %told(&error), "an exchange brought no pair"
        );
        let event = Event::ExchangeFailed {
            effect,
            problem: error.problem,
            reason: error.reason,
        };
        match self
            .desk()
            .record(connection, &event, &Actor::Callback, &Along::default(), budget)
            .await
        {
            Ok(connection) => Some(connection),
            Err(error) => {
                // The end of its lease says as much.
                tracing::error!(connection.id = %connection, error = %told(&error), "could not record a failed exchange");
                None
            }
        }
    }

    /// A wake-up that is lost costs precision only: the sweeper finds what is due.
    pub(crate) async fn point(&self, connection: &Connection) {
        if let Err(error) = self.desk().point(connection).await {
            tracing::warn!(connection.id = %connection.id, error = %told(&error), "could not send a wake-up");
        }
    }
}
