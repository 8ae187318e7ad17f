//! Connections as they really come about: the command makes them, the callback opens their links, customers consent.
//! So nothing here knows what an item looks like.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};
use url::Url;

use crate::{
    function::Function,
    world::{DEPLOYMENT, World},
};

/// The sample application.
pub const APPLICATION: &str = "exact-nl";
/// The channel that registers over http.
pub const CHANNEL: &str = "invantive";

/// The command `handover`, against the upstreams; prints JSON.
#[must_use]
pub fn command(command: &Path, world: &World, arguments: &[&str]) -> Command {
    let mut process = Command::new(command);
    process
        .args(["--stack", DEPLOYMENT, "--json"])
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("AWS_SDK_UA_APP_ID", "handover-developer")
        .envs(world.environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    process
}

/// Runs the command `handover` against the upstreams; answers what it printed as JSON.
///
/// # Errors
/// When it fails; says what it said.
pub async fn handover(handover: &Path, world: &World, arguments: &[&str], input: &str) -> Result<Value> {
    let mut process = command(handover, world, arguments)
        .spawn()
        .with_context(|| format!("{} cannot be run: run `make build`", handover.display()))?;
    if let Some(mut stdin) = process.stdin.take() {
        // One that reads nothing has closed its end already.
        stdin.write_all(input.as_bytes()).await.ok();
    }
    printed(&process.wait_with_output().await?, arguments)
}

/// What the command printed as JSON.
///
/// # Errors
/// When it failed; says what it said.
pub fn printed(output: &Output, arguments: &[&str]) -> Result<Value> {
    if !output.status.success() {
        bail!(
            "handover {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    serde_json::from_slice(&output.stdout).context("handover printed no JSON")
}

/// Adds an application, with `more` said of it.
///
/// # Errors
/// When the command fails.
pub async fn add_application(name: &str, command: &Path, world: &World, more: &[&str]) -> Result<()> {
    let add = [
        "app",
        "add",
        name,
        "--host",
        &world.exact_url,
        "--client-id",
        "5f3c1f8e-6f0a-4b53-9b38-2f6f0f0c7a11",
        "--display-name",
        "Acme",
    ];
    handover(command, world, &[&add, more].concat(), "client-secret\n").await?;
    Ok(())
}

/// Adds the sample application, and the channel over http.
///
/// # Errors
/// When the command fails.
pub async fn prepare(command: &Path, world: &World, folder: &Path) -> Result<()> {
    add_application(APPLICATION, command, world, &[]).await?;
    let profile = folder.join("profile.json");
    let address = format!("{}/api/databases", world.invantive_url);
    let text = json!({
        "v": 1, "address": address, "method": "POST", "encoding": "json",
        "fields": {
            "client_id": "client_id", "client_secret": "client_secret", "redirect_url": "redirect_url",
            "access_token": "access_token", "refresh_token": "refresh_token", "country": "country",
            "database": "database", "reference": "reference",
        },
        "headers": { "Authorization": { "secret": "api_key", "prefix": "Bearer " } },
        "idempotency_header": "Idempotency-Key", "country": "nl", "timeout_seconds": 60, "access_token": "any",
        "pair_if_refused": "unknown",
        "answers": [{
            "status": 201, "json_pointer": "/status", "equals": "created", "means": "registered",
            "segment": "/segment",
        }],
    });
    std::fs::write(&profile, text.to_string())?;
    let profile = profile.display().to_string();
    let add = ["channel", "add", CHANNEL, "--profile", &profile];
    handover(command, world, &add, "api_key=key\n").await?;
    Ok(())
}

/// Makes a connection that is registered `due` (such as `--register-in=3d`); answers its link.
///
/// # Errors
/// When the command fails.
pub async fn connect(command: &Path, world: &World, number: usize, due: &str) -> Result<Url> {
    connect_to(APPLICATION, command, world, number, due).await
}

/// Makes a connection to `application`.
///
/// # Errors
/// When the command fails.
pub async fn connect_to(application: &str, command: &Path, world: &World, number: usize, due: &str) -> Result<Url> {
    let (reference, database) = (format!("Customer {number}"), format!("customer-{number}"));
    let arguments = [
        "connect",
        "--app",
        application,
        "--channel",
        CHANNEL,
        "--reference",
        &reference,
        "--database",
        &database,
        due,
    ];
    let made = handover(command, world, &arguments, "").await?;
    let link = made.get("link").and_then(Value::as_str);
    let link = link.or_else(|| made.pointer("/link/url").and_then(Value::as_str));
    Ok(link.with_context(|| format!("no link in {made}"))?.parse()?)
}

/// A request as API Gateway's HTTP API hands it to a function, payload format 2.0.
#[must_use]
pub fn request(path: &str, query: &str, cookies: &[String]) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "GET /callback/{application}",
        "rawPath": path,
        "rawQueryString": query,
        "cookies": cookies,
        "headers": {
            "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "accept-encoding": "gzip, deflate, br",
            "accept-language": "nl-NL,nl;q=0.9,en;q=0.8",
            "content-length": "0",
            "host": "handover.example.com",
            "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
            "x-amzn-trace-id": "Root=1-00000000-000000000000000000000000",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "bench",
            "domainName": "handover.example.com",
            "domainPrefix": "handover",
            "http": {
                "method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1",
                "userAgent": "Mozilla/5.0",
            },
            "requestId": "bench",
            "routeKey": "GET /callback/{application}",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_u64,
        },
        "isBase64Encoded": false,
    })
}

/// The request that opens a link.
#[must_use]
pub fn opening(link: &Url) -> Value {
    request(link.path(), "", &[])
}

/// Opens a link with `callback`; answers the request with which the customer, user number `user`, comes back.
///
/// # Errors
/// When the link leads nowhere.
pub async fn consent(callback: &mut Function, link: &Url, user: usize) -> Result<Value> {
    let answered = callback.invoke(&opening(link)).await?;
    coming_back(&answered.body, user)
}

/// The request with which user number `user` comes back after `opened`, the answer to an opened link.
///
/// # Errors
/// When it leads nowhere.
pub fn coming_back(opened: &Value, user: usize) -> Result<Value> {
    let location = opened.pointer("/headers/location").and_then(Value::as_str);
    let location: Url = location
        .with_context(|| format!("the link leads nowhere: {opened}"))?
        .parse()?;
    let field = |name: &str| {
        let mut fields = location.query_pairs();
        fields.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    };
    let state = field("state").context("no state")?;
    let redirect: Url = field("redirect_uri").context("no redirect URI")?.parse()?;
    let cookies = opened.get("cookies").and_then(Value::as_array).into_iter().flatten();
    let cookies: Vec<String> = cookies
        .filter_map(|cookie| Some(cookie.as_str()?.split(';').next()?.to_owned()))
        .collect();
    let code = format!("stampNL001.abcd%21IAAAA{}.{user}", "c".repeat(300));
    Ok(request(
        redirect.path(),
        &format!("code={code}&state={state}"),
        &cookies,
    ))
}

/// A batch of messages as SQS hands it to a function.
#[must_use]
pub fn batch(bodies: &[String]) -> Value {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(number, body)| {
            json!({
                "messageId": format!("00000000-0000-0000-0000-{number:012}"),
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1", "SentTimestamp": "1767225600000", "SenderId": "bench",
                    "ApproximateFirstReceiveTimestamp": "1767225600001",
                },
                "messageAttributes": {},
                "md5OfBody": "00000000000000000000000000000000",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:wake",
                "awsRegion": "eu-central-1",
            })
        })
        .collect();
    json!({ "Records": records })
}
