//! What is printed at the end.

use std::fmt::Write as _;

use super::{books::Observed, plan::Plan};
use crate::{
    lateness::{Lateness, Seconds, verdict},
    table::table,
};

/// Wrong things that are told one by one.
const TOLD: usize = 10;

/// The table, and what should not have been.
pub(super) fn told(plan: &Plan, observed: &Observed, [load_before, load_after]: [&str; 2]) -> String {
    let Plan {
        seed,
        connections,
        within,
    } = plan;
    let mut text = String::new();
    for wrong in observed.wrong.iter().take(TOLD) {
        line(&mut text, format_args!("{wrong}"));
    }
    let head = format!(
        "local cloud, {connections} within {} min; seconds",
        within.as_secs() / 60
    );
    let head = [
        head.as_str(),
        "registered",
        "early",
        "p50",
        "p95",
        "p99",
        "max",
        "p99 at most 2 s",
    ];
    let early = observed.late.early().to_string();
    let met = verdict(observed.late.is_met() && observed.wrong.is_empty());
    let rows = [
        row("due, until Invantive Cloud is reached", &observed.late, [&early, met]),
        row(
            "- until the whole second that the queue is asked for",
            &observed.asked_for,
            ["", ""],
        ),
        row(
            "- until the local cloud's worker makes its first call",
            &observed.fetched,
            ["", ""],
        ),
        row(
            "- until the worker has reached Invantive Cloud",
            &observed.worked,
            ["", ""],
        ),
    ];
    text.push_str(&table(head, &rows));
    line(
        &mut text,
        format_args!(
            "SEED={seed}; the sweeper's last wake-up was sent {} s before the first was due; load {load_before} at the start, {load_after} at the end",
            Seconds(observed.ready_before)
        ),
    );
    text
}

fn row(what: &str, lateness: &Lateness, [early, met]: [&str; 2]) -> [String; 8] {
    let seconds = |of_hundred| Seconds(lateness.percentile(of_hundred)).to_string();
    [
        what.to_owned(),
        lateness.len().to_string(),
        early.to_owned(),
        seconds(50),
        seconds(95),
        seconds(99),
        seconds(100),
        met.to_owned(),
    ]
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing into a text cannot fail.
    let _ = writeln!(text, "{words}");
}
