//! From a wake-up to the next one.

use std::time::Duration;

use handover_core::{
    agenda::{self, Step, Task},
    apply::{Along, ApplyError},
    budget::Budget,
    connection::Connection,
    event::{Actor, Event},
    ids::{ConnectionId, EffectId},
    ports::{Clock, Platform, Pointer, Queue, QueueError, Randomness, Registrar, Store, Vault, VaultError},
};

use crate::Worker;

/// Steps within one invocation. More than any state needs; what is left waits for the next wake-up.
const STEPS: u32 = 8;
/// Until a connection is looked at again that others than itself stand in the way of.
const CONTENDED: Duration = Duration::from_secs(60);

/// What a wake-up did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Woken {
    /// How often the OEM was warned that the pair nears its end.
    pub warnings: u32,
}

/// A wake-up that has to come back.
#[derive(Debug, thiserror::Error)]
pub enum WakeError {
    /// The connection could not be read, or not be written.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// KMS could not open what is needed. Nothing was sent.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The next wake-up could not be sent.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Preparing took so long that nothing may be sent any more. Nothing was.
    #[error("too little time is left in this invocation for a call that may take {} s", needed.as_secs())]
    NoTime {
        /// What the call may take.
        needed: Duration,
    },
    /// A rotation brought a pair, and neither the table nor the rescue queue could take it.
    #[error("rotation {effect} brought a pair, which could not be stored anywhere")]
    PairLost {
        /// The rotation.
        effect: EffectId,
        /// Why it was not stored.
        source: ApplyError,
    },
    /// An outcome is known here and stored nowhere: the end of the lease will make it a doubt.
    #[error("effect {effect} ended ({outcome}) and that could not be stored")]
    NotStored {
        /// The attempt or rotation.
        effect: EffectId,
        /// How it ended.
        outcome: String,
        /// Why it was not stored.
        source: ApplyError,
    },
}

/// What could not be begun in this invocation.
#[derive(Debug, Default)]
struct InVain {
    tasks: Vec<Task>,
    error: Option<WakeError>,
}

impl InVain {
    /// What stood in the way of a task before anything was sent does not hold up what else is due: a renewal must not wait
    /// for a channel's profile that nobody can open.
    fn add(mut self, step: Step, error: WakeError) -> Result<Self, WakeError> {
        match (step, &error) {
            (Step::Perform(task), WakeError::Apply(_) | WakeError::Vault(_)) => {
                self.tasks.push(task);
                self.error.get_or_insert(error);
                Ok(self)
            }
            // A lost pair, or an outcome that is stored nowhere, is not hidden behind what failed before it.
            _ => Err(error),
        }
    }
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
    /// Does what is due on a connection: decides what needs no secret, performs what does, and sees to the next wake-up.
    ///
    /// # Errors
    /// When it has to be tried again; see [`WakeError`]. Nothing is lost either way; what `woken` counts was written.
    pub async fn wake(&self, id: ConnectionId, budget: &Budget, woken: &mut Woken) -> Result<(), WakeError> {
        let mut connection = self.desk.load(id).await?;
        let mut in_vain = InVain::default();
        for _ in 0..STEPS {
            let step = agenda::step_beside(&connection, self.desk.clock.now(), &in_vain.tasks);
            let done = match step {
                Step::Rest(at) => {
                    if let Some(error) = in_vain.error {
                        return Err(error);
                    }
                    tracing::debug!(connection.id = %id, wake.at = ?at, "handover.rests");
                    self.desk.point(&connection).await?;
                    return Ok(());
                }
                Step::Decide(_) => self.decide(&connection).await.map(Some),
                Step::Perform(task) => self.perform(task, &connection, budget).await,
            };
            match done {
                Ok(Some(next)) => {
                    connection = next;
                    if let Step::Decide(matter) = step {
                        let now = self.desk.clock.now();
                        woken.warnings += u32::from(agenda::warns_in_earnest(matter, &connection, now));
                    }
                }
                Ok(None) => return Ok(()),
                Err(WakeError::Apply(ApplyError::Conflict(_))) => {
                    let read = std::mem::replace(&mut connection, self.desk.load(id).await?);
                    if connection.revision == read.revision {
                        self.look_again(id).await?;
                        return Ok(());
                    }
                    // Somebody wrote first: a look at what it is now says whether anything is left to do.
                }
                Err(error) => {
                    in_vain = in_vain.add(step, error)?;
                    continue;
                }
            }
            if matches!(step, Step::Perform(task) if task.calls_outside()) {
                // A call outside has an invocation to itself: the next one gets the whole of its time.
                self.desk.point(&connection).await?;
                return Ok(());
            }
        }
        // Not pointed at: whatever goes round in circles does so at the sweeper's pace.
        tracing::warn!(connection.id = %id, steps = STEPS, "handover.steps_used_up");
        Ok(())
    }

    /// `None`: it is gone.
    async fn perform(
        &self,
        task: Task,
        connection: &Connection,
        budget: &Budget,
    ) -> Result<Option<Connection>, WakeError> {
        match task {
            Task::Register => self.register(connection, budget).await,
            Task::Rotate => self.rotate(connection, budget).await,
            Task::LookUp => self.look_up(connection).await,
            Task::AskIdentity => self.ask_identity(connection, budget).await,
            Task::Tell => self.tell(connection).await,
            Task::Alarm => self.alarm(connection).await,
            Task::Erase => self.erase(connection).await,
            Task::Retire => return self.retire(connection).await.map(|()| None),
        }
        .map(Some)
    }

    /// Something else than this connection keeps changing: the holder of the live chain, or one that has to be told.
    /// Not at once, so that it does not spin.
    async fn look_again(&self, connection: ConnectionId) -> Result<(), WakeError> {
        tracing::info!(connection.id = %connection, "handover.contended");
        let pointer = Pointer::Wake { connection };
        Ok(self.desk.queue.send(&pointer, CONTENDED).await?)
    }

    async fn decide(&self, connection: &Connection) -> Result<Connection, WakeError> {
        let by = &Actor::Worker;
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
}
