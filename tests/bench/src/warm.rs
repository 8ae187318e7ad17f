//! A warm callback: one after another in one process.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use crate::{
    cold::succeeded,
    function::{Function, Program},
    stage::Stage,
    stats::Sample,
    tally::{Path, Units},
};

/// What a warm callback takes.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Warm {
    /// From event to answer.
    pub answer_ms: Sample,
    /// The same, as a part of what was injected on the critical path.
    pub over_injected: Sample,
    /// Processor time of one.
    pub cpu_ms: Sample,
    /// Resident memory at the end.
    pub resident_mb: Sample,
    /// Calls of one, in the last run.
    pub calls: BTreeMap<String, usize>,
    /// What they cost.
    pub units: Units,
    /// What lies one after another until the answer, in the last run.
    pub path: Path,
    /// The same until all that came of it had ended.
    pub whole: Path,
}

/// Invokes ours and the peers' `rounds` times each.
///
/// # Errors
/// When one fails.
pub async fn measure(stage: &Stage, rounds: usize) -> Result<BTreeMap<String, Warm>> {
    let event = stage.consenting.events.first().context("no event")?;
    let mut all = BTreeMap::new();
    let contenders = [
        (&stage.callback, event),
        (&stage.python, &stage.peer_event),
        (&stage.node, &stage.peer_event),
    ];
    for (program, event) in contenders {
        all.insert(program.name.clone(), one(stage, program, event, rounds).await?);
    }
    Ok(all)
}

/// Invokes one callback `rounds` times.
///
/// # Errors
/// When it fails.
pub async fn one(stage: &Stage, program: &Program, event: &Value, rounds: usize) -> Result<Warm> {
    let mut warm = Warm::default();
    let mut function = Function::start(program, &stage.log).await?;
    // The first answers open connections and warm an interpreter up.
    for round in 0..rounds + 5 {
        stage.world.dynamodb.restore(&stage.consenting.tables);
        function.idle().await?;
        drop(stage.world.tally.take());
        let before = function.cpu_ms()?;
        let answered = function.invoke(event).await?;
        succeeded(&program.name, &answered.body)?;
        if round < 5 {
            continue;
        }
        let calls = stage.world.tally.take();
        let path = calls.until(answered.at).critical_path();
        warm.cpu_ms.add(function.cpu_ms()? - before);
        warm.answer_ms.add(answered.ms());
        warm.over_injected.add(answered.ms() / path.injected_ms);
        (warm.calls, warm.units, warm.path) = (calls.counts(), calls.units(), path);
        warm.whole = calls.critical_path();
    }
    warm.resident_mb.add(function.memory()?.resident);
    function.stop().await?;
    Ok(warm)
}
