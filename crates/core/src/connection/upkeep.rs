//! How what is kept is looked after.

use std::time::Duration;

use serde::{Deserialize, Serialize};

const DAY: u64 = 24 * 3_600;

/// How an application's pairs are looked after until the registration, and how long what is finished is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Upkeep {
    /// Days left of a pair's life at which the OEM is told.
    pub warn_days: Vec<u32>,
    /// A pair is renewed so many days before its end if its registration is still to come; `None`: never. Where it does
    /// not live that long, when a tenth of its life is left.
    #[serde(with = "never_is_zero")]
    pub renew_days: Option<u32>,
    /// A finished connection and its history go after so many days.
    pub retention_days: u32,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self {
            warn_days: vec![7, 3, 1],
            renew_days: Some(3),
            retention_days: 180,
        }
    }
}

impl Upkeep {
    /// Whether this is what every application has unless it says otherwise.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// How long before its end a pair that lives `life` is renewed.
    #[must_use]
    pub fn renew_before(&self, life: Duration) -> Option<Duration> {
        let before = Duration::from_secs(u64::from(self.renew_days?) * DAY);
        Some(if before < life { before } else { life / 10 })
    }

    /// How long what is finished is kept.
    #[must_use]
    pub fn retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.retention_days) * DAY)
    }
}

/// "Never" has to be said: what is absent is the default.
mod never_is_zero {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde's signature")]
    pub fn serialize<S: Serializer>(days: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
        days.unwrap_or_default().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
        let days = u32::deserialize(deserializer)?;
        Ok((days > 0).then_some(days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_that_does_not_live_so_long_is_renewed_when_a_tenth_is_left() {
        let three_days = Upkeep::default();
        let before = |hours: u64| {
            three_days
                .renew_before(Duration::from_secs(hours * 3_600))
                .map(|time| time.as_secs())
        };
        assert_eq!(before(30 * 24), Some(3 * DAY));
        assert_eq!(before(73), Some(3 * DAY));
        assert_eq!(before(72), Some(72 * 360));
        assert_eq!(before(10), Some(3_600));
    }

    #[test]
    fn another_number_of_days_reads_back() {
        let five = Upkeep {
            renew_days: Some(5),
            ..Upkeep::default()
        };
        let stored = serde_json::to_value(&five).unwrap();
        assert_eq!(serde_json::from_value::<Upkeep>(stored).unwrap(), five);
    }

    #[test]
    fn never_is_kept_where_nothing_is_left_out() {
        let never = Upkeep {
            renew_days: None,
            ..Upkeep::default()
        };
        let stored = serde_json::to_value(&never).unwrap();
        assert_eq!(stored["renew_days"], 0);
        assert_eq!(serde_json::from_value::<Upkeep>(stored).unwrap(), never);
        assert_eq!(serde_json::from_str::<Upkeep>("{}").unwrap(), Upkeep::default());
    }
}
