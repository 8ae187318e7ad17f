//! Every call that reached an upstream, with its times as the caller saw them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;

/// What a call costs at AWS, by what it touches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Units {
    /// DynamoDB read request units.
    pub reads: f64,
    /// DynamoDB write request units, the indexes' included.
    pub writes: f64,
    /// Entries of indexes that were read.
    pub entries: usize,
    /// Items that were read.
    pub items: usize,
}

/// One call, or the opening of one connection.
#[derive(Debug, Clone)]
pub struct Call {
    /// Such as `dynamodb`.
    pub service: &'static str,
    /// Such as `GetItem`; `connect` for the opening of a connection.
    pub operation: String,
    /// When it left the caller.
    pub sent: Instant,
    /// When its answer was back.
    pub back: Instant,
    /// The time that was injected: round trips and the upstream's own work.
    pub injected: Duration,
    /// What it costs.
    pub units: Units,
}

/// The opening of a connection: TCP and TLS.
pub const CONNECT: &str = "connect";

/// Who keeps count. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Mutex<Vec<Call>>>);

impl Tally {
    /// Writes a call down.
    pub fn note(&self, call: Call) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    /// All since the last time this was asked.
    #[must_use]
    pub fn take(&self) -> Calls {
        Calls(std::mem::take(
            &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

/// Some calls.
#[derive(Debug, Clone, Default)]
pub struct Calls(pub Vec<Call>);

/// What lies one after another in some calls.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Path {
    /// The requests, in order.
    pub requests: Vec<String>,
    /// Connections opened on the way.
    pub connects: usize,
    /// The time injected on the way, in milliseconds.
    pub injected_ms: f64,
}

impl Calls {
    /// Those that were back by then: what an answer has waited for.
    #[must_use]
    pub fn until(&self, moment: Instant) -> Self {
        Self(self.0.iter().filter(|call| call.back <= moment).cloned().collect())
    }

    /// Requests by service and operation, connections included.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in &self.0 {
            *counts
                .entry(format!("{}:{}", call.service, call.operation))
                .or_default() += 1;
        }
        counts
    }

    /// What all of it costs.
    #[must_use]
    pub fn units(&self) -> Units {
        self.0.iter().fold(Units::default(), |sum, call| Units {
            reads: sum.reads + call.units.reads,
            writes: sum.writes + call.units.writes,
            entries: sum.entries + call.units.entries,
            items: sum.items + call.units.items,
        })
    }

    /// Requests to `service`; connections are none.
    #[must_use]
    pub fn requests_to(&self, service: &str) -> usize {
        let requests = self.0.iter().filter(|call| call.operation != CONNECT);
        requests.filter(|call| call.service == service).count()
    }

    /// Requests; connections are none.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.0.iter().filter(|call| call.operation != CONNECT).count()
    }

    /// The chain of calls, each sent after the one before it was back, on which the most injected time lies: nothing
    /// with this shape can be faster.
    #[must_use]
    pub fn critical_path(&self) -> Path {
        let mut calls: Vec<&Call> = self.0.iter().collect();
        calls.sort_by_key(|call| call.back);
        // For each call the best chain that ends with it: its injected time, and the call before it.
        let mut best: Vec<(Duration, Option<usize>)> = Vec::with_capacity(calls.len());
        for call in &calls {
            let before = calls.iter().zip(&best).enumerate();
            let before = before.filter(|(_, (earlier, _))| earlier.back <= call.sent);
            let before = before.max_by_key(|(_, (_, (time, _)))| *time);
            let (time, index) = before.map_or((Duration::ZERO, None), |(index, (_, (time, _)))| (*time, Some(index)));
            best.push((time + call.injected, index));
        }
        let last = best.iter().enumerate().max_by_key(|(_, (time, _))| *time);
        let mut path = Path::default();
        let Some((mut at, (time, _))) = last else { return path };
        path.injected_ms = time.as_secs_f64() * 1_000.0;
        while let (Some(call), Some((_, before))) = (calls.get(at), best.get(at)) {
            if call.operation == CONNECT {
                path.connects += 1;
            } else {
                path.requests.push(format!("{}:{}", call.service, call.operation));
            }
            let Some(before) = before else { break };
            at = *before;
        }
        path.requests.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(start: Instant, sent: u64, back: u64, operation: &str) -> Call {
        Call {
            service: "s",
            operation: operation.into(),
            sent: start + Duration::from_millis(sent),
            back: start + Duration::from_millis(back),
            injected: Duration::from_millis(20),
            units: Units::default(),
        }
    }

    #[test]
    fn the_critical_path_is_the_longest_chain() {
        let start = Instant::now();
        let calls = Calls(vec![
            call(start, 0, 20, "a"),
            call(start, 0, 21, "beside a"),
            call(start, 22, 43, "b"),
            call(start, 44, 65, CONNECT),
            call(start, 30, 66, "beside"),
            call(start, 67, 88, "c"),
        ]);
        let path = calls.critical_path();
        assert_eq!(path.requests.len(), 3);
        assert_eq!(path.connects, 1);
        assert!((path.injected_ms - 80.0).abs() < 0.001, "{}", path.injected_ms);
    }

    #[test]
    fn nothing_has_an_empty_path() {
        assert_eq!(Calls::default().critical_path().requests, Vec::<String>::new());
    }
}
