//! Ten thousand connections that are due in the same minute: the production sweeper and worker drain them at the
//! application's pace, the oldest first, each registered once.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::Ordering::SeqCst,
    time::Duration,
};

use handover_core::{ids::ConnectionId, ports::Clock, registration::later};
use handover_simulation::lock;
use jiff::Timestamp;

use crate::{
    pace, sweep,
    world::{DAY, HOUR, MINUTE, World},
};

const BURST: u32 = 10_000;
const SECOND: Duration = Duration::from_secs(1);
const SWEEP_EVERY: Duration = Duration::from_secs(5 * 60);
/// What a sweep may put behind something that is due later: it takes the parts of the index a page at a time, and a page
/// of one part may reach further than that of another.
const GRANULARITY: Duration = Duration::from_secs(3);

/// A burst, and when what of it happened.
struct Burst {
    world: World,
    due: HashMap<ConnectionId, Timestamp>,
    registered: Vec<(Timestamp, ConnectionId)>,
    /// Refresh tokens presented at Exact Online.
    presented: Vec<Timestamp>,
    /// What a connection takes of a sweep's time, until one has got through.
    each: Option<Duration>,
    /// Sweeps that did not get through.
    cut: u32,
}

impl Burst {
    /// They consent within a minute, and are due a day later.
    async fn of(per_minute: u32) -> Self {
        let world = pace::with_pace(per_minute).await;
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
            registered: Vec::new(),
            presented: Vec::new(),
            each: None,
            cut: 0,
        }
    }

    /// Sweeps from a day on, and works, second by second, until all are registered or it takes longer than `limit`.
    async fn drain(&mut self, limit: Duration) {
        self.world.clock.advance(DAY - 17 * MINUTE);
        let end = later(self.world.clock.now(), 17 * MINUTE + limit);
        while self.registered.len() < self.due.len() && self.world.clock.now() < end {
            *lock(&self.world.store.slow_reads) = self.each.map(|each| (self.world.clock, each));
            let report = sweep(&self.world).await;
            *lock(&self.world.store.slow_reads) = None;
            assert!(report.completed && report.failed == 0, "{report:?}");
            self.cut += u32::from(report.cut_short);
            // While a sweep takes its time nobody works here, and what was due meanwhile would come all at once: those that
            // do are over before the first is due.
            let pause = if report.cut_short { MINUTE } else { SWEEP_EVERY };
            if report.swept > 0 && !report.cut_short {
                self.each = None;
            }
            let next = later(self.world.clock.now(), pause);
            while self.world.clock.now() < next {
                self.world.clock.advance(SECOND);
                self.world.work().await;
                self.note();
            }
        }
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

    fn assert_in_order(&self) {
        let mut latest = Timestamp::MIN;
        for (at, id) in &self.registered {
            let due = self.due[id];
            assert!(
                later(due, GRANULARITY) >= latest,
                "{due} came at {at}, behind one that was due at {latest}"
            );
            latest = latest.max(due);
        }
    }
}

/// No minute, wherever it begins, holds more than the pace and fifteen seconds' worth of it. A delay is rounded up to a whole
/// second, and the worker looks once a second here: each may bring a second's worth more into it.
fn assert_paced(moments: &[Timestamp], per_minute: u32) {
    let most = usize::try_from(per_minute + 1 + per_minute.div_ceil(4) + 2 * per_minute.div_ceil(60)).unwrap();
    let mut begins = 0;
    for (number, at) in moments.iter().enumerate() {
        while later(moments[begins], MINUTE) <= *at {
            begins += 1;
        }
        let held = number + 1 - begins;
        assert!(held <= most, "the minute before {at} holds {held}");
    }
}

#[tokio::test]
async fn a_burst_drains_at_the_usual_pace() {
    let usual = handover_core::application::DEFAULT_PACE_PER_MINUTE;
    let mut burst = Burst::of(usual).await;
    burst.drain(3 * 60 * MINUTE).await;
    burst.assert_each_once();
    burst.assert_in_order();
    let moments: Vec<_> = burst.registered.iter().map(|(at, _)| *at).collect();
    assert_paced(&moments, usual);
    assert!(burst.took() <= MINUTE * (BURST / usual) + 2 * SWEEP_EVERY);
    assert!(burst.world.presented().is_empty());
}

/// The channel wants an access token that still lives: each needs a call of Exact Online first.
#[tokio::test]
async fn a_burst_at_a_higher_pace_keeps_within_exact_onlines_budgets() {
    let mut burst = Burst::of(600).await;
    burst.world.registrar.inner.wants_fresh.store(true, SeqCst);
    burst.drain(HOUR).await;
    burst.assert_each_once();
    burst.assert_in_order();
    let moments: Vec<_> = burst.registered.iter().map(|(at, _)| *at).collect();
    assert_paced(&moments, 600);
    assert!(burst.took() <= MINUTE * (BURST / 600) + 2 * SWEEP_EVERY);

    // Exact Online counts by app and user (200 token calls a day) and by app and company (60 calls a minute): each
    // connection is a user, and a company, of its own, and has had one call.
    assert_paced(&burst.presented, 600);
    let presented = burst.world.presented();
    let distinct: HashSet<_> = presented.iter().collect();
    assert_eq!((presented.len(), distinct.len()), (burst.due.len(), burst.due.len()));
    assert_eq!(*lock(&burst.world.platform.inner.asked), 0, "who they are was known");
}

/// So slow that the herd takes three sweeps or four: each goes on where the one before was cut.
#[tokio::test]
async fn a_burst_beyond_what_a_sweep_can_handle_drains_at_the_pace() {
    let usual = handover_core::application::DEFAULT_PACE_PER_MINUTE;
    for each in [4, 8, 14] {
        let mut burst = Burst::of(usual).await;
        burst.each = Some(Duration::from_millis(each));
        burst.drain(3 * 60 * MINUTE).await;
        assert!(burst.cut >= 1, "{each} ms");
        burst.assert_each_once();
        burst.assert_in_order();
        let moments: Vec<_> = burst.registered.iter().map(|(at, _)| *at).collect();
        assert_paced(&moments, usual);
        assert!(burst.took() <= MINUTE * (BURST / usual) + 2 * SWEEP_EVERY);
    }
}
