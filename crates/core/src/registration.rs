//! What has to be created at Invantive Cloud, when, and over which channel.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ChannelId, Segment};

/// How a channel registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// A person performs the seven steps of Invantive's form.
    Assisted,
    /// The same fields go to an address that the OEM configured.
    Http,
}

/// What is shown and listed of a channel; its profile (address, headers) is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// The OEM's name for it.
    pub id: ChannelId,
    /// How it registers.
    pub kind: ChannelKind,
    /// What it is, for people: never anything secret.
    pub description: String,
}

/// When a registration is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// At that moment; one that has passed means at once.
    At(Timestamp),
    /// So many seconds after the consent.
    AfterConsent {
        /// From the consent.
        seconds: u64,
    },
}

impl Due {
    /// The moment, for a consent given at `consent`.
    #[must_use]
    pub fn at(self, consent: Timestamp) -> Timestamp {
        match self {
            Self::At(moment) => moment,
            Self::AfterConsent { seconds } => later(consent, Duration::from_secs(seconds)),
        }
    }
}

/// What has to be created, when, and over which channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The channel.
    pub channel: ChannelId,
    /// Its kind, as it was when this was asked for.
    pub kind: ChannelKind,
    /// When.
    pub due: Due,
    /// The database's name, as a segment.
    pub database: Segment,
}

/// `from` and then `by`, at the end of time at most.
#[must_use]
pub fn later(from: Timestamp, by: Duration) -> Timestamp {
    from.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// `from` less `by`, at the beginning of time at most.
#[must_use]
pub fn earlier(from: Timestamp, by: Duration) -> Timestamp {
    from.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
