//! What the command `handover list` takes for its first page.

use std::{collections::BTreeMap, pin::pin, time::Instant};

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use crate::{fixture, function::millis, process, stage::Stage, stats::Sample, tally::Units};

/// Lines of a page, as the command has them by itself.
pub const PAGE: usize = 50;
/// The lists.
const LISTS: [&[&str]; 3] = [
    &["list"],
    &["list", "--status", "registered"],
    &["list", "--expiring", "7d"],
];
/// How often the command's memory is looked at: it is gone with it.
const LOOK: Duration = Duration::from_millis(3);

/// What a list takes.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Listed {
    /// From the command's start to its end.
    pub ms: Sample,
    /// Its memory at most.
    pub highest_mb: Sample,
    /// What it read, in the last round.
    pub units: Units,
}

/// Runs each list once.
pub(super) async fn measure(stage: &Stage, lists: &mut BTreeMap<String, Listed>, counts: bool) -> Result<()> {
    for arguments in LISTS {
        drop(stage.world.tally.take());
        let (ms, highest_mb) = run(stage, arguments).await?;
        if counts {
            let listed = lists.entry(arguments.join(" ")).or_default();
            listed.ms.add(ms);
            listed.highest_mb.add(highest_mb);
            listed.units = stage.world.tally.take().units();
        }
    }
    Ok(())
}

/// Milliseconds and MB.
async fn run(stage: &Stage, arguments: &[&str]) -> Result<(f64, f64)> {
    let started = Instant::now();
    let process = fixture::command(&stage.places.command, &stage.world, arguments).spawn()?;
    let id = process.id().context("it has ended")?;
    let mut ended = pin!(process.wait_with_output());
    let mut highest: f64 = 0.0;
    let output = loop {
        tokio::select! {
            output = &mut ended => break output?,
            () = tokio::time::sleep(LOOK) => {
                // It may end in between.
                highest = process::memory(id).map_or(highest, |memory| memory.highest.max(highest));
            }
        }
    };
    let ms = millis(started.elapsed());
    let printed = fixture::printed(&output, arguments)?;
    let lines = printed.get("connections").and_then(Value::as_array).map_or(0, Vec::len);
    anyhow::ensure!(
        lines == PAGE,
        "handover {} shows {lines} of {PAGE}",
        arguments.join(" ")
    );
    Ok((ms, highest))
}
