//! The index of wake-ups.

use std::{collections::BTreeSet, num::NonZeroU32};

use handover_core::{connection::Connection, ids::ConnectionId, ports::DuePointer};
use jiff::Timestamp;

use super::{tables::Tables, time};

/// Part, time and connection of everything that has a time, in order.
#[derive(Debug)]
pub(super) struct WakeIndex {
    shards: NonZeroU32,
    entries: BTreeSet<(u32, Timestamp, ConnectionId)>,
}

/// In one part.
impl Default for WakeIndex {
    fn default() -> Self {
        Self::new(NonZeroU32::MIN)
    }
}

impl WakeIndex {
    /// An empty one, in so many parts.
    pub fn new(shards: NonZeroU32) -> Self {
        Self {
            shards,
            entries: BTreeSet::new(),
        }
    }

    pub fn shards(&self) -> u32 {
        self.shards.get()
    }

    pub fn insert(&mut self, connection: &Connection) {
        self.entries.extend(self.entry(connection));
    }

    pub fn remove(&mut self, connection: &Connection) {
        if let Some(entry) = self.entry(connection) {
            self.entries.remove(&entry);
        }
    }

    fn entry(&self, connection: &Connection) -> Option<(u32, Timestamp, ConnectionId)> {
        let id = connection.id;
        Some((shard(id, self.shards), connection.wake_at?, id))
    }

    /// What of a part is due, earliest first.
    pub fn due(&self, shard: u32, until: Timestamp, limit: u32) -> Vec<DuePointer> {
        let first = (shard, Timestamp::MIN, ConnectionId::new(Timestamp::UNIX_EPOCH, 0));
        self.entries
            .range(first..)
            .take_while(|(of, at, _)| *of == shard && time::ceil(*at) <= time::floor(until))
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .map(|(_, wake_at, connection)| DuePointer {
                connection: *connection,
                wake_at: *wake_at,
            })
            .collect()
    }
}

impl Tables {
    /// Moves a wake-up from `from` to `to`; says whether it stands there.
    pub fn postpone(&mut self, id: ConnectionId, from: Timestamp, to: Timestamp) -> bool {
        let Some(connection) = self.states.get_mut(&id).map(|state| &mut state.connection) else {
            return false;
        };
        let stands = connection.wake_at.map(time::ceil);
        if stands == Some(time::ceil(from)) {
            self.wake.remove(connection);
            connection.wake_at = Some(time::indexed(to));
            self.wake.insert(connection);
            return true;
        }
        // Where it was to go, it stands: an earlier try took effect, or another sweeper did the same.
        stands == Some(time::ceil(to))
    }
}

/// The part of the index that a connection is in.
fn shard(id: ConnectionId, shards: NonZeroU32) -> u32 {
    // The remainder is smaller than `shards`.
    u32::try_from(id.randomness() % u128::from(shards.get())).unwrap_or_default()
}
