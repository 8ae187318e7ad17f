//! Settling a doubt by asking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;
#[path = "../../platform/tests/support/mod.rs"]
mod support;

use common::{API_KEY, Case, REGISTRAR, example, sealed};
use handover_core::{
    event::LookUpAnswer::{self, Absent, Found, Unclear},
    ids::CustomerReference,
    ports::{NotPrepared, Registrar},
};
use serde_json::{Value, json};
use support::{Behaviour, Server, nobody};

async fn look_up(profile: &Value, reference: &str) -> Result<LookUpAnswer, NotPrepared> {
    let case = Case::new();
    let reference: CustomerReference = reference.parse().unwrap();
    REGISTRAR
        .look_up(
            &sealed(profile),
            case.connection,
            &case.authorisation,
            &reference,
            &case.database,
        )
        .await
}

#[tokio::test]
async fn the_request_carries_the_key_and_the_registrations_headers() {
    let server = Server::answering("200 OK", "", r#"{"status":"found","segment":"acme-7"}"#).await;
    assert_eq!(
        look_up(&example(&server.url()), "x").await.unwrap(),
        Found("acme-7".parse().unwrap())
    );
    let request = server.only_request().await;
    let line = format!("GET /api/databases?idempotency_key={} HTTP/1.1\r\n", Case::new().key());
    assert!(request.starts_with(&line), "{request}");
    assert!(
        request.contains(&format!("authorization: Bearer {API_KEY}\r\n")),
        "{request}"
    );
}

#[tokio::test]
async fn only_a_clear_answer_settles() {
    for (status, body, expected) in [
        (
            "200 OK",
            r#"{"status":"found","segment":"acme-7"}"#,
            Found("acme-7".parse().unwrap()),
        ),
        ("200 OK", r#"{"status":"found"}"#, Unclear),
        ("200 OK", r#"{"status":"absent"}"#, Unclear),
        ("200 OK", "<html>", Unclear),
        ("404 Not Found", r#"{"status":"absent"}"#, Absent),
        ("404 Not Found", "Not Found", Unclear),
        ("401 Unauthorized", r#"{"error":"unauthorized"}"#, Unclear),
        ("503 Busy", r#"{"error":"busy"}"#, Unclear),
        ("302 Found", "", Unclear),
    ] {
        let server = Server::answering(status, "location: /\r\n", body).await;
        assert_eq!(
            look_up(&example(&server.url()), "x").await.unwrap(),
            expected,
            "{status} {body}"
        );
        server.only_request().await;
    }
}

#[tokio::test]
async fn no_answer_and_half_an_answer_are_unclear() {
    let half = b"HTTP/1.1 404 Not Found\r\ncontent-length: 50\r\n\r\n{\"status\":\"absent\"}".to_vec();
    for behaviour in [
        Behaviour::CloseUnread,
        Behaviour::CloseAfterReading,
        Behaviour::Answer(half),
    ] {
        let server = Server::start(behaviour).await;
        assert_eq!(look_up(&example(&server.url()), "x").await.unwrap(), Unclear);
        assert_eq!(server.connections(), 1);
    }
    assert_eq!(look_up(&example(&nobody().await), "x").await.unwrap(), Unclear);
}

#[tokio::test]
async fn a_look_up_by_name_needs_our_key_in_the_answer() {
    for (key, expected) in [
        (Case::new().key(), Found("acme-1".parse().unwrap())),
        ("another".into(), Unclear),
    ] {
        let server = Server::answering("200 OK", "", json!({"key": key}).to_string()).await;
        let mut profile = example(&server.url());
        profile["look_up"] = json!({
            "address": format!("{}db/{{database}}?r={{reference}}", server.url()),
            "headers": {"X-Key": {"secret": "other"}},
            "answers": [{"status": 200, "means": "found", "our_key": "/key"}],
        });
        assert_eq!(look_up(&profile, "A & B/é").await.unwrap(), expected);
        let request = server.only_request().await;
        assert!(
            request.starts_with("GET /db/acme-1?r=A%20%26%20B%2F%C3%A9 HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(
            request.contains("x-key: ") && !request.contains("authorization: "),
            "{request}"
        );
    }
}

#[tokio::test]
async fn without_a_look_up_nobody_is_asked() {
    let server = Server::start(Behaviour::CloseUnread).await;
    let mut profile = example(&server.url());
    profile["look_up"] = Value::Null;
    let refusal = look_up(&profile, "x").await.unwrap_err();
    assert!(refusal.reason.contains("no `look_up`"), "{refusal}");
    assert_eq!(server.connections(), 0);
}
