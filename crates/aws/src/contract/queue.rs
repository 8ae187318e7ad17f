//! What a queue must do.

use std::time::Duration;

use handover_core::ports::{Pointer, Queue};
use jiff::Timestamp;

use super::scene;

/// Takes messages with any delay, the longest and longer ones included.
pub async fn queue_contract<Q: Queue>(queue: &Q) {
    let pointer = Pointer::Wake {
        connection: scene::id(Timestamp::UNIX_EPOCH),
    };
    for delay in [
        Duration::ZERO,
        Duration::from_millis(1),
        Duration::from_secs(900),
        Duration::from_secs(86_400),
    ] {
        queue
            .send(&pointer, delay)
            .await
            .unwrap_or_else(|error| panic!("{delay:?}: {error}"));
    }
}
