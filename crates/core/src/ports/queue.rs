//! The queue of wake-ups.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{event::Brought, ids::ConnectionId, ports::Sealed};

/// What a message says: which connection to look at. Nothing to trust, nothing secret. Versioned: an unknown version
/// is refused and kept, never dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum Pointer {
    /// Look at this connection: what for follows from its state.
    #[serde(rename = "1")]
    Wake {
        /// The connection.
        connection: ConnectionId,
    },
}

/// A sealed pair that the table could not take, with what the table has to learn of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescued {
    /// Whose.
    pub connection: ConnectionId,
    /// How it came.
    pub brought: Brought,
    /// The pair.
    pub sealed: Sealed,
}

/// The longest delay that one message can carry: SQS's 15 minutes.
pub const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// The queue could not take a message. Whether it did all the same is open: harmless, since a pointer is only a hint.
#[derive(Debug, thiserror::Error)]
#[error("could not send a wake-up to the queue: {reason}")]
pub struct QueueError {
    /// What the queue said.
    pub reason: String,
}

/// The queue of wake-ups.
pub trait Queue: Send + Sync {
    /// Sends `pointer`, to be seen `delay` from now: rounded up to seconds, [`LONGEST_DELAY`] at most (one that arrives
    /// early is sent again for the rest).
    ///
    /// Durable when it returns. At least once: it may arrive twice, late, or out of order.
    fn send(&self, pointer: &Pointer, delay: Duration) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Sends a pair to the rescue queue, from where the worker brings it home. Durable when it returns; at least once.
    fn rescue(&self, rescued: &Rescued) -> impl Future<Output = Result<(), QueueError>> + Send;
}
