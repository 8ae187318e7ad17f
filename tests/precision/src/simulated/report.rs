//! Many seeds, and what they showed together.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use handover_simulation::lock;

use super::{Observed, Setting, play};
use crate::{
    lateness::{Lateness, Seconds, verdict},
    table::table,
};

/// Seeds that are played of each setting.
pub const SEEDS: u64 = 100;

/// What one setting showed, over all its seeds.
#[derive(Debug, Default)]
pub struct Showed {
    /// Of each run.
    pub runs: Vec<Lateness>,
    /// What should not have been, by seed.
    pub wrong: Vec<(u64, String)>,
}

impl Showed {
    fn add(&mut self, seed: u64, observed: Observed) {
        self.runs.push(observed.lateness);
        self.wrong.extend(observed.wrong.into_iter().map(|wrong| (seed, wrong)));
    }

    /// Whether every run kept the goal, and nothing went wrong in any.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.wrong.is_empty() && !self.runs.is_empty() && self.runs.iter().all(Lateness::is_met)
    }

    fn row(&self, setting: &Setting) -> [String; 11] {
        let all: Lateness = self.runs.iter().flat_map(Lateness::iter).collect();
        let of_runs: Lateness = self.runs.iter().map(|run| run.percentile(99)).collect();
        let seconds = |milliseconds| Seconds(milliseconds).to_string();
        [
            setting.name.to_owned(),
            self.runs.len().to_string(),
            all.len().to_string(),
            all.early().to_string(),
            seconds(all.percentile(50)),
            seconds(all.percentile(95)),
            seconds(all.percentile(99)),
            seconds(of_runs.max()),
            seconds(all.max()),
            self.runs.iter().filter(|run| run.is_met()).count().to_string(),
            verdict(self.is_met()).to_owned(),
        ]
    }
}

/// What is played: the goal's own case, and what may stand in its way.
#[must_use]
pub fn settings() -> Vec<Setting> {
    vec![
        Setting::default(),
        Setting {
            name: "four applications",
            applications: 4,
            ..Setting::default()
        },
        Setting {
            name: "one application, no pace",
            pace_per_minute: 60_000,
            ..Setting::default()
        },
        Setting {
            name: "one application, queue up to 1 s late",
            fetched_within: Duration::from_secs(1),
            ..Setting::default()
        },
    ]
}

/// Plays the first `seeds` seeds of a setting over all processors.
#[must_use]
pub fn showed(setting: &Setting, seeds: u64) -> Showed {
    let next = AtomicU64::new(0);
    let showed = Mutex::new(Showed::default());
    let threads = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    match play(seed, setting) {
                        Ok(observed) => lock(&showed).add(seed, observed),
                        Err(error) => lock(&showed)
                            .wrong
                            .push((seed, format!("the world cannot be set up: {error}"))),
                    }
                }
            });
        }
    });
    std::mem::take(&mut *lock(&showed))
}

/// The table, and what should not have been. Whether nothing was early, lost or doubled: a late one is told, and fails
/// nothing.
#[must_use]
pub fn told(seeds: u64) -> bool {
    let mut rows = Vec::new();
    let mut right = true;
    for setting in settings() {
        let showed = showed(&setting, seeds);
        rows.push(showed.row(&setting));
        right &= showed.wrong.is_empty() && showed.runs.iter().all(|run| run.early() == 0);
        for (seed, wrong) in showed.wrong.iter().take(5) {
            println!("{}, seed {seed}: {wrong}", setting.name);
        }
    }
    let head = [
        "simulated clock, 1,000 within 10 min; seconds",
        "runs",
        "registered",
        "early",
        "p50",
        "p95",
        "p99",
        "worst run's p99",
        "max",
        "runs that kept 2 s",
        "p99 at most 2 s, in every run",
    ];
    print!("{}", table(head, &rows));
    right
}
