//! What is known of a token pair, and of the chain it belongs to, without opening it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    application::Lifetimes,
    ids::{AuthorisationId, EffectId},
    registration::later,
};

/// Names a sealed pair: never reused, never overwritten.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PairKey {
    /// The authorisation that it came from.
    pub authorisation: AuthorisationId,
    /// Counts the answers of that authorisation, from 1.
    pub generation: u32,
}

/// What is known of a sealed pair without opening it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Its name in the vault.
    pub key: PairKey,
    /// Just before the request that brought it was sent: its age, for expiry, counts from here.
    pub sent_at: Timestamp,
    /// Just after the answer came: the earliest refresh counts from here.
    pub answered_at: Timestamp,
    /// The access token ends.
    pub access_ends_at: Timestamp,
    /// The refresh token ends.
    pub refresh_ends_at: Timestamp,
    /// The smallest number of days left that the OEM was told of.
    pub warned_days: Option<u32>,
    /// A rotation of it came to no clear end: its refresh token may be spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_intent: Option<OpenIntent>,
    /// Rotations in a row that left it unharmed: the step of the back-off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub put_off: u32,
    /// Not to be rotated again before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_at: Option<Timestamp>,
}

/// A rotation that was begun and of which nobody knows how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIntent {
    /// The rotation.
    pub effect: EffectId,
    /// The generation that its pair has, if there is one.
    pub into: u32,
    /// By then every rescue has come home: the old token may be presented once more.
    pub recover_at: Timestamp,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Pair {
    /// A pair whose request was sent and answered then. `expires_in`: the access token's life in seconds, if it was told.
    #[must_use]
    pub fn new(
        key: PairKey,
        sent_at: Timestamp,
        answered_at: Timestamp,
        expires_in: Option<u32>,
        lifetimes: &Lifetimes,
    ) -> Self {
        let access = expires_in.unwrap_or(lifetimes.access_seconds);
        Self {
            key,
            sent_at,
            answered_at,
            access_ends_at: later(sent_at, Duration::from_secs(access.into())),
            refresh_ends_at: later(sent_at, lifetimes.refresh()),
            warned_days: None,
            open_intent: None,
            put_off: 0,
            rotate_at: None,
        }
    }

    /// Whether it came without an access token.
    #[must_use]
    pub fn is_half(&self) -> bool {
        self.access_ends_at <= self.sent_at
    }
}
