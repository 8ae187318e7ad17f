//! Wake-ups in memory.

use std::{sync::Mutex, time::Duration};

use handover_core::{
    ports::{Clock, LONGEST_DELAY, Pointer, Queue, QueueError},
    registration::later,
};
use jiff::Timestamp;

use crate::{ManualClock, lock};

/// Wake-ups with the moment at which they are seen.
#[derive(Debug)]
pub struct MemoryQueue<'a, C = ManualClock> {
    clock: &'a C,
    waiting: Mutex<Vec<(Timestamp, Pointer)>>,
}

impl<'a, C> MemoryQueue<'a, C> {
    /// An empty one.
    #[must_use]
    pub fn new(clock: &'a C) -> Self {
        Self {
            clock,
            waiting: Mutex::default(),
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
}

impl<C: Clock> Queue for MemoryQueue<'_, C> {
    async fn send(&self, pointer: &Pointer, delay: Duration) -> Result<(), QueueError> {
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        let delay = Duration::from_secs(seconds).min(LONGEST_DELAY);
        lock(&self.waiting).push((later(self.clock.now(), delay), pointer.clone()));
        Ok(())
    }
}
