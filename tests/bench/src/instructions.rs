//! Instructions instead of seconds: the same whatever else the machine does. Needs valgrind.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    cold::succeeded,
    fixture,
    function::{Function, Program},
    stage::{Moment, Stage},
};

/// Answered by both runs: connections are open then, and what is kept is kept.
const BEFORE: u32 = 3;
/// Answered by one of them besides. What the two differ in is theirs.
const COUNTED: u32 = 10;
/// Functions that are shown.
const SHOWN: usize = 25;
const MILLION: f64 = 1_000_000.0;

/// Counts what one warm event takes of each function, and says where it goes as far as the zips have symbols.
///
/// # Errors
/// When valgrind is missing or a function fails.
pub async fn measure(stage: &Stage, folder: &Path) -> Result<String> {
    let first = |moment: &Moment| moment.events.first().cloned().context("no event");
    let bodies = stage.due.events.iter().filter_map(Value::as_str);
    let bodies: Vec<_> = bodies.map(str::to_owned).collect();
    let rounds = [
        (
            "a callback",
            &stage.callback,
            &stage.consenting,
            first(&stage.consenting)?,
        ),
        ("a sweep of ten", &stage.sweeper, &stage.soon, json!({})),
        ("ten registrations", &stage.worker, &stage.due, fixture::batch(&bodies)),
    ];
    let mut report = String::new();
    for (what, program, moment, event) in rounds {
        let less = run(stage, program, moment, &event, BEFORE, folder).await?;
        let more = run(stage, program, moment, &event, BEFORE + COUNTED, folder).await?;
        report.push_str(&told(what, &less, &more));
    }
    Ok(report)
}

/// Instructions by function.
type Counts = BTreeMap<String, f64>;

/// Answers `times` events under callgrind.
async fn run(
    stage: &Stage,
    program: &Program,
    moment: &Moment,
    event: &Value,
    times: u32,
    folder: &Path,
) -> Result<Counts> {
    let file = folder.join(format!("{}.{times}.callgrind", program.name));
    let callgrind = [
        "valgrind".to_owned(),
        "--tool=callgrind".to_owned(),
        "--quiet".to_owned(),
        format!("--callgrind-out-file={}", file.display()),
    ];
    let watched = Program {
        command: callgrind.into_iter().chain(program.command.clone()).collect(),
        ..program.clone()
    };
    let mut function = Function::start(&watched, &stage.log)
        .await
        .context("valgrind is missing: on Debian, apt-get install valgrind")?;
    for _ in 0..times {
        stage.world.dynamodb.restore(&moment.tables);
        succeeded(&program.name, &function.invoke(event).await?.body)?;
    }
    function.terminate().await?;
    read(&file).await
}

async fn read(file: &PathBuf) -> Result<Counts> {
    let annotated = Command::new("callgrind_annotate")
        .args(["--threshold=100", "--auto=no"])
        .arg(file)
        .output()
        .await?;
    ensure!(annotated.status.success(), "callgrind wrote nothing that can be read");
    let annotated = String::from_utf8_lossy(&annotated.stdout);
    let mut counts = Counts::new();
    for line in annotated.lines() {
        let Some((count, rest)) = line.trim().split_once(" (") else {
            continue;
        };
        let (Ok(count), Some((_, name))) = (count.replace(',', "").parse::<f64>(), rest.split_once("%)")) else {
            continue;
        };
        let name = name.split(" [").next().unwrap_or_default().trim();
        let name = name.split_once(':').map_or(name, |(_, function)| function);
        *counts.entry(name.to_owned()).or_default() += count;
    }
    ensure!(counts.contains_key(TOTAL), "callgrind counted nothing");
    Ok(counts)
}

const TOTAL: &str = "PROGRAM TOTALS";

fn told(what: &str, less: &Counts, more: &Counts) -> String {
    let each = |name: &String, count: &f64| {
        (count - less.get(name).copied().unwrap_or_default()) / f64::from(COUNTED) / MILLION
    };
    let mut counts: Vec<_> = more.iter().map(|(name, count)| (each(name, count), name)).collect();
    counts.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let total = counts.iter().find(|(_, name)| *name == TOTAL);
    let total = total.map(|(count, _)| *count).unwrap_or_default();
    let lines = counts.iter().filter(|(_, name)| *name != TOTAL).take(SHOWN);
    let lines = lines.map(|(count, name)| format!("  {count:6.3} {:4.1} %  {name}\n", count / total * 100.0));
    format!("{what}: {total:.2} million instructions\n{}", lines.collect::<String>())
}
