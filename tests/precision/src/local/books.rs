//! The stand-in's books beside the due times; and by the recorder, on whose account a second was.

use std::{collections::HashMap, time::Instant};

use handover_local::{recorder::Call, stage::Stage};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::people::Appointment;
use crate::lateness::Lateness;

/// A moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor {
    /// By the machine's.
    pub instant: Instant,
    /// By the moved one.
    pub time: Timestamp,
}

impl Anchor {
    fn time(&self, instant: Instant) -> Timestamp {
        let since = SignedDuration::try_from(instant.saturating_duration_since(self.instant)).unwrap_or_default();
        let before = SignedDuration::try_from(self.instant.saturating_duration_since(instant)).unwrap_or_default();
        self.time.saturating_add(since - before).unwrap_or(self.time)
    }
}

/// What a run showed.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// From the due time until Invantive Cloud was reached.
    pub late: Lateness,
    /// Of it: until the moment that the queue was asked for.
    pub asked_for: Lateness,
    /// Of it: from that moment until the worker's first call.
    pub fetched: Lateness,
    /// Of it: from the worker's first call on.
    pub worked: Lateness,
    /// From the last wake-up that was sent to the first due time, in milliseconds: below nought, the sweeper was late.
    pub ready_before: i64,
    /// What should not have been.
    pub wrong: Vec<String>,
}

/// What passed on its way to AWS about one connection.
#[derive(Debug, Clone, Copy)]
struct Passed {
    /// When the queue was asked to show it.
    shown_at: Timestamp,
    sent_at: Timestamp,
    /// When the worker asked for it first, after that.
    read_at: Option<Timestamp>,
}

impl Observed {
    /// Compares.
    pub fn gather(stage: &Stage, appointments: &[Appointment], anchor: &Anchor) -> Self {
        let books = stage.standin.books();
        let passed = passed(&stage.recorder.calls(), anchor);
        let mut observed = Self::default();
        let (mut late, mut asked_for, mut fetched, mut worked) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for Appointment {
            connection,
            reference,
            due,
        } in appointments
        {
            let ours = |named: &Option<String>| named.as_deref() == Some(reference);
            let arrived: Vec<_> = books
                .submissions
                .iter()
                .filter(|one| ours(&one.reference))
                .map(|one| one.at)
                .collect();
            let databases = books.databases.iter().filter(|one| ours(&one.reference)).count();
            if (arrived.len(), databases) != (1, 1) {
                let submissions = arrived.len();
                observed.wrong.push(format!(
                    "{connection}: {submissions} submissions, {databases} databases"
                ));
            }
            let Some(arrived) = arrived.first() else {
                continue;
            };
            late.push(milliseconds(*due, *arrived));
            let Some(Passed {
                shown_at,
                read_at: Some(read_at),
                ..
            }) = passed.get(connection)
            else {
                observed
                    .wrong
                    .push(format!("{connection}: registered without a wake-up of the sweeper's"));
                continue;
            };
            asked_for.push(milliseconds(*due, *shown_at));
            fetched.push(milliseconds(*shown_at, *read_at));
            worked.push(milliseconds(*read_at, *arrived));
        }
        let first = appointments.iter().map(|one| one.due).min();
        let last = passed.values().map(|one| one.sent_at).max();
        observed.ready_before = first.zip(last).map_or(0, |(first, last)| milliseconds(last, first));
        observed.late = late.into_iter().collect();
        observed.asked_for = asked_for.into_iter().collect();
        observed.fetched = fetched.into_iter().collect();
        observed.worked = worked.into_iter().collect();
        observed
    }
}

fn milliseconds(from: Timestamp, to: Timestamp) -> i64 {
    i64::try_from(to.duration_since(from).as_millis()).unwrap_or(i64::MAX)
}

/// By connection.
fn passed(calls: &[Call], anchor: &Anchor) -> HashMap<String, Passed> {
    let mut passed = HashMap::<String, Passed>::new();
    for call in calls {
        match call.caller.as_str() {
            "handover-sweeper" => {
                if let Some((connection, sent)) = wake_up(call, anchor) {
                    passed.entry(connection).or_insert(sent);
                }
            }
            "handover-worker" if call.action == "dynamodb:GetItem" => {
                let key = call.leading_key.as_deref().and_then(|key| key.strip_prefix("CONN#"));
                if let Some(about) = key.and_then(|connection| passed.get_mut(connection)) {
                    about.read_at.get_or_insert(anchor.time(call.at));
                }
            }
            _ => {}
        }
    }
    passed
}

fn wake_up(call: &Call, anchor: &Anchor) -> Option<(String, Passed)> {
    let message = call.message.as_ref()?;
    let body: Value = serde_json::from_str(&message.body).ok()?;
    let connection = body.get("connection")?.as_str()?.to_owned();
    let sent_at = anchor.time(call.at);
    let delay = SignedDuration::from_secs(i64::try_from(message.delay_seconds).unwrap_or(i64::MAX));
    let sent = Passed {
        shown_at: sent_at.saturating_add(delay).unwrap_or(sent_at),
        sent_at,
        read_at: None,
    };
    Some((connection, sent))
}
