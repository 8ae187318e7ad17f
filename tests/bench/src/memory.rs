//! The worker's memory over many messages that need no work.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use crate::{cold::succeeded, fixture, function::Function, stage::Stage};

/// Resident memory over many messages.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Growth {
    /// How many messages.
    pub messages: usize,
    /// After a tenth of them, in MB.
    pub after_a_tenth_mb: f64,
    /// After all of them, in MB.
    pub after_all_mb: f64,
    /// At most, in MB.
    pub highest_mb: f64,
    /// Messages a second, at no distance.
    pub per_second: f64,
}

/// Hands the worker `messages` pointers at connections that rest, ten at once, at no distance.
///
/// # Errors
/// When one comes back.
pub async fn measure(stage: &Stage, messages: usize) -> Result<Growth> {
    let bodies: Vec<String> = stage
        .resting
        .events
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let event = fixture::batch(&bodies);
    stage.world.dynamodb.restore(&stage.resting.tables);
    stage.world.set_round_trip(Duration::ZERO);
    let mut function = Function::start(&stage.worker, &stage.log).await?;
    function.idle().await?;
    let started = std::time::Instant::now();
    let batches = messages.div_ceil(bodies.len().max(1));
    let mut growth = Growth {
        messages,
        ..Growth::default()
    };
    for batch in 1..=batches {
        let answered = function.invoke(&event).await?;
        succeeded("worker", &answered.body)?;
        if batch == batches.div_ceil(10) {
            growth.after_a_tenth_mb = function.memory()?.resident;
        }
        if batch % 100 == 0 {
            drop(stage.world.tally.take());
        }
    }
    let memory = function.memory()?;
    growth.after_all_mb = memory.resident;
    growth.highest_mb = memory.highest;
    growth.per_second = f64::from(u32::try_from(messages).unwrap_or(u32::MAX)) / started.elapsed().as_secs_f64();
    drop(stage.world.tally.take());
    function.stop().await?;
    Ok(growth)
}
