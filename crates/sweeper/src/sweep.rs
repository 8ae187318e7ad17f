//! A sweep.

use std::{collections::VecDeque, io, time::Duration};

use futures::{FutureExt, StreamExt, stream};
use handover_aws::{metrics, telemetry::error_chain};
use handover_core::{
    budget::Budget,
    connection::Status,
    ports::{Clock, DuePointer, LONGEST_DELAY, Queue, Randomness, ReadError, Store},
    registration::later,
};
use jiff::Timestamp;

use crate::{Report, Sweeper, item::Tended, shard::Shard};

/// Connections that are dealt with side by side.
const SIDE_BY_SIDE: usize = 16;
/// Nothing is begun with less time left (or half of it, if there is less): three calls to AWS at their slowest have to
/// come to their end, and the metrics to be written.
const RESERVE: Duration = Duration::from_secs(25);
/// Doubts are counted so far.
const DOUBTS: u32 = 100;

impl<S: Store, Q: Queue, C: Clock, N: Randomness> Sweeper<'_, S, Q, C, N> {
    /// Sweeps, and writes the metrics.
    pub async fn handle(&self) -> Report {
        // Boxed: the SDK's futures are nested too deeply to lie in one with the runtime's.
        let report = self.sweep().boxed_local().await;
        let now = self.desk.clock.now();
        if let Err(error) = metrics::emit(io::stdout(), &self.deployment, now, &report.metrics()) {
            tracing::warn!(error = %error, "handover.metrics_lost");
        }
        report
    }

    /// Reads what is due within the reach of the queue, does what needs no secret and sends wake-ups for the rest. A page
    /// of each part of the index in turn, so that none starves behind another.
    pub async fn sweep(&self) -> Report {
        let budget = Budget::begin(self.desk.clock, self.timeout);
        let horizon = later(self.desk.clock.now(), LONGEST_DELAY);
        let mut report = Report {
            completed: true,
            ..Report::default()
        };
        let mut shards: VecDeque<_> = (0..self.desk.store.shards()).map(Shard::new).collect();
        while let Some(mut shard) = shards.pop_front() {
            if self.is_late(&budget) {
                report.cut_short = true;
                report.completed &= shard.was_read() && shards.iter().all(Shard::was_read);
                break;
            }
            match self.page(&mut shard, horizon, &budget, &mut report).await {
                Ok(true) => shards.push_back(shard),
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(shard = shard.number, error = %error_chain(&error), "handover.shard_failed");
                    report.completed = false;
                }
            }
        }
        report.in_doubt = self.doubts().await;
        tracing::info!(
            swept = report.swept,
            pointed = report.pointed,
            failed = report.failed,
            rejected = report.rejected,
            cut_short = report.cut_short,
            overdue.seconds = report.oldest_overdue.as_secs(),
            "handover.swept"
        );
        report
    }

    fn is_late(&self, budget: &Budget) -> bool {
        budget.left(self.desk.clock) < RESERVE.min(self.timeout / 2)
    }

    /// Deals with one page; says whether there may be more.
    async fn page(
        &self,
        shard: &mut Shard,
        horizon: Timestamp,
        budget: &Budget,
        report: &mut Report,
    ) -> Result<bool, ReadError> {
        let page = self.desk.store.due(shard.number, horizon, shard.limit()).await?;
        let turned = shard.turn(page);
        let tended: Vec<_> = stream::iter(&turned.fresh)
            .map(|due| self.in_time(due, horizon, budget))
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        let all = turned.fresh.len();
        let dealt_with: Vec<_> = tended.into_iter().flatten().collect();
        report.cut_short |= dealt_with.len() < all;
        for one in dealt_with {
            report.add(one);
        }
        Ok(turned.more)
    }

    async fn in_time(&self, due: &DuePointer, horizon: Timestamp, budget: &Budget) -> Option<Tended> {
        if self.is_late(budget) {
            return None;
        }
        Some(self.tend(due, horizon).await)
    }

    async fn doubts(&self) -> Option<u32> {
        match self.desk.store.count(Status::InDoubt, DOUBTS).await {
            Ok(doubts) => Some(doubts),
            Err(error) => {
                tracing::warn!(error = %error_chain(&error), "handover.doubts_not_counted");
                None
            }
        }
    }
}

impl Report {
    fn add(&mut self, one: Tended) {
        self.swept += 1;
        self.pointed += u32::from(one.pointed);
        self.warnings += one.warnings;
        self.rejected += u32::from(one.rejected);
        self.failed += u32::from(one.failed);
        self.oldest_overdue = self.oldest_overdue.max(one.overdue);
    }
}
