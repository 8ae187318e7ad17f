//! Why requests are not read with `lambda_http`: what its conversion panics on is answered with a page here.
//!
//! Once `the_library_panics` fails, the library has mended it, and `gateway::Request` can go.

use std::panic::catch_unwind;

use serde_json::{Value, json};

use crate::{
    browser::Browser,
    world::{World, title},
};

/// What a browser, or what stands in for one, may send.
fn strange() -> Vec<(&'static str, Value)> {
    let event = |path: &str, query: &str| Browser::default().event(path, query);
    let under = |host: &str| {
        let mut event = event("/connected/x", "");
        event["headers"]["host"] = json!(host);
        event
    };
    vec![
        ("a long path", event(&format!("/{}", "a".repeat(70_000)), "")),
        (
            "a long query",
            event("/callback/exact-nl", &format!("code={}", "a".repeat(70_000))),
        ),
        ("angle brackets in the query", event("/callback/exact-nl", "error=<b>")),
        (
            "a blank in the query",
            event("/callback/exact-nl", "error=access denied"),
        ),
        ("a blank in the host", under("connect acme")),
        ("no host's name", under("[::")),
        ("a port that is none", under("connect.acme.example:port")),
    ]
}

#[test]
fn the_library_panics() {
    for (what, event) in strange() {
        let event = event.to_string();
        assert!(
            catch_unwind(|| lambda_http::request::from_str(&event)).is_err(),
            "{what}: no longer; read the head of this file"
        );
    }
}

#[tokio::test]
async fn here_a_page_is_answered() {
    let world = World::new().await;
    for (what, event) in strange() {
        let answer = world.answer(event).await;
        assert!(
            (400..500).contains(&answer.status_code),
            "{what}: {}",
            answer.status_code
        );
        assert!(!title(&answer).is_empty(), "{what}");
    }
    assert_eq!(world.calls_to_aws(), 0);
}
