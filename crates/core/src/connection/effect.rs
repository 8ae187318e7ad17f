//! Something irreversible under way, and what is wished meanwhile.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LookUpRule, PairKey};
use crate::{
    ids::{AuthorisationId, ConnectionId, EffectId},
    registration::Due,
};

/// Something irreversible under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Its outcome carries this.
    pub id: EffectId,
    /// What it is.
    pub kind: EffectKind,
    /// The intent was written then.
    pub began_at: Timestamp,
    /// Nothing of it is under way any more after this.
    pub lease_ends_at: Timestamp,
}

/// What is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EffectKind {
    /// An authorisation code is exchanged for a pair.
    Exchange {
        /// The authorisation that the code belongs to.
        authorisation: AuthorisationId,
    },
    /// A refresh token is exchanged for a new pair.
    Rotation {
        /// The pair whose refresh token is presented.
        from: PairKey,
        /// The pair that comes back.
        into: PairKey,
        /// An earlier rotation of the same pair that came to no clear end: this is its one recovery.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recovers: Option<EffectId>,
    },
    /// A registration is attempted.
    Attempt {
        /// Counts from 1.
        number: u32,
        /// The authorisation whose pair it uses.
        authorisation: AuthorisationId,
        /// Who attempts it.
        by: Attempter,
        /// How a doubt about it can be settled.
        look_up: Option<LookUpRule>,
    },
}

/// Who attempts a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempter {
    /// The worker, over the http channel.
    Worker,
    /// A person, over the assisted channel, named by their AWS identity.
    Person(String),
}

/// What was asked for while an effect was under way; applied when it has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// To give up.
    #[serde(default)]
    pub cancel: bool,
    /// Another due time.
    #[serde(default)]
    pub reschedule: Option<Due>,
    /// To give the pair up: a later consent of the same user has ended its chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<ConnectionId>,
    /// To hold the pair back for a person: whether its chain or another one lives cannot be found out any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsettled: bool,
}

impl Wishes {
    /// Whether nothing was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
