//! A small HTTP server: one service on one port, with or without TLS and distance.

use std::{
    convert::Infallible,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    delay::Distance,
    tally::{CONNECT, Call, Tally, Units},
};

/// A request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// Its query, as it came.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Asked {
    /// A header as text; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// What was asked for, for the count.
    pub operation: String,
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// The time that the upstream itself takes for it.
    pub took: Duration,
    /// What it costs.
    pub units: Units,
}

impl Reply {
    /// JSON, at once.
    #[must_use]
    pub fn json(operation: impl Into<String>, body: &serde_json::Value) -> Self {
        Self {
            operation: operation.into(),
            status: 200,
            headers: vec![("content-type", "application/json".into())],
            body: body.to_string().into_bytes(),
            took: Duration::ZERO,
            units: Units::default(),
        }
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }
}

/// What answers requests.
pub trait Service: Send + Sync + 'static {
    /// Answers one.
    fn answer(&self, asked: Asked) -> impl Future<Output = Reply> + Send;
}

/// An upstream's place in the network.
#[derive(Clone)]
pub struct Network {
    /// Speaks TLS.
    pub tls: TlsAcceptor,
    /// How far away it is.
    pub distance: Distance,
    /// Who counts.
    pub tally: Tally,
}

/// Serves `service` over TLS, as far away as `network` says; answers its address.
///
/// # Errors
/// When no port is free.
pub async fn far<S: Service>(name: &'static str, service: Arc<S>, network: Network) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no free port")?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let (service, network) = (Arc::clone(&service), network.clone());
            tokio::spawn(async move {
                near.set_nodelay(true).ok();
                let (sent, half) = (Instant::now(), network.distance.round_trip() / 2);
                let Ok(stream) = network.tls.accept(network.distance.stretch(near)).await else {
                    return;
                };
                network.tally.note(Call {
                    service: name,
                    operation: CONNECT.into(),
                    sent,
                    // The caller was done when the server's half of the handshake was back.
                    back: Instant::now().checked_sub(half).unwrap_or(sent),
                    injected: half * 4,
                    units: Units::default(),
                });
                speak(stream, move |asked| {
                    let (service, network) = (Arc::clone(&service), network.clone());
                    async move { counted(name, &*service, &network, asked).await }
                })
                .await;
            });
        }
    });
    Ok(format!("https://127.0.0.1:{port}"))
}

async fn counted<S: Service>(name: &'static str, service: &S, network: &Network, asked: Asked) -> Reply {
    let arrived = Instant::now();
    let round_trip = network.distance.round_trip();
    let reply = service.answer(asked).await;
    if !reply.took.is_zero() {
        network.distance.work(reply.took).await;
    }
    network.tally.note(Call {
        service: name,
        operation: reply.operation.clone(),
        sent: arrived.checked_sub(round_trip / 2).unwrap_or(arrived),
        back: Instant::now() + round_trip / 2,
        injected: round_trip + reply.took,
        units: reply.units,
    });
    reply
}

/// Serves `service` on this machine, without TLS; answers host and port.
///
/// # Errors
/// When no port is free.
pub async fn near<S: Service>(service: Arc<S>) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no free port")?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).ok();
            let service = Arc::clone(&service);
            tokio::spawn(speak(stream, move |asked| {
                let service = Arc::clone(&service);
                async move { service.answer(asked).await }
            }));
        }
    });
    Ok(format!("127.0.0.1:{port}"))
}

async fn speak<Io, F, Answer>(stream: Io, answer: F)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Asked) -> Answer + Send + 'static,
    Answer: Future<Output = Reply> + Send,
{
    let service = service_fn(|request: Request<Incoming>| {
        let (parts, body) = request.into_parts();
        let answer = &answer;
        async move {
            let body = body.collect().await.map(http_body_util::Collected::to_bytes);
            let reply = answer(Asked {
                method: parts.method.to_string(),
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().unwrap_or_default().to_owned(),
                headers: parts.headers,
                body: body.unwrap_or_default(),
            })
            .await;
            Ok::<_, Infallible>(response(reply))
        }
    });
    // A caller that goes away is no error here.
    http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
