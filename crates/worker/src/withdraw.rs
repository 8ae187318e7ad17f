//! Taking back a claim of which nobody knows whether it was written.

use std::time::Duration;

use handover_core::{
    apply::{Along, ApplyError},
    budget::Budget,
    connection::Connection,
    event::{Actor, Event},
    ports::{Clock, Platform, Queue, Randomness, Registrar, Store, Vault},
};

use crate::{WakeError, Worker};

/// It may take so long.
const WITHDRAWING: Duration = Duration::from_secs(10);

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
    /// The claim may stand or not (`error`), and nothing was sent. If it stands it is ended with `not_sent`, so that it
    /// does not end as a doubt about nothing.
    pub(crate) async fn withdraw(
        &self,
        connection: &Connection,
        not_sent: &Event,
        error: ApplyError,
        budget: &Budget,
    ) -> Result<Connection, WakeError> {
        let clock = self.desk.clock;
        let shortly = Budget::begin(clock, WITHDRAWING.min(budget.left(clock)));
        let taken_back = self
            .desk
            .record(connection.id, not_sent, &Actor::Worker, &Along::default(), &shortly)
            .await;
        // Refused: it never stood. Unavailable again: the message comes back, and if it stands the lease ends it.
        taken_back.map_err(|_| error.into())
    }
}
