//! Writes down every call to AWS that passes: who, what, on which keys, under which context.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{Response, StatusCode, request::Parts},
};
use serde::Serialize;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::proxy::forward;

/// One call to AWS.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// The caller's application id, from the SDK's user agent: `handover-callback` and so on; empty if it has none.
    pub caller: String,
    /// As IAM calls it, such as `dynamodb:PutItem`. The parts of a transaction are calls of their own.
    pub action: String,
    /// The table, queue or key.
    pub resource: String,
    /// The index, if one is read.
    pub index: Option<String>,
    /// The partition key, for DynamoDB.
    pub leading_key: Option<String>,
    /// The encryption context, for KMS.
    pub context: BTreeMap<String, String>,
    /// The message, for SQS.
    #[serde(skip)]
    pub message: Option<Message>,
    /// When it passed.
    #[serde(skip)]
    pub at: Instant,
}

/// A message on its way to a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it says.
    pub body: String,
    /// Not to be seen before so many seconds have passed.
    pub delay_seconds: u64,
}

/// Everything that passed.
#[derive(Debug, Default)]
pub struct Recording {
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// The bodies of all requests but those to KMS, as they went over the wire: to be searched for secrets.
    pub bodies: Vec<String>,
}

/// Stands before the local cloud; ends when dropped.
#[derive(Debug)]
pub struct Recorder {
    port: u16,
    recording: Arc<Mutex<Recording>>,
    outage: Arc<Mutex<Option<Outage>>>,
    task: JoinHandle<()>,
}

/// Calls that do not reach AWS: answered as if it were away.
#[derive(Debug, Clone)]
pub struct Outage {
    /// Whose, such as `handover-callback`.
    pub caller: String,
    /// Which, as the body or the header `X-Amz-Target` has it.
    pub action: String,
    /// Only those whose body holds this.
    pub body: String,
}

struct Between {
    client: reqwest::Client,
    cloud: String,
    recording: Arc<Mutex<Recording>>,
    outage: Arc<Mutex<Option<Outage>>>,
}

impl Recorder {
    /// Begins to hand calls on to the local cloud at `cloud`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(cloud: String) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no free port for the recorder")?;
        let port = listener.local_addr()?.port();
        let recording = Arc::<Mutex<Recording>>::default();
        let outage = Arc::<Mutex<Option<Outage>>>::default();
        let client = reqwest::Client::builder().no_proxy().build()?;
        let between = Arc::new(Between {
            client,
            cloud,
            recording: Arc::clone(&recording),
            outage: Arc::clone(&outage),
        });
        let router = Router::new().fallback(hand_on).with_state(between);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the recorder ended: {error}");
            }
        });
        Ok(Self {
            port,
            recording,
            outage,
            task,
        })
    }

    /// Its address: `AWS_ENDPOINT_URL` of whom is to be recorded.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on these calls do not reach AWS; `None`: all do again.
    pub fn set_outage(&self, outage: Option<Outage>) {
        *self.outage.lock().unwrap_or_else(PoisonError::into_inner) = outage;
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.recording
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .calls
            .clone()
    }

    /// The bodies so far.
    #[must_use]
    pub fn bodies(&self) -> Vec<String> {
        self.recording
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .bodies
            .clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn hand_on(State(between): State<Arc<Between>>, request: Request) -> Response<Body> {
    match ask(&between, request).await {
        Ok(answer) => answer,
        Err(error) => {
            let mut reply = Response::new(Body::from(format!("{error:#}")));
            *reply.status_mut() = StatusCode::BAD_GATEWAY;
            reply
        }
    }
}

async fn ask(between: &Between, request: Request) -> Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 64 * 1024 * 1024).await?;
    let outage = between.outage.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if outage.is_some_and(|outage| outage.strikes(&parts, &body)) {
        let mut away = Response::new(Body::from(r#"{"__type":"InternalServerError","message":"on purpose"}"#));
        *away.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return Ok(away);
    }
    {
        let mut recording = between.recording.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut recording, &parts, &body);
    }
    forward(&between.client, &between.cloud, None, parts, body).await
}

impl Outage {
    fn strikes(&self, parts: &Parts, body: &Bytes) -> bool {
        let action = header(parts, "x-amz-target").ends_with(&format!(".{}", self.action));
        action && caller(parts) == self.caller && String::from_utf8_lossy(body).contains(&self.body)
    }
}

fn header(parts: &Parts, name: &str) -> String {
    let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// The caller's application id.
fn caller(parts: &Parts) -> String {
    let agent = format!("{} {}", header(parts, "x-amz-user-agent"), header(parts, "user-agent"));
    let named = agent.split_whitespace().find_map(|word| word.strip_prefix("app/"));
    named.unwrap_or_default().to_owned()
}

fn note(recording: &mut Recording, parts: &Parts, body: &Bytes) {
    let target = header(parts, "x-amz-target");
    let (service, action) = target.split_once('.').unwrap_or_default();
    let caller = caller(parts);
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let calls = match service.split('_').next() {
        Some("DynamoDB") => dynamodb(action, &json),
        Some("TrentService") => vec![kms(action, &json)],
        Some("AmazonSQS") => vec![sqs(action, &json)],
        Some("") => vec![query(&header(parts, "authorization"), parts, body)],
        // What no statement allows: the audit names it.
        _ => vec![plain(service, action, String::new())],
    };
    // Data keys come back from KMS in the clear, as they must: its bodies say nothing of what is at rest.
    if !service.starts_with("TrentService") {
        recording.bodies.push(String::from_utf8_lossy(body).into_owned());
    }
    recording.calls.extend(calls.into_iter().map(|call| Call {
        caller: caller.clone(),
        ..call
    }));
}

fn plain(service: &str, action: &str, resource: String) -> Call {
    Call {
        caller: String::new(),
        action: format!("{service}:{action}"),
        resource,
        index: None,
        leading_key: None,
        context: BTreeMap::new(),
        message: None,
        at: Instant::now(),
    }
}

fn sqs(action: &str, json: &Value) -> Call {
    let message = json.get("MessageBody").and_then(Value::as_str).map(|body| Message {
        body: body.to_owned(),
        delay_seconds: json.get("DelaySeconds").and_then(Value::as_u64).unwrap_or_default(),
    });
    Call {
        message,
        ..plain("sqs", action, string(json, "QueueUrl"))
    }
}

/// A call of the query protocol, a form: the service stands in the signature alone.
fn query(authorization: &str, parts: &Parts, body: &Bytes) -> Call {
    let service = authorization.split('/').nth(3).unwrap_or("unknown");
    let field = |name: &str| {
        let mut fields = url::form_urlencoded::parse(body);
        fields.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    };
    match field("Action") {
        Some(action) => plain(service, &action, field("StackName").unwrap_or_default()),
        None => plain(
            service,
            &format!("{} {}", parts.method, parts.uri.path()),
            String::new(),
        ),
    }
}

fn string(json: &Value, name: &str) -> String {
    json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn kms(action: &str, json: &Value) -> Call {
    let context = json
        .get("EncryptionContext")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let context = context
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect();
    Call {
        context,
        ..plain("kms", action, string(json, "KeyId"))
    }
}

/// IAM knows no `TransactWriteItems`: each part needs the right of its own kind.
fn dynamodb(action: &str, json: &Value) -> Vec<Call> {
    match action {
        "TransactWriteItems" | "TransactGetItems" => parts(json).collect(),
        "BatchGetItem" => batch(json),
        _ => vec![item(action, json)],
    }
}

fn parts(json: &Value) -> impl Iterator<Item = Call> {
    let items = json
        .get("TransactItems")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    items.filter_map(Value::as_object).flatten().map(|(kind, part)| {
        let action = match kind.as_str() {
            "Put" => "PutItem",
            "Update" => "UpdateItem",
            "Delete" => "DeleteItem",
            "Get" => "GetItem",
            _ => "ConditionCheckItem",
        };
        item(action, part)
    })
}

fn batch(json: &Value) -> Vec<Call> {
    let tables = json
        .get("RequestItems")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    tables
        .flat_map(|(table, request)| {
            let keys = request.get("Keys").and_then(Value::as_array).into_iter().flatten();
            keys.map(|key| Call {
                leading_key: key.pointer("/pk/S").and_then(Value::as_str).map(str::to_owned),
                ..plain("dynamodb", "BatchGetItem", table.clone())
            })
        })
        .collect()
}

fn item(action: &str, json: &Value) -> Call {
    let key = json
        .pointer("/Key/pk/S")
        .or_else(|| json.pointer("/Item/pk/S"))
        .and_then(Value::as_str);
    Call {
        index: json.get("IndexName").and_then(Value::as_str).map(str::to_owned),
        leading_key: key.map(str::to_owned).or_else(|| queried(json)),
        ..plain("dynamodb", action, string(json, "TableName"))
    }
}

/// The partition that a query reads: the value that its key condition compares first with `=`.
fn queried(json: &Value) -> Option<String> {
    let condition = json.get("KeyConditionExpression")?.as_str()?;
    let (_, after) = condition.split_once('=')?;
    let placeholder = after.split_whitespace().next()?;
    json.get("ExpressionAttributeValues")?
        .get(placeholder)?
        .get("S")?
        .as_str()
        .map(str::to_owned)
}
