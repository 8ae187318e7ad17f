//! Calls to the local cloud as tests make them: without an SDK, straight to the cloud, past the recorder.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::cloud::REGION;

/// The local cloud, called directly.
#[derive(Debug, Clone)]
pub struct Aws {
    client: reqwest::Client,
    url: String,
}

impl Aws {
    /// The cloud at `url`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            client: reqwest::Client::new(),
            url: url.to_owned(),
        }
    }

    /// A call of the JSON protocol, such as `DynamoDB_20120810.Scan`.
    ///
    /// # Errors
    /// When it is refused; says what the cloud said.
    pub async fn call(&self, service: &str, target: &str, body: &Value) -> Result<Value> {
        let answer = self
            .client
            .post(&self.url)
            .header("X-Amz-Target", target)
            .header("Content-Type", "application/x-amz-json-1.0")
            .header("Authorization", authorization(service))
            .json(body)
            .send()
            .await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("{target}: {status}: {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("{target} answered no JSON"))
    }

    /// Invokes a function, whose name contains `part`, with `event`, and waits for its answer.
    ///
    /// # Errors
    /// When it fails.
    pub async fn invoke(&self, part: &str, event: &Value) -> Result<Value> {
        let name = self.function(part).await?;
        let answer = self
            .client
            .post(format!("{}/2015-03-31/functions/{name}/invocations", self.url))
            .header("Authorization", authorization("lambda"))
            .json(event)
            .send()
            .await?;
        let failed = answer.headers().contains_key("x-amz-function-error");
        let text = answer.text().await?;
        if failed {
            bail!("{name} failed: {text}");
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// The name of the function that contains `part`.
    ///
    /// # Errors
    /// When there is none.
    pub async fn function(&self, part: &str) -> Result<String> {
        let url = format!("{}/2015-03-31/functions/", self.url);
        let listed: Value = self
            .client
            .get(url)
            .header("Authorization", authorization("lambda"))
            .send()
            .await?
            .json()
            .await?;
        let names = listed.get("Functions").and_then(Value::as_array).into_iter().flatten();
        let mut names = names.filter_map(|function| function.get("FunctionName")?.as_str());
        let wanted = |name: &&str| name.to_lowercase().contains(part);
        names
            .find(wanted)
            .map(str::to_owned)
            .with_context(|| format!("no function `{part}` is deployed"))
    }

    /// Every item of a table.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn scan(&self, table: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut start = Value::Null;
        loop {
            let mut request = json!({ "TableName": table, "ConsistentRead": true });
            if let (Some(request), false) = (request.as_object_mut(), start.is_null()) {
                request.insert("ExclusiveStartKey".into(), start);
            }
            let answer = self.call("dynamodb", "DynamoDB_20120810.Scan", &request).await?;
            items.extend(
                answer
                    .get("Items")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default(),
            );
            match answer.get("LastEvaluatedKey") {
                Some(next) if !next.is_null() => start = next.clone(),
                _ => return Ok(items),
            }
        }
    }

    /// Puts an item as it is, past every rule: what someone with access to the table could do.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn put(&self, table: &str, item: &Value) -> Result<()> {
        let request = json!({ "TableName": table, "Item": item });
        self.call("dynamodb", "DynamoDB_20120810.PutItem", &request)
            .await
            .map(drop)
    }

    /// Deletes an item, past every rule.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn delete(&self, table: &str, item: &Value) -> Result<()> {
        let key = json!({ "pk": item.get("pk"), "sk": item.get("sk") });
        let request = json!({ "TableName": table, "Key": key });
        self.call("dynamodb", "DynamoDB_20120810.DeleteItem", &request)
            .await
            .map(drop)
    }

    /// Sends a message as it is.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn send(&self, queue_url: &str, body: &str) -> Result<()> {
        let request = json!({ "QueueUrl": queue_url, "MessageBody": body });
        self.call("sqs", "AmazonSQS.SendMessage", &request).await.map(drop)
    }

    /// Sets for how many seconds a message that was received is nobody else's.
    ///
    /// # Errors
    /// When it cannot be set.
    pub async fn set_visibility(&self, queue_url: &str, seconds: u32) -> Result<()> {
        let attributes = json!({ "VisibilityTimeout": seconds.to_string() });
        let request = json!({ "QueueUrl": queue_url, "Attributes": attributes });
        self.call("sqs", "AmazonSQS.SetQueueAttributes", &request)
            .await
            .map(drop)
    }

    /// Hands the worker a batch of messages, by id and body, past the queue; answers the ids that are to come back.
    ///
    /// # Errors
    /// When it fails.
    pub async fn work(&self, batch: &[(&str, &str)]) -> Result<Vec<String>> {
        let record = |(id, body): &(&str, &str)| {
            json!({
                "messageId": id,
                "receiptHandle": id,
                "body": body,
                "attributes": {},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "awsRegion": REGION,
            })
        };
        let records: Vec<_> = batch.iter().map(record).collect();
        let answer = self.invoke("worker", &json!({ "Records": records })).await?;
        let failures = answer.get("batchItemFailures").and_then(Value::as_array);
        let failures = failures.with_context(|| format!("the worker answered {answer}"))?;
        let id = |failure: &Value| Some(failure.get("itemIdentifier")?.as_str()?.to_owned());
        Ok(failures.iter().filter_map(id).collect())
    }

    /// About how many messages a queue holds, those under work included.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn messages(&self, queue_url: &str) -> Result<u64> {
        let counts = self.counts(queue_url).await?;
        Ok(counts.ready + counts.under_work)
    }

    /// About how many messages a queue holds, by what may be done with them.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn counts(&self, queue_url: &str) -> Result<Counts> {
        let request = json!({ "QueueUrl": queue_url, "AttributeNames": ["All"] });
        let answer = self.call("sqs", "AmazonSQS.GetQueueAttributes", &request).await?;
        let number = |name: &str| {
            let number = answer.pointer(&format!("/Attributes/{name}")).and_then(Value::as_str);
            number.and_then(|text| text.parse().ok()).unwrap_or_default()
        };
        Ok(Counts {
            ready: number("ApproximateNumberOfMessages"),
            under_work: number("ApproximateNumberOfMessagesNotVisible"),
        })
    }

    /// Everything that the functions have logged.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn logs(&self) -> Result<Vec<String>> {
        let groups = self.call("logs", "Logs_20140328.DescribeLogGroups", &json!({})).await?;
        let mut lines = Vec::new();
        for group in groups.get("logGroups").and_then(Value::as_array).into_iter().flatten() {
            let request = json!({ "logGroupName": group.get("logGroupName"), "limit": 10_000 });
            let found = self.call("logs", "Logs_20140328.FilterLogEvents", &request).await?;
            let events = found.get("events").and_then(Value::as_array).into_iter().flatten();
            lines.extend(
                events
                    .filter_map(|event| event.get("message")?.as_str())
                    .map(str::to_owned),
            );
        }
        Ok(lines)
    }
}

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Whoever asks gets them.
    pub ready: u64,
    /// Received, and nobody else's until their visibility ends.
    pub under_work: u64,
}

/// The local cloud checks no signature, but reads from it which service is meant.
fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}
