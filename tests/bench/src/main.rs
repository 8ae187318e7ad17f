//! See the library.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use handover_bench::{
    batch, cold, expected,
    figures::{self, Run},
    instructions, life,
    machine::Machine,
    memory,
    programs::Places,
    report, scale,
    stage::Stage,
    variants, warm,
};
use serde_json::json;

/// What can be set, by the environment.
struct Settings {
    round_trip: Duration,
    cold: usize,
    warm: usize,
    batches: usize,
    messages: usize,
    sweeps: usize,
}

fn number(key: &str, usual: usize) -> Result<usize> {
    match env::var(key) {
        Ok(text) => text
            .parse()
            .with_context(|| format!("{key} is `{text}`: it has to be a number")),
        Err(_) => Ok(usual),
    }
}

impl Settings {
    fn read() -> Result<Self> {
        Ok(Self {
            round_trip: Duration::from_millis(u64::try_from(number("ROUND_TRIP_MS", 20)?)?),
            cold: number("COLD", 15)?,
            warm: number("WARM", 100)?,
            batches: number("BATCHES", 20)?,
            messages: number("MESSAGES", 100_000)?,
            sweeps: number("SWEEPS", 5)?,
        })
    }
}

fn project() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| project().join("target"), PathBuf::from)
}

/// As `make` leaves them, unless the environment says otherwise.
fn places() -> Places {
    let place = |key: &str, usual: PathBuf| env::var_os(key).map_or(usual, PathBuf::from);
    Places {
        zips: place("BENCH_ZIPS", target().join("lambda")),
        command: place("BENCH_HANDOVER", target().join("debug/handover")),
        python: place("BENCH_PYTHON", project().join(".venv-bench/bin/python3")),
        peers: project().join("tests/bench/peers"),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match tempfile::tempdir() {
        Ok(folder) => {
            let ended = run(folder.path()).await;
            if ended.is_err() {
                last_lines(&folder.path().join("functions.log"));
            }
            ended
        }
        Err(error) => Err(error.into()),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("the benchmark stops: {error:#}");
        ExitCode::FAILURE
    })
}

/// What the functions said last.
fn last_lines(log: &Path) {
    let log = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = log.lines().rev().take(10).collect();
    lines.iter().rev().for_each(|line| eprintln!("{line}"));
}

async fn run(folder: &Path) -> Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let settings = Settings::read()?;
    match arguments.as_slice() {
        [] => all(folder, &settings, false).await,
        ["readme"] => all(folder, &settings, true).await,
        ["counts"] => {
            let stage = Stage::set(places(), folder.to_owned()).await?;
            judge(&expected::of(&life::live(&stage, settings.round_trip).await?))
        }
        ["counts", "--write"] => {
            let stage = Stage::set(places(), folder.to_owned()).await?;
            expected::write(&expected::of(&life::live(&stage, settings.round_trip).await?))?;
            Ok(ExitCode::SUCCESS)
        }
        ["instructions"] => {
            let stage = Stage::set(places(), folder.to_owned()).await?;
            print!("{}", instructions::measure(&stage, folder).await?);
            Ok(ExitCode::SUCCESS)
        }
        ["scale"] => alone(folder, &settings).await,
        ["variants", folders @ ..] if !folders.is_empty() => {
            let stage = Stage::set(places(), folder.to_owned()).await?;
            let folders: Vec<_> = folders.iter().map(PathBuf::from).collect();
            let table = variants::measure(&stage, &folders, folder, settings.cold, settings.warm).await?;
            print!("{table}");
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!("usage: bench [readme | scale | counts [--write] | instructions | variants ZIPS...]");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Fails when more is called or stored than was expected; never for a time.
fn judge(counted: &expected::Numbers) -> Result<ExitCode> {
    let grown = expected::grown(counted)?;
    for line in &grown {
        eprintln!("grown: {line}");
    }
    if grown.is_empty() {
        println!("calls, units and sizes: none above tests/bench/expected.json");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("`bench counts --write` takes these as expected, if they have to be");
    Ok(ExitCode::FAILURE)
}

/// Sweeps and lists over many stored connections alone.
async fn alone(folder: &Path, settings: &Settings) -> Result<ExitCode> {
    eprintln!("setting up: upstreams over TLS, connections by the command and the callback");
    let stage = Stage::set(places(), folder.to_owned()).await?;
    let scale = scale::measure(&stage, settings.sweeps, settings.round_trip).await?;
    eprintln!("the benchmark itself had {:.0} MB at most", scale.own_highest_mb);
    println!("{}", report::table(&scale.figures()));
    Ok(ExitCode::SUCCESS)
}

async fn all(folder: &Path, settings: &Settings, readme: bool) -> Result<ExitCode> {
    let machine = Machine::here();
    eprintln!("setting up: upstreams over TLS, connections by the command and the callback");
    let stage = Stage::set(places(), folder.to_owned()).await?;
    let life = life::live(&stage, settings.round_trip).await?;
    let counted = expected::of(&life);
    eprintln!("cold starts: {} of each", settings.cold);
    let cold = cold::measure(&stage, settings.cold).await?;
    eprintln!("warm callbacks: {} of each", settings.warm);
    let warm = warm::measure(&stage, settings.warm).await?;
    eprintln!("registrations: {} batches of one and of ten", settings.batches);
    let batches = batch::measure(&stage, settings.batches).await?;
    eprintln!("memory: {} messages", settings.messages);
    let growth = memory::measure(&stage, settings.messages).await?;
    eprintln!("sweeps and lists: {} over each of three sizes", settings.sweeps);
    let scale = scale::measure(&stage, settings.sweeps, settings.round_trip).await?;
    let run = Run {
        machine,
        round_trip_ms: settings.round_trip.as_secs_f64() * 1_000.0,
        cold,
        warm,
        batches,
        growth,
        life,
        scale,
        zips: figures::zips(&stage.places)?,
    };
    let (figures, bills) = (run.figures()?, run.bills()?);
    let [ours, naive, deferral] = bills;
    let file = target().join("bench.json");
    let document = json!({
        "figures": figures, "run": run,
        "dollars_a_million": { "handover": ours, "naive": naive, "deferral": deferral },
    });
    fs::write(&file, serde_json::to_string_pretty(&document)? + "\n").context("bench.json cannot be written")?;
    let Machine {
        processor,
        processors,
        memory_gb,
        kernel,
        load,
    } = &run.machine;
    let shown = format!(
        "{processor}, {processors} processors, {memory_gb} GB, Linux {kernel}, load at the start {load}; a round trip \
         takes {} ms; medians (p10–p90).\n\n{}",
        run.round_trip_ms,
        report::table(&figures)
    );
    println!("{shown}");
    if readme {
        report::into_readme(&shown)?;
    }
    judge(&counted)
}
