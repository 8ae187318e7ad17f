//! Wake-ups and rescued pairs in memory.

use std::{sync::Mutex, time::Duration};

use handover_core::{
    ports::{Clock, LONGEST_DELAY, Pointer, Queue, QueueError, Rescued},
    registration::later,
};
use jiff::Timestamp;

use crate::{ManualClock, lock};

/// Wake-ups with the moment at which they are seen, and rescued pairs.
#[derive(Debug)]
pub struct MemoryQueue<'a, C = ManualClock> {
    clock: &'a C,
    waiting: Mutex<Vec<(Timestamp, Pointer)>>,
    rescued: Mutex<Vec<Rescued>>,
}

impl<'a, C> MemoryQueue<'a, C> {
    /// An empty one.
    #[must_use]
    pub fn new(clock: &'a C) -> Self {
        Self {
            clock,
            waiting: Mutex::default(),
            rescued: Mutex::default(),
        }
    }

    /// Takes what is to be seen now.
    pub fn receive(&self) -> Vec<Pointer>
    where
        C: Clock,
    {
        let now = self.clock.now();
        let mut seen: Vec<_> = lock(&self.waiting).extract_if(.., |(at, _)| *at <= now).collect();
        seen.sort_by_key(|(at, _)| *at);
        seen.into_iter().map(|(_, pointer)| pointer).collect()
    }

    /// When each message that waits will be seen.
    #[must_use]
    pub fn waiting(&self) -> Vec<(Timestamp, Pointer)> {
        lock(&self.waiting).clone()
    }

    /// Takes the rescued pairs, in the order in which they came.
    pub fn receive_rescued(&self) -> Vec<Rescued> {
        std::mem::take(&mut *lock(&self.rescued))
    }

    /// The rescued pairs that wait.
    #[must_use]
    pub fn rescued(&self) -> Vec<Rescued> {
        lock(&self.rescued).clone()
    }
}

impl<C: Clock> Queue for MemoryQueue<'_, C> {
    async fn send(&self, pointer: &Pointer, delay: Duration) -> Result<(), QueueError> {
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        let delay = Duration::from_secs(seconds).min(LONGEST_DELAY);
        lock(&self.waiting).push((later(self.clock.now(), delay), pointer.clone()));
        Ok(())
    }

    async fn rescue(&self, rescued: &Rescued) -> Result<(), QueueError> {
        lock(&self.rescued).push(rescued.clone());
        Ok(())
    }
}
