//! `precision`: how late registrations are. See the library.

use std::process::ExitCode;

use anyhow::Result;
use handover_precision::{local, simulated::report};

#[tokio::main]
async fn main() -> ExitCode {
    let right = tokio::select! {
        right = run() => right,
        // What was started ends with what is dropped.
        _ = tokio::signal::ctrl_c() => Ok(false),
    };
    match right {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("make precision failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `precision simulated` or `precision local`: one of the two. Whether none was early, lost or doubled.
async fn run() -> Result<bool> {
    match std::env::args().nth(1).as_deref() {
        Some("simulated") => {
            let seeds = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok());
            Ok(report::told(seeds.unwrap_or(report::SEEDS)))
        }
        Some("local") => local::run().await,
        _ => anyhow::bail!("`precision simulated`, or `precision local`"),
    }
}
