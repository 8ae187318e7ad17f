//! Connections that are opened ahead.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::time::Duration;

use handover_platform::{
    HttpClient,
    http::{Answer, NetworkFailure, Request},
};
use support::{Behaviour, Server, nobody};
use url::Url;

const LIMIT: Duration = Duration::from_secs(5);
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn client() -> HttpClient {
    HttpClient::new(true).unwrap()
}

async fn ask(client: &HttpClient, host: &Url) -> Result<Answer, NetworkFailure> {
    let address = host.join("question").unwrap();
    let request: Request = ::http::Request::post(address.as_str()).body(b"what".to_vec()).unwrap();
    client.send(request, LIMIT).await
}

/// Until the server has taken so many connections.
async fn connected(server: &Server, connections: usize) {
    for _ in 0..500 {
        if server.connections() == connections {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("{} connections instead of {connections}", server.connections());
}

#[tokio::test]
async fn the_requests_of_an_invocation_go_over_the_one_that_was_opened_ahead() {
    let server = Server::start(Behaviour::AnswerAll(ANSWER.to_vec())).await;
    let client = client();
    client.open_ahead(&server.url()).await;
    connected(&server, 1).await;
    for _ in 0..2 {
        assert_eq!(ask(&client, &server.url()).await.unwrap().body.as_slice(), b"ok");
    }
    assert_eq!((server.connections(), server.requests().await.len()), (1, 2));
    // The next invocation opens its own.
    client.open_ahead(&server.url()).await;
    connected(&server, 2).await;
}

#[tokio::test]
async fn without_one_each_request_has_its_own() {
    let server = Server::start(Behaviour::AnswerAll(ANSWER.to_vec())).await;
    let client = client();
    for _ in 0..2 {
        ask(&client, &server.url()).await.unwrap();
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn one_that_was_closed_meanwhile_is_replaced_and_the_request_goes_out_once() {
    let server = Server::answering("200 OK", "", "ok").await;
    let other = Server::start(Behaviour::CloseUnread).await;
    let client = client();
    client.open_ahead(&other.url()).await;
    connected(&other, 1).await;
    // Another host's is not taken, and its end harms nobody.
    ask(&client, &server.url()).await.unwrap();
    server.only_request().await;
    assert!(ask(&client, &other.url()).await.is_err());
    assert_eq!(other.connections(), 2, "closed, so another was opened");
}

#[tokio::test]
async fn where_nobody_listens_the_request_says_so() {
    let client = client();
    let nobody = nobody().await;
    client.open_ahead(&nobody).await;
    let failure = ask(&client, &nobody).await.err().unwrap();
    assert!(failure.surely_unsent(), "{failure}");
}

/// An answer that breaks off is not followed by another request on what is left of its connection.
#[tokio::test]
async fn a_broken_answer_ends_its_connection() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok".to_vec();
    let server = Server::start(Behaviour::Answer(half)).await;
    let client = client();
    client.open_ahead(&server.url()).await;
    connected(&server, 1).await;
    assert!(ask(&client, &server.url()).await.unwrap().cut.is_some());
    ask(&client, &server.url()).await.unwrap();
    assert_eq!((server.connections(), server.requests().await.len()), (2, 2));
}

#[tokio::test]
async fn one_that_was_idle_for_long_is_not_trusted() {
    let server = Server::start(Behaviour::AnswerAll(ANSWER.to_vec())).await;
    let client = client();
    client.open_ahead(&server.url()).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    tokio::time::resume();
    ask(&client, &server.url()).await.unwrap();
    assert_eq!((server.connections(), server.requests().await.len()), (2, 1));
}
