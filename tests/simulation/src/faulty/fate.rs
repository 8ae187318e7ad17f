//! When a process dies.

use std::sync::Mutex;

use tokio::sync::Notify;

use crate::lock;

/// When the process dies: before its n-th call, or never. Every call also gives others a turn: a real one is never
/// faster than that.
#[derive(Debug, Default)]
pub struct Fate {
    calls_left: Mutex<Option<u32>>,
    died: Notify,
}

impl Fate {
    /// After so many calls from now.
    pub fn dies_after(&self, calls: u32) {
        *lock(&self.calls_left) = Some(calls);
    }

    /// Never.
    pub fn lives(&self) {
        *lock(&self.calls_left) = None;
    }

    /// One call. It never returns in a process that has died.
    pub async fn call(&self) {
        tokio::task::yield_now().await;
        let dead = match &mut *lock(&self.calls_left) {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        };
        if dead {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// What a process does until its end; `None`: it died before.
    pub async fn run<T>(&self, process: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = process => Some(done),
            () = self.died.notified() => None,
        }
    }
}
