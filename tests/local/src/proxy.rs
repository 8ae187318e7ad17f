//! Hands an HTTP request on and its answer back: what gateway and recorder have in common.

use anyhow::Result;
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, Response, header::HOST, request::Parts},
};

/// Hands a request on to `base`, as if it were meant for `host`; answers what came back.
///
/// # Errors
/// When nobody answers.
pub async fn forward(
    client: &reqwest::Client,
    base: &str,
    host: Option<HeaderValue>,
    parts: Parts,
    body: Bytes,
) -> Result<Response<Body>> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers;
    headers.remove(HOST);
    headers.extend(host.map(|host| (HOST, host)));
    let request = client
        .request(parts.method, format!("{base}{path}"))
        .headers(headers)
        .body(body);
    let answer = request.send().await?;
    let mut reply = Response::builder().status(answer.status());
    if let Some(headers) = reply.headers_mut() {
        headers.extend(answer.headers().clone());
        // The body is handed on whole: its framing is this server's.
        headers.remove("transfer-encoding");
        headers.remove("content-length");
    }
    Ok(reply.body(Body::from(answer.bytes().await?))?)
}
