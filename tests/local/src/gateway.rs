//! What stands before the HTTP API: hands on every request and cuts at 30 s, as API Gateway does.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Response, StatusCode},
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::proxy::forward;

/// API Gateway's limit for an integration. Not adjustable upwards for HTTP APIs.
pub const LIMIT: Duration = Duration::from_secs(30);

/// The gateway; ends when dropped.
#[derive(Debug)]
pub struct Gateway {
    port: u16,
    task: Option<JoinHandle<()>>,
    listener: Option<TcpListener>,
    pages: Pages,
}

/// What was answered, headers included.
type Pages = Arc<Mutex<Vec<String>>>;

struct Behind {
    pages: Pages,
    client: reqwest::Client,
    cloud: String,
    host: String,
}

impl Gateway {
    /// Takes a free port; serves nothing yet, but its address can be told to the deployment.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn bind() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no free port for the gateway")?;
        Ok(Self {
            port: listener.local_addr()?.port(),
            task: None,
            listener: Some(listener),
            pages: Pages::default(),
        })
    }

    /// The address that customers see. Browsers take names that end in `.localhost` for this machine, and for safe
    /// enough to keep `Secure` cookies.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://handover.localhost:{}", self.port)
    }

    /// Every answer that was handed on so far: status, headers and body.
    #[must_use]
    pub fn pages(&self) -> Vec<String> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins to serve the API at `endpoint` of the local cloud at `cloud`.
    ///
    /// # Errors
    /// When `endpoint` is no address.
    pub fn open(&mut self, cloud: &str, endpoint: &str) -> Result<()> {
        let endpoint: url::Url = endpoint.parse().context("the stack's ApiEndpoint")?;
        let name = endpoint.host_str().context("the stack's ApiEndpoint has no host")?;
        let host = endpoint
            .port()
            .map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        let behind = Arc::new(Behind {
            pages: Arc::clone(&self.pages),
            client,
            cloud: cloud.to_owned(),
            host,
        });
        let listener = self.listener.take().context("the gateway is open already")?;
        let router = Router::new().fallback(hand_on).with_state(behind);
        self.task = Some(tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the gateway ended: {error}");
            }
        }));
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn hand_on(State(behind): State<Arc<Behind>>, request: Request) -> Response<Body> {
    match tokio::time::timeout(LIMIT, ask(&behind, request)).await {
        Ok(Ok(answer)) => answer,
        // Word for word what API Gateway says, to a slow integration and to a broken one.
        Ok(Err(_)) => refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            r#"{"message":"Internal Server Error"}"#,
        ),
        Err(_) => refusal(StatusCode::SERVICE_UNAVAILABLE, r#"{"message":"Service Unavailable"}"#),
    }
}

async fn ask(behind: &Behind, request: Request) -> Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 10 * 1024 * 1024).await?;
    let answer = forward(&behind.client, &behind.cloud, Some(behind.host.parse()?), parts, body).await?;
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await?;
    let page = format!(
        "{} {:?}\n{}",
        parts.status,
        parts.headers,
        String::from_utf8_lossy(&body)
    );
    behind.pages.lock().unwrap_or_else(PoisonError::into_inner).push(page);
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn refusal(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut reply = Response::new(Body::from(body));
    *reply.status_mut() = status;
    reply
}
