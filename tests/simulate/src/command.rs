//! The command: plays so many seeds over all processors, or one of them aloud.

use std::{
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use handover_simulation::lock;

use crate::{
    breaks::Break,
    coverage::Coverage,
    house::House,
    rows::ROWS,
    run::{self, Game, Report},
};

/// Fewer seeds need not reach every cell of the table.
pub const ENOUGH: u64 = 20_000;
/// Lines of a run that are shown with a violation.
const LAST: usize = 60;

/// Reads `SEED` and `SEEDS` from the environment, and plays.
#[must_use]
pub fn run() -> ExitCode {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if std::env::args().any(|argument| argument == "breaks") {
        return breaks(number("SEEDS").unwrap_or(ENOUGH));
    }
    match (number("SEED"), number("SEEDS")) {
        (Some(seed), _) => aloud(seed),
        (None, seeds) => all(seeds.unwrap_or(ENOUGH)),
    }
}

/// Plays seeds with each promise broken until something notices. Fails if nothing does.
fn breaks(most: u64) -> ExitCode {
    let Ok(house) = House::set_up().map(Arc::new) else {
        return ExitCode::FAILURE;
    };
    println!("| broken on purpose | noticed by | after seeds |");
    println!("|---|---|---:|");
    let mut all = true;
    for (broken, told, expected) in Break::ALL {
        let noticed = noticed(&house, broken, expected, most);
        all &= noticed.is_some();
        let (by, after) = noticed.map_or_else(|| ("nothing", "-".into()), |(by, after)| (by, after.to_string()));
        println!("| {told} | `{by}` | {after} |");
    }
    if all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn noticed(house: &Arc<House>, broken: Break, expected: &str, most: u64) -> Option<(&'static str, u64)> {
    let game = Game {
        aloud: false,
        broken: Some(broken),
    };
    (0..most).find_map(|seed| {
        let report = run::play(seed, house, game).ok()?;
        let fits = |invariant: &str| expected == "any" || expected == invariant;
        let found = report.violations.iter().find(|one| fits(one.invariant))?;
        Some((found.invariant, seed + 1))
    })
}

fn aloud(seed: u64) -> ExitCode {
    match replay(seed) {
        Some(report) => {
            for line in report.trace.lines() {
                println!("{line}");
            }
            println!("{} steps, hash {:016x}", report.steps, report.trace.hash());
            for violation in &report.violations {
                println!("{}: {}", violation.invariant, violation.found);
            }
            if report.violations.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        None => ExitCode::FAILURE,
    }
}

fn replay(seed: u64) -> Option<Report> {
    let house = Arc::new(House::set_up().ok()?);
    let game = Game {
        aloud: true,
        ..Game::default()
    };
    run::play(seed, &house, game).ok()
}

/// What all seeds showed.
#[derive(Debug, Default)]
struct Sum {
    coverage: Coverage,
    failed: Vec<(u64, String)>,
    steps: u64,
}

fn all(seeds: u64) -> ExitCode {
    let Ok(house) = House::set_up().map(Arc::new) else {
        eprintln!("the world cannot be set up");
        return ExitCode::FAILURE;
    };
    let next = AtomicU64::new(0);
    let sum = Mutex::new(Sum::default());
    let threads = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut mine = Sum::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    mine.play(seed, &house);
                }
                lock(&sum).add(mine);
            });
        }
    });
    let sum = std::mem::take(&mut *lock(&sum));
    told(seeds, sum)
}

impl Sum {
    fn play(&mut self, seed: u64, house: &Arc<House>) {
        match run::play(seed, house, Game::default()) {
            Ok(report) => {
                self.coverage.add(&report.coverage);
                self.steps += report.steps;
                let violations = report.violations.into_iter();
                self.failed
                    .extend(violations.map(|one| (seed, format!("{}: {}", one.invariant, one.found))));
            }
            Err(error) => self.failed.push((seed, format!("the world cannot be set up: {error}"))),
        }
    }

    fn add(&mut self, other: Self) {
        self.coverage.add(&other.coverage);
        self.failed.extend(other.failed);
        self.steps += other.steps;
    }
}

fn told(seeds: u64, mut sum: Sum) -> ExitCode {
    println!("{}", sum.coverage.table());
    let gaps = if seeds >= ENOUGH {
        sum.coverage.gaps(ROWS)
    } else {
        Vec::new()
    };
    for gap in &gaps {
        println!("not reached: {gap}");
    }
    if seeds < ENOUGH {
        println!("a cell that was not reached counts as a failure from {ENOUGH} seeds on");
    }
    sum.failed.sort();
    if let Some((seed, found)) = sum.failed.first() {
        println!("\nseed {seed}: {found}\nthe last steps:");
        let report = replay(*seed);
        let lines = report.as_ref().map(|report| report.trace.lines()).unwrap_or_default();
        for line in lines.iter().skip(lines.len().saturating_sub(LAST)) {
            println!("{line}");
        }
        println!("all of it: SEED={seed} make simulate\n");
    }
    for (seed, found) in sum.failed.iter().take(20) {
        println!("seed {seed}: {found}");
    }
    println!(
        "{seeds} seeds, {} calls, {} violations",
        sum.coverage.calls(),
        sum.failed.len()
    );
    if sum.failed.is_empty() && gaps.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
