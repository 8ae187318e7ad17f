//! Everything before the point of no return. Whatever can fail fails here, and nothing is spent by it.

use std::{sync::Arc, time::Duration};

use handover_core::{
    application::ApplicationSecret,
    apply::{Along, ApplyError},
    authorisation::Authorisation,
    budget::Budget,
    connection::{Connection, EffectKind, PairKey, Problem},
    decide::FIRST_GENERATION,
    event::{Actor, Event},
    ids::{ApplicationId, EffectId},
    ports::{Clock, ExchangeError, Place, Platform, Queue, Randomness, ReadError, Store, Vault},
};

use crate::{
    Callback,
    applications::NotOpened,
    callback::{Return, usable},
    told,
};

/// Times that a claim is decided anew after somebody else wrote first or an answer was lost.
const TRIES: u32 = 8;
/// A claim whose answer was lost is taken back for so long; after that the end of its lease does it.
const TAKEN_BACK_WITHIN: Duration = Duration::from_secs(10);
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(200);

/// The right to exchange one code, once. Made by [`Callback::claim`] alone and used up by the exchange: no `Clone`.
pub(crate) struct Claim<K> {
    pub effect: EffectId,
    pub connection: Connection,
    pub application: ApplicationSecret,
    /// Where the pair will belong.
    pub into: PairKey,
    /// In hand before the code is spent: what comes back can then be sealed without asking anybody.
    pub key: K,
}

/// Why no code is exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotClaimed {
    /// This trip's code was, or is being, exchanged.
    Used,
    /// There is no such trip for this browser, connection and application.
    Unknown,
    /// The trip took too long.
    Lapsed,
    /// Another trip's code is being exchanged, or the pair that is kept is being rotated.
    UnderWay,
    /// The connection takes no consent over this link any more.
    Closed,
    /// Only the OEM can mend it.
    NotReady,
    /// Try again in a minute.
    Unavailable,
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
    /// Reads all that the exchange needs, side by side, and writes its intent: one transaction that also uses the trip
    /// up and requires that the connection takes a consent.
    pub(crate) async fn claim(self: &Arc<Self>, back: &Return, budget: &Budget) -> Result<Claim<V::Key>, NotClaimed> {
        let ports = &self.ports;
        let into = PairKey {
            authorisation: back.trip.clone(),
            generation: FIRST_GENERATION,
        };
        let place = Place::Pair(into.clone());
        let (found, connection, application, key) = tokio::join!(
            ports.store.authorisation(&back.trip),
            ports.store.connection(back.connection),
            self.open_application(&back.application),
            ports.vault.data_key(&place),
        );
        let authorisation = match found {
            Ok(found) => usable(back, found, ports.clock.now())?,
            Err(error) => return Err(self.trip_unread(back, connection.ok().flatten(), &error).await),
        };
        let connection = connection
            .map_err(|error| unread(back, &error))?
            .ok_or(NotClaimed::Unknown)?;
        // Before the application: one that is not ready is worth a word only where it stands in the way.
        if !connection.accepts_consent(&authorisation.link, ports.clock.now()) {
            return Err(self.turned_away(back, &connection).await);
        }
        let application = match application {
            Ok(application) => application,
            Err(NotOpened::NotReady { problem, reason }) => {
                return Err(self.not_ready(&back.application, &connection, problem, reason).await);
            }
            Err(NotOpened::Unavailable { reason }) => {
                tracing::error!(connection.id = %connection.id, error = reason, "handover.application_not_opened");
                return Err(NotClaimed::Unavailable);
            }
        };
        let key = key.map_err(|error| {
            tracing::error!(connection.id = %connection.id, error = %told(&error), "handover.data_key_missing");
            NotClaimed::Unavailable
        })?;
        let effect = EffectId::new(ports.clock.now(), ports.randomness.id());
        let connection = self
            .write_claim(back, &authorisation, connection, effect, budget)
            .await?;
        Ok(Claim {
            effect,
            connection,
            application,
            into,
            key,
        })
    }

    /// As soon as it is known where the exchange will go, a connection is opened to there.
    async fn open_application(self: &Arc<Self>, id: &ApplicationId) -> Result<ApplicationSecret, NotOpened> {
        let ports = &self.ports;
        let application = self
            .applications
            .open(id, &ports.store, &ports.vault, &ports.clock)
            .await?;
        let callback = Arc::clone(self);
        let host = application.host.clone();
        self.background
            .spawn(async move { callback.ports.platform.get_ready(&host).await });
        Ok(application)
    }

    /// A claim that may stand there although it is given up here is taken back: the code was surely not sent, and an
    /// older pair need not be held back for it.
    async fn write_claim(
        &self,
        back: &Return,
        authorisation: &Authorisation,
        connection: Connection,
        effect: EffectId,
        budget: &Budget,
    ) -> Result<Connection, NotClaimed> {
        let (id, mut answer_lost) = (connection.id, false);
        let written = self
            .try_to_claim(back, authorisation, connection, effect, budget, &mut answer_lost)
            .await;
        if written.is_err() && answer_lost {
            let error = ExchangeError {
                problem: Problem::ConsentFailed,
                reason:
                    "the table did not say whether the claim was written; the code was not sent; the customer has to \
                         open the link again"
                        .into(),
                unclear: false,
            };
            let budget = Budget::begin(&self.ports.clock, TAKEN_BACK_WITHIN);
            if let Some(connection) = self.give_up(back, id, effect, error, &budget).await {
                self.point(&connection).await;
                return Err(NotClaimed::Used);
            }
        }
        written
    }

    async fn try_to_claim(
        &self,
        back: &Return,
        authorisation: &Authorisation,
        mut connection: Connection,
        effect: EffectId,
        budget: &Budget,
        answer_lost: &mut bool,
    ) -> Result<Connection, NotClaimed> {
        let clock = &self.ports.clock;
        let along = Along {
            consume: Some(back.trip.clone()),
            ..Along::default()
        };
        for _ in 0..TRIES {
            // Never claimed without the time that the exchange needs: such a claim would only cost a consent.
            if budget.for_tokens(clock).is_none() {
                tracing::error!(connection.id = %connection.id, "handover.no_time_left");
                return Err(NotClaimed::Unavailable);
            }
            let event = Event::ConsentArrived {
                effect,
                authorisation: back.trip.clone(),
                link: authorisation.link.clone(),
                lease_ends_at: budget.lease_ends_at(clock.now()),
            };
            match self
                .desk()
                .apply_to(&connection, &event, &Actor::Customer, &along)
                .await
            {
                Ok(claimed) => return Ok(claimed),
                Err(ApplyError::Conflict(_)) => {}
                // Whether it was written is open: what stands there now tells.
                Err(ApplyError::Unavailable(error)) => {
                    *answer_lost = true;
                    tracing::debug!(connection.id = %connection.id, error = %told(&error), "handover.claim_answer_lost");
                    clock.sleep(PAUSE).await;
                }
                Err(ApplyError::Refused(_)) => return Err(self.turned_away(back, &connection).await),
                Err(error @ (ApplyError::Unknown(_) | ApplyError::Rejected(_))) => {
                    tracing::error!(connection.id = %connection.id, error = %told(&error), "handover.claim_failed");
                    return Err(NotClaimed::Unavailable);
                }
            }
            // Its id was made here and is nobody else's: with it on the connection, the claim is ours.
            match self.desk().load(connection.id).await {
                Ok(current) if current.effect.as_ref().is_some_and(|open| open.id == effect) => return Ok(current),
                Ok(current) => connection = current,
                Err(error) => {
                    tracing::debug!(connection.id = %connection.id, error = %told(&error), "handover.connection_not_read");
                    continue;
                }
            }
            match self.ports.store.authorisation(&back.trip).await {
                Ok(found) => usable(back, found, clock.now()).map(drop)?,
                Err(error) => return Err(unread(back, &error)),
            }
        }
        tracing::error!(connection.id = %connection.id, tries = TRIES, "handover.claim_not_written");
        Err(NotClaimed::Unavailable)
    }

    /// The connection takes no consent over this link now. If this very trip was used meanwhile, that is why.
    async fn turned_away(&self, back: &Return, connection: &Connection) -> NotClaimed {
        let found = match self.ports.store.authorisation(&back.trip).await {
            Ok(found) => found,
            Err(error) => return unread(back, &error),
        };
        if let Err(reason) = usable(back, found, self.ports.clock.now()) {
            return reason;
        }
        tracing::info!(
            connection.id = %connection.id, connection.status = %connection.state.status(),
            authorisation.id = %back.trip, "handover.consent_turned_away"
        );
        match connection.effect.as_ref().map(|effect| &effect.kind) {
            // Its pair is being rotated: over in a minute, and then this consent can be had.
            Some(EffectKind::Exchange { .. } | EffectKind::Rotation { .. }) => NotClaimed::UnderWay,
            Some(EffectKind::Attempt { .. }) | None => NotClaimed::Closed,
        }
    }

    /// A trip that cannot be used leaves an event on its connection, where that can be.
    async fn trip_unread(&self, back: &Return, connection: Option<Connection>, error: &ReadError) -> NotClaimed {
        if let (ReadError::Rejected(rejected), Some(connection)) = (error, connection) {
            let reason = format!("{rejected}; nothing was exchanged; find out who writes to the table");
            return self
                .not_ready(&back.application, &connection, Problem::Tampered, reason)
                .await;
        }
        unread(back, error)
    }

    /// Said once per connection, not with every reload.
    pub(crate) async fn not_ready(
        &self,
        application: &ApplicationId,
        connection: &Connection,
        problem: Problem,
        reason: String,
    ) -> NotClaimed {
        tracing::error!(
            connection.id = %connection.id, application.id = %application, error = reason, "handover.not_ready"
        );
        if connection
            .attention
            .as_ref()
            .is_none_or(|attention| attention.problem != problem)
        {
            let event = Event::NotReady {
                of: None,
                problem,
                reason,
            };
            match self
                .desk()
                .apply(connection.id, &event, &Actor::Callback, &Along::default())
                .await
            {
                Ok(connection) => self.point(&connection).await,
                Err(error) => {
                    tracing::warn!(connection.id = %connection.id, error = %told(&error), "handover.obstacle_not_recorded");
                }
            }
        }
        NotClaimed::NotReady
    }
}

/// What cannot be used is the OEM's to look at; what cannot be reached may be there in a minute.
fn unread(back: &Return, error: &ReadError) -> NotClaimed {
    tracing::error!(
        connection.id = %back.connection, authorisation.id = %back.trip, error = %told(error), "handover.consent_not_read"
    );
    match error {
        ReadError::Rejected(_) => NotClaimed::NotReady,
        ReadError::Unavailable(_) => NotClaimed::Unavailable,
    }
}
