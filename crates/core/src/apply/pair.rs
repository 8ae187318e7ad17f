//! A pair in hand: until it is stored somewhere that lasts, nothing else is looked at.

use std::time::Duration;

use super::{Along, ApplyError, Desk, PAUSE};
use crate::{
    budget::Budget,
    connection::Connection,
    decide::Why,
    event::{Actor, Event},
    ports::{Clock, Queue, Randomness, Rescued, Store},
};

/// A pair that is safe in the rescue queue is still tried to be stored for so long: the way home takes longer.
const GOES_ON_FOR: Duration = Duration::from_secs(5);

/// With no more time than this left, one that only ever meets others' writes goes to the rescue queue too.
const HURRY: Duration = Duration::from_secs(18);

/// Where a received pair is now.
#[derive(Debug)]
pub enum Kept {
    /// In the table, or dropped there with a record because nobody wants it any more.
    Stored(Box<Connection>),
    /// In the rescue queue: the worker brings it home.
    Rescued,
}

impl<S: Store, Q: Queue, C: Clock, R: Randomness> Desk<'_, S, Q, C, R> {
    /// Stores a pair that was received: on the version in hand, which the claim has written, and after a conflict on the
    /// one that stands there. If the table cannot take it, it goes to the rescue queue at once; if that cannot take it
    /// either, both are tried until the invocation's last moment.
    ///
    /// # Errors
    /// When neither could take it: it is lost with this process.
    pub async fn keep(
        &self,
        in_hand: &Connection,
        rescued: &Rescued,
        by: &Actor,
        budget: &Budget,
    ) -> Result<Kept, ApplyError> {
        let mut safe_since = None;
        let mut tried = self.keep_on(in_hand, rescued, by).await;
        loop {
            let error = match tried {
                Ok(connection) => return Ok(Kept::Stored(Box::new(connection))),
                Err(error) => error,
            };
            let hurry = budget.left(self.clock) <= HURRY;
            if safe_since.is_none() && (hurry || !matches!(error, ApplyError::Conflict(_))) {
                let taken = self.queue.rescue(rescued).await;
                safe_since = taken.ok().map(|()| self.clock.monotonic());
            }
            let waited = safe_since.map(|since| self.clock.monotonic().saturating_sub(since));
            if waited.is_some_and(|waited| waited >= GOES_ON_FOR) {
                return Ok(Kept::Rescued);
            }
            if budget.left(self.clock) <= PAUSE {
                return if waited.is_some() {
                    Ok(Kept::Rescued)
                } else {
                    Err(error)
                };
            }
            self.clock.sleep(PAUSE).await;
            tried = self.keep_once(rescued, by).await;
        }
    }

    /// Brings a pair home from the rescue queue.
    ///
    /// # Errors
    /// When it has to come back later.
    pub async fn bring_home(&self, rescued: &Rescued, by: &Actor) -> Result<Connection, ApplyError> {
        for _ in 0..super::TRIES {
            match self.keep_once(rescued, by).await {
                Err(ApplyError::Conflict(_)) => {}
                result => return result,
            }
        }
        Err(ApplyError::Conflict(rescued.connection))
    }

    async fn keep_once(&self, rescued: &Rescued, by: &Actor) -> Result<Connection, ApplyError> {
        let connection = self.load(rescued.connection).await?;
        self.keep_on(&connection, rescued, by).await
    }

    async fn keep_on(&self, connection: &Connection, rescued: &Rescued, by: &Actor) -> Result<Connection, ApplyError> {
        let event = Event::Received(rescued.brought.clone());
        let along = Along {
            pair: Some(rescued.sealed.clone()),
            ..Along::default()
        };
        match self.apply_to(connection, &event, by, &along).await {
            // An earlier write of it, whose answer was lost.
            Err(ApplyError::Refused(refused)) if refused.why == Why::NothingToDo => Ok(connection.clone()),
            result => result,
        }
    }
}
