//! Cold starts: a fresh process, again and again, ours and the peers' in turn.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    fixture,
    function::{Function, Program},
    stage::{Moment, Stage},
    stats::Sample,
    tally::Path,
};

/// Of each function by the template, in MB.
const MEMORY: f64 = 256.0;

/// What a cold start takes.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Cold {
    /// From the start of the process until it asks for its first event.
    pub ready_ms: Sample,
    /// From the start of the process until its first answer; the event is handed out when it is asked for.
    pub first_answer_ms: Sample,
    /// The same with Lambda's share of a processor for 256 MB, from the first event on.
    pub first_answer_256_ms: Sample,
    /// Resident memory after the first answer.
    pub resident_mb: Sample,
    /// Processor time until it was ready.
    pub cpu_ready_ms: Sample,
    /// Processor time until the first answer.
    pub cpu_first_answer_ms: Sample,
    /// Calls until it was ready, in the last run.
    pub calls_before: BTreeMap<String, usize>,
    /// Calls from there to the first answer, in the last run.
    pub calls_after: BTreeMap<String, usize>,
    /// What lay one after another from there to the first answer, in the last run.
    pub path: Path,
}

/// One that is started.
pub struct Contender<'a> {
    program: &'a Program,
    moment: &'a Moment,
    event: Value,
}

impl<'a> Contender<'a> {
    /// A program that is given `event` at `moment`.
    #[must_use]
    pub fn new(program: &'a Program, moment: &'a Moment, event: Value) -> Self {
        Self { program, moment, event }
    }
}

/// Starts each `rounds` times; answers what it took by name.
///
/// # Errors
/// When one fails.
pub async fn measure(stage: &Stage, rounds: usize) -> Result<BTreeMap<String, Cold>> {
    let first = |moment: &Moment| moment.events.first().cloned().context("no event");
    let pointer = first(&stage.due)?;
    let pointer = pointer.as_str().context("a pointer is text")?.to_owned();
    let contenders = [
        Contender::new(&stage.callback, &stage.consenting, first(&stage.consenting)?),
        Contender::new(&stage.python, &stage.consenting, stage.peer_event.clone()),
        Contender::new(&stage.node, &stage.consenting, stage.peer_event.clone()),
        Contender::new(&stage.worker, &stage.due, fixture::batch(&[pointer])),
        Contender::new(&stage.sweeper, &stage.resting, json!({})),
    ];
    in_turn(stage, &contenders, rounds).await
}

/// The same for whom one likes.
///
/// # Errors
/// When one fails.
pub async fn in_turn(stage: &Stage, contenders: &[Contender<'_>], rounds: usize) -> Result<BTreeMap<String, Cold>> {
    let mut all = BTreeMap::<String, Cold>::new();
    // The first round fills the system's caches, and the interpreter's.
    for round in 0..=rounds {
        for contender in contenders {
            let cold = all.entry(contender.program.name.clone()).or_default();
            let mut unused = Cold::default();
            let cold = if round == 0 { &mut unused } else { cold };
            once(stage, contender, cold).await?;
            held(stage, contender, cold).await?;
        }
    }
    Ok(all)
}

async fn once(stage: &Stage, contender: &Contender<'_>, cold: &mut Cold) -> Result<()> {
    stage.world.dynamodb.restore(&contender.moment.tables);
    drop(stage.world.tally.take());
    let mut function = Function::start(contender.program, &stage.log).await?;
    cold.ready_ms.add(function.ready().await?);
    cold.cpu_ready_ms.add(function.cpu_ms()?);
    cold.calls_before = stage.world.tally.take().counts();
    let answered = function.ask(&contender.event).await?;
    cold.first_answer_ms.add(function.since_start(answered.at));
    succeeded(&contender.program.name, &answered.body)?;
    function.idle().await?;
    cold.cpu_first_answer_ms.add(function.cpu_ms()?);
    cold.resident_mb.add(function.memory()?.resident);
    let calls = stage.world.tally.take();
    (cold.calls_after, cold.path) = (calls.counts(), calls.critical_path());
    function.stop().await
}

async fn held(stage: &Stage, contender: &Contender<'_>, cold: &mut Cold) -> Result<()> {
    stage.world.dynamodb.restore(&contender.moment.tables);
    let mut function = Function::start(contender.program, &stage.log).await?;
    function.ready().await?;
    let share = function.hold(MEMORY)?;
    let answered = function.ask(&contender.event).await?;
    succeeded(&contender.program.name, &answered.body)?;
    cold.first_answer_256_ms.add(function.since_start(answered.at));
    drop(share);
    function.stop().await
}

/// Whether an answer is the one of a good day: a redirect, no message that comes back, or nothing at all.
///
/// # Errors
/// When it is another.
pub fn succeeded(name: &str, answer: &Value) -> Result<()> {
    let fine = match answer.get("statusCode") {
        Some(status) => status == 303,
        None => answer
            .get("batchItemFailures")
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty),
    };
    anyhow::ensure!(fine, "{name} answered {answer}");
    Ok(())
}
