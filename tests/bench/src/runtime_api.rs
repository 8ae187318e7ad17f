//! Lambda's Runtime API and as much of its Extensions API as an internal extension needs, for one process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

use crate::serve::{Asked, Reply, Service, near};

/// What a process says.
#[derive(Debug)]
pub enum Said {
    /// It asks for an event.
    Ready(Instant),
    /// It answers one.
    Answer(Instant, Value),
    /// It failed.
    Error(String),
    /// Its extension asks for an event: what it had under way has ended.
    Idle(Instant),
}

#[derive(Debug)]
struct Inner {
    said: mpsc::UnboundedSender<Said>,
    events: Mutex<mpsc::UnboundedReceiver<(String, Vec<u8>)>>,
    invocations: Mutex<mpsc::UnboundedReceiver<String>>,
    extended: AtomicBool,
}

/// The API, at an address of its own.
#[derive(Debug)]
pub struct RuntimeApi {
    /// `AWS_LAMBDA_RUNTIME_API`.
    pub address: String,
    said: mpsc::UnboundedReceiver<Said>,
    events: mpsc::UnboundedSender<(String, Vec<u8>)>,
    invocations: mpsc::UnboundedSender<String>,
    inner: Arc<Inner>,
    number: u64,
}

impl RuntimeApi {
    /// Begins to serve.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> Result<Self> {
        let (say, said) = mpsc::unbounded_channel();
        let (events, their_events) = mpsc::unbounded_channel();
        let (invocations, their_invocations) = mpsc::unbounded_channel();
        let inner = Arc::new(Inner {
            said: say,
            events: Mutex::new(their_events),
            invocations: Mutex::new(their_invocations),
            extended: AtomicBool::new(false),
        });
        Ok(Self {
            address: near(Arc::clone(&inner)).await?,
            said,
            events,
            invocations,
            inner,
            number: 0,
        })
    }

    /// Hands out an event, to the runtime and to the extension if there is one.
    ///
    /// # Errors
    /// When nobody is left to take it.
    pub fn hand_out(&mut self, event: &Value) -> Result<()> {
        self.number += 1;
        let id = format!("00000000-0000-0000-0000-{:012}", self.number);
        self.events
            .send((id.clone(), event.to_string().into_bytes()))
            .context("the runtime API ended")?;
        self.invocations.send(id).context("the runtime API ended")
    }

    /// Whether an extension was registered.
    #[must_use]
    pub fn extended(&self) -> bool {
        self.inner.extended.load(Ordering::Relaxed)
    }

    /// What the process says next.
    ///
    /// # Errors
    /// When it will say nothing more.
    pub async fn listen(&mut self) -> Result<Said> {
        self.said.recv().await.context("the runtime API ended")
    }
}

impl Service for Inner {
    async fn answer(&self, asked: Asked) -> Reply {
        let nothing = || Reply::json("", &json!({}));
        let segments: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
        match segments.as_slice() {
            [_, "runtime", "invocation", "next"] => {
                self.said.send(Said::Ready(Instant::now())).ok();
                let event = self.events.lock().await.recv().await;
                let Some((id, body)) = event else {
                    return nothing().with_status(500);
                };
                let function = "arn:aws:lambda:eu-central-1:000000000000:function:bench";
                Reply {
                    headers: vec![
                        ("lambda-runtime-aws-request-id", id),
                        ("lambda-runtime-deadline-ms", "4102444800000".into()),
                        ("lambda-runtime-invoked-function-arn", function.into()),
                        (
                            "lambda-runtime-trace-id",
                            "Root=1-00000000-000000000000000000000000;Sampled=0".into(),
                        ),
                    ],
                    body,
                    ..nothing()
                }
            }
            [_, "runtime", "invocation", _, "response"] => {
                let now = Instant::now();
                let answer = serde_json::from_slice(&asked.body).unwrap_or_default();
                self.said.send(Said::Answer(now, answer)).ok();
                nothing().with_status(202)
            }
            [_, "runtime", .., "error"] => {
                let error = String::from_utf8_lossy(&asked.body).into_owned();
                self.said.send(Said::Error(error)).ok();
                nothing().with_status(202)
            }
            [_, "extension", "register"] => {
                self.extended.store(true, Ordering::Relaxed);
                Reply {
                    headers: vec![(
                        "lambda-extension-identifier",
                        "00000000-0000-0000-0000-00000000000e".into(),
                    )],
                    ..Reply::json(
                        "",
                        &json!({ "functionName": "bench", "functionVersion": "$LATEST", "handler": "bootstrap" }),
                    )
                }
            }
            [_, "extension", "event", "next"] => {
                self.said.send(Said::Idle(Instant::now())).ok();
                let invocation = self.invocations.lock().await.recv().await;
                let Some(id) = invocation else {
                    return nothing().with_status(500);
                };
                let event = json!({
                    "eventType": "INVOKE",
                    "deadlineMs": 4_102_444_800_000_u64,
                    "requestId": id,
                    "invokedFunctionArn": "arn:aws:lambda:eu-central-1:000000000000:function:bench",
                    "tracing": { "type": "X-Amzn-Trace-Id", "value": "Root=1-0;Sampled=0" },
                });
                Reply::json("", &event)
            }
            _ => nothing().with_status(404),
        }
    }
}
