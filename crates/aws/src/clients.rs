//! The AWS SDK's clients, with limits that a function's invocation can bear.

use std::{fmt, time::Duration};

use aws_config::{
    AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::config::{Aws, ConfigError};

/// One call with all its retries.
pub const OPERATION_LIMIT: Duration = Duration::from_secs(8);
/// One try.
pub const ATTEMPT_LIMIT: Duration = Duration::from_secs(3);
/// Reaching the other side.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Tries of one call, the first included. A retry is safe: every write here recognises its own first success.
pub const ATTEMPTS: u32 = 3;

fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

fn limits() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_timeout(OPERATION_LIMIT)
        .operation_attempt_timeout(ATTEMPT_LIMIT)
        .connect_timeout(CONNECT_LIMIT)
        .build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

/// Lambda's environment holds credentials and region; nothing else is asked, and the chain that [`load`] follows does
/// not get into a function's zip. Once per process: the clients made from it share their connections.
///
/// # Errors
/// [`ConfigError`] names the key that is missing.
pub fn in_lambda(get: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Result<SdkConfig, ConfigError> {
    let flag = |key| get(key).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let aws = Aws::read(&get)?;
    let credentials = Credentials::new(aws.key, aws.secret, aws.token, None, "environment");
    let mut config = SdkConfig::builder();
    config.set_app_name(get("AWS_SDK_UA_APP_ID").and_then(|name| AppName::new(name).ok()));
    Ok(config
        .behavior_version(behavior())
        .region(Region::new(aws.region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .use_fips(flag("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(flag("AWS_USE_DUALSTACK_ENDPOINT"))
        .timeout_config(limits())
        .retry_config(retries())
        .service_config(Endpoints(get))
        .build())
}

/// `AWS_ENDPOINT_URL` and, before it, the one of a service, as in `AWS_ENDPOINT_URL_DYNAMODB`.
struct Endpoints<G>(G);

impl<G> fmt::Debug for Endpoints<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoints")
    }
}

impl<G: Fn(&str) -> Option<String> + Send + Sync> LoadServiceConfig for Endpoints<G> {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        (self.0)(&format!("{}_{service}", key.env())).or_else(|| (self.0)(key.env()))
    }
}

/// The settings that every client of a person's command shares; credentials, region and `AWS_ENDPOINT_URL` come from the
/// environment and the profiles.
///
/// For tests: whatever is set on the result wins over the environment.
#[must_use]
pub fn loader() -> ConfigLoader {
    aws_config::defaults(behavior())
        .timeout_config(limits())
        .retry_config(retries())
}

/// For a person's command. Once per process: the clients made from it share their connections.
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
