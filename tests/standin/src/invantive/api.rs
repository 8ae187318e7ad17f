//! `POST` and `GET /api/databases`: an interface of the kind an OEM could have been given. None is documented in
//! public: forum and documentation know no endpoint, procedure, import or prefilled link.

use axum::{
    body::Bytes,
    extract::{Query, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::{
    answer::Answer,
    books::{Channel, Lookup},
    exact::me::bearer,
    faults::At,
    gate,
    invantive::registration::{Registration, Verdict},
    world::{Shared, World},
};

/// `POST /api/databases`, JSON or form.
pub async fn create(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(registration) = read(&headers, &body) else {
        return Answer::value(400, &json!({"error": "malformed"})).into_response();
    };
    let key = bearer(&headers).map(str::to_owned);
    let idempotency_key = headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let (again, again_key) = (registration.clone(), idempotency_key.clone());
    gate::pass(
        &shared,
        &[At::Register],
        move |world, now, fault| {
            let idempotency_key = idempotency_key.as_deref();
            let verdict = world.register(&registration, Channel::Http, key.as_deref(), idempotency_key, now);
            world.mark_submission(fault);
            answer(&verdict, idempotency_key)
        },
        move |world, now, fault| world.register_unheard(&again, Channel::Http, again_key.as_deref(), now, fault),
    )
    .await
}

fn read(headers: &HeaderMap, body: &[u8]) -> Option<Registration> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if kind.starts_with("application/json") {
        serde_json::from_slice(body).ok()
    } else {
        form(body)
    }
}

fn form(body: &[u8]) -> Option<Registration> {
    let fields = url::form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.into_owned().into()));
    serde_json::from_value(serde_json::Value::Object(fields.collect())).ok()
}

fn answer(verdict: &Verdict, idempotency_key: Option<&str>) -> Answer {
    let body = match verdict {
        Verdict::Created { segment } => json!({"status": "created", "segment": segment}),
        Verdict::Exists { segment } => {
            json!({"status": "exists", "segment": segment, "idempotency_key": idempotency_key})
        }
        Verdict::Refused { code, message } => json!({"error": code, "message": message}),
        Verdict::Invalid { field } => json!({"error": "invalid", "field": field}),
        Verdict::WrongKey => json!({"error": "unauthorized"}),
        Verdict::Busy => json!({"error": "busy"}),
    };
    Answer::value(verdict.status(), &body)
}

/// By which a database is looked up.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LookupQuery {
    idempotency_key: Option<String>,
    reference: Option<String>,
}

/// `GET /api/databases?idempotency_key=…` or `?reference=…`.
pub async fn look_up(State(shared): State<Shared>, headers: HeaderMap, Query(query): Query<LookupQuery>) -> Response {
    let key = bearer(&headers).map(str::to_owned);
    let again = query.clone();
    gate::pass(
        &shared,
        &[At::Lookup],
        move |world, now, _| world.look_up(&query, key.as_deref(), now),
        move |world, now, _| world.note_lookup(&again, None, None, now),
    )
    .await
}

impl World {
    fn look_up(&mut self, query: &LookupQuery, key: Option<&str>, now: Timestamp) -> Answer {
        let found = self
            .invantive
            .find(query.idempotency_key.as_deref(), query.reference.as_deref());
        let segment = found.map(|database| database.segment.clone());
        let (status, body) = match &segment {
            _ if key != Some(self.invantive.settings.api_key.as_str()) => (401, json!({"error": "unauthorized"})),
            _ if self.invantive.settings.busy => (503, json!({"error": "busy"})),
            Some(segment) => (200, json!({"status": "found", "segment": segment})),
            None => (404, json!({"status": "absent"})),
        };
        self.note_lookup(query, Some(status), segment.filter(|_| status == 200), now);
        Answer::value(status, &body)
    }

    fn note_lookup(&mut self, query: &LookupQuery, status: Option<u16>, segment: Option<String>, at: Timestamp) {
        let (idempotency_key, reference) = (query.idempotency_key.clone(), query.reference.clone());
        self.invantive.lookups.push(Lookup {
            at,
            idempotency_key,
            reference,
            status,
            segment,
        });
    }

    /// Notes the fault that spoiled the last submission's answer.
    pub fn mark_submission(&mut self, fault: Option<crate::faults::FaultKind>) {
        if let (Some(_), Some(last)) = (fault, self.invantive.submissions.last_mut()) {
            last.fault = fault;
        }
    }
}
