//! The chain of pairs that one consent began, and other chains of the same user.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    application::PlatformKind,
    ids::{AuthorisationId, ClientId, ConnectionId},
    ports::{Claimed, IdentityKey},
};

/// The chain that the last consent began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// The consent's authorisation.
    pub authorisation: AuthorisationId,
    /// Just before the exchange was sent.
    pub sent_at: Timestamp,
    /// Just after its answer came.
    pub answered_at: Timestamp,
    /// The last generation that was allotted to a pair of it, received or not.
    pub generation: u32,
    /// The platform.
    #[serde(default, skip_serializing_if = "PlatformKind::is_usual")]
    pub platform: PlatformKind,
    /// The app registration that was consented to, as its secret was sealed.
    pub client_id: ClientId,
}

impl Chain {
    /// Under which the live chain of `user` at the same app registration is known.
    #[must_use]
    pub fn identity_key(&self, user: &str) -> IdentityKey {
        IdentityKey {
            platform: self.platform,
            client_id: self.client_id.clone(),
            user: user.to_owned(),
        }
    }

    /// As the holder of that place.
    #[must_use]
    pub fn claimed(&self, connection: ConnectionId) -> Claimed {
        Claimed {
            connection,
            authorisation: self.authorisation.clone(),
            sent_at: self.sent_at,
            answered_at: self.answered_at,
        }
    }
}

/// Another chain of the same user, whose exchange was under way at the same time: only a rotation of the later one
/// tells which of the two lives. Until then neither is registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contest {
    /// The other.
    pub with: Claimed,
    /// Whether ours is the later one, whose rotation settles it.
    pub ours_is_later: bool,
}

/// What another connection has to be told of its chain. Kept until it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tidings {
    /// Which connection.
    pub to: ConnectionId,
    /// Its chain.
    pub chain: AuthorisationId,
    /// The teller's chain that did it: it may have begun another since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<AuthorisationId>,
    /// What.
    pub news: News,
}

/// What became of a chain through another one of the same user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    /// A later chain has ended it.
    Superseded {
        /// Whose.
        by: ConnectionId,
        /// A rotation has shown that it lives, after all that it was contested with. Otherwise the order of these two chains
        /// says so, and nothing of a third one.
        #[serde(default)]
        by_rotation: bool,
    },
    /// Which of the two lives is open.
    Contested(Contest),
    /// A contest has ended: the other chain is dead, this one lives.
    Released {
        /// The other's connection.
        by: ConnectionId,
    },
    /// A contest has ended: a third chain came after the other one. Whether it has ended this one as well, whose exchange it
    /// may have met, this one's place says.
    Overtaken {
        /// The other's connection.
        was: ConnectionId,
        /// Whose the third is.
        by: ConnectionId,
    },
    /// A contest can never be settled any more: the other chain was handed over or given up first.
    Unsettled {
        /// The other's connection.
        by: ConnectionId,
    },
}
