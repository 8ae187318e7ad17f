//! What goes to SQS.

use std::time::Duration;

use handover_aws::{
    SqsQueue, clients,
    config::{RescueQueue, WakeQueue},
    contract,
    queue::{self, Message},
};
use handover_core::ports::{Pointer, Queue, Sealed};

use crate::{
    cloud::loader,
    unreliable::{Fault, Unreliable},
};

const SENT: &str = r#"{"MessageId":"1","MD5OfMessageBody":"0"}"#;

async fn queue_over(network: &Unreliable) -> SqsQueue {
    let config = loader()
        .endpoint_url("http://127.0.0.1:9")
        .http_client(network.clone())
        .load()
        .await;
    SqsQueue::new(
        clients::sqs(&config),
        WakeQueue {
            url: "http://127.0.0.1:9/1/wake".into(),
        },
    )
}

#[tokio::test]
async fn a_pointer_is_sent_with_its_delay_rounded_up() {
    let network = Unreliable::new();
    network.fail("SendMessage", 10, &Fault::Answers(200, SENT.into()));
    let sqs = queue_over(&network).await;
    let pointer = Pointer::Wake {
        connection: contract::scene::id(contract::scene::at(0)),
    };
    sqs.send(&pointer, Duration::from_millis(1_500)).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&network.bodies()[0]).unwrap();
    assert_eq!(body["QueueUrl"], "http://127.0.0.1:9/1/wake");
    assert_eq!(body["DelaySeconds"], 2);
    assert_eq!(
        queue::read(body["MessageBody"].as_str().unwrap()),
        Ok(Message::Wake(pointer))
    );

    contract::queue_contract(&sqs).await;
    let bodies: Vec<serde_json::Value> = network
        .bodies()
        .iter()
        .map(|body| serde_json::from_str(body).unwrap())
        .collect();
    let delays: Vec<_> = bodies
        .iter()
        .map(|body| body["DelaySeconds"].as_i64().unwrap())
        .collect();
    assert_eq!(delays, [2, 0, 1, 900, 900]);
}

/// As much as SQS has always taken, in bytes.
const LARGEST_MESSAGE: usize = 256 * 1024;
/// Tokens of 8 KiB and 2 KiB, their names, the encrypted data key and the envelope.
const LARGEST_PAIR: usize = (8 + 2 + 2) * 1024;

#[tokio::test]
async fn the_largest_pair_is_rescued_and_reads_back() {
    let network = Unreliable::new();
    network.fail("SendMessage", 1, &Fault::Answers(200, SENT.into()));
    let sqs = queue_over(&network).await.with_rescue(RescueQueue {
        url: "http://127.0.0.1:9/1/rescue".into(),
    });
    let mut rescued = contract::scene::rescued(contract::scene::at(0));
    rescued.sealed = Sealed(vec![0xFF; LARGEST_PAIR]);
    sqs.rescue(&rescued).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&network.bodies()[0]).unwrap();
    assert_eq!(body["QueueUrl"], "http://127.0.0.1:9/1/rescue");
    let text = body["MessageBody"].as_str().unwrap();
    assert!(text.len() < LARGEST_MESSAGE / 10, "{} bytes", text.len());
    assert_eq!(queue::read(text), Ok(Message::Rescue(rescued)));
}

#[tokio::test]
async fn a_rescue_that_is_not_taken_says_why() {
    let network = Unreliable::new();
    let rescued = contract::scene::rescued(contract::scene::at(0));
    let sqs = queue_over(&network).await;
    let nowhere = sqs.rescue(&rescued).await.unwrap_err().to_string();
    assert!(nowhere.contains("no rescue queue"), "{nowhere}");
    let refusal = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#;
    network.fail("SendMessage", 1, &Fault::Answers(400, refusal.into()));
    let refused = sqs
        .with_rescue(RescueQueue {
            url: "http://127.0.0.1:9/1/rescue".into(),
        })
        .rescue(&rescued)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("QueueDoesNotExist"), "{refused}");
}

#[tokio::test]
async fn a_queue_that_refuses_says_why() {
    let network = Unreliable::new();
    let refusal = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#;
    network.fail("SendMessage", 1, &Fault::Answers(400, refusal.into()));
    let pointer = Pointer::Wake {
        connection: contract::scene::id(contract::scene::at(0)),
    };
    let error = queue_over(&network)
        .await
        .send(&pointer, Duration::ZERO)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("QueueDoesNotExist: The specified queue does not exist."),
        "{error}"
    );
}
