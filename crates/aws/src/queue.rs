//! The queue of wake-ups on SQS.

use std::time::Duration;

use aws_sdk_sqs::Client;
use handover_core::ports::{LONGEST_DELAY, Pointer, Queue, QueueError};
use serde::Deserialize;
use serde_json::Value;

use crate::{config::WakeQueue, failure::told};

/// A standard SQS queue whose messages are [`Pointer`]s as JSON.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// On the queue that `config` names.
    #[must_use]
    pub fn new(client: Client, config: WakeQueue) -> Self {
        Self {
            client,
            url: config.url,
        }
    }
}

impl Queue for SqsQueue {
    async fn send(&self, pointer: &Pointer, delay: Duration) -> Result<(), QueueError> {
        let body = serde_json::to_string(pointer).map_err(|error| QueueError {
            reason: error.to_string(),
        })?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .delay_seconds(delay_seconds(delay))
            .send()
            .await
            .map_err(|error| QueueError { reason: told(&error) })?;
        Ok(())
    }
}

fn delay_seconds(delay: Duration) -> i32 {
    let capped = delay.min(LONGEST_DELAY);
    let seconds = capped.as_secs() + u64::from(capped.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(900)
}

/// A message that is kept, never dropped: it was not understood. Says nothing of the message's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadablePointer {
    /// No JSON, or none with a version.
    #[error("the message is not JSON with a version")]
    NotJson,
    /// Written by a later version of Handover.
    #[error("the message is of version `{0}`, which is not known here")]
    UnknownVersion(String),
    /// Of a known version, but not of its form, or with an id that is none.
    #[error("the message is not of the form of its version")]
    Form,
}

/// Reads a message's body.
///
/// # Errors
/// [`UnreadablePointer`] says what was not understood.
pub fn read(body: &str) -> Result<Pointer, UnreadablePointer> {
    #[derive(Deserialize)]
    struct Versioned {
        v: Value,
    }
    let Versioned { v } = serde_json::from_str(body).map_err(|_| UnreadablePointer::NotJson)?;
    if v != "1" {
        let version = v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        let version = version.chars().filter(|c| !c.is_control()).take(20).collect();
        return Err(UnreadablePointer::UnknownVersion(version));
    }
    serde_json::from_str(body).map_err(|_| UnreadablePointer::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_rounded_up_and_capped() {
        assert_eq!(delay_seconds(Duration::ZERO), 0);
        assert_eq!(delay_seconds(Duration::from_millis(1)), 1);
        assert_eq!(delay_seconds(Duration::from_secs(30)), 30);
        assert_eq!(delay_seconds(Duration::from_millis(899_001)), 900);
        assert_eq!(delay_seconds(Duration::from_millis(900_001)), 900);
        assert_eq!(delay_seconds(Duration::MAX), 900);
    }

    #[test]
    fn what_is_no_pointer_is_told_apart() {
        let good = r#"{"v":"1","connection":"conn_00000000000000000000000001"}"#;
        let Pointer::Wake { connection } = read(good).unwrap();
        assert_eq!(connection.to_string(), "conn_00000000000000000000000001");
        assert_eq!(serde_json::to_string(&read(good).unwrap()).unwrap(), good);
        for text in [
            "",
            "wake",
            "[]",
            "{}",
            r#"{"connection":"conn_00000000000000000000000001"}"#,
        ] {
            assert_eq!(read(text).unwrap_err(), UnreadablePointer::NotJson, "{text}");
        }
        assert_eq!(
            read(r#"{"v":"2"}"#).unwrap_err(),
            UnreadablePointer::UnknownVersion("2".into())
        );
        assert_eq!(
            read(r#"{"v":1}"#).unwrap_err(),
            UnreadablePointer::UnknownVersion("1".into())
        );
        for text in [
            r#"{"v":"1"}"#,
            r#"{"v":"1","connection":"eff_00000000000000000000000001"}"#,
        ] {
            assert_eq!(read(text).unwrap_err(), UnreadablePointer::Form, "{text}");
        }
    }
}
