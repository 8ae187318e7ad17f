//! What follows from a connection without a call outside: telling others, erasing, removing.

use handover_aws::telemetry;
use handover_core::{
    apply::ApplyError,
    connection::{Connection, News, Tidings},
    event::Actor,
    ports::{Clock, Platform, Queue, Randomness, Registrar, Store, Vault},
};

use crate::{WakeError, Worker};

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
    /// Tells other connections what became of their chains. Counts the databases that have lost their authorisation by
    /// it, or may have.
    pub(crate) async fn tell(&self, connection: &Connection, cut_off: &mut u32) -> Result<Connection, WakeError> {
        let told = self.unless_done(connection, self.desk.tell(connection, &Actor::Worker).await);
        let told = told.await;
        for tidings in &connection.to_tell {
            *cut_off = cut_off.saturating_add(u32::from(self.cut_off(tidings).await));
        }
        let told = told?;
        tracing::info!(
            connection.id = %connection.id,
            told.count = connection.to_tell.len(),
            "handover.chains_told"
        );
        Ok(told)
    }

    /// A database that has lost its authorisation is worth more than a record. A line that is lost costs nothing: the
    /// record stands.
    async fn cut_off(&self, tidings: &Tidings) -> bool {
        if matches!(tidings.news, News::Released { .. }) {
            return false;
        }
        let Ok(hearer) = self.desk.load(tidings.to).await else {
            return false;
        };
        // Not what it was told by others before.
        let current = hearer.chain.as_ref().map(|chain| &chain.authorisation) == Some(&tidings.chain);
        let done = hearer.cut_off().filter(|_| current);
        done.inspect(|done| telemetry::cut_off(&hearer, done)).is_some()
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
