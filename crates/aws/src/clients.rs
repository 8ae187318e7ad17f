//! The AWS SDK's clients, with limits that a function's invocation can bear.

use std::time::Duration;

use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

/// One call with all its retries.
pub const OPERATION_LIMIT: Duration = Duration::from_secs(8);
/// One try.
pub const ATTEMPT_LIMIT: Duration = Duration::from_secs(3);
/// Reaching the other side.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Tries of one call, the first included. A retry is safe: every write here recognises its own first success.
pub const ATTEMPTS: u32 = 3;

/// The settings every client shares; credentials, region and `AWS_ENDPOINT_URL` come from the environment.
///
/// For tests: whatever is set on the result wins over the environment.
#[must_use]
pub fn loader() -> ConfigLoader {
    let limits = TimeoutConfig::builder()
        .operation_timeout(OPERATION_LIMIT)
        .operation_attempt_timeout(ATTEMPT_LIMIT)
        .connect_timeout(CONNECT_LIMIT)
        .build();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(limits)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
}

/// Reads the environment. Once per process: the clients made from it share their connections.
pub async fn load() -> SdkConfig {
    loader().load().await
}

/// DynamoDB, for [`DynamoStore`](crate::DynamoStore).
#[must_use]
pub fn dynamodb(config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(config)
}

/// KMS, for [`KmsVault`](crate::KmsVault).
#[must_use]
pub fn kms(config: &SdkConfig) -> aws_sdk_kms::Client {
    aws_sdk_kms::Client::new(config)
}

/// SQS, for [`SqsQueue`](crate::SqsQueue).
#[must_use]
pub fn sqs(config: &SdkConfig) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(config)
}
