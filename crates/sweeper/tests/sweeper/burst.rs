//! Ten thousand connections that are due in the same minute: the production sweeper and worker drain them at the
//! application's pace, the oldest first, each registered once.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::atomic::Ordering::SeqCst,
    time::Duration,
};

use handover_core::{
    application::DEFAULT_PACE_PER_MINUTE,
    ids::ConnectionId,
    ports::{Clock, Pointer},
    registration::later,
};
use handover_simulation::lock;
use jiff::Timestamp;

use crate::{
    pace, sweeper,
    world::{DAY, HOUR, MINUTE, World},
};

const BURST: u32 = 10_000;
const SECOND: Duration = Duration::from_secs(1);
const SWEEP_EVERY: Duration = Duration::from_secs(5 * 60);
/// What a sweep may put behind something that is due later: it takes the parts of the index a page at a time, and a page
/// of one part may reach further than that of another.
const GRANULARITY: Duration = Duration::from_secs(3);

/// A burst, and when what of it happened.
struct Burst<'a> {
    world: &'a World,
    due: HashMap<ConnectionId, Timestamp>,
    /// When the queue shows it to the worker.
    shown: HashMap<ConnectionId, Timestamp>,
    registered: Vec<(Timestamp, ConnectionId)>,
    /// Refresh tokens presented at Exact Online.
    presented: Vec<Timestamp>,
}

impl<'a> Burst<'a> {
    /// They consent within a minute, and are due a day later.
    async fn of(world: &'a World) -> Self {
        world.store.shards.store(4, SeqCst);
        let mut due = HashMap::new();
        for _ in 0..BURST {
            let id = world.authorized(DAY).await;
            due.insert(id, later(world.clock.now(), DAY));
            world.clock.advance(MINUTE / BURST);
        }
        Self {
            world,
            due,
            shown: HashMap::new(),
            registered: Vec::new(),
            presented: Vec::new(),
        }
    }

    /// Sweeps from a day on, and works, second by second, until all are registered or it takes longer than `limit`.
    /// Answers how many sweeps ran out of time.
    async fn drain(&mut self, limit: Duration) -> usize {
        let world = self.world;
        let sweeper = sweeper(world);
        let mut cut_short = 0;
        world.clock.advance(DAY - 17 * MINUTE);
        let end = later(world.clock.now(), 17 * MINUTE + limit);
        while self.registered.len() < self.due.len() && world.clock.now() < end {
            let next = later(world.clock.now(), SWEEP_EVERY);
            let report = sweeper.sweep().await;
            assert!(report.completed && report.failed == 0, "{report:?}");
            cut_short += usize::from(report.cut_short);
            for (at, Pointer::Wake { connection }) in world.queue.inner.waiting() {
                self.shown.entry(connection).or_insert(at);
            }
            while world.clock.now() < next {
                world.clock.advance(SECOND);
                world.work().await;
                self.note();
            }
        }
        cut_short
    }

    /// Notes what has happened since the last time.
    fn note(&mut self) {
        let now = self.world.clock.now();
        let submitted = lock(&self.world.registrar.submitted);
        let fresh = submitted.iter().skip(self.registered.len());
        let fresh: Vec<_> = fresh.map(|(id, ..)| (now, *id)).collect();
        self.registered.extend(fresh);
        self.presented
            .resize(lock(&self.world.platform.inner.refreshed).len(), now);
    }

    fn took(&self) -> Duration {
        let first = self.due.values().min().unwrap();
        let (last, _) = self.registered.last().unwrap();
        Duration::try_from(last.duration_since(*first)).unwrap()
    }

    fn assert_each_once(&self) {
        assert_eq!(self.registered.len(), self.due.len());
        let distinct: HashSet<_> = self.registered.iter().map(|(_, id)| id).collect();
        assert_eq!(distinct.len(), self.due.len());
        assert!(self.registered.iter().all(|(at, id)| *at >= self.due[id]), "none early");
    }

    fn assert_in_order(&self, moments: &[(Timestamp, ConnectionId)]) {
        let mut latest = Timestamp::MIN;
        for (at, id) in moments {
            let due = self.due[id];
            assert!(
                later(due, GRANULARITY) >= latest,
                "{due} came at {at}, behind one that was due at {latest}"
            );
            latest = latest.max(due);
        }
    }
}

/// No minute, wherever it begins, holds more than the pace and ten seconds' worth of it, both ends counted. What comes
/// `late`, rounded up to a whole second for the delay or sent after its slot, may bring so much more into it.
fn assert_paced(moments: impl Iterator<Item = Timestamp>, per_minute: u32, late: u32) {
    let most = usize::try_from(per_minute + per_minute.div_ceil(6) + 1 + per_minute.div_ceil(60) * late).unwrap();
    let mut minute = VecDeque::new();
    for at in moments {
        minute.push_back(at);
        while later(minute[0], MINUTE) <= at {
            minute.pop_front();
        }
        let held = minute.len();
        assert!(held <= most, "the minute before {at} holds {held}");
    }
}

#[tokio::test]
async fn a_burst_drains_at_the_usual_pace() {
    let usual = DEFAULT_PACE_PER_MINUTE;
    let world = pace::with_pace(usual).await;
    let mut burst = Burst::of(&world).await;
    assert_eq!(burst.drain(3 * HOUR).await, 0);
    burst.assert_each_once();
    burst.assert_in_order(&burst.registered);
    assert_paced(burst.registered.iter().map(|(at, _)| *at), usual, 1);
    assert!(burst.took() <= MINUTE * (BURST / usual) + 2 * SWEEP_EVERY);
    assert!(world.presented().is_empty());
}

/// The channel wants an access token that still lives: each needs a call of Exact Online first.
#[tokio::test]
async fn a_burst_at_a_higher_pace_keeps_within_exact_onlines_budgets() {
    let world = pace::with_pace(600).await;
    let mut burst = Burst::of(&world).await;
    world.registrar.inner.wants_fresh.store(true, SeqCst);
    assert_eq!(burst.drain(HOUR).await, 0);
    burst.assert_each_once();
    burst.assert_in_order(&burst.registered);
    assert_paced(burst.registered.iter().map(|(at, _)| *at), 600, 1);
    assert!(burst.took() <= MINUTE * (BURST / 600) + 2 * SWEEP_EVERY);

    // Exact Online counts by app and user (200 token calls a day) and by app and company (60 calls a minute): each
    // connection is a user, and a company, of its own, and has had one call.
    assert_paced(burst.presented.iter().copied(), 600, 1);
    let presented = world.presented();
    let distinct: HashSet<_> = presented.iter().collect();
    assert_eq!((presented.len(), distinct.len()), (burst.due.len(), burst.due.len()));
    assert_eq!(*lock(&world.platform.inner.asked), 0, "who they are was known");
}

/// Each takes so long that the first sweeps run out of time. The worker does not wait for a sweep to end, so what counts
/// is when the queue shows it.
#[tokio::test]
async fn a_burst_that_no_sweep_can_handle_keeps_pace_and_order() {
    let world = pace::with_pace(DEFAULT_PACE_PER_MINUTE).await;
    let mut burst = Burst::of(&world).await;
    *lock(&world.store.slow_postpones) = Some((world.clock, Duration::from_millis(16)));
    assert!(burst.drain(3 * HOUR).await > 3);
    burst.assert_each_once();
    let mut shown: Vec<_> = burst.shown.iter().map(|(id, at)| (*at, *id)).collect();
    shown.sort_by_key(|(at, id)| (*at, burst.due[id]));
    burst.assert_in_order(&shown);
    // A page of each of four shards gets its slots at once, and is sent within 400 × 16 ms.
    assert_paced(shown.into_iter().map(|(at, _)| at), DEFAULT_PACE_PER_MINUTE, 1 + 7);
}
