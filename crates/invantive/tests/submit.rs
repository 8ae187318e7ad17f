//! Submitting: what is sent, what the answers mean, what failures leave open. Over the wire, one request each.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;
#[path = "../../platform/tests/support/mod.rs"]
mod support;

use common::{ACCESS, API_KEY, CLIENT_SECRET, Case, REFRESH, REGISTRAR, example, sealed};
use handover_core::{
    connection::{PairFate, Problem},
    event::Outcome,
    ports::Registrar,
    secret::AccessToken,
};
use handover_invantive::HttpRegistrar;
use handover_platform::HttpClient;
use serde_json::{Value, json};
use support::{Behaviour, Server, answer, nobody};
use url::Url;

fn registered(segment: &str) -> Outcome {
    Outcome::Registered {
        segment: segment.parse().unwrap(),
    }
}

#[tokio::test]
async fn the_request_is_the_profiles() {
    let server = Server::answering("201 Created", "", r#"{"status":"created","segment":"acme-7"}"#).await;
    let case = Case::new();
    let mut profile = example(&server.url());
    profile["attempt_header"] = json!("X-Attempt");
    profile["constants"] = json!({"credential": "pair", "version": 2});
    assert_eq!(case.submit(&profile).await, registered("acme-7"));

    let request = server.only_request().await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /api/databases HTTP/1.1\r\n"), "{head}");
    let head = head.to_ascii_lowercase();
    for line in [
        &format!("authorization: bearer {API_KEY}"),
        &format!("idempotency-key: {}", case.key().to_lowercase()),
        "x-attempt: 3",
        "content-type: application/json",
        "accept: application/json",
    ] {
        assert!(head.contains(line), "{line} is not in {head}");
    }
    let sent: Value = serde_json::from_str(body).unwrap();
    let expected = json!({
        "client_id": "{c1d2}", "client_secret": CLIENT_SECRET, "access_token": ACCESS, "refresh_token": REFRESH,
        "redirect_url": "https://connect.acme.example/callback/exact-be", "country": "be", "database": "acme-1",
        "reference": "Bäckerei Jansen & Söhne", "credential": "pair", "version": 2,
    });
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_form_has_its_own_names() {
    let server = Server::answering("200 OK", "", "").await;
    let case = Case::new();
    let profile = json!({
        "v": 1, "address": server.url(), "allow_http": true, "method": "PUT", "encoding": "form",
        "fields": {"refresh_token": "api-refresh", "idempotency_key": "key", "attempt": "try", "reference": "name"},
        "constants": {"kind": "pair", "n": 2, "hidden": {"secret": "api_key"}},
        "answers": [{"status": "2xx", "means": "registered"}],
    });
    assert_eq!(case.submit(&profile).await, registered("acme-1"));
    let request = server.only_request().await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("PUT / HTTP/1.1\r\n"), "{head}");
    assert!(
        head.to_ascii_lowercase()
            .contains("content-type: application/x-www-form-urlencoded"),
        "{head}"
    );
    let mut sent: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    sent.sort();
    let key = case.key();
    let expected = [
        ("api-refresh", REFRESH),
        ("hidden", API_KEY),
        ("key", &key),
        ("kind", "pair"),
        ("n", "2"),
        ("name", "Bäckerei Jansen & Söhne"),
        ("try", "3"),
    ];
    assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

/// The example's table, each line and each near miss.
#[tokio::test]
async fn each_answer_means_what_the_profile_says() {
    let key = Case::new().key();
    let ours = json!({"status": "exists", "segment": "acme-7", "idempotency_key": key}).to_string();
    let theirs = json!({"status": "exists", "segment": "acme-7", "idempotency_key": "another"}).to_string();
    for (status, body, expected) in [
        (
            "201 Created",
            r#"{"status":"created","segment":"acme-7"}"#,
            "registered acme-7",
        ),
        (
            "201 Created",
            r#"{"status":"created"}"#,
            "doubt: HTTP 201, which means registered, but without a segment",
        ),
        (
            "201 Created",
            r#"{"status":"created","segment":"Not A Segment"}"#,
            "doubt: HTTP 201, which means registered",
        ),
        (
            "201 Created",
            r#"{"status":"queued"}"#,
            "doubt: HTTP 201, an answer that the channel's profile does not list",
        ),
        (
            "201 Created",
            "",
            "doubt: HTTP 201, an answer that the channel's profile does not list",
        ),
        (
            "200 OK",
            r#"{"status":"created","segment":"acme-7"}"#,
            "doubt: HTTP 200, an answer",
        ),
        ("409 Conflict", &ours, "registered acme-7"),
        (
            "409 Conflict",
            &theirs,
            "refused, pair unknown: duplicate: it is there already",
        ),
        (
            "409 Conflict",
            r#"{"status":"exists","segment":"acme-7"}"#,
            "refused, pair unknown: duplicate",
        ),
        (
            "422 Unprocessable",
            r#"{"error":"itgenscr590","message":"At most one data container."}"#,
            "refused, pair unknown: duplicate: it is there already, and not made under our key (HTTP 422): itgenscr590: At most one",
        ),
        (
            "422 Unprocessable",
            r#"{"error":"itgenoda219","message":"Old refresh token used."}"#,
            "refused, pair unknown: refused (HTTP 422): itgenoda219: Old refresh token used.",
        ),
        ("422 Unprocessable", r#"{"error":"itgenxyz"}"#, "doubt: HTTP 422"),
        (
            "400 Bad Request",
            r#"{"error":"invalid","field":"country"}"#,
            "refused, pair unspent: refused (HTTP 400): invalid: country",
        ),
        (
            "401 Unauthorized",
            r#"{"error":"unauthorized"}"#,
            "not sent, configuration: nothing was done, the channel's profile",
        ),
        (
            "503 Busy",
            r#"{"error":"busy"}"#,
            "not sent, channel unavailable: nothing was done, to be tried later (HTTP 503)",
        ),
        ("503 Service Unavailable", "Service Unavailable", "doubt: HTTP 503"),
        ("500 Oops", "<html>", "doubt: HTTP 500"),
        ("302 Found", "", "doubt: HTTP 302"),
    ] {
        let server = Server::answering(status, "", body).await;
        let outcome = told(&Case::new().submit(&example(&server.url())).await);
        assert!(outcome.starts_with(expected), "{status} {body}: {outcome}");
        server.only_request().await;
    }
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Registered { segment } => format!("registered {segment}"),
        Outcome::Refused {
            reason,
            pair: PairFate::Unknown,
        } => format!("refused, pair unknown: {reason}"),
        Outcome::Refused {
            reason,
            pair: PairFate::Unspent,
        } => format!("refused, pair unspent: {reason}"),
        Outcome::Refused {
            reason,
            pair: PairFate::Spent,
        } => format!("refused, pair spent: {reason}"),
        Outcome::NotSent { reason, problem } => format!("not sent, {}: {reason}", problem.as_str()),
        Outcome::Unanswered { reason } => format!("doubt: {reason}"),
    }
}

#[tokio::test]
async fn there_already_is_success_only_when_the_profile_vouches_for_it() {
    for (vouched, expected) in [(true, "registered acme-1"), (false, "refused, pair spent: duplicate")] {
        let server = Server::answering("409 Conflict", "", "").await;
        let mut profile = example(&server.url());
        profile["exists_only_for_our_key"] = json!(vouched);
        profile["pair_if_refused"] = json!("spent");
        profile["answers"] = json!([
            {"status": 201, "means": "registered"},
            {"status": 409, "means": "exists"},
        ]);
        let outcome = told(&Case::new().submit(&profile).await);
        assert!(outcome.starts_with(expected), "{outcome}");
    }
}

#[tokio::test]
async fn the_first_line_that_fits_counts() {
    let server = Server::answering("200 OK", "", "error: full").await;
    let mut profile = example(&server.url());
    profile["answers"] = json!([
        {"status": [200, 202], "body_contains": "full", "means": "doubt"},
        {"status": "2xx", "means": "registered"},
    ]);
    assert!(told(&Case::new().submit(&profile).await).starts_with("doubt: it may have been done (HTTP 200)"));
}

#[tokio::test]
async fn what_an_answer_quotes_of_the_request_is_not_passed_on() {
    for quoted in [
        REFRESH,
        ACCESS,
        CLIENT_SECRET,
        API_KEY,
        &REFRESH[5..25],
        "two\nlines",
        &"long ".repeat(100),
    ] {
        let body = json!({"error": "itgenoda219", "message": format!("refused for {quoted}")}).to_string();
        let server = Server::answering("422 Unprocessable", "", body).await;
        let outcome = told(&Case::new().submit(&example(&server.url())).await);
        assert!(
            outcome.starts_with("refused, pair unknown: refused (HTTP 422): itgenoda219"),
            "{outcome}"
        );
        assert!(!outcome.contains('\n') && outcome.len() < 300, "{outcome}");
    }
}

#[tokio::test]
async fn a_failure_before_the_first_byte_is_no_doubt() {
    let case = Case::new();
    let outcome = told(&case.submit(&example(&nobody().await)).await);
    assert!(
        outcome.starts_with("not sent, channel unavailable: nothing was sent: no connection could be made"),
        "{outcome}"
    );
    // The TLS handshake fails before a byte of the request is written.
    let server = Server::start(Behaviour::CloseUnread).await;
    let mut tls = server.url();
    tls.set_scheme("https").unwrap();
    let outcome = told(&case.submit(&example(&tls)).await);
    assert!(
        outcome.starts_with("not sent, channel unavailable: nothing was sent"),
        "{outcome}"
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn every_later_failure_is_a_doubt_and_nothing_is_sent_twice() {
    let half =
        b"HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{\"status\":\"created\",\"segment\":\"acme-7\"".to_vec();
    let chunked = b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"sta".to_vec();
    let long = answer("201 Created", "", "x".repeat(70_000));
    for (behaviour, expected) in [
        (Behaviour::CloseUnread, "doubt: sent, but the connection broke"),
        (Behaviour::CloseAfterReading, "doubt: sent, but the connection broke"),
        (Behaviour::Answer(half), "doubt: HTTP 201, but the connection broke"),
        (Behaviour::Answer(chunked), "doubt: HTTP 201, but the connection broke"),
        (
            Behaviour::Answer(long),
            "doubt: HTTP 201, but the answer is longer than",
        ),
        (
            Behaviour::Answer(b"gibberish\r\n\r\n".to_vec()),
            "doubt: sent, but the connection broke",
        ),
    ] {
        let server = Server::start(behaviour.clone()).await;
        let outcome = told(&Case::new().submit(&example(&server.url())).await);
        assert!(outcome.starts_with(expected), "{behaviour:?}: {outcome}");
        assert_eq!(server.connections(), 1, "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_a_doubt() {
    let half = b"HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{".to_vec();
    let outcomes = [Behaviour::Silence, Behaviour::Stall(half)].map(|behaviour| async {
        let server = Server::start(behaviour).await;
        let outcome = told(&Case::new().submit(&example(&server.url())).await);
        server.only_request().await;
        outcome
    });
    let [silence, stalled] = outcomes;
    // Side by side: five seconds is the shortest limit that a profile can have.
    let (silence, stalled) = tokio::join!(silence, stalled);
    assert_eq!(silence, "doubt: sent, but no answer came within 5 s");
    assert_eq!(stalled, "doubt: HTTP 201, but no answer came in time");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Server::answering("201 Created", "", r#"{"status":"created","segment":"acme-7"}"#).await;
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        let server = Server::answering(status, &format!("location: {}\r\n", target.url()), "").await;
        assert!(told(&Case::new().submit(&example(&server.url())).await).starts_with("doubt: HTTP 30"));
        server.only_request().await;
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn what_cannot_be_sent_is_found_before_the_claim() {
    let address = Url::parse("http://127.0.0.1:9/").unwrap();
    let refusal = |case: &Case, profile: &Value| {
        let refusal = case.prepare(profile).unwrap_err();
        assert_eq!(refusal.problem, Problem::Configuration);
        common::tells_no_secret(&format!("{refusal} {refusal:?}"));
        refusal.reason
    };
    let mut case = Case::new();
    case.tokens.access_token = AccessToken::new("");
    assert!(refusal(&case, &example(&address)).contains("no access token"));

    let mut case = Case::new();
    case.application.host = Url::parse("http://127.0.0.1:8080").unwrap();
    assert!(
        case.prepare(&example(&address)).is_ok(),
        "the profile's `country` stands in"
    );
    let mut profile = example(&address);
    profile["country"] = Value::Null;
    assert!(refusal(&case, &profile).contains("set `country`"));

    let strict = HttpRegistrar::new(HttpClient::new(false).unwrap());
    let refusal = strict
        .prepare(&sealed(&example(&address)), &Case::new().submission())
        .unwrap_err();
    assert!(refusal.reason.contains("not https"), "{refusal}");
}

#[tokio::test]
async fn what_is_prepared_tells_its_limit_and_its_look_up_and_nothing_else() {
    let prepared = Case::new().prepare(&example(&nobody().await)).unwrap();
    assert_eq!(REGISTRAR.time_limit(&prepared).as_secs(), 5);
    let rule = REGISTRAR.look_up_rule(&prepared).unwrap();
    assert_eq!((rule.delay_seconds, rule.pair_if_absent), (900, PairFate::Unknown));
    assert_eq!(format!("{prepared:?}"), "Prepared(hidden)");
}

#[test]
fn the_profile_says_whether_the_access_token_has_to_live_still() {
    for (need, fresh) in [(None, false), (Some("any"), false), (Some("fresh"), true)] {
        let mut profile = example(&Url::parse("http://127.0.0.1:9/").unwrap());
        if let Some(need) = need {
            profile["access_token"] = json!(need);
        }
        let prepared = Case::new().prepare(&profile).unwrap();
        assert_eq!(REGISTRAR.needs_fresh_access_token(&prepared), fresh, "{need:?}");
    }
}
