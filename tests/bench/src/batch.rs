//! The worker: one registration, and ten side by side.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use crate::{
    cold::succeeded,
    fixture,
    function::Function,
    stage::Stage,
    stats::Sample,
    tally::{Path, Units},
};

/// What a registration takes at Invantive Cloud.
pub const REGISTRATION: Duration = Duration::from_millis(500);

/// What registrations take.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Batches {
    /// A batch of one.
    pub one_ms: Sample,
    /// A batch of ten.
    pub ten_ms: Sample,
    /// Registrations a second in batches of ten.
    pub per_second: Sample,
    /// Processor time of a batch of ten.
    pub cpu_ten_ms: Sample,
    /// What lies one after another in a batch of one, in the last run.
    pub path: Path,
    /// The requests of a batch of one.
    pub requests: usize,
    /// What they cost.
    pub units: Units,
    /// Resident memory at the end.
    pub resident_mb: f64,
}

/// Runs `rounds` batches of each size.
///
/// # Errors
/// When one fails.
pub async fn measure(stage: &Stage, rounds: usize) -> Result<Batches> {
    let bodies: Vec<String> = stage
        .due
        .events
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let ten = fixture::batch(&bodies);
    let one = fixture::batch(bodies.get(..1).unwrap_or_default());
    stage.world.invantive.take(REGISTRATION);
    let mut batches = Batches::default();
    let mut function = Function::start(&stage.worker, &stage.log).await?;
    for round in 0..=rounds {
        for (event, size) in [(&one, 1), (&ten, bodies.len())] {
            stage.world.dynamodb.restore(&stage.due.tables);
            function.idle().await?;
            drop(stage.world.tally.take());
            let before = function.cpu_ms()?;
            let answered = function.invoke(event).await?;
            succeeded("worker", &answered.body)?;
            let calls = stage.world.tally.take();
            let registered = calls.requests_to("invantive");
            anyhow::ensure!(registered == size, "{registered} of {size} were registered");
            if round == 0 {
                continue;
            }
            if size == 1 {
                batches.one_ms.add(answered.ms());
                (batches.path, batches.units) = (calls.critical_path(), calls.units());
                batches.requests = calls.requests();
            } else {
                batches.ten_ms.add(answered.ms());
                batches.cpu_ten_ms.add(function.cpu_ms()? - before);
                batches.per_second.add(10_000.0 / answered.ms());
            }
        }
    }
    batches.resident_mb = function.memory()?.resident;
    function.stop().await?;
    stage.world.invantive.take(Duration::ZERO);
    Ok(batches)
}
