//! Where a connection stands.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{AuthorisationId, ConnectionId, EffectId, Segment};

/// Where a connection stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum State {
    /// Waits for a first consent.
    Invited,
    /// A pair is kept; the registration is still to come.
    Authorized,
    /// Due, over the assisted channel, and not yet taken by a person.
    AwaitingOperator,
    /// An attempt is under way.
    Registering,
    /// An attempt may have succeeded: a look-up or a person settles it.
    InDoubt(Doubt),
    /// Refused for good.
    Failed(Failure),
    /// Needs a new consent.
    Reauthorize(Cause),
    /// Done: the database exists and the pair is destroyed here.
    Registered(Done),
    /// Given up by the OEM.
    Cancelled,
}

/// The name of a [`State`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are those of State")]
pub enum Status {
    Invited,
    Authorized,
    AwaitingOperator,
    Registering,
    InDoubt,
    Failed,
    Reauthorize,
    Registered,
    Cancelled,
}

impl Status {
    /// All of them, in the order of a journey.
    pub const ALL: [Self; 9] = [
        Self::Invited,
        Self::Authorized,
        Self::AwaitingOperator,
        Self::Registering,
        Self::InDoubt,
        Self::Failed,
        Self::Reauthorize,
        Self::Registered,
        Self::Cancelled,
    ];

    /// As it stands in items and output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Authorized => "authorized",
            Self::AwaitingOperator => "awaiting_operator",
            Self::Registering => "registering",
            Self::InDoubt => "in_doubt",
            Self::Failed => "failed",
            Self::Reauthorize => "reauthorize",
            Self::Registered => "registered",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will ever happen to it again.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Registered | Self::Cancelled)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Status {
    type Err = UnknownStatus;
    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// A text that names no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no status: use invited, authorized, awaiting_operator, registering, in_doubt, failed, reauthorize, registered or cancelled"
)]
pub struct UnknownStatus(String);

impl State {
    /// Its name.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Invited => Status::Invited,
            Self::Authorized => Status::Authorized,
            Self::AwaitingOperator => Status::AwaitingOperator,
            Self::Registering => Status::Registering,
            Self::InDoubt(_) => Status::InDoubt,
            Self::Failed(_) => Status::Failed,
            Self::Reauthorize(_) => Status::Reauthorize,
            Self::Registered(_) => Status::Registered,
            Self::Cancelled => Status::Cancelled,
        }
    }
}

/// An attempt that may have succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// The attempt.
    pub attempt: EffectId,
    /// The authorisation whose pair it used: with the connection the key that a look-up asks for. Stays known when the
    /// pair has ended.
    pub authorisation: AuthorisationId,
    /// Since when.
    pub since: Timestamp,
    /// How it came about, for people.
    pub reason: String,
    /// How the channel can be asked; `None`: a person settles it.
    pub look_up: Option<LookUpRule>,
    /// Look-ups made.
    pub looked: u32,
    /// When the last one was made.
    pub looked_at: Option<Timestamp>,
    /// "Absent" answers that counted.
    pub absent: u32,
}

/// What a channel's profile says of its look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookUpRule {
    /// "Absent" counts only so many seconds after the doubt began.
    pub delay_seconds: u32,
    /// What became of the pair when the database is absent for good.
    pub pair_if_absent: PairFate,
}

impl LookUpRule {
    /// "Absent" counts only so long after the doubt began.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_secs(self.delay_seconds.into())
    }
}

/// What an attempt did to the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairFate {
    /// It was exchanged: useless here.
    Spent,
    /// It surely was not exchanged.
    Unspent,
    /// It may have been exchanged: treated as spent.
    Unknown,
}

/// Why a registration was refused for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For people.
    pub reason: String,
    /// The generation of its pair that was lost since. A later one of its chain is still welcome if a rescue brings it
    /// home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<u32>,
}

impl Failure {
    /// For `reason`.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            lost: None,
        }
    }
}

/// Why a new consent is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// The refresh token's life ended before the registration.
    Expired,
    /// The answer to a rotation was lost, and the recovery brought none either.
    Lost {
        /// The generation that was lost. A later one of its chain is still welcome if a rescue brings it home.
        generation: u32,
    },
    /// Another consent of the same user for the same application began a newer chain.
    Superseded {
        /// Which connection's, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<ConnectionId>,
    },
    /// The platform ended the chain, or somebody else used its token.
    Revoked,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Expired => f.write_str("the token pair ended before the registration"),
            Self::Lost { .. } => f.write_str("the token pair was lost"),
            Self::Superseded { by: Some(by) } => {
                write!(f, "the same user consented to the same application again, as {by}")
            }
            Self::Superseded { by: None } => {
                f.write_str("another consent of the same user to the same application ended the chain")
            }
            Self::Revoked => f.write_str("the platform no longer accepts the token pair"),
        }
    }
}

/// A registered database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Its segment.
    pub segment: Segment,
    /// When its registration was known here.
    pub at: Timestamp,
    /// The connection whose later consent ended the chain that the database lives on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<ConnectionId>,
    /// Whether another consent may have ended that chain, which nobody will ever know by itself.
    #[serde(default, skip_serializing_if = "is_false")]
    pub authorisation_uncertain: bool,
    /// Whether the alarm for either is still to be raised.
    #[serde(default, skip_serializing_if = "is_false")]
    pub to_alarm: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_it_is_written() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert_eq!("unknown".parse::<Status>(), Err(UnknownStatus("unknown".into())));
    }
}
