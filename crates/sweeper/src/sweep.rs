//! A sweep.

use std::{io, time::Duration};

use futures::{FutureExt, StreamExt, future::join_all, stream};
use handover_aws::{metrics, telemetry::error_chain};
use handover_core::{
    application::DEFAULT_PACE_PER_MINUTE,
    budget::Budget,
    connection::Status,
    ids::ApplicationId,
    ports::{Clock, DuePointer, LONGEST_DELAY, Pace, Queue, Randomness, Store},
    registration::later,
};
use jiff::Timestamp;

use crate::{
    Report, Sweeper,
    item::{Sent, Tended, WakeUp},
    pace::Paces,
    shard::Shard,
};

/// Connections that are dealt with side by side.
const SIDE_BY_SIDE: usize = 16;
/// Nothing is begun with less time left (or half of it, if there is less): three calls to AWS at their slowest have to
/// come to their end, and the metrics to be written.
const RESERVE: Duration = Duration::from_secs(25);
/// Nothing more is sent with less time left (or a fifth of it). Should a call be cut off after all, no harm is done: what
/// was sent and not moved is sent twice.
const SENDING_RESERVE: Duration = Duration::from_secs(12);
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

    /// Reads what is due within the reach of the queue, earliest first, does what needs no secret and sends wake-ups for
    /// the rest, each application at its pace. A page at a time, of the part of the index that was read least far: so a
    /// pace is given out in the order of the index over all parts, and what is read ahead is a page of each at most.
    pub async fn sweep(&self) -> Report {
        let budget = Budget::begin(self.desk.clock, self.timeout);
        let horizon = later(self.desk.clock.now(), LONGEST_DELAY);
        let mut report = Report {
            completed: true,
            ..Report::default()
        };
        let mut paces = Paces::default();
        let mut shards: Vec<_> = (0..self.desk.store.shards()).map(Shard::new).collect();
        // Read ahead of another part. Left to the next sweep if this one is cut short.
        let mut held = Vec::new();
        while !shards.is_empty() {
            if self.is_late(&budget) {
                report.cut_short = true;
                report.completed &= shards.iter().all(Shard::was_read);
                break;
            }
            let due = self.pages(&mut shards, horizon, &mut report).await;
            held.extend(self.tend_all(&due, horizon, &budget, &mut report).await);
            let read_to = shards.iter().filter_map(Shard::read_to).min();
            let ready = held
                .extract_if(.., |wake_up: &mut WakeUp| {
                    read_to.is_none_or(|read_to| wake_up.indexed <= read_to)
                })
                .collect();
            self.wake_up_all(ready, &mut paces, &budget, &mut report).await;
        }
        self.write_down(&paces, horizon, &report).await;
        report.in_doubt = self.doubts().await;
        tracing::info!(
            swept = report.swept,
            pointed = report.pointed,
            paced = report.paced,
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

    /// The next page of the part that was read least far, of all of them at first; earliest first. A part that is at its
    /// end, or cannot be read, is left out from then on.
    async fn pages(&self, shards: &mut Vec<Shard>, horizon: Timestamp, report: &mut Report) -> Vec<DuePointer> {
        let store = self.desk.store;
        let least = shards.iter().map(Shard::read_to).min().flatten();
        let behind: Vec<_> = shards.extract_if(.., |shard| shard.read_to() == least).collect();
        let read = join_all(
            behind
                .iter()
                .map(|shard| store.due(shard.number, horizon, shard.limit())),
        )
        .await;
        let mut due = Vec::new();
        for (mut shard, page) in behind.into_iter().zip(read) {
            match page {
                Ok(page) => {
                    let turned = shard.turn(page);
                    due.extend(turned.fresh);
                    shards.extend(turned.more.then_some(shard));
                }
                Err(error) => {
                    tracing::error!(shard = shard.number, error = %error_chain(&error), "handover.shard_failed");
                    report.completed = false;
                }
            }
        }
        due.sort_by_key(|due| due.wake_at);
        due
    }

    /// What is left to the worker, still earliest first.
    async fn tend_all(
        &self,
        due: &[DuePointer],
        horizon: Timestamp,
        budget: &Budget,
        report: &mut Report,
    ) -> Vec<WakeUp> {
        let tended: Vec<_> = stream::iter(due)
            .map(|due| self.in_time(due, horizon, budget))
            .buffered(SIDE_BY_SIDE)
            .collect()
            .await;
        let dealt_with: Vec<_> = tended.into_iter().flatten().collect();
        report.cut_short |= dealt_with.len() < due.len();
        dealt_with.into_iter().filter_map(|one| report.add(one)).collect()
    }

    /// What there is no time left for keeps its place in the index.
    async fn wake_up_all(&self, mut wake_ups: Vec<WakeUp>, paces: &mut Paces, budget: &Budget, report: &mut Report) {
        // The index may hold a safety time: what was due long ago does not wait for what is due in a quarter of an hour.
        wake_ups.sort_by_key(|wake_up| wake_up.at);
        for lane in wake_ups.iter().filter_map(|wake_up| wake_up.lane.as_ref()) {
            if !paces.knows(lane) {
                let pace = self.pace(&lane.application).await;
                paces.start(lane.clone(), &pace, self.desk.clock.now());
            }
        }
        let number = wake_ups.len();
        let in_time = wake_ups
            .iter()
            .take_while(|_| budget.left(self.desk.clock) >= SENDING_RESERVE.min(self.timeout / 5));
        let sent: Vec<_> = stream::iter(in_time)
            .map(|wake_up| {
                let at = wake_up.at.max(self.desk.clock.now());
                let slot = wake_up.lane.as_ref().map_or(at, |lane| paces.slot(lane, at));
                self.wake_up(wake_up, slot)
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        report.cut_short |= sent.len() < number;
        sent.into_iter().for_each(|sent| report.count(sent));
    }

    /// How fast an application's connections are taken up.
    async fn pace(&self, application: &ApplicationId) -> Pace {
        let usual = Pace {
            per_minute: DEFAULT_PACE_PER_MINUTE,
            taken_until: None,
        };
        match self.desk.store.pace(application).await {
            Ok(pace) => pace.unwrap_or(usual),
            Err(error) => {
                tracing::warn!(application.id = %application, error = %error_chain(&error), "handover.pace_not_read");
                usual
            }
        }
    }

    /// Writes down which slots are given out, where the next sweep would give them out again: to what this one has not
    /// got to, or to what is due beyond its reach.
    async fn write_down(&self, paces: &Paces, horizon: Timestamp, report: &Report) {
        let saw_all = report.completed && !report.cut_short;
        let read_to = if saw_all { horizon } else { self.desk.clock.now() };
        for (application, per_minute, until) in paces.taken_beyond(read_to) {
            if let Err(error) = self.desk.store.take_slots(application, per_minute, until).await {
                tracing::warn!(application.id = %application, error = %error_chain(&error), "handover.slots_not_written");
            }
        }
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
    fn count(&mut self, sent: Sent) {
        match sent {
            Sent::Pointed => self.pointed += 1,
            Sent::PointedOnly => {
                self.pointed += 1;
                self.failed += 1;
            }
            Sent::Paced => self.paced += 1,
            Sent::Failed => self.failed += 1,
        }
    }

    /// Counts it; what is left to the worker comes back.
    fn add(&mut self, one: Tended) -> Option<WakeUp> {
        self.swept += 1;
        self.warnings += one.warnings;
        self.rejected += u32::from(one.rejected);
        self.failed += u32::from(one.failed);
        self.oldest_overdue = self.oldest_overdue.max(one.overdue);
        one.wake_up
    }
}
