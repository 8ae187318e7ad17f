//! The binary itself, under a stand-in for Lambda's interfaces.

use std::{
    process::{Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command, sync::watch};

use crate::browser::Browser;

const LONGEST: Duration = Duration::from_secs(30);
const INVOCATION: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";

/// What was asked of the stand-in, in order, and what the function answered.
#[derive(Default)]
struct Seen {
    asked: Vec<&'static str>,
    answer: Option<Value>,
}

#[derive(Clone)]
struct Lambda {
    seen: Arc<watch::Sender<Seen>>,
    /// Handed out once.
    event: Arc<Mutex<Option<Value>>>,
    /// As the extension gets it.
    invoke: Arc<Mutex<Option<Value>>>,
}

impl Lambda {
    fn with(event: Value) -> Self {
        let invoke = json!({
            "eventType": "INVOKE", "deadlineMs": 1, "requestId": INVOCATION, "invokedFunctionArn": "arn:aws:lambda:x",
            "tracing": { "type": "X-Amzn-Trace-Id", "value": "Root=1" },
        });
        Self {
            seen: Arc::new(watch::Sender::new(Seen::default())),
            event: Arc::new(Mutex::new(Some(event))),
            invoke: Arc::new(Mutex::new(Some(invoke))),
        }
    }

    fn note(&self, what: &'static str) {
        self.seen.send_modify(|seen| seen.asked.push(what));
    }

    /// Listens, and says where.
    async fn serve(&self, extensions: bool) -> String {
        let mut router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next_event))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response));
        if extensions {
            router = router
                .route("/2020-01-01/extension/register", post(register))
                .route("/2020-01-01/extension/event/next", get(next_for_extension));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = router.with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }
}

async fn register(State(lambda): State<Lambda>, headers: HeaderMap, Json(asked): Json<Value>) -> Response {
    assert_eq!(headers["lambda-extension-name"], "handover-callback");
    assert_eq!(asked, json!({ "events": ["INVOKE"] }));
    lambda.note("register");
    let told = json!({ "functionName": "callback", "functionVersion": "1", "handler": "bootstrap" });
    ([("lambda-extension-identifier", "extension-1")], Json(told)).into_response()
}

async fn next_for_extension(State(lambda): State<Lambda>) -> Json<Value> {
    lambda.note("extension: next");
    let invoke = lambda.invoke.lock().unwrap().take();
    match invoke {
        Some(invoke) => Json(invoke),
        None => std::future::pending().await,
    }
}

async fn next_event(State(lambda): State<Lambda>) -> Response {
    lambda.note("runtime: next");
    let event = lambda.event.lock().unwrap().take();
    let Some(event) = event else {
        std::future::pending().await
    };
    let headers = [
        ("lambda-runtime-aws-request-id", INVOCATION),
        ("lambda-runtime-deadline-ms", "4102444800000"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:x"),
    ];
    // The extension has asked before: it has to wait for an answer that has not begun.
    let asked = |seen: &Seen| seen.asked.contains(&"extension: next");
    let _ = lambda.seen.subscribe().wait_for(asked).await;
    (headers, Json(event)).into_response()
}

async fn response(State(lambda): State<Lambda>, body: String) -> StatusCode {
    lambda.seen.send_modify(|seen| {
        seen.asked.push("runtime: answer");
        seen.answer = serde_json::from_str(&body).ok();
    });
    StatusCode::ACCEPTED
}

fn callback(runtime_api: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callback"));
    command.env_clear().kill_on_drop(true).stdin(Stdio::null());
    for (key, value) in [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", "callback"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "none"),
        ("AWS_SECRET_ACCESS_KEY", "none"),
        // Nobody listens there: what the start asks for is refused, and the function has to bear it.
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("HANDOVER_DEPLOYMENT", "test"),
        ("HANDOVER_CONNECTIONS_TABLE", "connections"),
        ("HANDOVER_VAULT_TABLE", "vault"),
        ("HANDOVER_QUEUE_URL", "http://127.0.0.1:9/wake"),
        ("HANDOVER_RESCUE_QUEUE_URL", "http://127.0.0.1:9/rescue"),
        ("HANDOVER_PAIR_KEY", "pair"),
        ("HANDOVER_APPLICATION_KEY", "application"),
        ("HANDOVER_TIMEOUT_SECONDS", "120"),
    ] {
        command.env(key, value);
    }
    command
}

async fn ends(mut command: Command) -> Output {
    tokio::time::timeout(LONGEST, command.output())
        .await
        .expect("it ends")
        .unwrap()
}

#[tokio::test]
async fn the_extension_asks_for_the_next_event_only_after_the_answer() {
    let lambda = Lambda::with(Browser::default().event("/nowhere", ""));
    let address = lambda.serve(true).await;
    let mut child = callback(&address).stdout(Stdio::null()).spawn().unwrap();

    let mut seen = lambda.seen.subscribe();
    let twice = |seen: &Seen| seen.asked.iter().filter(|asked| **asked == "extension: next").count() == 2;
    let seen = tokio::time::timeout(LONGEST, seen.wait_for(twice))
        .await
        .expect("it asks again")
        .unwrap();
    let position = |what| seen.asked.iter().position(|asked| *asked == what);
    assert_eq!(position("register"), Some(0), "{:?}", seen.asked);
    let last_extension = seen.asked.iter().rposition(|asked| *asked == "extension: next");
    assert!(
        position("runtime: answer").is_some_and(|answered| Some(answered) < last_extension),
        "{:?}",
        seen.asked
    );
    let answer = seen.answer.as_ref().unwrap();
    assert_eq!(answer["statusCode"], 404);
    assert_eq!(answer["headers"]["cache-control"], "no-store");
    assert!(answer["body"].as_str().unwrap().contains("Page not found"));
    assert!(child.try_wait().unwrap().is_none(), "it goes on");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn without_an_extensions_api_it_does_not_start() {
    let lambda = Lambda::with(Value::Null);
    let address = lambda.serve(false).await;
    let output = ends(callback(&address)).await;
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("could not register the internal extension"), "{told}");
    assert!(lambda.seen.borrow().asked.is_empty(), "no event was asked for");
}

#[tokio::test]
async fn a_setting_that_is_missing_is_named() {
    let mut command = callback("127.0.0.1:9");
    command.env_remove("HANDOVER_VAULT_TABLE");
    let output = ends(command).await;
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("HANDOVER_VAULT_TABLE is not set"), "{told}");
}
