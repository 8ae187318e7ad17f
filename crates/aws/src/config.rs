//! What the environment says: one struct per concern, each naming the key that is missing or wrong.
//!
//! Every `read` takes the way to look a key up, so that tests need no process environment;
//! [`environment`] is the real one.

use std::time::Duration;

use handover_core::budget::LEAST_FOR_TOKENS;

/// A setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It has to be set.
    #[error("{key} is not set: it has to be {expected}")]
    Missing {
        /// Which.
        key: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// It cannot be used.
    #[error("{key} is `{found}`: it has to be {expected}")]
    Invalid {
        /// Which.
        key: &'static str,
        /// What it is, shortened.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// Looks a key up in the process environment.
#[must_use]
pub fn environment(key: &str) -> Option<String> {
    std::env::var(key).ok()
}

fn text(get: &impl Fn(&str) -> Option<String>, key: &'static str) -> Option<String> {
    get(key)
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

fn required(
    get: &impl Fn(&str) -> Option<String>,
    key: &'static str,
    expected: &'static str,
) -> Result<String, ConfigError> {
    text(get, key).ok_or(ConfigError::Missing { key, expected })
}

fn invalid(key: &'static str, found: &str, expected: &'static str) -> ConfigError {
    ConfigError::Invalid {
        key,
        found: found.chars().take(60).collect(),
        expected,
    }
}

/// The two tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// `HANDOVER_CONNECTIONS_TABLE`: everything but sealed values.
    pub connections: String,
    /// `HANDOVER_VAULT_TABLE`: sealed values only.
    pub vault: String,
    /// `HANDOVER_WAKE_SHARDS`, 4 unless set: the parts of the index of wake-ups. May grow at any time. **Never lower
    /// it** while connections wait: what lies in the parts beyond is not looked at until it is written again.
    pub shards: u32,
}

impl Tables {
    /// Reads them.
    ///
    /// # Errors
    /// [`ConfigError`] names the key.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        const SHARDS: &str = "HANDOVER_WAKE_SHARDS";
        let shards = match text(&get, SHARDS) {
            None => 4,
            Some(found) => found
                .parse()
                .ok()
                .filter(|shards| (1..=1_000).contains(shards))
                .ok_or_else(|| invalid(SHARDS, &found, "a number from 1 to 1000"))?,
        };
        Ok(Self {
            connections: required(
                &get,
                "HANDOVER_CONNECTIONS_TABLE",
                "the name of the table of connections",
            )?,
            vault: required(&get, "HANDOVER_VAULT_TABLE", "the name of the table of sealed values")?,
            shards,
        })
    }
}

/// What values are sealed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// `HANDOVER_DEPLOYMENT`: part of every context, so that one deployment's values open in no other.
    pub deployment: String,
    /// `HANDOVER_PAIR_KEY`: the KMS key of token pairs; unset where none is sealed or opened.
    pub pair_key: Option<String>,
    /// `HANDOVER_APPLICATION_KEY`: the KMS key of application and channel secrets; unset where none is needed.
    pub application_key: Option<String>,
}

impl Keys {
    /// Reads them.
    ///
    /// # Errors
    /// [`ConfigError`] names the key.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Ok(Self {
            deployment: Deployment::read(&get)?.name,
            pair_key: text(&get, "HANDOVER_PAIR_KEY"),
            application_key: text(&get, "HANDOVER_APPLICATION_KEY"),
        })
    }
}

/// Which deployment this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// `HANDOVER_DEPLOYMENT`: its name, as it stands in contexts and metrics.
    pub name: String,
}

impl Deployment {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names the key.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let name = required(
            &get,
            "HANDOVER_DEPLOYMENT",
            "the deployment's name, such as `handover-test`",
        )?;
        Ok(Self { name })
    }
}

/// The queue of wake-ups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WakeQueue {
    /// `HANDOVER_QUEUE_URL`.
    pub url: String,
}

impl WakeQueue {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names the key.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let url = queue_url(&get, "HANDOVER_QUEUE_URL", "the URL of the queue of wake-ups")?;
        Ok(Self { url })
    }
}

/// The rescue queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RescueQueue {
    /// `HANDOVER_RESCUE_QUEUE_URL`.
    pub url: String,
}

impl RescueQueue {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names the key.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let url = queue_url(&get, "HANDOVER_RESCUE_QUEUE_URL", "the URL of the rescue queue")?;
        Ok(Self { url })
    }
}

fn queue_url(
    get: &impl Fn(&str) -> Option<String>,
    key: &'static str,
    expected: &'static str,
) -> Result<String, ConfigError> {
    let url = required(get, key, expected)?;
    match url::Url::parse(&url) {
        Ok(_) => Ok(url),
        Err(_) => Err(invalid(key, &url, expected)),
    }
}

/// Who a function is, and where. Lambda sets all of it.
pub(crate) struct Aws {
    pub region: String,
    pub key: String,
    pub secret: String,
    pub token: Option<String>,
}

impl Aws {
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        const REGION: &str = "the region of the tables, keys and queues, as Lambda sets it";
        const CREDENTIALS: &str = "part of the role's credentials, as Lambda sets them";
        Ok(Self {
            region: required(&get, "AWS_REGION", REGION)?,
            key: required(&get, "AWS_ACCESS_KEY_ID", CREDENTIALS)?,
            secret: required(&get, "AWS_SECRET_ACCESS_KEY", CREDENTIALS)?,
            token: text(&get, "AWS_SESSION_TOKEN"),
        })
    }
}

/// What a claim, its reads before it and the storing after it need beside a call of the token endpoint.
const BESIDE_TOKENS: Duration = Duration::from_secs(30);
const TIMEOUT: &str = "HANDOVER_TIMEOUT_SECONDS";

/// How long an invocation may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout {
    /// `HANDOVER_TIMEOUT_SECONDS`: the function's own timeout. What is left of an invocation counts from here on the
    /// monotonic clock: the deadline that comes with the invocation is in the time of day, which tests move.
    pub limit: Duration,
}

impl Timeout {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names the key.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        const EXPECTED: &str = "the function's timeout in seconds, 1 to 900";
        let found = required(&get, TIMEOUT, EXPECTED)?;
        let seconds = found
            .parse()
            .ok()
            .filter(|seconds| (1..=900).contains(seconds))
            .ok_or_else(|| invalid(TIMEOUT, &found, EXPECTED))?;
        Ok(Self {
            limit: Duration::from_secs(seconds),
        })
    }

    /// Reads it for a function that calls the platform's token endpoint.
    ///
    /// # Errors
    /// [`ConfigError`] names the key, also where such a call would not fit.
    pub fn for_tokens(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        const EXPECTED: &str =
            "90 seconds at least: the platform's token endpoint is given 60, and storing takes its part";
        let timeout = Self::read(get)?;
        if timeout.limit < LEAST_FOR_TOKENS.saturating_add(BESIDE_TOKENS) {
            return Err(invalid(TIMEOUT, &timeout.limit.as_secs().to_string(), EXPECTED));
        }
        Ok(timeout)
    }
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// `HANDOVER_LOG`, `info` unless set: targets and levels, as `tracing_subscriber::filter::Targets` reads them.
    pub filter: String,
}

impl Logging {
    /// Reads it. What cannot be read as a filter is found by [`telemetry::start`](crate::telemetry::start).
    #[must_use]
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let filter = text(&get, "HANDOVER_LOG").unwrap_or_else(|| "info".to_owned());
        Self { filter }
    }
}

/// Whether addresses without TLS are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transport {
    /// `HANDOVER_ALLOW_HTTP`, `false` unless set: for a local cloud with stand-ins, never in production.
    pub allow_http: bool,
}

impl Transport {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names the key.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        const KEY: &str = "HANDOVER_ALLOW_HTTP";
        let allow_http = match text(&get, KEY).as_deref() {
            None | Some("false" | "0" | "no") => false,
            Some("true" | "1" | "yes") => true,
            Some(found) => return Err(invalid(KEY, found, "`true` or `false`")),
        };
        Ok(Self { allow_http })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |key| {
            let found = pairs.iter().find(|(name, _)| *name == key)?;
            Some(found.1.to_owned())
        }
    }

    #[test]
    fn tables_are_read_with_four_shards_unless_told() {
        let names = [("HANDOVER_CONNECTIONS_TABLE", "c"), ("HANDOVER_VAULT_TABLE", "v")];
        let tables = Tables::read(with(&names)).unwrap();
        assert_eq!(
            (tables.connections.as_str(), tables.vault.as_str(), tables.shards),
            ("c", "v", 4)
        );
        let told = [&names[..], &[("HANDOVER_WAKE_SHARDS", " 8 ")]].concat();
        assert_eq!(Tables::read(with(&told)).unwrap().shards, 8);
    }

    #[test]
    fn an_error_names_its_key() {
        let missing = Tables::read(with(&[("HANDOVER_CONNECTIONS_TABLE", "c")])).unwrap_err();
        assert!(
            missing.to_string().starts_with("HANDOVER_VAULT_TABLE is not set"),
            "{missing}"
        );
        for wrong in ["0", "1001", "four", "-1"] {
            let invalid = Tables::read(with(&[("HANDOVER_WAKE_SHARDS", wrong)])).unwrap_err();
            assert!(
                invalid.to_string().starts_with("HANDOVER_WAKE_SHARDS is `"),
                "{invalid}"
            );
        }
        let empty = Keys::read(with(&[("HANDOVER_DEPLOYMENT", "  ")])).unwrap_err();
        assert!(
            empty.to_string().starts_with("HANDOVER_DEPLOYMENT is not set"),
            "{empty}"
        );
        let no_url = WakeQueue::read(with(&[("HANDOVER_QUEUE_URL", "wake")])).unwrap_err();
        assert!(
            no_url.to_string().starts_with("HANDOVER_QUEUE_URL is `wake`"),
            "{no_url}"
        );
        let no_rescue = RescueQueue::read(with(&[("HANDOVER_QUEUE_URL", "https://sqs.example/1/wake")])).unwrap_err();
        assert!(
            no_rescue
                .to_string()
                .starts_with("HANDOVER_RESCUE_QUEUE_URL is not set"),
            "{no_rescue}"
        );
        let endless = Timeout::read(with(&[("HANDOVER_TIMEOUT_SECONDS", "901")])).unwrap_err();
        assert!(
            endless.to_string().starts_with("HANDOVER_TIMEOUT_SECONDS is `901`"),
            "{endless}"
        );
    }

    #[test]
    fn keys_are_optional_and_an_empty_one_is_none() {
        let keys = Keys::read(with(&[
            ("HANDOVER_DEPLOYMENT", "d"),
            ("HANDOVER_PAIR_KEY", "k"),
            ("HANDOVER_APPLICATION_KEY", ""),
        ]));
        let keys = keys.unwrap();
        assert_eq!(keys.pair_key.as_deref(), Some("k"));
        assert_eq!(keys.application_key, None);
    }

    #[test]
    fn http_is_allowed_only_in_so_many_words() {
        assert!(!Transport::read(with(&[])).unwrap().allow_http);
        assert!(
            Transport::read(with(&[("HANDOVER_ALLOW_HTTP", "true")]))
                .unwrap()
                .allow_http
        );
        assert!(Transport::read(with(&[("HANDOVER_ALLOW_HTTP", "maybe")])).is_err());
    }

    #[test]
    fn the_rest_has_its_form() {
        let timeout = Timeout::read(with(&[("HANDOVER_TIMEOUT_SECONDS", "60")])).unwrap();
        assert_eq!(timeout.limit, Duration::from_secs(60));
        assert_eq!(Logging::read(with(&[])).filter, "info");
        assert_eq!(
            Logging::read(with(&[("HANDOVER_LOG", "warn,handover=debug")])).filter,
            "warn,handover=debug"
        );
    }
}
