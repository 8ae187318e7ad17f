//! Runs the scenarios, then the audits of everything that they left behind.

mod audits;
mod evidence;
mod scenarios;
mod world;

use std::{process::ExitCode, sync::Arc};

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use evidence::Evidence;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Each scenario is a cloud of its own; more than the machine's cores would only make each other late.
    arguments.test_threads.get_or_insert(2);
    let runtime = match Runtime::new() {
        Ok(runtime) => Arc::new(runtime),
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let evidence = Arc::new(Evidence::default());
    let scenarios = scenarios::all().into_iter().map(|(name, scenario)| {
        let (runtime, evidence) = (Arc::clone(&runtime), Arc::clone(&evidence));
        Trial::test(name, move || verdict(runtime.block_on(scenario(evidence))))
    });
    let played = libtest_mimic::run(&arguments, scenarios.collect());
    // Part of the scenarios leaves part of the evidence: nothing to judge the whole by.
    if arguments.filter.is_some() || arguments.list || played.has_failed() {
        return played.exit_code();
    }
    let audits = audits::all().into_iter().map(|(name, audit)| {
        let evidence = Arc::clone(&evidence);
        Trial::test(name, move || verdict(audit(&evidence)))
    });
    libtest_mimic::run(&arguments, audits.collect()).exit_code()
}

fn verdict(result: Result<()>) -> Result<(), Failed> {
    result.map_err(|error| Failed::from(format!("{error:#}")))
}
