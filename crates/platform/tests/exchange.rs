//! What the token endpoint answers, and what is made of it: over the wire, one request each.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::time::Duration;

use handover_core::{
    connection::Problem,
    ports::{ExchangeError, Platform, Received},
    secret::{AuthorizationCode, PkceVerifier},
};
use handover_platform::{ExactOnline, HttpClient};
use proptest::prelude::*;
use support::{
    Behaviour, Server,
    exact::{ACCESS, CLIENT_SECRET, CODE, EXACT, JSON, LONG, REFRESH, SHORT, VERIFIER, application, tells_no_secret},
    nobody,
};
use url::Url;

async fn exchange(host: Url, limit: Duration) -> Result<Received, ExchangeError> {
    exchange_over(&EXACT, host, limit).await
}

async fn exchange_over(exact: &ExactOnline, host: Url, limit: Duration) -> Result<Received, ExchangeError> {
    let code = AuthorizationCode::new(CODE);
    let exchanged = exact
        .exchange(&application(host), &code, &PkceVerifier::new(VERIFIER), limit)
        .await;
    if let Err(error) = &exchanged {
        tells_no_secret(error);
    }
    exchanged
}

#[tokio::test]
async fn the_request_is_the_one_that_exact_documents() {
    let body = format!(
        r#"{{"access_token":"{ACCESS}","token_type":"bearer","expires_in":"600","refresh_token":"{REFRESH}"}}"#
    );
    let server = Server::answering("200 OK", JSON, body).await;
    let pair = exchange(server.url(), LONG).await.unwrap();
    assert_eq!(
        (pair.access_token.expose(), pair.refresh_token.expose(), pair.expires_in),
        (ACCESS, REFRESH, Some(600))
    );

    let request = server.only_request().await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /api/oauth2/token http/1.1\r\n"), "{head}");
    assert!(
        head.contains(concat!("user-agent: handover/", env!("CARGO_PKG_VERSION"))),
        "{head}"
    );
    assert!(
        head.contains("content-type: application/x-www-form-urlencoded"),
        "{head}"
    );
    assert!(
        !head.contains("authorization:"),
        "client id and secret go in the body: {head}"
    );
    let mut sent: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    sent.sort();
    let expected = [
        ("client_id", "{c1d2}"),
        ("client_secret", CLIENT_SECRET),
        ("code", CODE),
        ("code_verifier", VERIFIER),
        ("grant_type", "authorization_code"),
        ("redirect_uri", "https://connect.acme.example/callback/exact-nl"),
    ];
    assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(body.contains("code=stampNL001.code%21IAAAAxyz"), "encoded once: {body}");
}

#[tokio::test]
async fn no_answer_that_says_yes_loses_its_refresh_token() {
    for (status, headers, body) in [
        (
            "200 OK",
            JSON,
            r#"{"access_token":"A","token_type":"Bearer","expires_in":600,"refresh_token":"R"}"#,
        ),
        ("200 OK", JSON, r#"{"access_token":"A","refresh_token":"R"}"#),
        (
            "200 OK",
            JSON,
            r#"{"access_token":"A","token_type":{},"expires_in":"soon","refresh_token":"R","new":[1]}"#,
        ),
        (
            "201 Created",
            JSON,
            r#"{"access_token":"A","token_type":"bearer","refresh_token":"R"}"#,
        ),
        (
            "200 OK",
            "content-type: text/html\r\n",
            r#"{"access_token":"A","token_type":"bearer","refresh_token":"R"}"#,
        ),
        (
            "200 OK",
            "",
            r#"{"access_token":"A","access_token":"A","refresh_token":"R"}"#,
        ),
        ("200 OK", JSON, r#"<!-- x -->{"access_token":"A","refresh_token":"R"}"#),
        ("200 OK", JSON, r#"{"data":{"access_token":"A","refresh_token":"R"}}"#),
    ] {
        let body = body
            .replace("\"A\"", &format!("\"{ACCESS}\""))
            .replace("\"R\"", &format!("\"{REFRESH}\""));
        let server = Server::answering(status, headers, &body).await;
        let pair = exchange(server.url(), LONG).await.unwrap();
        assert_eq!(
            (pair.access_token.expose(), pair.refresh_token.expose()),
            (ACCESS, REFRESH),
            "{body}"
        );
        server.only_request().await;
    }
}

#[tokio::test]
async fn without_an_access_token_the_refresh_token_is_kept_all_the_same() {
    let server = Server::answering(
        "200 OK",
        JSON,
        format!(r#"{{"access_token":5,"refresh_token":"{REFRESH}"}}"#),
    )
    .await;
    let pair = exchange(server.url(), LONG).await.unwrap();
    assert_eq!(
        (pair.access_token.expose(), pair.refresh_token.expose(), pair.expires_in),
        ("", REFRESH, Some(0))
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_after_the_refresh_token_is_not_lost() {
    let body = format!(r#"{{"refresh_token":"{REFRESH}","access_token":"{ACCESS}","expires_in":"6"#);
    let half = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 5000\r\n\r\n{body}").into_bytes();
    for behaviour in [Behaviour::Answer(half.clone()), Behaviour::Stall(half)] {
        let server = Server::start(behaviour).await;
        let pair = exchange(server.url(), SHORT).await.unwrap();
        assert_eq!(
            (pair.access_token.expose(), pair.refresh_token.expose()),
            (ACCESS, REFRESH)
        );
        server.only_request().await;
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_and_its_refresh_token_kept() {
    let body = format!(r#"{{"refresh_token":"{REFRESH}","x":"{}"}}"#, "x".repeat(300_000));
    let server = Server::answering("200 OK", JSON, body).await;
    assert_eq!(
        exchange(server.url(), LONG).await.unwrap().refresh_token.expose(),
        REFRESH
    );
    let server = Server::answering("200 OK", JSON, "x".repeat(300_000)).await;
    let refusal = exchange(server.url(), LONG).await.unwrap_err();
    assert!(refusal.reason.contains("longer than 65536 bytes"), "{refusal}");
}

#[tokio::test]
async fn a_refusal_says_whose_fault_it_is_and_quotes_nothing() {
    use Problem::{Configuration, ConsentFailed};
    let quoting = format!(r#"{{"error":"invalid_grant","error_description":"{CODE} {CLIENT_SECRET} {VERIFIER}"}}"#);
    for (status, headers, body, problem, said) in [
        (
            "400 Bad Request",
            JSON,
            r#"{"error":"invalid_client"}"#,
            Configuration,
            "invalid_client: the platform does not accept",
        ),
        ("401 Unauthorized", "", "Unauthorized", Configuration, "client secret"),
        (
            "400 Bad Request",
            JSON,
            r#"{"error":"unauthorized_client"}"#,
            Configuration,
            "client id",
        ),
        ("400 Bad Request", "", "Bad Request", ConsentFailed, "redirect URI"),
        (
            "400 Bad Request",
            JSON,
            &quoting,
            ConsentFailed,
            "HTTP 400 invalid_grant",
        ),
        (
            "302 Found",
            "location: /elsewhere\r\n",
            "",
            ConsentFailed,
            "points elsewhere",
        ),
        (
            "200 OK",
            JSON,
            r#"{"access_token":"a"}"#,
            ConsentFailed,
            "no refresh token",
        ),
        ("200 OK", JSON, "", ConsentFailed, "no refresh token"),
        (
            "500 Oops",
            JSON,
            r#"{"fault":{"faultstring":"x"}}"#,
            ConsentFailed,
            "the platform failed",
        ),
        (
            "503 Busy",
            "content-type: text/html\r\n",
            "<html>",
            ConsentFailed,
            "the platform failed",
        ),
    ] {
        let server = Server::answering(status, headers, body).await;
        let refusal = exchange(server.url(), LONG).await.unwrap_err();
        assert_eq!(refusal.problem, problem, "{refusal}");
        assert_eq!(
            refusal.reason.ends_with("; the customer has to consent again"),
            problem == ConsentFailed,
            "{refusal}"
        );
        assert!(
            refusal.reason.contains(said) && refusal.reason.contains("127.0.0.1"),
            "{refusal}"
        );
        server.only_request().await;
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Server::answering(
        "200 OK",
        JSON,
        format!(r#"{{"access_token":"a","refresh_token":"{REFRESH}"}}"#),
    )
    .await;
    for (status, problem, unclear) in [
        ("301 Moved", Problem::Configuration, false),
        ("302 Found", Problem::ConsentFailed, true),
        ("303 See Other", Problem::ConsentFailed, true),
        ("307 Temporary", Problem::Configuration, false),
        ("308 Permanent", Problem::Configuration, false),
    ] {
        let server = Server::answering(status, &format!("location: {}api/oauth2/token\r\n", target.url()), "").await;
        let refusal = exchange(server.url(), LONG).await.unwrap_err();
        assert_eq!((refusal.problem, refusal.unclear), (problem, unclear), "{refusal}");
        assert!(refusal.reason.contains("points elsewhere"), "{refusal}");
        server.only_request().await;
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn each_network_failure_is_told_and_nothing_is_sent_twice() {
    let half = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 500\r\n\r\n{{\"refresh_token\":\"half").into_bytes();
    for (behaviour, said) in [
        (Behaviour::CloseUnread, "the connection broke"),
        (Behaviour::CloseAfterReading, "the connection broke"),
        (Behaviour::Silence, "no answer came in time"),
        (Behaviour::Stall(half.clone()), "no answer came in time"),
        (Behaviour::Answer(half), "the connection broke"),
        (
            Behaviour::Answer(b"not HTTP at all\r\n\r\n".to_vec()),
            "the connection broke",
        ),
    ] {
        let server = Server::start(behaviour.clone()).await;
        let failure = exchange(server.url(), SHORT).await.unwrap_err();
        assert_eq!(failure.problem, Problem::ConsentFailed);
        assert!(failure.reason.contains(said), "{behaviour:?}: {failure}");
        assert_eq!(server.connections(), 1, "{behaviour:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_told() {
    let failure = exchange(nobody().await, LONG).await.unwrap_err();
    assert_eq!(failure.problem, Problem::ConsentFailed);
    assert!(
        failure
            .reason
            .contains("no connection could be made (Connection refused"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_host_without_tls_or_with_the_wrong_kind_gets_nothing() {
    let server = Server::start(Behaviour::CloseUnread).await;
    let strict = ExactOnline::new(HttpClient::new(false).unwrap());
    let refusal = exchange_over(&strict, server.url(), LONG).await.unwrap_err();
    assert_eq!(refusal.problem, Problem::Configuration);
    assert!(refusal.reason.contains("not an https address"), "{refusal}");
    for host in ["ftp://start.exactonline.nl", "data:x", "file:///etc"] {
        let refusal = exchange(Url::parse(host).unwrap(), LONG).await.unwrap_err();
        assert_eq!(refusal.problem, Problem::Configuration, "{host}");
    }
    assert_eq!(server.connections(), 0);
    // The TLS handshake fails before a byte of the request is written.
    let mut tls = server.url();
    tls.set_scheme("https").unwrap();
    let refusal = exchange_over(&strict, tls, LONG).await.unwrap_err();
    assert!(refusal.reason.contains("no connection could be made"), "{refusal}");
}

fn odd_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({"refresh": {"x": [1]}})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_json_with_a_refresh_token_yields_it(
        token in "[!-~]{1,400}",
        (expires_in, token_type, access_token, extra) in (odd_json(), odd_json(), odd_json(), odd_json()),
        status in 200_u16..300,
    ) {
        // 204 and 205 have no body by definition.
        prop_assume!(status != 204 && status != 205);
        let body = serde_json::json!({
            "access_token": access_token, "expires_in": expires_in, "a": extra, "refresh_token": token, "token_type": token_type,
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::answering(&format!("{status} x"), JSON, body.to_string()).await;
            assert_eq!(exchange(server.url(), LONG).await.unwrap().refresh_token.expose(), token);
            server.only_request().await;
        });
    }

    #[test]
    fn no_body_makes_it_panic_or_talk(
        status in 200_u16..600,
        noise in proptest::collection::vec(any::<u8>(), 0..300),
        json in any::<bool>(),
        said in "(Reason: [ -~]{0,60}\r\n)?",
    ) {
        let mut body = noise.clone();
        body.extend_from_slice(format!("{CODE} {CLIENT_SECRET} {REFRESH}").as_bytes());
        body.extend_from_slice(&noise);
        let headers = format!("{}{said}", if json { JSON } else { "" });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::answering(&format!("{status} x"), &headers, body).await;
            assert!(exchange(server.url(), LONG).await.is_err());
            server.only_request().await;
        });
    }
}
