//! `make model`: all configurations, or those that are named; `make model-breaks`: the precautions that are left out.

use std::process::ExitCode;

use handover_model::{Break, CONFIGURATIONS, Configuration, check};

fn main() -> ExitCode {
    let names: Vec<_> = std::env::args().skip(1).collect();
    let sound = if names.iter().any(|name| name == "breaks") {
        breaks()
    } else {
        promises(&names)
    };
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether every promise holds, and all that matters was reached.
fn promises(names: &[String]) -> bool {
    let chosen = |one: &&Configuration| names.is_empty() || names.iter().any(|name| name == one.name);
    let mut sound = true;
    let mut states = 0;
    let mut violations = 0;
    for configuration in CONFIGURATIONS.iter().filter(chosen) {
        let report = check(configuration, None);
        println!("{report}");
        for (promise, way) in &report.violations {
            println!("broken: {promise}\n{way}");
        }
        for name in &report.unreached {
            println!("not reached: {name}");
        }
        sound &= report.violations.is_empty() && report.unreached.is_empty();
        states += report.states;
        violations += report.violations.len();
    }
    println!("{states} states, {violations} violations");
    sound
}

/// Whether every break is noticed by the promise that it breaks.
fn breaks() -> bool {
    println!("| left out | where | broken promise | states until then |");
    println!("|---|---|---|---:|");
    let mut all = true;
    for broken in Break::ALL {
        let (name, promise) = broken.shows();
        let report = Configuration::named(name).map(|configuration| check(configuration, Some(broken)));
        let caught = report.filter(|report| report.violations.iter().any(|(found, _)| *found == promise.name()));
        let states = caught
            .as_ref()
            .map_or_else(|| "not noticed".into(), |report| report.states.to_string());
        println!("| `{broken:?}` | {name} | {} | {states} |", promise.name());
        all &= caught.is_some();
    }
    all
}
