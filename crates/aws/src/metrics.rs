//! Metrics as lines of the log, in CloudWatch's embedded metric format: no call, no agent.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Handover";

/// What a metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

impl Unit {
    fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name, such as `RegistrationLate`.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// How much.
    pub value: f64,
}

/// Writes `metrics`, 100 at most, as one line: namespace [`NAMESPACE`], dimension `deployment`.
///
/// # Errors
/// What `writer` says.
pub fn emit(mut writer: impl Write, deployment: &str, now: Timestamp, metrics: &[Metric]) -> io::Result<()> {
    let described: Vec<Value> = metrics
        .iter()
        .map(|metric| json!({ "Name": metric.name, "Unit": metric.unit.as_str() }))
        .collect();
    let mut line = Map::new();
    line.insert(
        "_aws".into(),
        json!({
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["deployment"]],
                "Metrics": described,
            }],
        }),
    );
    line.insert("deployment".into(), deployment.into());
    for metric in metrics {
        line.insert(metric.name.into(), metric.value.into());
    }
    // One write: lines of several tasks must not mingle.
    let mut bytes = serde_json::to_vec(&line)?;
    bytes.push(b'\n');
    writer.write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_describes_and_holds_its_metrics() {
        let mut out = Vec::new();
        let late = Metric {
            name: "RegistrationLate",
            unit: Unit::Seconds,
            value: 2.5,
        };
        let due = Metric {
            name: "Due",
            unit: Unit::Count,
            value: 3.0,
        };
        emit(
            &mut out,
            "handover-test",
            Timestamp::from_second(7).unwrap(),
            &[late, due],
        )
        .unwrap();
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        let line: Value = serde_json::from_slice(&out).unwrap();
        let described = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(line["_aws"]["Timestamp"], 7_000);
        assert_eq!(described["Namespace"], "Handover");
        assert_eq!(described["Dimensions"], json!([["deployment"]]));
        assert_eq!(
            described["Metrics"][0],
            json!({ "Name": "RegistrationLate", "Unit": "Seconds" })
        );
        assert_eq!(line["deployment"], "handover-test");
        assert_eq!(line["RegistrationLate"], 2.5);
        assert_eq!(line["Due"], 3.0);
    }
}
