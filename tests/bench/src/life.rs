//! A connection's life from link to registered database, step by step, with every call counted.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    batch::REGISTRATION,
    cold::succeeded,
    cost::Needs,
    fixture,
    function::{Answered, Function, Program},
    stage::{BATCH, Stage},
    table::CONNECTIONS,
    tally::{Calls, Path, Units},
};

/// Memory of each function by the template, in GB.
const MEMORY: f64 = 256.0 / 1_024.0;
/// What Lambda itself logs of an invocation: three lines, START, END and REPORT, with request id and times.
const LAMBDAS_OWN_LINES: f64 = 330.0;
/// A message is sent (counted where it is), received and deleted; in batches of one, as at a million a month.
const RECEIVE_AND_DELETE: f64 = 2.0;
/// Months that a finished connection is kept: 180 days.
const MONTHS: f64 = 6.0;
/// Months that links and trips are kept: a week until a link lapses, and 30 days. A trip lapses within the hour.
const MONTHS_OF_LINKS: f64 = 37.0 / 30.0;
/// The sweeper runs every five minutes.
const SWEEPS_A_MONTH: f64 = 12.0 * 24.0 * 30.0;
const MILLION: f64 = 1_000_000.0;
const GB: f64 = 1_000_000_000.0;

/// One step, for one connection.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Step {
    /// Calls by service and operation.
    pub calls: BTreeMap<String, usize>,
    /// What lies one after another.
    pub path: Path,
    /// Read and write units.
    pub units: Units,
    /// Write units by what is written.
    pub written: BTreeMap<String, f64>,
    /// What it needs of each thing that is charged.
    pub needs: Needs,
}

/// A whole life.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Life {
    /// Its steps.
    pub steps: BTreeMap<&'static str, Step>,
    /// The largest items, in bytes, by the beginning of their key.
    pub items: BTreeMap<&'static str, usize>,
    /// All that one pair needs.
    pub needs: Needs,
    /// Write units by what is written.
    pub written: BTreeMap<String, f64>,
    /// What deferring its registration needs: the sweep's part, and the message.
    pub deferral: Needs,
}

/// Lives it through, at a distance of `round_trip`.
///
/// # Errors
/// When a step does not go as on a good day.
pub async fn live(stage: &Stage, round_trip: Duration) -> Result<Life> {
    let mut life = Life::default();
    stage.world.set_round_trip(round_trip);
    stage.world.invantive.take(REGISTRATION);
    customer(stage, &mut life).await?;
    sweep(stage, &mut life).await?;
    register(stage, &mut life).await?;
    stage.world.invantive.take(Duration::ZERO);
    for step in life.steps.values() {
        life.needs.add_all(&step.needs, 1.0);
        for (what, units) in &step.written {
            *life.written.entry(what.clone()).or_default() += units;
        }
    }
    let [staying, passing] = stage.due.tables.bytes(CONNECTIONS, "gone_at");
    let one = |bytes: usize| u32::try_from(bytes / BATCH).map(|bytes| f64::from(bytes) / GB);
    // A connection's entries in its indexes, of keys only with 100 bytes each that DynamoDB adds, are below a tenth of it.
    let gb_months = one(staying)? * MONTHS + one(passing)? * MONTHS_OF_LINKS;
    life.needs.add("dynamodb_gb_month", gb_months);
    life.needs.add("dynamodb_backup_gb_month", gb_months);
    Ok(life)
}

/// An event's answer and all that came of it.
struct Measured {
    answered: Answered,
    calls: Calls,
    written: BTreeMap<String, f64>,
    log: f64,
}

async fn invoke(stage: &Stage, function: &mut Function, event: &Value) -> Result<Measured> {
    function.idle().await?;
    drop(stage.world.tally.take());
    drop(stage.world.dynamodb.take_written());
    let before = fs::metadata(&stage.log)?.len();
    let answered = function.invoke(event).await?;
    let log = fs::metadata(&stage.log)?.len().saturating_sub(before);
    Ok(Measured {
        answered,
        calls: stage.world.tally.take(),
        written: stage.world.dynamodb.take_written(),
        log: f64::from(u32::try_from(log)?),
    })
}

/// What an invocation for `shared_by` connections needs, for one of them.
fn step(measured: &Measured, shared_by: f64) -> Step {
    let (units, calls) = (measured.calls.units(), &measured.calls);
    let count = |service| f64::from(u32::try_from(calls.requests_to(service)).unwrap_or(u32::MAX));
    let mut needs = Needs::default();
    needs.add("lambda_request", 1.0 / shared_by);
    needs.add(
        "lambda_gb_second",
        measured.answered.ms() / 1_000.0 * MEMORY / shared_by,
    );
    needs.add("log_gb", (measured.log + LAMBDAS_OWN_LINES) / GB / shared_by);
    needs.add("dynamodb_read_unit", units.reads / shared_by);
    needs.add("dynamodb_write_unit", units.writes / shared_by);
    needs.add("kms_request", count("kms") / shared_by);
    needs.add("sqs_request", count("sqs") / shared_by);
    Step {
        calls: calls.counts(),
        path: calls.critical_path(),
        units,
        written: measured.written.clone(),
        needs,
    }
}

async fn start(stage: &Stage, program: &Program) -> Result<Function> {
    let mut function = Function::start(program, &stage.log).await?;
    function.ready().await?;
    Ok(function)
}

/// The OEM makes a connection; the customer opens the link, consents and is shown the outcome.
async fn customer(stage: &Stage, life: &mut Life) -> Result<()> {
    stage.world.dynamodb.restore(&stage.consenting.tables);
    let mut callback = start(stage, &stage.callback).await?;
    // Warm: the application is open, the connections are too.
    let event = stage.consenting.events.first().context("no event")?;
    callback.invoke(event).await?;
    drop(stage.world.tally.take());
    drop(stage.world.dynamodb.take_written());
    let link = fixture::connect(&stage.places.command, &stage.world, 77, "--register-in=3d").await?;
    let calls = stage.world.tally.take();
    let mut needs = Needs::default();
    needs.add("dynamodb_read_unit", calls.units().reads);
    needs.add("dynamodb_write_unit", calls.units().writes);
    needs.add("kms_request", f64::from(u32::try_from(calls.requests_to("kms"))?));
    let made = Step {
        calls: calls.counts(),
        path: calls.critical_path(),
        units: calls.units(),
        written: stage.world.dynamodb.take_written(),
        needs,
    };
    life.steps.insert("1 connect (command)", made);
    let opened = invoke(stage, &mut callback, &fixture::opening(&link)).await?;
    life.steps.insert("2 GET /connect", behind_gateway(step(&opened, 1.0)));
    let event = fixture::coming_back(&opened.answered.body, 77)?;
    let consented = invoke(stage, &mut callback, &event).await?;
    succeeded("callback", &consented.answered.body)?;
    life.steps
        .insert("3 GET /callback", behind_gateway(step(&consented, 1.0)));
    let location = consented
        .answered
        .body
        .pointer("/headers/location")
        .and_then(Value::as_str);
    let mut shown = fixture::request(location.context("no location")?, "", &[]);
    if let (Some(shown), Some(cookies)) = (shown.as_object_mut(), event.get("cookies")) {
        shown.insert("cookies".into(), cookies.clone());
    }
    let shown = invoke(stage, &mut callback, &shown).await?;
    anyhow::ensure!(
        shown.answered.body.get("statusCode") == Some(&json!(200)),
        "the outcome was not shown"
    );
    life.steps.insert("4 GET /connected", behind_gateway(step(&shown, 1.0)));
    let tables = stage.world.dynamodb.snapshot();
    for beginning in ["CONN#", "LINK#", "AUTH#", "IDENT#", "PAIR#"] {
        life.items.insert(beginning, tables.largest(beginning));
    }
    callback.stop().await
}

fn behind_gateway(mut step: Step) -> Step {
    step.needs.add("http_api_request", 1.0);
    step
}

/// The sweeper finds ten that are due soon.
async fn sweep(stage: &Stage, life: &mut Life) -> Result<()> {
    stage.world.dynamodb.restore(&stage.resting.tables);
    let mut sweeper = start(stage, &stage.sweeper).await?;
    sweeper.invoke(&json!({})).await?;
    let idle = invoke(stage, &mut sweeper, &json!({})).await?;
    let busy = all_of_them(stage, &mut sweeper).await?;
    // The beat is paid for once, whatever is due: what the ten add to it is theirs.
    let (beat, busy) = (step(&idle, 1.0), step(&busy, 1.0));
    let mut own = busy.needs.clone();
    own.add_all(&beat.needs, -1.0);
    let mut needs = Needs::default();
    needs.add_all(&own, 0.1);
    needs.add_all(&beat.needs, SWEEPS_A_MONTH / MILLION);
    life.deferral.add_all(&needs, 1.0);
    life.deferral.add("sqs_request", RECEIVE_AND_DELETE);
    let mut busy = Step { needs, ..busy };
    busy.written.values_mut().for_each(|units| *units /= 10.0);
    life.steps.insert("5 sweep (one of ten)", busy);
    sweeper.stop().await
}

/// They come within the sweeper's reach two seconds after they were made.
async fn all_of_them(stage: &Stage, sweeper: &mut Function) -> Result<Measured> {
    for _ in 0..40 {
        stage.world.dynamodb.restore(&stage.soon.tables);
        drop(stage.world.sqs.take());
        let busy = invoke(stage, sweeper, &json!({})).await?;
        if stage.world.sqs.take().len() == BATCH {
            return Ok(busy);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    anyhow::bail!("the sweeper does not find what is due soon")
}

/// The worker registers one; its batch has no other.
async fn register(stage: &Stage, life: &mut Life) -> Result<()> {
    let mut worker = start(stage, &stage.worker).await?;
    let body = stage.due.events.first().and_then(Value::as_str).context("no pointer")?;
    let event = fixture::batch(&[body.to_owned()]);
    stage.world.dynamodb.restore(&stage.due.tables);
    worker.invoke(&event).await?;
    stage.world.dynamodb.restore(&stage.due.tables);
    let registered = invoke(stage, &mut worker, &event).await?;
    succeeded("worker", &registered.answered.body)?;
    anyhow::ensure!(registered.calls.requests_to("invantive") == 1, "nothing was registered");
    let mut step = step(&registered, 1.0);
    step.needs.add("sqs_request", RECEIVE_AND_DELETE);
    life.steps.insert("6 registration", step);
    worker.stop().await
}
