//! `make model`: all configurations, or those that are named.

use std::process::ExitCode;

use handover_model::{CONFIGURATIONS, Configuration, check};

fn main() -> ExitCode {
    let names: Vec<_> = std::env::args().skip(1).collect();
    let chosen = |one: &&Configuration| names.is_empty() || names.iter().any(|name| name == one.name);
    let mut sound = true;
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
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
