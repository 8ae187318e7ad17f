//! Asking who consented, over the wire.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::time::Duration;

use handover_core::{
    application::{ApplicationSecret, PlatformKind},
    connection::Identity,
    ports::{MeError, Platform},
    secret::{AccessToken, ClientSecret},
};
use handover_platform::{ExactOnline, HttpClient};
use support::{Behaviour, Server, nobody};
use url::Url;

const TOKEN: &str = "stampNL001.gAAAAxyz";

async fn me(host: Url, token: &str) -> Result<Identity, MeError> {
    let application = ApplicationSecret {
        platform: PlatformKind::ExactOnline,
        host,
        client_id: "id".parse().unwrap(),
        client_secret: ClientSecret::new("secret of the app"),
        redirect_uri: Url::parse("https://connect.acme.example/").unwrap(),
    };
    let exact = ExactOnline::new(HttpClient::new(true).unwrap());
    let answer = exact
        .me(&application, &AccessToken::new(token), Duration::from_millis(500))
        .await;
    if let Err(error) = &answer {
        assert!(!format!("{error} {error:?}").contains(TOKEN), "{error:?}");
    }
    answer
}

#[tokio::test]
async fn the_request_asks_for_json_with_the_bearer_token() {
    let body = r#"{"d":{"results":[{"UserID":"A1B2C3D4-0000-4000-8000-0123456789AB","FullName":"Jan Jansen"}]}}"#;
    let server = Server::answering("200 OK", "content-type: application/json\r\n", body).await;
    let identity = me(server.url(), TOKEN).await.unwrap();
    assert_eq!(
        identity,
        Identity {
            user: "a1b2c3d4-0000-4000-8000-0123456789ab".into(),
            name: "Jan Jansen".into()
        }
    );
    let request = server.only_request().await;
    assert!(request.starts_with("GET /api/v1/current/Me HTTP/1.1\r\n"), "{request}");
    assert!(
        request.contains(&format!("authorization: Bearer {TOKEN}\r\n")),
        "{request}"
    );
    assert!(
        request.to_ascii_lowercase().contains("accept: application/json\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn what_went_wrong_is_told_without_the_body() {
    for (status, headers, body, said) in [
        (
            "401 Unauthorized",
            "",
            TOKEN,
            "HTTP 401: the access token is not accepted",
        ),
        ("403 Forbidden", "", TOKEN, "HTTP 403"),
        ("404 Not Found", "", TOKEN, "HTTP 404"),
        ("429 Slow", "", TOKEN, "too many calls"),
        ("500 Oops", "", TOKEN, "it failed"),
        ("302 Found", "location: /x\r\n", "", "points elsewhere"),
        ("200 OK", "", "<feed>Atom</feed>", "no user id"),
        ("200 OK", "", r#"{"d":{"UserID":"stampNL001.gAAAAxyz"}}"#, "no user id"),
    ] {
        let server = Server::answering(status, headers, body).await;
        let refusal = me(server.url(), TOKEN).await.unwrap_err();
        assert!(refusal.reason.contains(said), "{refusal}");
        server.only_request().await;
    }
}

#[tokio::test]
async fn network_failures_are_told() {
    let server = Server::start(Behaviour::Silence).await;
    assert!(
        me(server.url(), TOKEN)
            .await
            .unwrap_err()
            .reason
            .contains("no answer came in time")
    );
    assert!(
        me(nobody().await, TOKEN)
            .await
            .unwrap_err()
            .reason
            .contains("no connection could be made")
    );
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"d\"".to_vec();
    let server = Server::start(Behaviour::Answer(half)).await;
    assert!(
        me(server.url(), TOKEN)
            .await
            .unwrap_err()
            .reason
            .contains("the connection broke")
    );
}

#[tokio::test]
async fn a_token_that_cannot_be_sent_is_not() {
    let server = Server::start(Behaviour::Silence).await;
    for token in ["", "two\nlines"] {
        assert!(
            me(server.url(), token)
                .await
                .unwrap_err()
                .reason
                .contains("access token")
        );
    }
    assert_eq!(server.connections(), 0);
}
