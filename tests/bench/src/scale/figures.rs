//! From what was measured over many connections to lines of the table.

use super::{AtSize, DUE, Listed, MOST, SIZES, Scale};
use crate::{report::Figure, stats::Sample};

/// A sweep, or a list, may take so much longer over a million than over ten thousand.
const LONGER: f64 = 1.2;
/// So much may be read for each that is due.
const READ: f64 = 1.1;

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn count(value: usize) -> f64 {
    value as f64
}

fn one(value: f64) -> Sample {
    [value].into_iter().collect()
}

/// In words.
fn named(size: usize) -> &'static str {
    match size {
        10_000 => "10 thousand",
        100_000 => "100 thousand",
        _ => "1 million",
    }
}

/// Held against what it takes with the fewest stored.
fn longer(figure: Figure, most: &Sample, fewest: &Sample) -> Figure {
    figure
        .against(named(SIZES[0]), fewest.median())
        .aiming("at most 1.2 × 10 thousand", most.median() <= LONGER * fewest.median())
}

fn no_more_memory(figure: Figure, most: f64, fewest: f64) -> Figure {
    figure
        .against(named(SIZES[0]), fewest)
        .aiming("flat: at most 1 more", most <= fewest + 1.0)
}

fn sweep(size: usize, what: &str, unit: &'static str, sample: Sample) -> Figure {
    let name = format!("sweep, {DUE} due of {} stored: {what}", named(size));
    Figure::of(name, unit, sample)
}

impl Scale {
    /// The lines of the table.
    #[must_use]
    pub fn figures(&self) -> Vec<Figure> {
        let (Some(fewest), Some(most)) = (self.by_size.get(&SIZES[0]), self.by_size.get(&MOST)) else {
            return Vec::new();
        };
        let mut figures = self.times(fewest);
        figures.extend(of_a_sweep(fewest, most));
        for (list, listed) in &most.lists {
            if let Some(fewest) = fewest.lists.get(list) {
                figures.extend(of_a_list(list, fewest, listed));
            }
        }
        figures
    }

    /// Of sweeps, over each size.
    fn times(&self, fewest: &AtSize) -> Vec<Figure> {
        let line = |(size, at_size): (&usize, &AtSize)| {
            let figure = sweep(*size, "time", "ms", at_size.sweep_ms.clone());
            if *size == MOST {
                longer(figure, &at_size.sweep_ms, &fewest.sweep_ms)
            } else {
                figure
            }
        };
        self.by_size.iter().map(line).collect()
    }
}

fn of_a_sweep(fewest: &AtSize, most: &AtSize) -> Vec<Figure> {
    let line = |what, unit, sample: &Sample| sweep(MOST, what, unit, sample.clone());
    let per_due = |number: usize| one(count(number) / count(DUE));
    let read = |what, number| {
        let per_due = per_due(number);
        line(what, "", &per_due).aiming("at most 1.1", per_due.median() <= READ)
    };
    let units = most.units;
    vec![
        longer(
            line("time, at no distance", "ms", &most.near_ms),
            &most.near_ms,
            &fewest.near_ms,
        ),
        longer(
            line("processor time, at no distance", "ms", &most.cpu_ms),
            &most.cpu_ms,
            &fewest.cpu_ms,
        ),
        line("time, held to a 256 MB share", "ms", &most.held_ms),
        no_more_memory(
            line("the sweeper's highest memory", "MB", &one(most.memory.highest)),
            most.memory.highest,
            fewest.memory.highest,
        ),
        read("index entries read for each that is due", units.entries),
        read("items read for each that is due", units.items),
        read("entries and items together", units.entries + units.items),
        line("read units for each that is due", "", &one(units.reads / count(DUE))),
    ]
}

fn of_a_list(list: &str, fewest: &Listed, most: &Listed) -> [Figure; 3] {
    let line = |what: &str, unit, sample: &Sample| {
        let name = format!("`handover {list}`, first page of {} stored: {what}", named(MOST));
        Figure::of(name, unit, sample.clone())
    };
    let read = |listed: &Listed| count(listed.units.entries + listed.units.items);
    [
        longer(line("time", "ms", &most.ms), &most.ms, &fewest.ms),
        line("entries and items read", "", &one(read(most)))
            .against(named(SIZES[0]), read(fewest))
            .aiming("as many", read(most) <= read(fewest)),
        no_more_memory(
            line("highest memory", "MB", &most.highest_mb),
            most.highest_mb.median(),
            fewest.highest_mb.median(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_that_takes_longer_has_missed() {
        let of = |ms: f64| AtSize {
            sweep_ms: one(ms),
            ..AtSize::default()
        };
        for (ms, met) in [(119.0, true), (121.0, false)] {
            let scale = Scale {
                by_size: [(SIZES[0], of(100.0)), (MOST, of(ms))].into(),
                ..Scale::default()
            };
            let figures = scale.figures();
            let figure = figures
                .iter()
                .find(|figure| figure.name.ends_with("1 million stored: time"));
            assert_eq!(figure.unwrap().goal.as_ref().unwrap().met, met);
        }
    }
}
