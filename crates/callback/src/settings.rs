//! What can be set.

use std::time::Duration;

use handover_aws::config::{ConfigError, Timeout};

/// The gateway gives up after 30 s; reaching it takes its part, too.
const STILL_WORKING_AFTER: Duration = Duration::from_secs(20);

/// What can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `HANDOVER_TIMEOUT_SECONDS`: the function's own timeout.
    pub timeout: Duration,
    /// `HANDOVER_STILL_WORKING_SECONDS`, 20 unless set: a customer whose exchange takes longer, counted from the
    /// arrival of the request, is shown a page that says so and refreshes itself.
    pub still_working_after: Duration,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// [`ConfigError`] names the key.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        const STILL_WORKING: &str = "HANDOVER_STILL_WORKING_SECONDS";
        let timeout = Timeout::for_tokens(&get)?.limit;
        let still_working_after = match get(STILL_WORKING).filter(|text| !text.trim().is_empty()) {
            None => STILL_WORKING_AFTER,
            Some(text) => text
                .trim()
                .parse()
                .ok()
                .filter(|seconds| (1..=25).contains(seconds))
                .map(Duration::from_secs)
                .ok_or_else(|| ConfigError::Invalid {
                    key: STILL_WORKING,
                    found: text.chars().take(60).collect(),
                    expected: "a number of seconds from 1 to 25: the gateway gives up after 30",
                })?,
        };
        Ok(Self {
            timeout,
            still_working_after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(timeout: &str, still_working: &str) -> Result<Settings, ConfigError> {
        Settings::read(|key| match key {
            "HANDOVER_TIMEOUT_SECONDS" => Some(timeout.to_owned()),
            "HANDOVER_STILL_WORKING_SECONDS" => Some(still_working.to_owned()),
            _ => None,
        })
    }

    #[test]
    fn the_defaults_suit_the_gateway() {
        let settings = read("120", "").unwrap();
        assert_eq!(settings.timeout, Duration::from_secs(120));
        assert_eq!(settings.still_working_after, Duration::from_secs(20));
        assert_eq!(read("90", "3").unwrap().still_working_after, Duration::from_secs(3));
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        assert!(
            read("89", "")
                .unwrap_err()
                .to_string()
                .starts_with("HANDOVER_TIMEOUT_SECONDS is `89`")
        );
        for wrong in ["0", "26", "soon"] {
            let refusal = read("120", wrong).unwrap_err().to_string();
            assert!(refusal.starts_with("HANDOVER_STILL_WORKING_SECONDS is `"), "{refusal}");
        }
    }
}
