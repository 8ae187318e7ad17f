//! The one table, and the same as JSON.

use std::{fmt::Write, fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::stats::Sample;

/// What a figure has to be.
#[derive(Debug, Clone, Serialize)]
pub struct Goal {
    /// In words.
    pub text: String,
    /// Whether it was.
    pub met: bool,
}

impl Goal {
    /// A goal that was met or not.
    #[must_use]
    pub fn new(text: impl Into<String>, met: bool) -> Self {
        Self { text: text.into(), met }
    }
}

/// A line of the table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// In which unit.
    pub unit: &'static str,
    /// Ours.
    pub handover: Option<Sample>,
    /// The peer in Python.
    pub python: Option<Sample>,
    /// The peer for Node.js.
    pub node: Option<Sample>,
    /// What it is held against, if that is no peer: name and value.
    pub limit: Option<(String, f64)>,
    /// What it has to be.
    pub goal: Option<Goal>,
}

impl Figure {
    /// Of ours alone.
    #[must_use]
    pub fn of(name: impl Into<String>, unit: &'static str, handover: Sample) -> Self {
        Self {
            name: name.into(),
            unit,
            handover: Some(handover),
            ..Self::default()
        }
    }

    /// Held against a limit or an alternative.
    #[must_use]
    pub fn against(self, name: impl Into<String>, value: f64) -> Self {
        Self {
            limit: Some((name.into(), value)),
            ..self
        }
    }

    /// Beside the peers.
    #[must_use]
    pub fn beside(self, python: Sample, node: Sample) -> Self {
        Self {
            python: Some(python),
            node: Some(node),
            ..self
        }
    }

    /// With a goal.
    #[must_use]
    pub fn aiming(self, text: impl Into<String>, met: bool) -> Self {
        Self {
            goal: Some(Goal::new(text, met)),
            ..self
        }
    }

    fn ratio(&self) -> String {
        let ours = self.handover.as_ref().map(Sample::median).unwrap_or_default();
        if ours == 0.0 {
            return "–".into();
        }
        let peers = [("Python", &self.python), ("Node", &self.node)];
        let peers = peers
            .into_iter()
            .filter_map(|(name, sample)| Some(format!("{name} {:.2} ×", sample.as_ref()?.median() / ours)));
        let limit = self.limit.iter().filter(|(_, value)| *value != 0.0);
        let limit = limit.map(|(_, value)| format!("{:.2} × limit", ours / value));
        let all: Vec<String> = peers.chain(limit).collect();
        if all.is_empty() { "–".into() } else { all.join(", ") }
    }

    fn cells(&self) -> [String; 8] {
        let shown = |sample: &Option<Sample>| sample.as_ref().map_or_else(|| "–".into(), spread);
        let limit = self.limit.as_ref();
        [
            if self.unit.is_empty() {
                self.name.clone()
            } else {
                format!("{}, {}", self.name, self.unit)
            },
            shown(&self.handover),
            shown(&self.python),
            shown(&self.node),
            limit.map_or_else(|| "–".into(), |(name, value)| format!("{name} {}", number(*value))),
            self.ratio(),
            self.goal.as_ref().map_or_else(|| "–".into(), |goal| goal.text.clone()),
            self.goal
                .as_ref()
                .map_or("–", |goal| if goal.met { "met" } else { "MISSED" })
                .into(),
        ]
    }
}

/// With as many digits as say something.
fn number(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 || (value.fract() == 0.0 && magnitude < 1e9) {
        format!("{value:.0}")
    } else if magnitude < 10.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.1}")
    }
}

/// The median, and how far the others lie from it.
#[must_use]
pub fn spread(sample: &Sample) -> String {
    let (low, high) = (sample.percentile(10), sample.percentile(90));
    let median = number(sample.median());
    if sample.count() < 2 || number(low) == number(high) {
        return median;
    }
    format!("{median} ({}–{})", number(low), number(high))
}

/// The table's head.
const HEAD: [&str; 8] = [
    "figure",
    "Handover",
    "Python",
    "Node",
    "limit or alternative",
    "ratio",
    "goal",
    "met",
];

/// The table.
#[must_use]
pub fn table(figures: &[Figure]) -> String {
    aligned(&HEAD, figures.iter().map(Figure::cells))
}

/// A table, as Markdown that is readable as it stands.
pub fn aligned<const N: usize>(head: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (width, cell) in widths.iter().zip(row) {
            // Writing to a string cannot fail.
            write!(text, "| {cell:<width$} ").ok();
        }
        text.push_str("|\n");
        if number == 0 {
            for width in widths {
                write!(text, "|{}", "-".repeat(width + 2)).ok();
            }
            text.push_str("|\n");
        }
    }
    text
}

const BEGIN: &str = "<!-- the last run -->\n";
const END: &str = "<!-- its end -->\n";

/// Puts the last run's table into the README: no figure there is written by hand.
///
/// # Errors
/// When it cannot be written, or has no place for it.
pub fn into_readme(shown: &str) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&file).context("README.md")?;
    let (before, rest) = text.split_once(BEGIN).context("README.md has no place for a table")?;
    let (_, after) = rest.split_once(END).context("README.md has no end of a table")?;
    fs::write(&file, format!("{before}{BEGIN}\n{shown}\n{END}{after}")).context("README.md cannot be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_it_all() {
        let figure = Figure::of("ready", "ms", [10.0].into_iter().collect())
            .beside([100.0].into_iter().collect(), [50.0].into_iter().collect())
            .aiming("Python ≥ 10 ×", true);
        let table = table(&[figure]);
        let line = table.lines().last().unwrap();
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        assert_eq!(
            cells[1..9],
            [
                "ready, ms",
                "10",
                "100",
                "50",
                "–",
                "Python 10.00 ×, Node 5.00 ×",
                "Python ≥ 10 ×",
                "met"
            ]
        );
    }
}
