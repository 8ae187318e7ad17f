//! What follows from a connection without a call outside: telling others, raising the alarm, erasing, removing.

use handover_core::{
    apply::{Along, ApplyError},
    connection::Connection,
    event::{Actor, Event},
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
        tracing::info!(
            connection.id = %connection.id,
            told.count = connection.to_tell.len(),
            "handover.chains_told"
        );
        Ok(told)
    }

    /// A database that has lost its authorisation is worth more than a record. Said before it is written that it was:
    /// twice is better than never.
    pub(crate) async fn alarm(&self, connection: &Connection) -> Result<Connection, WakeError> {
        if let Some(done) = connection.cut_off() {
            report::cut_off(connection, done);
            self.count("AuthorisationsLost", 1);
        }
        let (by, along) = (&Actor::Worker, Along::default());
        let alarmed = self.desk.apply_to(connection, &Event::Alarmed, by, &along).await;
        self.unless_done(connection, alarmed).await
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
