//! How late things were, in the order of their lateness.

use std::fmt;

/// The most that 99 of 100 registrations may be late, in milliseconds.
pub const GOAL: i64 = 2_000;

/// How late each of many was, in milliseconds; below nought: early.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lateness {
    sorted: Vec<i64>,
}

impl FromIterator<i64> for Lateness {
    fn from_iter<I: IntoIterator<Item = i64>>(milliseconds: I) -> Self {
        let mut sorted: Vec<_> = milliseconds.into_iter().collect();
        sorted.sort_unstable();
        Self { sorted }
    }
}

impl Lateness {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// All of them, the least late first.
    pub fn iter(&self) -> impl Iterator<Item = i64> {
        self.sorted.iter().copied()
    }

    /// The least that so many of a hundred do not exceed: one that was seen, none between two.
    #[must_use]
    pub fn percentile(&self, of_hundred: usize) -> i64 {
        let rank = (self.len() * of_hundred).div_ceil(100);
        self.sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The latest.
    #[must_use]
    pub fn max(&self) -> i64 {
        self.percentile(100)
    }

    /// How many came before their time.
    #[must_use]
    pub fn early(&self) -> usize {
        self.sorted.partition_point(|late| *late < 0)
    }

    /// Whether none was early, and 99 of 100 kept the goal.
    #[must_use]
    pub fn is_met(&self) -> bool {
        !self.is_empty() && self.early() == 0 && self.percentile(99) <= GOAL
    }
}

/// Milliseconds as seconds.
#[derive(Debug, Clone, Copy)]
pub struct Seconds(pub i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let milliseconds = self.0.unsigned_abs();
        let text = format!("{sign}{}.{:02}", milliseconds / 1_000, milliseconds % 1_000 / 10);
        f.pad(&text)
    }
}

/// A goal's end of a line.
#[must_use]
pub fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_that_was_seen() {
        let lateness: Lateness = (1..=200).rev().collect();
        let percentiles = [50, 95, 99, 100].map(|of_hundred| lateness.percentile(of_hundred));
        assert_eq!(percentiles, [100, 190, 198, 200]);
        assert_eq!(Lateness::default().percentile(99), 0);
        assert_eq!(Lateness::from_iter([7]).percentile(50), 7);
    }

    #[test]
    fn one_that_is_early_misses_the_goal_however_close_the_others_are() {
        assert!(Lateness::from_iter([0, 1, GOAL]).is_met());
        let early = Lateness::from_iter([-1, 0, 1]);
        assert_eq!((early.early(), early.is_met()), (1, false));
        assert!(!Lateness::from_iter([0, GOAL + 1]).is_met());
        assert!(!Lateness::default().is_met(), "nothing was seen");
    }

    #[test]
    fn seconds_have_two_places() {
        assert_eq!(Seconds(1_239).to_string(), "1.23");
        assert_eq!(Seconds(-40).to_string(), "-0.04");
        assert_eq!(format!("{:>6}", Seconds(0)), "  0.00");
    }
}
