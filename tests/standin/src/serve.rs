//! The server around the routes: it can close a connection instead of answering.

use std::{convert::Infallible, fmt, sync::Arc};

use axum::{Router, body::Body, response::Response};
use http::{Request, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tower::ServiceExt as _;

use crate::answer::HangUp;

/// Serves until it is dropped, and all connections with it.
pub async fn serve(listener: TcpListener, router: Router) {
    let router = Arc::new(router);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(converse(stream, Arc::clone(&router)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, router: Arc<Router>) {
    // Small answers must not wait for an acknowledgement; without it they are late, not wrong.
    stream.set_nodelay(true).unwrap_or_default();
    let service = service_fn(move |request: Request<Incoming>| answer(Router::clone(&router), request));
    // A client that goes away, or is hung up on, is no error of the server's.
    http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
        .unwrap_or_default();
}

/// Each request runs in a task of its own: what it does, it does to the end, even when the client has given up,
/// as a real server would.
async fn answer(router: Router, request: Request<Incoming>) -> Result<Response, HungUp> {
    let task = tokio::spawn(router.oneshot(request.map(Body::new)));
    let response = task
        .await
        .unwrap_or_else(|_| Ok::<_, Infallible>(failed()))
        .unwrap_or_else(|never| match never {});
    if response.extensions().get::<HangUp>().is_some() {
        Err(HungUp)
    } else {
        Ok(response)
    }
}

fn failed() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// Hyper closes a connection whose service fails, and sends nothing.
#[derive(Debug)]
struct HungUp;

impl fmt::Display for HungUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("hung up as asked")
    }
}

impl std::error::Error for HungUp {}
