//! What comes of presenting a refresh token: over the wire, one request each.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::{sync::Arc, time::Duration};

use handover_core::{
    connection::Problem::{Configuration, PlatformUnavailable},
    ports::{
        Platform, Received, RefreshError,
        RefreshRefusal::{ChainBroken, Expired, Unclear, Unharmed, Used},
    },
    secret::RefreshToken,
};
use handover_platform::{ExactOnline, HttpClient};
use proptest::prelude::*;
use support::{
    Behaviour, Server, answer,
    exact::{ACCESS, CLIENT_SECRET, EXACT, JSON, LONG, PRESENTED, REFRESH, SHORT, application, tells_no_secret},
    nobody,
};
use tokio::sync::Notify;
use url::Url;

const MINUTE: Duration = Duration::from_secs(60);

async fn refresh(host: Url, limit: Duration) -> Result<Received, RefreshError> {
    refresh_over(&EXACT, host, limit).await
}

async fn refresh_over(exact: &ExactOnline, host: Url, limit: Duration) -> Result<Received, RefreshError> {
    let refreshed = exact
        .refresh(&application(host), &RefreshToken::new(PRESENTED), limit)
        .await;
    if let Err(error) = &refreshed {
        tells_no_secret(error);
    }
    refreshed
}

/// What `status`, `headers` and `body` are taken for, and that they were asked for once.
async fn refused(status: &str, headers: &str, body: impl AsRef<[u8]>) -> RefreshError {
    let server = Server::answering(status, headers, body).await;
    let error = refresh(server.url(), LONG).await.unwrap_err();
    server.only_request().await;
    error
}

fn pair() -> String {
    format!(r#"{{"access_token":"{ACCESS}","token_type":"bearer","expires_in":"600","refresh_token":"{REFRESH}"}}"#)
}

fn shown(pair: &Received) -> (&str, &str, Option<u32>) {
    (pair.access_token.expose(), pair.refresh_token.expose(), pair.expires_in)
}

#[tokio::test]
async fn the_request_is_the_one_that_exact_documents() {
    let server = Server::answering("200 OK", JSON, pair()).await;
    let pair = refresh(server.url(), LONG).await.unwrap();
    assert_eq!(shown(&pair), (ACCESS, REFRESH, Some(600)));

    let request = server.only_request().await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /api/oauth2/token http/1.1\r\n"), "{head}");
    assert!(
        !head.contains("authorization:"),
        "client id and secret go in the body: {head}"
    );
    let mut sent: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    sent.sort();
    let expected = [
        ("client_id", "{c1d2}"),
        ("client_secret", CLIENT_SECRET),
        ("grant_type", "refresh_token"),
        ("refresh_token", PRESENTED),
    ];
    assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(
        body.contains("refresh_token=stampNL001.before%21IAAAAxyz"),
        "encoded once: {body}"
    );
}

#[tokio::test]
async fn the_life_is_read_from_text_number_or_absence() {
    for (life, expected) in [
        (r#""expires_in":"600","#, Some(600)),
        (r#""expires_in":600,"#, Some(600)),
        ("", None),
    ] {
        let body = pair().replace(r#""expires_in":"600","#, life);
        let server = Server::answering("200 OK", JSON, &body).await;
        let pair = refresh(server.url(), LONG).await.unwrap();
        assert_eq!(shown(&pair), (ACCESS, REFRESH, expected), "{body}");
    }
}

#[tokio::test]
async fn each_refusal_says_what_became_of_the_pair() {
    let early = r#"{"error":"access_denied","error_description":"Rate limit exceeded: access_token not expired"}"#;
    let early_reason = "Reason: TooEarlyToRefreshTokens: Rate limit exceeded: access_token not expired\r\n";
    let used = r#"{"error":"unauthorized_client","error_description":"Old refresh token used."}"#;
    let expired = r#"{"error":"invalid_request","error_description":"The refresh token expired at 10\/11\/2022 9:18:20 PM and it is now 10\/28\/2022 4:15:50 PM."}"#;
    let broken = r#"{ "error":"invalid_grant","error_description":"Token is not allowed, because of invalid or empty chainId" }"#;
    let stale = r#"{"error":"invalid_request","error_description":"Signed data extraction has failed"}"#;
    let many = r#"{"error":"too_many_requests","error_description":"Rate limit exceeded"}"#;
    for (headers, body, refusal, problem, said) in [
        ("", early, Unharmed, PlatformUnavailable, "refreshed too early"),
        (
            early_reason,
            early,
            Unharmed,
            PlatformUnavailable,
            "TooEarlyToRefreshTokens",
        ),
        (early_reason, "", Unharmed, PlatformUnavailable, "refreshed too early"),
        (
            "",
            used,
            Used,
            PlatformUnavailable,
            "was used before; the pair is lost unless",
        ),
        (
            "",
            expired,
            Expired,
            PlatformUnavailable,
            "too old; the customer has to consent again",
        ),
        (
            "",
            broken,
            ChainBroken,
            PlatformUnavailable,
            "cut the chain; the customer has to",
        ),
        (
            "",
            r#"{"error":"invalid_client"}"#,
            Unharmed,
            Configuration,
            "client secret",
        ),
        (
            "",
            r#"{"error":"unauthorized_client"}"#,
            Unharmed,
            Configuration,
            "client id",
        ),
        (
            "",
            many,
            Unharmed,
            PlatformUnavailable,
            "too many calls; the pair is unharmed",
        ),
        (
            "",
            stale,
            Unclear,
            PlatformUnavailable,
            "mangled; the refresh token may have been spent",
        ),
    ] {
        for status in ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "500 Oops"] {
            let error = refused(status, &format!("{JSON}{headers}"), body).await;
            assert_eq!((error.refusal, error.problem), (refusal, problem), "{status} {error}");
            assert!(error.reason.contains(said), "{status} {error}");
            assert!(error.reason.contains("at 127.0.0.1: HTTP "), "{error}");
        }
    }
}

#[tokio::test]
async fn without_a_known_text_only_status_and_form_are_left() {
    let html = "content-type: text/html\r\n";
    let gateway = r#"{"fault":{"faultstring":"Failed to execute the ExtractVariables: ExtractAccessToken","detail":{"errorcode":"steps.extractvariables.ExecutionFailed"}}}"#;
    for (status, headers, body, refusal, problem) in [
        ("401 Unauthorized", "", "Unauthorized", Unharmed, Configuration),
        (
            "429 Too Many Requests",
            "",
            "Too Many Requests",
            Unharmed,
            PlatformUnavailable,
        ),
        ("429 Too Many Requests", JSON, "", Unharmed, PlatformUnavailable),
        ("500 Oops", JSON, gateway, Unclear, PlatformUnavailable),
        ("400 Bad Request", "", "Bad Request", Unclear, PlatformUnavailable),
        (
            "400 Bad Request",
            JSON,
            r#""Bad Request""#,
            Unclear,
            PlatformUnavailable,
        ),
        ("400 Bad Request", JSON, "", Unclear, PlatformUnavailable),
        ("401 Unauthorized", JSON, "", Unclear, PlatformUnavailable),
        ("401 Unauthorized", html, "<html>", Unclear, PlatformUnavailable),
        (
            "401 Unauthorized",
            JSON,
            r#"{"error":"new"}"#,
            Unclear,
            PlatformUnavailable,
        ),
        (
            "400 Bad Request",
            JSON,
            r#"{"error":"invalid_grant"}"#,
            Unclear,
            PlatformUnavailable,
        ),
        ("403 Forbidden", "", "Forbidden", Unclear, PlatformUnavailable),
        ("404 Not Found", html, "<html>", Unclear, PlatformUnavailable),
        ("500 Oops", "", "", Unclear, PlatformUnavailable),
        ("503 Busy", html, "<html>", Unclear, PlatformUnavailable),
        (
            "504 Late",
            JSON,
            r#"{"error":"temporarily_unavailable"}"#,
            Unclear,
            PlatformUnavailable,
        ),
    ] {
        let error = refused(status, headers, body).await;
        assert_eq!((error.refusal, error.problem), (refusal, problem), "{status} {body}");
    }
}

#[tokio::test]
async fn an_answer_that_says_yes_without_a_refresh_token_has_lost_it() {
    let only_access = format!(r#"{{"access_token":"{ACCESS}","token_type":"bearer","expires_in":"600"}}"#);
    for body in [
        &only_access,
        "",
        "{}",
        "<html>",
        r#"{"refresh_token":null}"#,
        r#"{"refresh_token":""}"#,
    ] {
        let error = refused("200 OK", JSON, body).await;
        assert_eq!((error.refusal, error.problem), (Unclear, PlatformUnavailable), "{body}");
        assert!(
            error.reason.contains("HTTP 200: the answer holds no refresh token"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_only_some_say_that_nothing_was_done() {
    let target = Server::answering("200 OK", JSON, pair()).await;
    for (status, refusal, problem) in [
        ("301 Moved", Unharmed, Configuration),
        ("302 Found", Unclear, PlatformUnavailable),
        ("303 See Other", Unclear, PlatformUnavailable),
        ("307 Temporary", Unharmed, Configuration),
        ("308 Permanent", Unharmed, Configuration),
    ] {
        let error = refused(status, &format!("location: {}api/oauth2/token\r\n", target.url()), "").await;
        assert_eq!((error.refusal, error.problem), (refusal, problem), "{status}");
        assert!(error.reason.contains("points elsewhere"), "{error}");
    }
    assert_eq!(target.connections(), 0);
}

/// Moves the clock, with all timers; connections are real, so it stands only for this long.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn an_answer_after_35_s_comes_in_time() {
    let told = Arc::new(Notify::new());
    let server = Server::start(Behaviour::Late(Arc::clone(&told), answer("200 OK", JSON, pair()))).await;
    let asked = tokio::spawn(refresh(server.url(), MINUTE));
    server.only_request().await;
    pass(Duration::from_secs(35)).await;
    told.notify_one();
    assert_eq!(shown(&asked.await.unwrap().unwrap()), (ACCESS, REFRESH, Some(600)));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn after_the_limit_nobody_knows() {
    let server = Server::start(Behaviour::Silence).await;
    let asked = tokio::spawn(refresh(server.url(), MINUTE));
    server.only_request().await;
    pass(MINUTE).await;
    let error = asked.await.unwrap().unwrap_err();
    assert_eq!((error.refusal, error.problem), (Unclear, PlatformUnavailable));
    assert!(
        error.reason.contains("no answer came in time; the refresh token may"),
        "{error}"
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_unclear_and_nothing_is_sent_twice() {
    let head = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 500\r\n\r\n").into_bytes();
    let half = [head.clone(), br#"{"access_token":"a","refresh_token":"half"#.to_vec()].concat();
    for (behaviour, said) in [
        (Behaviour::CloseUnread, "the connection broke"),
        (Behaviour::CloseAfterReading, "the connection broke"),
        (Behaviour::Stall(half.clone()), "no answer came in time"),
        (Behaviour::Answer(half), "the connection broke"),
        (Behaviour::Answer(head), "the connection broke"),
        (
            Behaviour::Answer(b"not HTTP at all\r\n\r\n".to_vec()),
            "the connection broke",
        ),
    ] {
        let server = Server::start(behaviour.clone()).await;
        let limit = if matches!(behaviour, Behaviour::Stall(_)) {
            SHORT
        } else {
            LONG
        };
        let error = refresh(server.url(), limit).await.unwrap_err();
        assert_eq!(
            (error.refusal, error.problem),
            (Unclear, PlatformUnavailable),
            "{behaviour:?}"
        );
        assert!(error.reason.contains(said), "{behaviour:?}: {error}");
        assert_eq!(server.connections(), 1, "{behaviour:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_after_the_refresh_token_is_not_lost() {
    let body = format!(r#"{{"refresh_token":"{REFRESH}","access_token":"{ACCESS}","expires_in":"6"#);
    let half = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 5000\r\n\r\n{body}").into_bytes();
    for (behaviour, limit) in [(Behaviour::Answer(half.clone()), LONG), (Behaviour::Stall(half), SHORT)] {
        let server = Server::start(behaviour).await;
        let pair = refresh(server.url(), limit).await.unwrap();
        assert_eq!(shown(&pair), (ACCESS, REFRESH, None));
        server.only_request().await;
    }
}

#[tokio::test]
async fn half_a_refusal_is_none() {
    for part in [
        // "Old refresh token used." would come after it.
        r#"{"error":"unauthorized_client","error_descr"#,
        r#"{"error":"invalid_client""#,
        r#"{"error":"unauthorized_client","error_description":"Old refresh token used."#,
    ] {
        let half = format!("HTTP/1.1 401 Unauthorized\r\n{JSON}content-length: 500\r\n\r\n{part}").into_bytes();
        let server = Server::start(Behaviour::Answer(half)).await;
        let error = refresh(server.url(), LONG).await.unwrap_err();
        assert_eq!((error.refusal, error.problem), (Unclear, PlatformUnavailable), "{part}");
        server.only_request().await;
    }
}

#[tokio::test]
async fn what_was_surely_not_sent_harms_nothing() {
    let error = refresh(nobody().await, LONG).await.unwrap_err();
    assert_eq!((error.refusal, error.problem), (Unharmed, PlatformUnavailable));
    assert!(
        error.reason.contains("no connection could be made (Connection refused"),
        "{error}"
    );
    let server = Server::start(Behaviour::CloseUnread).await;
    let strict = ExactOnline::new(HttpClient::new(false).unwrap());
    let without_tls = refresh_over(&strict, server.url(), LONG).await.unwrap_err();
    let elsewhere = refresh(Url::parse("ftp://start.exactonline.nl").unwrap(), LONG)
        .await
        .unwrap_err();
    for error in [without_tls, elsewhere] {
        assert_eq!((error.refusal, error.problem), (Unharmed, Configuration));
        assert!(error.reason.contains("not an https address"), "{error}");
    }
    assert_eq!(server.connections(), 0);
    // The TLS handshake fails before a byte of the request is written.
    let mut tls = server.url();
    tls.set_scheme("https").unwrap();
    let error = refresh_over(&strict, tls, LONG).await.unwrap_err();
    assert_eq!(
        (error.refusal, error.problem),
        (Unharmed, PlatformUnavailable),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn noise_never_condemns_a_pair_or_makes_it_talk(
        status in 200_u16..600,
        noise in proptest::collection::vec(any::<u8>(), 0..300),
        json in any::<bool>(),
        said in "(Reason: [ -~]{0,60}\r\n)?",
    ) {
        let mut body = noise.clone();
        body.extend_from_slice(format!("{PRESENTED} {CLIENT_SECRET} {REFRESH}").as_bytes());
        body.extend_from_slice(&noise);
        let headers = format!("{}{said}", if json { JSON } else { "" });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let error = refused(&format!("{status} x"), &headers, body).await;
            assert!(matches!(error.refusal, Unclear | Unharmed), "{error}");
            if (200..300).contains(&status) {
                assert_eq!(error.refusal, Unclear, "{error}");
            }
        });
    }
}
