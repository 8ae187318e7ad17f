//! The callback built in several ways, one beside the other.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    cold::{self, Cold, Contender},
    figures,
    function::Program,
    programs,
    report::{aligned, spread},
    stage::Stage,
    warm::{self, Warm},
};

/// One way to build it.
struct Variant {
    name: String,
    /// Bytes by function.
    zips: BTreeMap<String, u64>,
    cold: Cold,
    warm: Warm,
}

const HEAD: [&str; 10] = [
    "zips of",
    "callback, MB",
    "worker, MB",
    "sweeper, MB",
    "start to first `next`, ms",
    "start to first answer, ms",
    "… held to a 256 MB share, ms",
    "processor time to first answer, ms",
    "warm answer, ms",
    "processor time of one, ms",
];

/// Starts the callback of each folder of zips `starts` times, in turn, and lets each answer `events` times warm. Answers
/// a table.
///
/// # Errors
/// When a zip is missing, or one fails.
pub async fn measure(
    stage: &Stage,
    folders: &[PathBuf],
    folder: &Path,
    starts: usize,
    events: usize,
) -> Result<String> {
    let event = stage.consenting.events.first().context("no event")?;
    let mut built = Vec::new();
    for zips in folders {
        let places = programs::Places {
            zips: zips.clone(),
            ..stage.places.clone()
        };
        let name = zips.file_name().context("a folder has a name")?.to_string_lossy();
        let unpacked = folder.join("variants").join(&*name);
        let program = programs::function(&places, &stage.world, "callback", &unpacked).await?;
        let program = Program {
            name: name.into_owned(),
            ..program
        };
        built.push((program, figures::zips(&places)?));
    }
    let contenders: Vec<_> = built
        .iter()
        .map(|(program, _)| Contender::new(program, &stage.consenting, event.clone()))
        .collect();
    let mut starts = cold::in_turn(stage, &contenders, starts).await?;
    let mut variants = Vec::new();
    for (program, zips) in &built {
        variants.push(Variant {
            name: program.name.clone(),
            zips: zips.clone(),
            cold: starts.remove(&program.name).context("it was not started")?,
            warm: warm::one(stage, program, event, events).await?,
        });
    }
    Ok(aligned(&HEAD, variants.iter().map(Variant::cells)))
}

impl Variant {
    fn cells(&self) -> [String; 10] {
        let megabytes = |function| figures::megabytes(self.zips.get(function).copied().unwrap_or_default());
        [
            self.name.clone(),
            format!("{:.2}", megabytes("callback")),
            format!("{:.2}", megabytes("worker")),
            format!("{:.2}", megabytes("sweeper")),
            spread(&self.cold.ready_ms),
            spread(&self.cold.first_answer_ms),
            spread(&self.cold.first_answer_256_ms),
            spread(&self.cold.cpu_first_answer_ms),
            spread(&self.warm.answer_ms),
            spread(&self.warm.cpu_ms),
        ]
    }
}
