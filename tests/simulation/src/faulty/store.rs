//! Tables that can be away, or lose an answer.

mod port;

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use handover_core::{
    ids::ConnectionId,
    ports::{DuePointer, StoreError},
};

use super::{Fate, counted, is};
use crate::{ManualClock, MemoryStore, lock};

/// How one write goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Well.
    None,
    /// Somebody else was first: it was not written.
    Conflict,
    /// It was not written, and nobody knows.
    Before,
    /// It was written, and nobody knows.
    After,
    /// The tables cannot be reached any more, from here on.
    Away,
}

/// Tables that can be away, or lose an answer.
#[derive(Debug, Default)]
pub struct FaultyStore {
    /// What they hold.
    pub inner: MemoryStore,
    /// Their process's.
    pub fate: Arc<Fate>,

    /// How the next writes go. Past its end all go well.
    pub writes: Mutex<VecDeque<Fault>>,
    /// How the next moves within the index of wake-ups go. Likewise.
    pub postpones: Mutex<VecDeque<Fault>>,
    /// A clock that each reading of a connection moves on, and how far.
    pub slow_reads: Mutex<Option<(&'static ManualClock, Duration)>>,
    /// Likewise with each move within the index of wake-ups.
    pub slow_moves: Mutex<Option<(&'static ManualClock, Duration)>>,
    /// Nothing can be reached.
    pub away: AtomicBool,
    /// Nothing can be read.
    pub reads_fail: AtomicBool,
    /// Slots that are taken cannot be written down.
    pub slots_fail: AtomicBool,
    /// Nothing can be written once `writes` is at its end.
    pub writes_fail: AtomicBool,
    /// A shard that cannot be read.
    pub shard_away: Mutex<Option<u32>>,

    /// Connections of an unknown version.
    pub rejected: Mutex<HashSet<ConnectionId>>,
    /// Connections whose reading brings the process down.
    pub cursed: Mutex<HashSet<ConnectionId>>,
    /// Entries of the index that have no connection, or another time.
    pub stale: Mutex<Vec<DuePointer>>,
    /// Shards of the index; 0 is one.
    pub shards: AtomicU32,

    /// Calls of any kind that a handler makes.
    pub calls: AtomicU32,
    /// Connections that were read.
    pub reads: AtomicU32,
    /// Shards that were read.
    pub due_reads: AtomicU32,
    /// Changes that were written, and known to be.
    pub written: AtomicU32,
}

fn away(what: &str) -> StoreError {
    StoreError {
        what: what.into(),
        reason: "no answer in time".into(),
    }
}

impl FaultyStore {
    /// With this fate.
    #[must_use]
    pub fn new(fate: Arc<Fate>) -> Self {
        Self {
            fate,
            ..Self::default()
        }
    }

    fn number_of_shards(&self) -> u32 {
        self.shards.load(SeqCst).max(1)
    }

    fn is_in(&self, shard: u32, id: ConnectionId) -> bool {
        id.randomness() % u128::from(self.number_of_shards()) == u128::from(shard)
    }

    async fn reached(&self, what: &str) -> Result<(), StoreError> {
        counted(&self.calls);
        self.fate.call().await;
        if is(&self.away) { Err(away(what)) } else { Ok(()) }
    }

    async fn read(&self) -> Result<(), StoreError> {
        self.reached("read").await?;
        if is(&self.reads_fail) {
            Err(away("read"))
        } else {
            Ok(())
        }
    }

    /// What the next call of a kind is to suffer.
    fn fault(&self, next: &Mutex<VecDeque<Fault>>) -> Fault {
        match lock(next).pop_front() {
            Some(Fault::Away) => {
                self.away.store(true, SeqCst);
                Fault::Before
            }
            Some(fault) => fault,
            None if is(&self.writes_fail) => Fault::Before,
            None => Fault::None,
        }
    }
}
