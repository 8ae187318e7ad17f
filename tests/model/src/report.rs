//! Checking a configuration.

use std::{fmt, time::Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::{
    breaks::Break,
    configuration::Configuration,
    model::Protocol,
    promises::{Happened, properties},
};

/// What a check found.
#[derive(Debug)]
pub struct Report {
    name: &'static str,
    bounds: String,
    /// States that differ.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    seconds: u64,
    /// Promises that do not hold, each with the way there.
    pub violations: Vec<(&'static str, String)>,
    /// What it should have reached and did not.
    pub unreached: Vec<&'static str>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            bounds,
            states,
            steps,
            seconds,
            ..
        } = self;
        let violations = self.violations.len();
        write!(
            f,
            "model: {name}: {bounds}: {states} states, {steps} steps, {violations} violations ({seconds} s)"
        )
    }
}

/// Explores all that `configuration` allows; with a break until the promise shows that it is broken.
#[must_use]
pub fn check(configuration: &'static Configuration, broken: Option<Break>) -> Report {
    let began = Instant::now();
    let protocol = Protocol {
        configuration,
        broken,
        happened: Happened::default(),
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let until = if broken.is_some() {
        HasDiscoveries::AnyFailures
    } else {
        HasDiscoveries::AllFailures
    };
    let checker = protocol
        .checker()
        .threads(threads)
        .finish_when(until)
        .spawn_bfs()
        .join();
    let found = checker.discoveries();
    let violations = properties()
        .into_iter()
        .filter(|property| property.expectation == Expectation::Always)
        .filter_map(|property| Some((property.name, found.get(property.name)?)))
        .map(|(name, path)| (name, way(path.clone().into_actions())))
        .collect();
    Report {
        name: configuration.name,
        bounds: configuration.to_string(),
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        seconds: began.elapsed().as_secs(),
        violations,
        unreached: configuration
            .reaches
            .iter()
            .filter(|name| !found.contains_key(*name))
            .copied()
            .collect(),
    }
}

fn way(actions: Vec<impl fmt::Debug>) -> String {
    let lines: Vec<_> = actions.iter().map(|action| format!("  {action:?}")).collect();
    lines.join("\n")
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds = self.bounds;
        let all = [
            ("crashes", bounds.crashes),
            ("faults", bounds.faults),
            ("duplicates", bounds.duplicates),
            ("rotations", bounds.rotations),
            ("submissions", bounds.submissions),
            ("consents", bounds.consents),
            ("acts of the operator", bounds.acts),
            ("deadlines", bounds.waits),
        ];
        f.write_str("2 workers, 1 sweeper")?;
        if bounds.consents > 0 {
            f.write_str(", 2 tabs")?;
        }
        for (name, most) in all.into_iter().filter(|(_, most)| *most > 0) {
            write!(f, ", {most} {name}")?;
        }
        Ok(())
    }
}
