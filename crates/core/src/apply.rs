//! Load, decide, write; again on a conflict. What every handler does with an event.

mod chains;
mod pair;

use std::time::Duration;

pub use pair::Kept;

use crate::{
    agenda,
    authorisation::Link,
    budget::Budget,
    connection::Connection,
    decide::{Decision, Refused, decide},
    event::{Actor, Event},
    ids::{AuthorisationId, ConnectionId, Revision, WriterId},
    ports::{
        Change, Clock, IdentityClaim, LONGEST_DELAY, Pointer, Queue, Randomness, ReadError, Rejected, Sealed, Store,
        StoreError, WriteError,
    },
};

/// Between two tries of a write that must not be lost.
const PAUSE: Duration = Duration::from_millis(200);
/// Times that a write which can be refused is decided anew after somebody else wrote first.
const TRIES: u32 = 8;

/// What goes along with a change of state, in the same transaction.
#[derive(Debug, Clone, Default)]
pub struct Along {
    /// The pair that the event brought, sealed. Stored if the decision keeps it.
    pub pair: Option<Sealed>,
    /// A link that was made.
    pub link: Option<Link>,
    /// An authorisation that is used up.
    pub consume: Option<AuthorisationId>,
    /// Who holds the live chain from now on.
    pub identity: Option<IdentityClaim>,
}

/// An event that changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It does not fit the state.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is no such connection.
    #[error("there is no connection {0}")]
    Unknown(ConnectionId),
    /// Others kept writing first.
    #[error("{0} changed meanwhile, again and again")]
    Conflict(ConnectionId),
    /// The table could not be reached. Whether it was written is open.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
    /// An item cannot be used.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

impl From<ReadError> for ApplyError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(error) => Self::Unavailable(error),
            ReadError::Rejected(error) => Self::Rejected(error),
        }
    }
}

impl From<WriteError> for ApplyError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict(id) => Self::Conflict(id),
            WriteError::Unavailable(error) => Self::Unavailable(error),
            WriteError::Rejected(error) => Self::Rejected(error),
        }
    }
}

/// What every handler works with.
#[derive(Debug)]
pub struct Desk<'a, S, Q, C, R> {
    /// The tables.
    pub store: &'a S,
    /// The wake-ups.
    pub queue: &'a Q,
    /// Time.
    pub clock: &'a C,
    /// Chance.
    pub randomness: &'a R,
}

impl<S: Store, Q: Queue, C: Clock, R: Randomness> Desk<'_, S, Q, C, R> {
    /// Reads a connection.
    ///
    /// # Errors
    /// [`ApplyError::Unknown`] if there is none.
    pub async fn load(&self, id: ConnectionId) -> Result<Connection, ApplyError> {
        self.store.connection(id).await?.ok_or(ApplyError::Unknown(id))
    }

    /// Applies an event that may be refused: a claim, a wake-up, something asked for. Durable when it returns `Ok`.
    ///
    /// # Errors
    /// When it was refused or could not be written; see [`ApplyError`].
    pub async fn apply(
        &self,
        id: ConnectionId,
        event: &Event,
        by: &Actor,
        along: &Along,
    ) -> Result<Connection, ApplyError> {
        for _ in 0..TRIES {
            let connection = self.load(id).await?;
            match self.apply_to(&connection, event, by, along).await {
                Err(ApplyError::Conflict(_)) => {}
                result => return result,
            }
        }
        Err(ApplyError::Conflict(id))
    }

    /// Applies an event to the version that was read: one try.
    ///
    /// # Errors
    /// [`ApplyError::Conflict`] when it is no longer the current one.
    pub async fn apply_to(
        &self,
        connection: &Connection,
        event: &Event,
        by: &Actor,
        along: &Along,
    ) -> Result<Connection, ApplyError> {
        let decision = decide(connection, event.clone(), by, self.clock.now())?;
        let change = self.change(Some(connection.revision), decision, along);
        self.write(change).await
    }

    /// Stores a new connection with its first link.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn create(&self, decision: Decision, link: Link) -> Result<Connection, ApplyError> {
        let along = Along {
            link: Some(link),
            ..Along::default()
        };
        let change = self.change(None, decision, &along);
        self.write(change).await
    }

    /// Applies an outcome: what came back from something irreversible. Goes on until it is stored or the invocation
    /// ends: neither a received pair nor a success is dropped for a revision, or because the table is slow.
    ///
    /// # Errors
    /// When the state refuses it, or time ran out.
    pub async fn record(
        &self,
        id: ConnectionId,
        event: &Event,
        by: &Actor,
        along: &Along,
        budget: &Budget,
    ) -> Result<Connection, ApplyError> {
        loop {
            let error = match self.record_once(id, event, by, along, budget).await {
                // An item that cannot be used may be mended within seconds, by whoever is at work on it.
                Err(error @ (ApplyError::Conflict(_) | ApplyError::Unavailable(_) | ApplyError::Rejected(_))) => error,
                result => return result,
            };
            if budget.left(self.clock) <= PAUSE {
                return Err(error);
            }
            self.clock.sleep(PAUSE).await;
        }
    }

    async fn record_once(
        &self,
        id: ConnectionId,
        event: &Event,
        by: &Actor,
        along: &Along,
        budget: &Budget,
    ) -> Result<Connection, ApplyError> {
        let connection = self.load(id).await?;
        let decision = decide(&connection, event.clone(), by, self.clock.now())?;
        let change = self.change(Some(connection.revision), decision, along);
        loop {
            // The very same change again: its writer recognises an earlier success of its own.
            match self.write(change.clone()).await {
                Err(ApplyError::Unavailable(error)) if budget.left(self.clock) <= PAUSE => return Err(error.into()),
                Err(ApplyError::Unavailable(_)) => self.clock.sleep(PAUSE).await,
                result => return result,
            }
        }
    }

    /// Erases the history of a customer that was forgotten.
    ///
    /// # Errors
    /// When it has to be tried again.
    pub async fn erase(&self, connection: &Connection, by: &Actor) -> Result<Connection, ApplyError> {
        let Some(to) = connection.erase_to else {
            return Ok(connection.clone());
        };
        self.store.erase_history(connection.id, to).await?;
        self.apply(connection.id, &Event::Erased { to }, by, &Along::default())
            .await
    }

    /// Removes a finished connection: its history first, so that nothing is left which nobody would find again.
    ///
    /// # Errors
    /// When it has to be tried again.
    pub async fn retire(&self, connection: &Connection) -> Result<(), ApplyError> {
        self.store.erase_history(connection.id, connection.records).await?;
        Ok(self.store.remove(connection).await?)
    }

    /// Sends a pointer for the connection's next wake-up if that is near enough for the queue. One that is lost costs
    /// precision only: the sweeper finds what is due.
    pub async fn point(&self, connection: &Connection) -> Result<(), crate::ports::QueueError> {
        // Not its `wake_at`: the sweeper may have moved that to a safety time.
        let now = self.clock.now();
        let Some(wake_at) = agenda::next_wake(connection, now) else {
            return Ok(());
        };
        let wait = Duration::try_from(wake_at.duration_since(now)).unwrap_or_default();
        if wait > LONGEST_DELAY {
            return Ok(());
        }
        self.queue
            .send(
                &Pointer::Wake {
                    connection: connection.id,
                },
                wait,
            )
            .await
    }

    fn change(&self, expected: Option<Revision>, decision: Decision, along: &Along) -> Change {
        let pair = decision.keep.zip(along.pair.clone());
        Change {
            writer: WriterId::new(self.clock.now(), self.randomness.id()),
            connection: decision.connection,
            expected,
            records: decision.records,
            pair,
            destroy: decision.destroy,
            link: along.link.clone(),
            consume: along.consume.clone(),
            identity: along.identity.clone(),
            requires: decision.requires,
        }
    }

    async fn write(&self, change: Change) -> Result<Connection, ApplyError> {
        self.store.write(&change).await?;
        Ok(change.connection)
    }
}
