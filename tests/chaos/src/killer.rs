//! Kills functions at random moments.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use handover_local::processes::{self, Process};
use tokio::task::JoinHandle;

use crate::wire::{Asked, Wire};

/// The functions, and how many kills of a hundred each gets: as much as it does that cannot be undone.
const SHARES: [(&str, u32); 3] = [("callback", 42), ("worker", 48), ("sweeper", 10)];
/// The longest time between two attempts at a kill.
const PAUSE_MILLISECONDS: u64 = 120;
/// With so many processes at work every attempt strikes; with fewer, as many fewer: the last connections are not to be
/// killed for ever.
const CROWD: usize = 4;
/// One attempt in so many strikes a process whether it works or not: frozen ones are lost too.
const ANY_ONE_IN: u32 = 20;

/// One kill.
#[derive(Debug, Clone)]
pub struct Kill {
    /// Who was killed.
    pub process: Process,
    /// Which function: `callback`, `worker`, `sweeper`.
    pub function: &'static str,
    /// What it was asking outside at that moment.
    pub during: Option<Asked>,
    /// Whether it was at work at all.
    pub at_work: bool,
}

/// Kills until nothing is left to kill; ends when dropped.
#[derive(Debug)]
pub struct Killer {
    kills: Arc<Mutex<Vec<Kill>>>,
    task: JoinHandle<()>,
}

struct Hand {
    supervisor: u32,
    wire: Arc<Wire>,
    chance: fastrand::Rng,
    left: Vec<(&'static str, u32)>,
    kills: Arc<Mutex<Vec<Kill>>>,
}

impl Killer {
    /// Begins to kill functions below `supervisor`, `kills` times at most.
    #[must_use]
    pub fn start(supervisor: u32, wire: Arc<Wire>, kills: u32, chance: fastrand::Rng) -> Self {
        let done = Arc::<Mutex<Vec<Kill>>>::default();
        let hand = Hand {
            supervisor,
            wire,
            chance,
            left: SHARES.map(|(name, share)| (name, kills * share / 100)).to_vec(),
            kills: Arc::clone(&done),
        };
        Self {
            kills: done,
            task: tokio::spawn(hand.go_on()),
        }
    }

    /// The kills so far.
    #[must_use]
    pub fn kills(&self) -> Vec<Kill> {
        self.kills.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Hand {
    async fn go_on(mut self) {
        while self.left.iter().any(|(_, left)| *left > 0) {
            let pause = Duration::from_millis(self.chance.u64(..PAUSE_MILLISECONDS));
            tokio::time::sleep(pause).await;
            if let Err(error) = self.strike() {
                eprintln!("a kill failed: {error:#}");
            }
        }
    }

    /// Draws the same number of times whatever it finds: a seed is a schedule.
    fn strike(&mut self) -> Result<()> {
        let chance = &mut self.chance;
        let aim = Aim {
            function: drawn(chance.u32(..100)),
            any: chance.u32(..ANY_ONE_IN) == 0,
            boldness: chance.usize(..CROWD),
            pick: chance.usize(..),
        };
        let Some(left) = self
            .left
            .iter_mut()
            .find(|(name, left)| *name == aim.function && *left > 0)
        else {
            return Ok(());
        };
        let Some((process, at_work)) = aim.target(processes::below(self.supervisor)?) else {
            return Ok(());
        };
        let during = self.wire.under_way(&process);
        if process.kill()? {
            left.1 -= 1;
            processes::sweep_shared_memory(&process)?;
            self.kills.lock().unwrap_or_else(PoisonError::into_inner).push(Kill {
                process,
                function: aim.function,
                during,
                at_work,
            });
        }
        Ok(())
    }
}

/// What was drawn for one attempt at a kill.
struct Aim {
    function: &'static str,
    any: bool,
    boldness: usize,
    pick: usize,
}

impl Aim {
    /// Whom it hits, and whether that one is at work.
    fn target(&self, processes: Vec<Process>) -> Option<(Process, bool)> {
        let mut all: Vec<_> = processes
            .into_iter()
            .map(|process| {
                let at_work = process.at_work();
                (process, at_work)
            })
            .collect();
        if all.iter().filter(|(_, at_work)| *at_work).count() <= self.boldness {
            return None;
        }
        all.retain(|(process, at_work)| process.function.ends_with(self.function) && (*at_work || self.any));
        let pick = self.pick.checked_rem(all.len())?;
        all.into_iter().nth(pick)
    }
}

fn drawn(aim: u32) -> &'static str {
    let mut before = 0;
    let hit = SHARES.iter().find(|(_, share)| {
        before += share;
        aim < before
    });
    hit.map_or("worker", |(name, _)| name)
}
