//! Sweeps and lists over ten thousand, a hundred thousand and a million stored connections, the same thousand of them due.

mod figures;
mod lists;
mod originals;

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

pub use lists::Listed;
use originals::Originals;

use crate::{
    function::Function,
    process::{self, Memory},
    stage::Stage,
    stats::Sample,
    table::Tables,
    tally::Units,
};

/// How many are stored.
pub const SIZES: [usize; 3] = [10_000, 100_000, MOST];
/// The most of these.
const MOST: usize = 1_000_000;
/// The sweeper's memory by the template, in MB.
const MEMORY: f64 = 256.0;
/// How many of them are due within the sweeper's reach.
pub const DUE: usize = 1_000;

/// What sweeps and lists take.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Scale {
    /// By how many connections are stored.
    pub by_size: BTreeMap<usize, AtSize>,
    /// What the benchmark itself had in memory at most, the stored connections included, in MB.
    pub own_highest_mb: f64,
}

/// What they take with so many stored.
#[derive(Debug, Default, Clone, Serialize)]
pub struct AtSize {
    /// A sweep.
    pub sweep_ms: Sample,
    /// A sweep, when the upstreams are at no distance.
    pub near_ms: Sample,
    /// The processor time of that.
    pub cpu_ms: Sample,
    /// A sweep with Lambda's share of a processor for 256 MB; with the most stored only.
    pub held_ms: Sample,
    /// The sweeper's memory after all of them.
    pub memory: Memory,
    /// What a sweep read and wrote, in the last round.
    pub units: Units,
    /// Lists, by the arguments of the command.
    pub lists: BTreeMap<String, Listed>,
}

/// A sweeper of its own for so many stored connections.
struct Contender {
    size: usize,
    tables: Tables,
    sweeper: Function,
}

/// Sweeps and lists `rounds` times over each size, in turns: what else the machine does meets all of them.
///
/// # Errors
/// When a sweep does not send what is due, or a list is not as long as it has to be.
pub async fn measure(stage: &Stage, rounds: usize, round_trip: Duration) -> Result<Scale> {
    let originals = Originals::make(stage).await?;
    let mut scale = Scale::default();
    let mut contenders = Vec::new();
    for size in SIZES {
        eprintln!("scale: {size} connections");
        let mut sweeper = Function::start(&stage.sweeper, &stage.log).await?;
        sweeper.ready().await?;
        let tables = originals.multiply(size)?;
        contenders.push(Contender { size, tables, sweeper });
        scale.by_size.insert(size, AtSize::default());
    }
    // The first one opens connections.
    for round in 0..=rounds {
        for contender in &mut contenders {
            let at_size = scale.by_size.entry(contender.size).or_default();
            contender.round(stage, round_trip, at_size, round > 0).await?;
        }
    }
    for contender in contenders {
        let at_size = scale.by_size.entry(contender.size).or_default();
        at_size.memory = contender.sweeper.memory()?;
        contender.sweeper.stop().await?;
    }
    scale.own_highest_mb = process::memory(std::process::id())?.highest;
    stage.world.set_round_trip(Duration::ZERO);
    Ok(scale)
}

impl Contender {
    async fn round(&mut self, stage: &Stage, round_trip: Duration, at_size: &mut AtSize, counts: bool) -> Result<()> {
        stage.world.set_round_trip(Duration::ZERO);
        let before = self.sweeper.cpu_ms()?;
        let (near_ms, _) = self.sweep(stage).await?;
        let cpu_ms = self.sweeper.cpu_ms()? - before;
        stage.world.set_round_trip(round_trip);
        let (sweep_ms, units) = self.sweep(stage).await?;
        if self.size == MOST {
            let share = self.sweeper.hold(MEMORY)?;
            let (held_ms, _) = self.sweep(stage).await?;
            drop(share);
            if counts {
                at_size.held_ms.add(held_ms);
            }
        }
        if counts {
            at_size.near_ms.add(near_ms);
            at_size.cpu_ms.add(cpu_ms);
            at_size.sweep_ms.add(sweep_ms);
            at_size.units = units;
        }
        stage.world.dynamodb.restore(&self.tables);
        lists::measure(stage, &mut at_size.lists, counts).await
    }

    /// One sweep over what nobody has swept yet.
    async fn sweep(&mut self, stage: &Stage) -> Result<(f64, Units)> {
        self.sweeper.idle().await?;
        stage.world.dynamodb.restore(&self.tables);
        drop(stage.world.sqs.take());
        drop(stage.world.tally.take());
        let answered = self.sweeper.invoke(&json!({})).await?;
        let sent = stage.world.sqs.take().len();
        anyhow::ensure!(sent == DUE, "a sweep over {} sent {sent} of {DUE} wake-ups", self.size);
        Ok((answered.ms(), stage.world.tally.take().units()))
    }
}
