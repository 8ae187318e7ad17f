//! Time that goes with tokio's.

use std::time::Duration;

use handover_core::{ports::Clock, registration::later};
use jiff::Timestamp;
use tokio::time::Instant;

/// Goes with tokio's time, which tests pause: sleeping then costs nothing.
#[derive(Clone, Copy)]
pub struct TokioClock {
    start: Instant,
}

impl TokioClock {
    pub const START: i64 = 1_795_452_551;

    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        later(Timestamp::from_second(Self::START).unwrap(), self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
