//! A queue that can be away.

use std::{
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use handover_core::ports::{Clock, Pointer, Queue, QueueError, Rescued};

use super::{Fate, is};
use crate::{ManualClock, MemoryQueue, lock};

/// A queue that can be away.
#[derive(Debug)]
pub struct FaultyQueue<C: 'static = ManualClock> {
    /// What it holds.
    pub inner: MemoryQueue<'static, C>,
    /// Its process's.
    pub fate: Arc<Fate>,
    /// Nothing can be sent.
    pub away: AtomicBool,
    /// No pair can be rescued.
    pub rescue_away: AtomicBool,
    /// What was sent, with its delay.
    pub sent: Mutex<Vec<(Pointer, Duration)>>,
}

impl<C> FaultyQueue<C> {
    /// An empty one.
    #[must_use]
    pub fn new(clock: &'static C, fate: Arc<Fate>) -> Self {
        Self {
            inner: MemoryQueue::new(clock),
            fate,
            away: AtomicBool::default(),
            rescue_away: AtomicBool::default(),
            sent: Mutex::default(),
        }
    }

    /// How many messages were sent.
    #[must_use]
    pub fn number_sent(&self) -> usize {
        lock(&self.sent).len()
    }
}

impl<C: Clock> Queue for FaultyQueue<C> {
    async fn send(&self, pointer: &Pointer, delay: Duration) -> Result<(), QueueError> {
        self.fate.call().await;
        if is(&self.away) {
            return Err(away());
        }
        let sent = self.inner.send(pointer, delay).await;
        lock(&self.sent).push((pointer.clone(), delay));
        self.fate.call().await;
        sent
    }

    async fn rescue(&self, rescued: &Rescued) -> Result<(), QueueError> {
        self.fate.call().await;
        if is(&self.away) || is(&self.rescue_away) {
            return Err(away());
        }
        let sent = self.inner.rescue(rescued).await;
        self.fate.call().await;
        sent
    }
}

fn away() -> QueueError {
    QueueError {
        reason: "no answer in time".into(),
    }
}
