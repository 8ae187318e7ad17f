//! What the environment says to this function only.

use std::time::Duration;

use handover_aws::config::{ConfigError, Deployment, Timeout};

/// What the environment says to this function only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `HANDOVER_DEPLOYMENT`: the dimension of its metrics. `None`: they are not written.
    pub deployment: Option<String>,
    /// `HANDOVER_TIMEOUT_SECONDS`: the function's own timeout. Nothing is sent that does not fit into what is left of it.
    pub timeout: Duration,
    /// `HANDOVER_ACCEPT_UNKNOWN_IDENTITY`, `false` unless set: whether a pair may be registered although the platform
    /// never told whose it is.
    pub accept_unknown_identity: bool,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// [`ConfigError`] names the key.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Ok(Self {
            deployment: Some(Deployment::read(&get)?.name),
            timeout: Timeout::for_tokens(&get)?.limit,
            accept_unknown_identity: accept_unknown_identity(&get)?,
        })
    }
}

fn accept_unknown_identity(get: &impl Fn(&str) -> Option<String>) -> Result<bool, ConfigError> {
    const KEY: &str = "HANDOVER_ACCEPT_UNKNOWN_IDENTITY";
    let found = get(KEY).unwrap_or_default();
    match found.trim() {
        "" | "false" | "0" | "no" => Ok(false),
        "true" | "1" | "yes" => Ok(true),
        found => Err(ConfigError::Invalid {
            key: KEY,
            found: found.chars().take(60).collect(),
            expected: "`true` or `false`",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(timeout: &str, accept: &str) -> Result<Settings, ConfigError> {
        Settings::read(|key| match key {
            "HANDOVER_DEPLOYMENT" => Some("handover-test".into()),
            "HANDOVER_TIMEOUT_SECONDS" => Some(timeout.into()),
            "HANDOVER_ACCEPT_UNKNOWN_IDENTITY" => Some(accept.into()),
            _ => None,
        })
    }

    #[test]
    fn an_unknown_identity_is_accepted_only_in_so_many_words() {
        assert!(!read("120", "").unwrap().accept_unknown_identity);
        assert!(!read("120", "false").unwrap().accept_unknown_identity);
        assert!(read("120", "true").unwrap().accept_unknown_identity);
        let wrong = read("120", "maybe").unwrap_err().to_string();
        assert!(
            wrong.starts_with("HANDOVER_ACCEPT_UNKNOWN_IDENTITY is `maybe`"),
            "{wrong}"
        );
    }

    #[test]
    fn a_timeout_that_no_rotation_fits_into_is_refused() {
        assert!(read("90", "").is_ok());
        let refusal = read("89", "").unwrap_err().to_string();
        assert!(refusal.starts_with("HANDOVER_TIMEOUT_SECONDS is `89`"), "{refusal}");
    }
}
