//! What a sweep did, as metrics.

use std::time::Duration;

use handover_aws::metrics::{Metric, Unit};

/// What a sweep did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Every part of the index was read. With time running out before the end of one it still is true: the next sweep
    /// goes on, and `oldest_overdue` tells.
    pub completed: bool,
    /// Time ran out before all that is due was seen.
    pub cut_short: bool,
    /// Connections that were looked at.
    pub swept: u32,
    /// Wake-ups that were sent.
    pub pointed: u32,
    /// Connections that a later sweep wakes up, because too many of their application are due at once.
    pub paced: u32,
    /// Warnings to the OEM that a pair nears its end.
    pub warnings: u32,
    /// Connections that cannot be used: of an unknown version, or damaged. Kept as they are.
    pub rejected: u32,
    /// Connections that could not be dealt with this time.
    pub failed: u32,
    /// How long the one that waited longest was due already.
    pub oldest_overdue: Duration,
    /// Connections in doubt, a hundred at most; `None`: they could not be counted.
    pub in_doubt: Option<u32>,
}

impl Report {
    /// As CloudWatch gets them. The alarms of `infra/template.yaml` read them by these names.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let count = |name, value: u32| Metric {
            name,
            unit: Unit::Count,
            value: value.into(),
        };
        let mut metrics = vec![
            count("SweepCompleted", self.completed.into()),
            count("Swept", self.swept),
            count("Pointed", self.pointed),
            count("Paced", self.paced),
            count("Rejected", self.rejected),
            count("SweepFailures", self.failed),
            count("ExpiringWithinSevenDays", self.warnings),
            Metric {
                name: "OldestOverdueSeconds",
                unit: Unit::Seconds,
                value: self.oldest_overdue.as_secs_f64().floor(),
            },
        ];
        metrics.extend(self.in_doubt.map(|in_doubt| count("InDoubt", in_doubt)));
        metrics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(report: &Report, name: &str) -> Option<f64> {
        let found = report.metrics().into_iter().find(|metric| metric.name == name);
        found.map(|metric| metric.value)
    }

    #[test]
    fn the_alarms_find_their_metrics() {
        let report = Report {
            completed: true,
            warnings: 2,
            oldest_overdue: Duration::from_millis(61_900),
            in_doubt: Some(3),
            ..Report::default()
        };
        assert_eq!(value(&report, "SweepCompleted"), Some(1.0));
        assert_eq!(value(&report, "OldestOverdueSeconds"), Some(61.0));
        assert_eq!(value(&report, "InDoubt"), Some(3.0));
        assert_eq!(value(&report, "ExpiringWithinSevenDays"), Some(2.0));
    }

    #[test]
    fn what_was_not_counted_is_not_told() {
        assert_eq!(value(&Report::default(), "InDoubt"), None);
        assert_eq!(value(&Report::default(), "SweepCompleted"), Some(0.0));
    }
}
