//! Exchanging a refresh token for the next pair.

use futures::join;
use handover_aws::telemetry::error_chain;
use handover_core::{
    agenda::Task,
    application::ApplicationSecret,
    apply::{Along, ApplyError, Kept},
    budget::{Budget, LEAST_FOR_TOKENS},
    connection::{Connection, Pair, PairKey, Problem},
    decide::decide,
    event::{Actor, Brought, Event},
    ids::EffectId,
    plaintext,
    ports::{
        Clock, DataKey, Place, Platform, Queue, Randomness, Received, RefreshError, RefreshRefusal, Registrar, Rescued,
        Store, Vault,
    },
    secret::RefreshToken,
};

use crate::{WakeError, Worker, unseal::Closed};

/// All that a rotation needs, in hand before anything is spent.
struct Ready<K> {
    effect: EffectId,
    into: PairKey,
    application: ApplicationSecret,
    refresh_token: RefreshToken,
    key: K,
}

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
    /// Prepares, claims, presents the refresh token, stores what comes back: in this order, so that whatever can fail
    /// fails before the claim.
    pub(crate) async fn rotate(&self, connection: &Connection, budget: &Budget) -> Result<Connection, WakeError> {
        let (Some(pair), Some(into)) = (&connection.pair, connection.next_pair()) else {
            return Ok(connection.clone());
        };
        let clock = self.desk.clock;
        let effect = EffectId::new(clock.now(), self.desk.randomness.id());
        let claim = || Event::RotationBegun {
            effect,
            into: into.clone(),
            lease_ends_at: budget.lease_ends_at(clock.now()),
        };
        // Where the claim would be refused, nothing secret is opened.
        if let Err(refused) = decide(connection, claim(), &Actor::Worker, clock.now()) {
            return Err(ApplyError::from(refused).into());
        }
        let ready = match self.make_ready(connection, pair, effect, &into).await {
            Ok(ready) => ready,
            Err(Closed::Obstacle(obstacle)) => return self.not_ready(connection, Task::Rotate, obstacle).await,
            Err(Closed::Away(error)) => return Err(error),
        };
        if budget.for_tokens(clock).is_none() {
            return Err(WakeError::NoTime {
                needed: LEAST_FOR_TOKENS,
            });
        }
        match self
            .desk
            .apply_to(connection, &claim(), &Actor::Worker, &Along::default())
            .await
        {
            Ok(claimed) => self.present(&claimed, ready, budget).await,
            Err(error @ ApplyError::Unavailable(_)) => {
                let not_sent = not_sent("the table did not say whether the claim was written");
                self.withdraw(connection, &event(effect, not_sent), error, budget).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn make_ready(
        &self,
        connection: &Connection,
        pair: &Pair,
        effect: EffectId,
        into: &PairKey,
    ) -> Result<Ready<V::Key>, Closed> {
        let place = Place::Pair(into.clone());
        let (pair, application, key) = join!(
            self.open_pair(&pair.key),
            self.open_application(connection),
            self.vault.data_key(&place),
        );
        let (pair, application) = (pair?, application?);
        let tokens = pair.tokens_of(connection.id, &application)?;
        Ok(Ready {
            effect,
            into: into.clone(),
            application,
            refresh_token: tokens.refresh_token,
            key: key.map_err(|error| Closed::Away(error.into()))?,
        })
    }

    /// The claim stands. From the call on, the token counts as spent until its answer says otherwise.
    async fn present(
        &self,
        claimed: &Connection,
        ready: Ready<V::Key>,
        budget: &Budget,
    ) -> Result<Connection, WakeError> {
        let clock = self.desk.clock;
        // The claim itself may have been slow. Nothing is sent that could not be heard out.
        let Some(limit) = budget.for_tokens(clock) else {
            let error = not_sent("the claim took so long that the refresh did not fit into the invocation any more");
            return self.rotation_failed(claimed, ready.effect, error, budget).await;
        };
        let sent_at = clock.now();
        let answer = self
            .platform
            .refresh(&ready.application, &ready.refresh_token, limit)
            .await;
        let answered_at = clock.now();
        match answer {
            Ok(received) => {
                let brought = Brought {
                    effect: ready.effect,
                    pair: ready.into,
                    sent_at,
                    answered_at,
                    expires_in: received.expires_in,
                    platform: ready.application.platform,
                    client_id: ready.application.client_id,
                };
                self.keep_pair(claimed, ready.key, brought, &received, budget).await
            }
            Err(error) => self.rotation_failed(claimed, ready.effect, error, budget).await,
        }
    }

    /// A pair is in hand. Until it is stored nothing else is looked at.
    async fn keep_pair(
        &self,
        claimed: &Connection,
        key: V::Key,
        brought: Brought,
        received: &Received,
        budget: &Budget,
    ) -> Result<Connection, WakeError> {
        let effect = brought.effect;
        let sealed = match key.seal(&plaintext::of_pair(received, claimed.id, &brought.client_id)) {
            Ok(sealed) => sealed,
            Err(error) => {
                // The platform has made a pair, and it is lost here: the old token is worth its one recovery.
                let error = RefreshError {
                    refusal: RefreshRefusal::Unclear,
                    problem: Problem::RotationFailed,
                    reason: error_chain(&error),
                };
                return self.rotation_failed(claimed, effect, error, budget).await;
            }
        };
        let generation = brought.pair.generation;
        let rescued = Rescued {
            connection: claimed.id,
            brought,
            sealed,
        };
        match self.desk.keep(claimed, &rescued, &Actor::Worker, budget).await {
            Ok(Kept::Stored(connection)) => {
                let kept = connection.pair.as_ref().map(|pair| &pair.key) == Some(&rescued.brought.pair);
                tracing::info!(
                    connection.id = %connection.id,
                    effect.id = %effect,
                    pair.generation = generation,
                    pair.kept = kept,
                    "handover.rotated"
                );
                Ok(*connection)
            }
            Ok(Kept::Rescued) => {
                tracing::warn!(
                    connection.id = %claimed.id,
                    effect.id = %effect,
                    pair.generation = generation,
                    "handover.pair_rescued"
                );
                Ok(claimed.clone())
            }
            Err(source) => Err(WakeError::PairLost { effect, source }),
        }
    }

    async fn rotation_failed(
        &self,
        claimed: &Connection,
        effect: EffectId,
        error: RefreshError,
        budget: &Budget,
    ) -> Result<Connection, WakeError> {
        let (refusal, outcome) = (word(error.refusal), error.reason.clone());
        let stored = self
            .desk
            .record(
                claimed.id,
                &event(effect, error),
                &Actor::Worker,
                &Along::default(),
                budget,
            )
            .await;
        match stored {
            Ok(connection) => {
                tracing::warn!(
                    connection.id = %connection.id,
                    effect.id = %effect,
                    refusal,
                    outcome,
                    status = %connection.state.status(),
                    "handover.rotation_failed"
                );
                Ok(connection)
            }
            // Its lease has ended meanwhile, which says as much.
            Err(ApplyError::Refused(refused)) => {
                tracing::info!(
                    connection.id = %claimed.id,
                    effect.id = %effect,
                    refusal,
                    outcome,
                    why = %refused.why,
                    "handover.rotation_superseded"
                );
                Ok(self.desk.load(claimed.id).await?)
            }
            Err(source) => Err(WakeError::NotStored {
                effect,
                outcome: format!("{refusal}: {outcome}"),
                source,
            }),
        }
    }
}

fn event(effect: EffectId, error: RefreshError) -> Event {
    Event::RotationFailed {
        effect,
        refusal: error.refusal,
        problem: error.problem,
        reason: error.reason,
    }
}

fn not_sent(reason: &str) -> RefreshError {
    RefreshError {
        refusal: RefreshRefusal::Unharmed,
        problem: Problem::RotationFailed,
        reason: format!("{reason}; nothing was sent"),
    }
}

fn word(refusal: RefreshRefusal) -> &'static str {
    match refusal {
        RefreshRefusal::Unharmed => "unharmed",
        RefreshRefusal::Used => "used",
        RefreshRefusal::Expired => "expired",
        RefreshRefusal::ChainBroken => "chain broken",
        RefreshRefusal::Unclear => "unclear",
    }
}
