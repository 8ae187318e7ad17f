//! SQS: keeps what is sent.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::serve::{Asked, Reply, Service};

/// The queue service.
#[derive(Debug, Default)]
pub struct Sqs(Mutex<Vec<String>>);

impl Sqs {
    /// The bodies that were sent since the last time this was asked.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, body: &Value) {
        let body = body.get("MessageBody").and_then(Value::as_str).unwrap_or_default();
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(body.to_owned());
    }
}

impl Service for Sqs {
    async fn answer(&self, asked: Asked) -> Reply {
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let target = asked.header("x-amz-target");
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        match operation.as_str() {
            "SendMessage" => {
                self.keep(&body);
                Reply::json(operation, &json!({ "MessageId": "message" }))
            }
            "SendMessageBatch" => {
                let entries = body
                    .get("Entries")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                entries.iter().for_each(|entry| self.keep(entry));
                let sent = entries
                    .iter()
                    .map(|entry| json!({ "Id": entry.get("Id"), "MessageId": "message" }));
                let sent: Vec<_> = sent.collect();
                Reply::json(operation, &json!({ "Successful": sent, "Failed": [] }))
            }
            _ => Reply::json(operation, &json!({ "__type": "UnsupportedOperation" })).with_status(400),
        }
    }
}
