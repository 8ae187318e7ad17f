//! What follows from a connection without a call outside: telling others, erasing, removing.

use handover_core::{
    apply::ApplyError,
    connection::{Connection, News, State, Tidings},
    event::Actor,
    ports::{Clock, Platform, Queue, Randomness, Registrar, Store, Vault},
};

use crate::{WakeError, Worker, report};

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
    /// Tells other connections what became of their chains.
    pub(crate) async fn tell(&self, connection: &Connection) -> Result<Connection, WakeError> {
        let told = self.unless_done(connection, self.desk.tell(connection, &Actor::Worker).await);
        let told = told.await?;
        for tidings in &connection.to_tell {
            self.say_what_was_lost(tidings).await;
        }
        tracing::info!(
            connection.id = %connection.id,
            told.count = connection.to_tell.len(),
            "handover.chains_told"
        );
        Ok(told)
    }

    /// A database that has lost its authorisation is worth more than a record. A line that is lost costs nothing: the
    /// record stands.
    async fn say_what_was_lost(&self, tidings: &Tidings) {
        let News::Superseded { by } = tidings.news else {
            return;
        };
        let Ok(hearer) = self.desk.load(tidings.to).await else {
            return;
        };
        if let State::Registered(done) = &hearer.state
            && done.superseded_by == Some(by)
        {
            report::authorisation_lost(&hearer, done, by);
        }
    }

    /// Erases the history of a customer that was forgotten.
    pub(crate) async fn erase(&self, connection: &Connection) -> Result<Connection, WakeError> {
        let erased = self.unless_done(connection, self.desk.erase(connection, &Actor::Worker).await);
        let erased = erased.await?;
        tracing::info!(connection.id = %connection.id, "handover.history_erased");
        Ok(erased)
    }

    /// Removes what is finished and has been kept long enough.
    pub(crate) async fn retire(&self, connection: &Connection) -> Result<(), WakeError> {
        self.desk.retire(connection).await?;
        tracing::info!(
            connection.id = %connection.id,
            status = %connection.state.status(),
            "handover.retired"
        );
        Ok(())
    }

    /// Refused: another worker has done it meanwhile.
    async fn unless_done(
        &self,
        connection: &Connection,
        result: Result<Connection, ApplyError>,
    ) -> Result<Connection, WakeError> {
        match result {
            Err(ApplyError::Refused(_)) => Ok(self.desk.load(connection.id).await?),
            result => Ok(result?),
        }
    }
}
