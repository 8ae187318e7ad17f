//! What may not grow unseen: calls, what lies one after another, units and sizes. Written by `bench counts --write`.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, Result};

use crate::life::Life;

/// Numbers by name.
pub type Numbers = BTreeMap<String, f64>;

/// Where they are kept.
#[must_use]
pub fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("expected.json")
}

/// What a life took.
#[must_use]
pub fn of(life: &Life) -> Numbers {
    let mut numbers = Numbers::new();
    let whole = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    for (name, step) in &life.steps {
        for (call, count) in &step.calls {
            // The command opens its own at every run; a function keeps them.
            if !call.ends_with(":connect") {
                numbers.insert(format!("{name}: {call}"), whole(*count));
            }
        }
        let path = step.path.requests.len() + 2 * step.path.connects;
        // The command opens its connections anew, and a sweep's calls lie as they happen to.
        if !name.starts_with(['1', '5']) {
            numbers.insert(format!("{name}: round trips one after another"), whole(path));
        }
        numbers.insert(format!("{name}: read units"), step.units.reads);
        numbers.insert(format!("{name}: write units"), step.units.writes);
    }
    for (beginning, size) in &life.items {
        numbers.insert(format!("largest item {beginning} in bytes"), whole(*size));
    }
    numbers
}

/// What is more than was expected, or not expected at all.
///
/// # Errors
/// When the file cannot be read.
pub fn grown(counted: &Numbers) -> Result<Vec<String>> {
    let text = fs::read_to_string(file()).context("expected.json: `bench counts --write` writes it")?;
    let expected: Numbers = serde_json::from_str(&text).context("expected.json")?;
    Ok(compare(counted, &expected))
}

fn compare(counted: &Numbers, expected: &Numbers) -> Vec<String> {
    let grown = counted.iter().filter_map(|(name, count)| match expected.get(name) {
        // Times and numbers in an item have a length of their own.
        Some(known) if *count <= known + slack(name) => None,
        Some(known) => Some(format!("{name}: {count}, {known} expected")),
        None => Some(format!("{name}: {count}, not expected at all")),
    });
    grown.collect()
}

fn slack(name: &str) -> f64 {
    if name.starts_with("largest item") { 8.0 } else { 0.0 }
}

/// Writes what was counted.
///
/// # Errors
/// When it cannot be written.
pub fn write(counted: &Numbers) -> Result<()> {
    let text = serde_json::to_string_pretty(counted)? + "\n";
    fs::write(file(), text).context("expected.json cannot be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_named() {
        let numbers = |call: f64, size: f64| {
            Numbers::from([("a: call".into(), call), ("largest item CONN# in bytes".into(), size)])
        };
        assert!(compare(&numbers(2.0, 705.0), &numbers(2.0, 700.0)).is_empty());
        assert_eq!(compare(&numbers(3.0, 709.0), &numbers(2.0, 700.0)).len(), 2);
        assert_eq!(compare(&numbers(3.0, 700.0), &Numbers::new()).len(), 2);
    }
}
