//! What a person should know.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// What kind of problem.
    pub problem: Problem,
    /// What happened and what to do.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
}

impl Attention {
    /// What takes the place of `earlier`: its last word. But a database without its authorisation, and another one that
    /// became known late, have both to be looked at.
    pub(crate) fn after(self, earlier: Self) -> Self {
        use Problem::{AuthorisationLost, LateSuccess};
        match (earlier.problem, self.problem) {
            (AuthorisationLost, LateSuccess) => Self {
                text: format!("{}; {}", earlier.text, self.text),
                ..earlier
            },
            (LateSuccess, AuthorisationLost) => Self {
                text: format!("{}; {}", self.text, earlier.text),
                ..self
            },
            // From perhaps to surely, once at most.
            (AuthorisationLost, AuthorisationLost) => Self {
                text: format!("{}; before: {}", self.text, earlier.text),
                ..earlier
            },
            (before, now) if before == now => Self {
                since: earlier.since,
                ..self
            },
            _ => self,
        }
    }
}

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The application, its secret or the channel's profile is wrong: only the OEM can mend it.
    Configuration,
    /// A stored value is not what was stored: nothing was sent.
    Tampered,
    /// The platform did not tell who consented.
    IdentityUnknown,
    /// The consent came to nothing: the customer has to open the link again.
    ConsentFailed,
    /// The link lapsed: the OEM has to make a new one.
    LinkLapsed,
    /// Invantive Cloud cannot be reached, or asks to come back.
    ChannelUnavailable,
    /// A success became known that fits no open attempt.
    LateSuccess,
    /// The registration is due after the pair's end.
    Unreachable,
    /// The pair came without an access token.
    HalfPair,
    /// A later consent may have ended the chain that the kept pair belongs to.
    PairUncertain,
    /// This consent ended the chain of another connection of the same user and application.
    ChainReplaced,
    /// A later consent of the same user ended this connection's chain.
    Superseded,
    /// A later consent of the same user ended the chain that a registered database lives on.
    AuthorisationLost,
    /// Another consent of the same user was under way at the same time: which of the two lives is open.
    Contested,
    /// A rotation brought no pair, or none yet.
    RotationFailed,
    /// The platform cannot be reached, or asks to come back.
    PlatformUnavailable,
}

impl Problem {
    /// As it stands in output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Tampered => "tampered",
            Self::IdentityUnknown => "identity unknown",
            Self::ConsentFailed => "consent failed",
            Self::LinkLapsed => "link lapsed",
            Self::ChannelUnavailable => "channel unavailable",
            Self::LateSuccess => "late success",
            Self::Unreachable => "due too late",
            Self::HalfPair => "half a pair",
            Self::PairUncertain => "pair uncertain",
            Self::ChainReplaced => "chain replaced",
            Self::Superseded => "superseded",
            Self::AuthorisationLost => "authorisation lost",
            Self::Contested => "contested",
            Self::RotationFailed => "rotation failed",
            Self::PlatformUnavailable => "platform unavailable",
        }
    }
}
