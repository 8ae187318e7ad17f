//! The index of wake-ups.

use std::num::NonZeroU32;

use handover_core::{connection::Connection, ids::ConnectionId, ports::DuePointer};
use jiff::Timestamp;

use super::time;

/// The part of the index that a connection is in.
pub(super) fn shard(id: ConnectionId, shards: NonZeroU32) -> u32 {
    // The remainder is smaller than `shards`.
    u32::try_from(id.randomness() % u128::from(shards.get())).unwrap_or_default()
}

/// What of `connections` is due, earliest first.
pub(super) fn due<'a>(
    connections: impl Iterator<Item = &'a Connection>,
    until: Timestamp,
    limit: u32,
) -> Vec<DuePointer> {
    let mut due: Vec<_> = connections
        .filter_map(|connection| {
            Some(DuePointer {
                connection: connection.id,
                wake_at: connection.wake_at?,
            })
        })
        .filter(|pointer| time::ceil(pointer.wake_at) <= time::floor(until))
        .collect();
    due.sort_by_key(|pointer| (pointer.wake_at, pointer.connection));
    due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    due
}

/// Moves a wake-up from `from` to `to`; says whether it stands there.
pub(super) fn postpone(connection: &mut Connection, from: Timestamp, to: Timestamp) -> bool {
    let stands = connection.wake_at.map(time::ceil);
    if stands == Some(time::ceil(from)) {
        connection.wake_at = Some(time::indexed(to));
        return true;
    }
    // Where it was to go, it stands: an earlier try took effect, or another sweeper did the same.
    stands == Some(time::ceil(to))
}
