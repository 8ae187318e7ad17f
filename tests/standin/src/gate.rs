//! Where faults strike: every request that one can be asked for passes here.

use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    answer::{Answer, HangUp},
    faults::{At, Fault, FaultKind},
    world::{Shared, World},
};

/// Lets a request through to its effect, or to the fault that was asked for.
///
/// `effect` is told of a fault that will spoil its answer; `unheard` is told of one that comes instead of the effect.
pub async fn pass(
    shared: &Shared,
    places: &[At],
    effect: impl FnOnce(&mut World, Timestamp, Option<FaultKind>) -> Answer,
    unheard: impl FnOnce(&mut World, Timestamp, FaultKind),
) -> Response {
    let Some(fault) = shared.enter(|world, now| world.faults.take(places, now)) else {
        return shared.enter(|world, now| effect(world, now, None)).into_response();
    };
    if fault.fault == FaultKind::DelayBefore {
        wait(&fault).await;
    }
    let kind = fault.fault;
    let answer = if fault.has_effect() {
        Some(shared.enter(|world, now| effect(world, now, Some(kind))))
    } else {
        shared.enter(|world, now| unheard(world, now, kind));
        None
    };
    if kind == FaultKind::Delay {
        wait(&fault).await;
    }
    match spoil(kind, answer) {
        Some(answer) => with_status(answer, fault.status).into_response(),
        None => HangUp.into_response(),
    }
}

async fn wait(fault: &Fault) {
    tokio::time::sleep(Duration::from_secs(fault.delay_seconds)).await;
}

fn with_status(mut answer: Answer, status: Option<u16>) -> Answer {
    answer.status = status.unwrap_or(answer.status);
    answer
}

/// What leaves instead of `answer`; `None` closes the connection.
fn spoil(kind: FaultKind, answer: Option<Answer>) -> Option<Answer> {
    match kind {
        FaultKind::LostAnswer | FaultKind::ConnectionClosedBefore => None,
        FaultKind::Delay | FaultKind::DelayBefore => answer,
        FaultKind::EmptyBody => Some(Answer::json(200, "")),
        FaultKind::HtmlBody => Some(Answer::page(200, MAINTENANCE)),
        FaultKind::BadRequest => Some(Answer::text(400, "Bad Request")),
        FaultKind::Gateway500 => Some(Answer::json(500, GATEWAY)),
        FaultKind::False400 => Some(Answer::json(400, r#"{"error":"invalid_request"}"#)),
        FaultKind::False401 => Some(Answer::json(401, OLD_TOKEN)),
        FaultKind::Forbidden403 => Some(Answer::text(403, "Forbidden")),
        FaultKind::TooMany429 => Some(Answer::text(429, "Too Many Requests")),
        FaultKind::Unavailable503 => Some(Answer::text(503, "Service Unavailable")),
        FaultKind::InvalidClient => Some(Answer::json(400, r#"{"error":"invalid_client"}"#)),
        FaultKind::MalformedJson => answer.map(half),
        FaultKind::NumberExpiresIn => answer.map(|answer| change(answer, number_expires_in)),
        FaultKind::NoExpiresIn => answer.map(|answer| change(answer, |body| drop(body.remove("expires_in")))),
        FaultKind::NoRefreshToken => answer.map(|answer| change(answer, |body| drop(body.remove("refresh_token")))),
        FaultKind::CapitalBearer => answer.map(|answer| {
            change(answer, |body| {
                drop(body.insert("token_type".to_owned(), Value::from("Bearer")))
            })
        }),
    }
}

const MAINTENANCE: &str = "<html><head><title>Exact Online</title></head><body><h1>Exact Online is temporarily unavailable</h1></body></html>";

/// Seen in exactonline/exactonline-api-dotnet-client#152.
const GATEWAY: &str = r#"{"fault":{"faultstring":"Failed to execute the ExtractVariables: ExtractAccessToken","detail":{"errorcode":"steps.extractvariables.ExecutionFailed"}}}"#;

const OLD_TOKEN: &str = r#"{"error":"unauthorized_client","error_description":"Old refresh token used."}"#;

fn half(mut answer: Answer) -> Answer {
    answer.body = answer.body.chars().take(answer.body.chars().count() / 2).collect();
    answer
}

fn number_expires_in(body: &mut serde_json::Map<String, Value>) {
    if let Some(number) = body
        .get("expires_in")
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<i64>().ok())
    {
        body.insert("expires_in".to_owned(), Value::from(number));
    }
}

fn change(mut answer: Answer, how: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Answer {
    if let Ok(Value::Object(mut body)) = serde_json::from_str(&answer.body) {
        how(&mut body);
        answer.body = Value::Object(body).to_string();
    }
    answer
}
