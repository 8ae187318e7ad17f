//! One connection that the index says is due.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use handover_aws::telemetry::error_chain;
use handover_core::{
    agenda::{self, Step, Task},
    apply::{Along, ApplyError},
    connection::Connection,
    event::{Actor, Event},
    ids::ConnectionId,
    ports::{Clock, DuePointer, LONGEST_DELAY, Pointer, Queue, QueueError, Randomness, Store, WriteError},
    registration::later,
};
use jiff::Timestamp;

use crate::{
    Sweeper,
    pace::{Lane, Turn},
};

/// When a connection whose wake-up was sent is looked at again, counted from its time: by then the queue has delivered.
const SAFETY: Duration = Duration::from_secs(30 * 60);
/// When one is looked at again that stands in the index although nothing will ever be due on it.
const NOTHING_DUE: Duration = Duration::from_secs(24 * 3600);
/// Steps on one connection within one sweep. More than any state needs; what is left waits for the next sweep.
const STEPS: u32 = 8;

/// What became of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tended {
    pub warnings: u32,
    pub rejected: bool,
    pub failed: bool,
    /// How long something had been due already.
    pub overdue: Duration,
    /// What is left to the worker.
    pub wake_up: Option<WakeUp>,
}

/// A connection that the worker is to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WakeUp {
    pub connection: ConnectionId,
    /// With whom it shares a pace. `None`: it waits for nobody.
    pub lane: Option<Lane>,
    /// Not before.
    pub at: Timestamp,
    /// The time that the index holds.
    pub indexed: Timestamp,
    /// Until then it may wait for its slot.
    pub latest: Option<Timestamp>,
}

/// What became of a wake-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The worker will see it.
    Pointed,
    /// The worker will see it, and a later sweep will send another one: harmless.
    PointedOnly,
    /// It is beyond the queue's reach: a later sweep sends it.
    Paced,
    Failed,
}

#[derive(Debug, thiserror::Error)]
enum ItemError {
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Postpone(#[from] WriteError),
}

impl<S: Store, Q: Queue, C: Clock, N: Randomness> Sweeper<'_, S, Q, C, N> {
    /// Decides what needs no more than that. Whatever goes wrong is logged here and stops nothing else.
    pub(crate) async fn tend(&self, due: &DuePointer, horizon: Timestamp) -> Tended {
        let mut tended = Tended::default();
        let looking = AssertUnwindSafe(self.look(due, horizon, &mut tended));
        let outcome = looking.catch_unwind().await;
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.said(due, &error, &mut tended),
            Err(_) => {
                tracing::error!(connection.id = %due.connection, "handover.panicked");
                tended.failed = true;
            }
        }
        tended
    }

    /// Sends a wake-up for `slot`. Whatever goes wrong is logged here and stops nothing else.
    pub(crate) async fn wake_up(&self, wake_up: &WakeUp, slot: Timestamp) -> Sent {
        let sending = AssertUnwindSafe(self.point(wake_up, slot));
        match sending.catch_unwind().await {
            Ok(Ok(sent)) => sent,
            Ok(Err(error)) => {
                tracing::error!(connection.id = %wake_up.connection, error = %error_chain(&error), "handover.tending_failed");
                match error {
                    ItemError::Postpone(_) => Sent::PointedOnly,
                    ItemError::Apply(_) | ItemError::Queue(_) => Sent::Failed,
                }
            }
            Err(_) => {
                tracing::error!(connection.id = %wake_up.connection, "handover.panicked");
                Sent::Failed
            }
        }
    }

    async fn look(&self, due: &DuePointer, horizon: Timestamp, tended: &mut Tended) -> Result<(), ItemError> {
        let id = due.connection;
        let mut connection = self.desk.load(id).await?;
        // What the index holds or is about to: it may lag behind, and then somebody has just seen to this one.
        let Some(mut indexed) = connection.wake_at.filter(|at| *at <= horizon) else {
            return Ok(());
        };
        tended.overdue =
            agenda::next_wake(&connection, self.desk.clock.now()).map_or(Duration::ZERO, |at| self.since(at));
        for _ in 0..STEPS {
            match agenda::step(&connection, self.desk.clock.now()) {
                Step::Decide(matter) => {
                    connection = self.decide(&connection).await?;
                    tended.warnings += u32::from(agenda::warns_in_earnest(matter, &connection, self.desk.clock.now()));
                    let Some(wake_at) = connection.wake_at else {
                        return Ok(());
                    };
                    indexed = wake_at;
                }
                Step::Perform(task) => {
                    let now = self.desk.clock.now();
                    let turn = turn(&connection, Step::Perform(task), now, indexed);
                    tended.wake_up = Some(wake_up(&connection, turn, now, indexed));
                    return Ok(());
                }
                Step::Rest(Some(at)) if at <= horizon => {
                    let turn = turn(
                        &connection,
                        agenda::step(&connection, at),
                        self.desk.clock.now(),
                        indexed,
                    );
                    tended.wake_up = Some(wake_up(&connection, turn, at, indexed));
                    return Ok(());
                }
                // It stands there at a time at which nothing is due.
                Step::Rest(at) if indexed <= horizon => {
                    let to = at.unwrap_or_else(|| later(self.desk.clock.now(), NOTHING_DUE));
                    if self.desk.store.postpone(id, indexed, to).await? {
                        tracing::warn!(connection.id = %id, wake.at = %to, "handover.index_put_right");
                    }
                    return Ok(());
                }
                Step::Rest(_) => return Ok(()),
            }
        }
        tracing::warn!(connection.id = %id, steps = STEPS, "handover.steps_used_up");
        Ok(())
    }

    async fn decide(&self, connection: &Connection) -> Result<Connection, ItemError> {
        let by = &Actor::Sweeper;
        let next = self
            .desk
            .apply_to(connection, &Event::Woke, by, &Along::default())
            .await?;
        tracing::info!(
            connection.id = %connection.id,
            status.before = %connection.state.status(),
            status.after = %next.state.status(),
            "handover.woke"
        );
        Ok(next)
    }

    /// Sends the wake-up **first**, and moves the time in the index then: a crash between the two sends twice, which is
    /// harmless; the other way round it would be forgotten for half an hour.
    async fn point(&self, wake_up: &WakeUp, slot: Timestamp) -> Result<Sent, ItemError> {
        let Self { desk, .. } = self;
        let wait = Duration::try_from(slot.duration_since(desk.clock.now())).unwrap_or_default();
        let (sent, to) = if wait > LONGEST_DELAY {
            // Within a sweep's reach when its slot has come, or something is to be decided on it before.
            let to = later(slot, LONGEST_DELAY);
            (Sent::Paced, wake_up.latest.map_or(to, |latest| latest.min(to)))
        } else {
            let pointer = Pointer::Wake {
                connection: wake_up.connection,
            };
            desk.queue.send(&pointer, wait).await?;
            (Sent::Pointed, later(slot, SAFETY))
        };
        desk.store.postpone(wake_up.connection, wake_up.indexed, to).await?;
        Ok(sent)
    }

    fn since(&self, at: Timestamp) -> Duration {
        Duration::try_from(self.desk.clock.now().duration_since(at)).unwrap_or_default()
    }

    /// The one place where a failure is logged.
    fn said(&self, due: &DuePointer, error: &ItemError, tended: &mut Tended) {
        match error {
            // Gone since, or somebody is at it and has stored when it is looked at next.
            ItemError::Apply(ApplyError::Unknown(_) | ApplyError::Conflict(_)) => {
                tracing::debug!(connection.id = %due.connection, "handover.sweep_passes");
            }
            // Left exactly as it is: to move its time would be to write to what is not understood.
            ItemError::Apply(ApplyError::Rejected(_)) => {
                tracing::error!(connection.id = %due.connection, error = %error_chain(error), "handover.rejected");
                tended.rejected = true;
                tended.overdue = self.since(due.wake_at);
            }
            error => {
                tracing::error!(connection.id = %due.connection, error = %error_chain(error), "handover.tending_failed");
                tended.failed = true;
            }
        }
    }
}

/// Whose turn `step` is; `None`: it waits for nobody. A connection stands in the index at its own time, until a sweep has
/// given it a slot and moved it.
fn turn(connection: &Connection, step: Step, now: Timestamp, indexed: Timestamp) -> Option<Turn> {
    match step {
        // Who consented can be asked for as long as the access token lives: ten minutes.
        // An alarm is somebody's to hear now.
        Step::Perform(Task::AskIdentity | Task::Alarm) | Step::Decide(_) | Step::Rest(_) => None,
        Step::Perform(task) if !task.calls_outside() => Some(Turn::Inside),
        Step::Perform(_) => match agenda::next_wake(connection, now) {
            Some(at) if indexed >= later(at, LONGEST_DELAY) => Some(Turn::Given),
            _ => Some(Turn::First),
        },
    }
}

fn wake_up(connection: &Connection, turn: Option<Turn>, at: Timestamp, indexed: Timestamp) -> WakeUp {
    WakeUp {
        connection: connection.id,
        lane: turn.map(|turn| Lane {
            application: connection.application.clone(),
            turn,
        }),
        at,
        indexed,
        latest: agenda::next_decision(connection, at),
    }
}
