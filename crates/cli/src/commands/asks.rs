//! `cancel`, `reschedule`, `retry`, `resolve`: what the OEM asks for.

use handover_core::{
    connection::{Connection, PairFate, Status},
    event::{Event, Settlement},
    ids::ConnectionId,
    ports::{Clock, Queue, Randomness, Store, Vault},
    registration::Due,
};

use super::{Changed, House, rotation};
use crate::{
    args::{Reschedule, Resolve},
    failure::Failure,
    time,
};

impl<S: Store, V: Vault, Q: Queue, C: Clock, R: Randomness> House<'_, S, V, Q, C, R> {
    pub(super) async fn cancel(&self, id: ConnectionId) -> Result<Changed, Failure> {
        let connection = self.ask(id, Event::CancelAsked).await?;
        let message = if connection.state.status() == Status::Cancelled {
            "The connection is given up; its link no longer works, and its token pair, if it had one, is destroyed."
                .into()
        } else {
            self.later(&connection, "it is given up")
        };
        Ok(self.changed(&connection, message).await)
    }

    pub(super) async fn reschedule(&self, args: Reschedule) -> Result<Changed, Failure> {
        let due = args.due.due();
        // Between reading and writing the consent can only come to be, and then counts from that moment.
        let before = self.load(args.id).await?;
        if args.due.register_in.is_some() {
            self.must_be_to_come(&before, due)?;
        }
        let connection = self.ask(args.id, Event::RescheduleAsked(due)).await?;
        let message = if connection.wishes.reschedule.is_some() {
            self.later(&connection, "the new time is set")
        } else {
            self.when(&connection)
        };
        Ok(self.changed(&connection, message).await)
    }

    pub(super) async fn retry(&self, id: ConnectionId) -> Result<Changed, Failure> {
        let connection = self.ask(id, Event::RetryAsked).await?;
        let due = connection.due_at().is_some_and(|due_at| due_at <= self.clock.now());
        let message = if due {
            "The registration is attempted again."
        } else {
            "The registration waits for its time; a renewal that was put off is tried again in ten minutes."
        };
        Ok(self.changed(&connection, message).await)
    }

    pub(super) async fn resolve(&self, args: Resolve) -> Result<Changed, Failure> {
        let (settlement, message) = match (&args.how.registered, args.pair()) {
            (Some(segment), _) => (
                Settlement::Registered(segment.clone()),
                format!("It is settled: {segment} is registered, and the token pair, if it was kept, is destroyed."),
            ),
            (None, pair @ PairFate::Unspent) => (
                Settlement::NotRegistered { pair },
                "It is settled: not registered, and the token pair is kept.".to_owned(),
            ),
            (None, pair) => (
                Settlement::NotRegistered { pair },
                "It is settled: not registered. The token pair may have been exchanged there and is destroyed here."
                    .to_owned(),
            ),
        };
        let connection = self.ask(args.id, Event::Settled(settlement)).await?;
        Ok(self.changed(&connection, message).await)
    }

    /// "In 3 days" counts from the consent, also when somebody says it long after. One that has passed would register
    /// at once, which nobody means who says "in".
    fn must_be_to_come(&self, connection: &Connection, due: Due) -> Result<(), Failure> {
        let passed = connection
            .consented_at
            .map(|consent| due.at(consent))
            .filter(|at| *at <= self.clock.now());
        match (passed, connection.consented_at) {
            (Some(at), Some(consent)) => Err(Failure::Refused(format!(
                "--register-in counts from the consent, which was given {}; counted so, it was due {}. Say --register-now \
                 to register at once, or --register-at with the time you mean",
                self.zone.with_utc(consent),
                self.zone.with_utc(at)
            ))),
            _ => Ok(()),
        }
    }

    fn when(&self, connection: &Connection) -> String {
        match connection.due_at() {
            Some(at) if at <= self.clock.now() => "The time has passed: it is registered at once.".into(),
            Some(at) => format!(
                "It is registered {}, {}.",
                self.zone.with_utc(at),
                time::relative(at, self.clock.now())
            ),
            None => format!(
                "It is registered {}.",
                time::due_in_words(connection.registration.due, self.zone)
            ),
        }
    }

    /// What will happen when what is under way has ended.
    fn later(&self, connection: &Connection, what: &str) -> String {
        let until = connection
            .effect
            .as_ref()
            .map(|effect| self.zone.with_utc(effect.lease_ends_at));
        let until = until.unwrap_or_default();
        if rotation(connection).is_some() {
            return format!("A renewal is under way, until {until} at the latest: when it has ended, {what}.");
        }
        format!(
            "Something is under way, until {until} at the latest: when it has ended, {what}, unless the database exists \
             by then."
        )
    }
}
