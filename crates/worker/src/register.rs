//! An attempt at the registration.

use std::time::Duration;

use futures::join;
use handover_core::{
    agenda::Task,
    apply::{Along, ApplyError},
    budget::Budget,
    connection::{Attempter, Connection, LookUpRule, PairKey, Problem},
    decide::{Refused, Why, decide},
    event::{Actor, Event, Outcome},
    ids::EffectId,
    ports::{Clock, Platform, Queue, Randomness, Registrar, Store, Submission, Vault},
};

use crate::{
    WakeError, Worker, report,
    unseal::{Closed, Obstacle},
};

/// A request that is ready, and how long it may take.
struct Ready<T> {
    request: T,
    limit: Duration,
    look_up: Option<LookUpRule>,
    needs_fresh_access_token: bool,
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
    /// Prepares, claims, submits, records: in this order, so that whatever can fail fails before the claim.
    pub(crate) async fn register(&self, connection: &Connection, budget: &Budget) -> Result<Connection, WakeError> {
        let effect = EffectId::new(self.desk.clock.now(), self.desk.randomness.id());
        // Where the claim would be refused, nothing secret is opened.
        let rehearsal = self.claim(effect, None, budget);
        if let Err(refused) = decide(connection, rehearsal, &Actor::Worker, self.desk.clock.now()) {
            return self.refused(connection, refused).await;
        }
        if let Some(moved) = self.take_place(connection).await? {
            return Ok(moved);
        }
        let ready = match self.prepare(connection).await {
            Ok(ready) => ready,
            Err(Closed::Obstacle(obstacle)) => return self.not_ready(connection, Task::Register, obstacle).await,
            Err(Closed::Away(error)) => return Err(error),
        };
        if ready.needs_fresh_access_token && !connection.fresh_access_token {
            return self.rotate_first(connection).await;
        }
        if !budget.fits(self.desk.clock, ready.limit) {
            return self.too_long(connection, ready.limit).await;
        }
        let claim = self.claim(effect, ready.look_up, budget);
        match self
            .desk
            .apply_to(connection, &claim, &Actor::Worker, &Along::default())
            .await
        {
            Ok(claimed) => self.submit(&claimed, effect, ready, budget).await,
            Err(ApplyError::Refused(refused)) => self.refused(connection, refused).await,
            Err(error @ ApplyError::Unavailable(_)) => {
                let not_sent = Event::AttemptEnded {
                    effect,
                    outcome: not_sent("the table did not say whether the claim was written; nothing was sent"),
                };
                self.withdraw(connection, &not_sent, error, budget).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The chain whose pair is handed over has to be known as the live one. `Some`: it was not, or is not, and what
    /// follows from that has been written.
    async fn take_place(&self, connection: &Connection) -> Result<Option<Connection>, WakeError> {
        match self.desk.take_place(connection, &Actor::Worker).await {
            Ok(placed) => Ok(placed.inspect(report::placed)),
            // Finished or consented to anew meanwhile.
            Err(ApplyError::Refused(_)) => Ok(Some(self.desk.load(connection.id).await?)),
            Err(error) => Err(error.into()),
        }
    }

    async fn rotate_first(&self, connection: &Connection) -> Result<Connection, WakeError> {
        let next = self
            .desk
            .apply_to(
                connection,
                &Event::FreshAccessTokenNeeded,
                &Actor::Worker,
                &Along::default(),
            )
            .await?;
        tracing::info!(connection.id = %connection.id, "handover.fresh_access_token_needed");
        Ok(next)
    }

    fn claim(&self, effect: EffectId, look_up: Option<LookUpRule>, budget: &Budget) -> Event {
        Event::AttemptBegun {
            effect,
            by: Attempter::Worker,
            lease_ends_at: budget.lease_ends_at(self.desk.clock.now()),
            look_up,
            accept_unknown_identity: self.settings.accept_unknown_identity,
        }
    }

    async fn refused(&self, connection: &Connection, refused: Refused) -> Result<Connection, WakeError> {
        match refused.why {
            Why::IdentityUnknown => {}
            // It grew too old while this was prepared: the agenda has the pair rotated first.
            Why::StaleAccessToken => return Ok(connection.clone()),
            _ => return Err(ApplyError::from(refused).into()),
        }
        let obstacle = Obstacle {
            problem: Problem::IdentityUnknown,
            reason: format!(
                "{}; nothing was sent; wait for the platform to tell, let the customer authorise again with `handover \
                 link`, or switch it on",
                refused.why
            ),
        };
        self.not_ready(connection, Task::Register, obstacle).await
    }

    async fn prepare(&self, connection: &Connection) -> Result<Ready<R::Prepared>, Closed> {
        let key = pair_key(connection)?;
        let (tokens, application, profile) = join!(
            self.open_pair(&key),
            self.open_application(connection),
            self.open_profile(connection),
        );
        let (pair, application, profile) = (tokens?, application?, profile?);
        let tokens = pair.tokens_of(connection.id, &application)?;
        let submission = Submission {
            // What was sealed with the secret, not what the plain table says of the application.
            application: &application,
            tokens: &tokens,
            database: &connection.registration.database,
            reference: &connection.reference,
            connection: connection.id,
            authorisation: &key.authorisation,
            attempt: connection.attempts.saturating_add(1),
        };
        let request = self
            .registrar
            .prepare(&profile, &submission)
            .map_err(|error| Closed::Obstacle(error.into()))?;
        Ok(Ready {
            limit: self.registrar.time_limit(&request),
            look_up: self.registrar.look_up_rule(&request),
            needs_fresh_access_token: self.registrar.needs_fresh_access_token(&request),
            request,
        })
    }

    /// The request does not fit into what is left. Into a fresh invocation it may.
    async fn too_long(&self, connection: &Connection, needed: Duration) -> Result<Connection, WakeError> {
        let timeout = self.settings.timeout;
        if Budget::begin(self.desk.clock, timeout).fits(self.desk.clock, needed) {
            return Err(WakeError::NoTime { needed });
        }
        let obstacle = Obstacle {
            problem: Problem::Configuration,
            reason: format!(
                "the channel's profile allows its request {} s, which do not fit into the worker's {} s; nothing was \
                 sent; lower the one or raise the other",
                needed.as_secs(),
                timeout.as_secs()
            ),
        };
        self.not_ready(connection, Task::Register, obstacle).await
    }

    async fn submit(
        &self,
        claimed: &Connection,
        effect: EffectId,
        ready: Ready<R::Prepared>,
        budget: &Budget,
    ) -> Result<Connection, WakeError> {
        let outcome = if budget.fits(self.desk.clock, ready.limit) {
            self.registrar.submit(ready.request).await
        } else {
            not_sent("the claim took so long that the request did not fit into the invocation any more")
        };
        self.keep(claimed, effect, outcome, budget).await
    }

    async fn keep(
        &self,
        claimed: &Connection,
        effect: EffectId,
        outcome: Outcome,
        budget: &Budget,
    ) -> Result<Connection, WakeError> {
        let text = in_words(&outcome);
        let event = Event::AttemptEnded { effect, outcome };
        let stored = self
            .desk
            .record(claimed.id, &event, &Actor::Worker, &Along::default(), budget)
            .await;
        match stored {
            Ok(connection) => {
                report::attempt_ended(&connection, effect, &text);
                Ok(connection)
            }
            // Settled by somebody meanwhile, in a way that this word does not change.
            Err(ApplyError::Refused(refused)) => {
                tracing::info!(
                    connection.id = %claimed.id,
                    effect.id = %effect,
                    outcome = text,
                    why = %refused.why,
                    "handover.attempt_superseded"
                );
                Ok(self.desk.load(claimed.id).await?)
            }
            Err(source) => Err(WakeError::NotStored {
                effect,
                outcome: text,
                source,
            }),
        }
    }
}

fn pair_key(connection: &Connection) -> Result<PairKey, Closed> {
    // The claim was rehearsed: there is one.
    let pair = connection.pair.as_ref().ok_or_else(|| {
        Closed::Obstacle(Obstacle {
            problem: Problem::Tampered,
            reason: Why::NoPair.to_string(),
        })
    })?;
    Ok(pair.key.clone())
}

fn not_sent(reason: &str) -> Outcome {
    Outcome::NotSent {
        reason: reason.into(),
        problem: Problem::ChannelUnavailable,
    }
}

fn in_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Registered { segment } => format!("registered `{segment}`"),
        Outcome::Refused { reason, .. } => format!("refused: {reason}"),
        Outcome::NotSent { reason, .. } => format!("not sent: {reason}"),
        Outcome::Unanswered { reason } => format!("unanswered: {reason}"),
    }
}
