//! A deployment, found by the name of its CloudFormation stack, and who looks for it.

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use handover_aws::config::{Keys, Tables, WakeQueue};
use handover_core::ports::Clock;
use url::Url;

use crate::{failure::Failure, person, skew::Skew};

/// What a deployment's stack says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// What links and redirect URIs begin with; no slash at its end.
    pub public_url: String,
    /// The tables.
    pub tables: Tables,
    /// The queue of wake-ups.
    pub queue: WakeQueue,
    /// What values are sealed with.
    pub keys: Keys,
    /// Days after which a link lapses.
    pub link_days: u32,
}

/// Days after which a link lapses where the stack does not say.
const LINK_DAYS: u32 = 7;

impl Deployment {
    /// From the outputs of the stack `name`.
    ///
    /// # Errors
    /// When one is missing, or is not what it should be.
    pub fn read(name: &str, outputs: &[(String, String)]) -> Result<Self, Failure> {
        let output = |key: &str| {
            outputs
                .iter()
                .find(|(known, _)| known == key)
                .map(|(_, value)| value.as_str())
        };
        let needed = |key: &str| {
            output(key).ok_or_else(|| {
                Failure::Unusable(format!(
                    "the stack {name} has no output {key}: it is no deployment of Handover, or of another version; is \
                     --stack right?"
                ))
            })
        };
        let number = |key: &str, text: &str| {
            text.parse::<u32>().ok().filter(|number| *number > 0).ok_or_else(|| {
                Failure::Unusable(format!(
                    "the output {key} of the stack {name} is `{text}`, which is no number"
                ))
            })
        };
        let public_url = needed("PublicUrl")?.trim_end_matches('/').to_owned();
        let plain =
            Url::parse(&public_url).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.path() == "/");
        if !plain {
            return Err(Failure::Unusable(format!(
                "the output PublicUrl of the stack {name} is `{public_url}`, which is not scheme and host"
            )));
        }
        Ok(Self {
            public_url,
            tables: Tables {
                connections: needed("ConnectionsTable")?.to_owned(),
                vault: needed("VaultTable")?.to_owned(),
                shards: number("WakeShards", needed("WakeShards")?)?,
            },
            queue: WakeQueue {
                url: needed("QueueUrl")?.to_owned(),
            },
            keys: Keys {
                deployment: name.to_owned(),
                pair_key: Some(needed("PairKeyArn")?.to_owned()),
                application_key: Some(needed("ApplicationKeyArn")?.to_owned()),
            },
            link_days: output("LinkDays").map_or(Ok(LINK_DAYS), |text| number("LinkDays", text))?,
        })
    }

    /// Looks the stack `name` up; `skew` hears what time it is there.
    ///
    /// # Errors
    /// When there is none, or this identity may not look.
    pub async fn find<C>(config: &SdkConfig, name: &str, skew: &Skew<C>) -> Result<Self, Failure>
    where
        C: Clock + Clone + std::fmt::Debug + 'static,
    {
        let region = region(config)?;
        let listening = aws_sdk_cloudformation::config::Builder::from(config).interceptor(skew.clone());
        let asked = aws_sdk_cloudformation::Client::from_conf(listening.build())
            .describe_stacks()
            .stack_name(name)
            .send()
            .await;
        let answer = asked.map_err(|error| {
            let reason = told(&error);
            // What CloudFormation calls a validation error.
            if reason.contains("does not exist") {
                Failure::NotFound(format!(
                    "there is no stack {name} in {region} of this AWS account; --stack or HANDOVER_STACK names the \
                     deployment, AWS_REGION the region"
                ))
            } else {
                Failure::unavailable(format!("the stack {name} in {region} could not be looked up: {reason}"))
            }
        })?;
        let stack = answer.stacks().first();
        let stack = stack.ok_or_else(|| Failure::NotFound(format!("there is no stack {name} in {region}")))?;
        let outputs: Vec<(String, String)> = stack
            .outputs()
            .iter()
            .filter_map(|output| Some((output.output_key()?.to_owned(), output.output_value()?.to_owned())))
            .collect();
        // Not what was typed: that may be an ARN, and the name is part of what values are sealed with.
        Self::read(stack.stack_name().unwrap_or(name), &outputs)
    }
}

/// The name of whoever's AWS identity this is.
///
/// # Errors
/// When AWS does not know it.
pub async fn person(config: &SdkConfig) -> Result<String, Failure> {
    region(config)?;
    let asked = aws_sdk_sts::Client::new(config).get_caller_identity().send().await;
    let answer = asked.map_err(|error| {
        Failure::unavailable(format!(
            "AWS does not say who you are, and changes bear their maker's name: {}",
            told(&error)
        ))
    })?;
    answer
        .arn()
        .map(person::name_of)
        .ok_or_else(|| Failure::Unavailable("AWS knows no name for your credentials".into()))
}

fn region(config: &SdkConfig) -> Result<&str, Failure> {
    config.region().map(AsRef::as_ref).ok_or_else(|| {
        Failure::Usage("no AWS region is set: set AWS_REGION, or AWS_PROFILE to a profile that has one".into())
    })
}

/// What the SDK says, in one line.
fn told<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let answer = answer.err();
            let code = answer.code().unwrap_or("an error without a code");
            let message = answer.message().map(|message| format!(": {message}"));
            format!("{code}{}", message.unwrap_or_default())
        }
        SdkError::TimeoutError(_) => "no answer in time".into(),
        other => {
            let mut text = other.to_string();
            let mut source = std::error::Error::source(other);
            while let Some(error) = source {
                text = format!("{text}: {error}");
                source = error.source();
            }
            let hint = "are you signed in to AWS (AWS_PROFILE, `aws sso login`), and is it reached from here?";
            format!("{text}; {hint}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs() -> Vec<(String, String)> {
        [
            ("PublicUrl", "https://abc.execute-api.eu-central-1.amazonaws.com/"),
            ("ConnectionsTable", "t1"),
            ("VaultTable", "t2"),
            ("QueueUrl", "https://sqs.eu-central-1.amazonaws.com/1/wake"),
            ("PairKeyArn", "arn:pair"),
            ("ApplicationKeyArn", "arn:app"),
            ("WakeShards", "4"),
            ("LinkDays", "14"),
            ("AlarmTopic", "whatever"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    #[test]
    fn a_deployment_is_read_from_its_outputs() {
        let deployment = Deployment::read("acme", &outputs()).unwrap();
        assert_eq!(
            deployment.public_url,
            "https://abc.execute-api.eu-central-1.amazonaws.com"
        );
        assert_eq!(deployment.keys.deployment, "acme");
        assert_eq!((deployment.tables.shards, deployment.link_days), (4, 14));
        let without: Vec<_> = outputs().into_iter().filter(|(key, _)| key != "LinkDays").collect();
        assert_eq!(Deployment::read("acme", &without).unwrap().link_days, 7);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for key in [
            "PublicUrl",
            "ConnectionsTable",
            "VaultTable",
            "QueueUrl",
            "PairKeyArn",
            "ApplicationKeyArn",
            "WakeShards",
        ] {
            let without: Vec<_> = outputs().into_iter().filter(|(known, _)| known != key).collect();
            let text = Deployment::read("acme", &without).unwrap_err().to_string();
            assert!(text.contains("acme") && text.contains(key), "{text}");
        }
        for (key, wrong) in [
            ("PublicUrl", "ftp://x"),
            ("PublicUrl", "https://x/y"),
            ("WakeShards", "0"),
            ("LinkDays", "x"),
        ] {
            let mut changed = outputs();
            changed.retain(|(known, _)| known != key);
            changed.push((key.into(), wrong.into()));
            let text = Deployment::read("acme", &changed).unwrap_err().to_string();
            assert!(text.contains(key) && text.contains(wrong), "{text}");
        }
    }
}
