//! The queue of wake-ups and the rescue queue on SQS.

mod message;

use std::time::Duration;

use aws_sdk_sqs::Client;
use handover_core::ports::{LONGEST_DELAY, Pointer, Queue, QueueError, Rescued};

use crate::{
    config::{RescueQueue, WakeQueue},
    failure::told,
};

pub use message::{Message, Unreadable, read, write};

/// Standard SQS queues whose messages are [`Message`]s as JSON: one of wake-ups, and where pairs are received one of
/// rescued pairs.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    wake: String,
    rescue: Option<String>,
}

impl SqsQueue {
    /// On the queue that `config` names, with nowhere to send a rescued pair.
    #[must_use]
    pub fn new(client: Client, config: WakeQueue) -> Self {
        Self {
            client,
            wake: config.url,
            rescue: None,
        }
    }

    /// Rescued pairs go to the queue that `config` names.
    #[must_use]
    pub fn with_rescue(self, config: RescueQueue) -> Self {
        Self {
            rescue: Some(config.url),
            ..self
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
            .queue_url(&self.wake)
            .message_body(body)
            .delay_seconds(delay_seconds(delay))
            .send()
            .await
            .map_err(|error| QueueError { reason: told(&error) })?;
        Ok(())
    }

    async fn rescue(&self, rescued: &Rescued) -> Result<(), QueueError> {
        let url = self.rescue.as_ref().ok_or_else(|| QueueError {
            reason: "there is no rescue queue here".to_owned(),
        })?;
        let body = write(rescued).map_err(|error| QueueError {
            reason: error.to_string(),
        })?;
        self.client
            .send_message()
            .queue_url(url)
            .message_body(body)
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
}
