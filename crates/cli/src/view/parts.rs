//! The parts of a connection as it is answered.

use handover_core::{
    connection::{
        Attempter, Attention, Chain, Connection, Contest, Done, Doubt, EffectKind, Identity, News, OpenIntent, Pair,
        Tidings, Wishes,
    },
    ids::{AuthorisationId, ConnectionId, EffectId, Segment},
    registration::Due,
};
use jiff::Timestamp;
use serde::Serialize;

/// When the registration is due: one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DueView {
    /// At that moment.
    pub at: Option<Timestamp>,
    /// So many seconds after the consent.
    pub after_consent_seconds: Option<u64>,
}

impl From<Due> for DueView {
    fn from(due: Due) -> Self {
        match due {
            Due::At(at) => Self {
                at: Some(at),
                after_consent_seconds: None,
            },
            Due::AfterConsent { seconds } => Self {
                at: None,
                after_consent_seconds: Some(seconds),
            },
        }
    }
}

/// Who consented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct IdentityView {
    pub user: String,
    pub name: String,
}

impl From<&Identity> for IdentityView {
    fn from(identity: &Identity) -> Self {
        Self {
            user: identity.user.clone(),
            name: identity.name.clone(),
        }
    }
}

/// What is known of the sealed pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct PairView {
    pub authorisation: AuthorisationId,
    pub generation: u32,
    pub access_ends_at: Timestamp,
    pub ends_at: Timestamp,
    /// The smallest number of days left that the OEM was told of.
    pub warned_days: Option<u32>,
    pub open_intent: Option<OpenIntentView>,
}

impl From<&Pair> for PairView {
    fn from(pair: &Pair) -> Self {
        Self {
            authorisation: pair.key.authorisation.clone(),
            generation: pair.key.generation,
            access_ends_at: pair.access_ends_at,
            ends_at: pair.refresh_ends_at,
            warned_days: pair.warned_days,
            open_intent: pair.open_intent.as_ref().map(OpenIntentView::from),
        }
    }
}

/// A rotation of the pair of which nobody knows how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct OpenIntentView {
    pub rotation: EffectId,
    pub generation: u32,
    pub recover_at: Timestamp,
}

impl From<&OpenIntent> for OpenIntentView {
    fn from(intent: &OpenIntent) -> Self {
        Self {
            rotation: intent.effect,
            generation: intent.into,
            recover_at: intent.recover_at,
        }
    }
}

/// The chain that the last consent began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ChainView {
    pub authorisation: AuthorisationId,
    pub began_at: Timestamp,
    /// The last one that was allotted, received or not.
    pub generation: u32,
}

impl From<&Chain> for ChainView {
    fn from(chain: &Chain) -> Self {
        Self {
            authorisation: chain.authorisation.clone(),
            began_at: chain.sent_at,
            generation: chain.generation,
        }
    }
}

/// Another chain of the same user, of which it is open whether it lives or ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ContestView {
    pub with: ConnectionId,
    pub ours_is_later: bool,
}

impl From<&Contest> for ContestView {
    fn from(contest: &Contest) -> Self {
        Self {
            with: contest.with.connection,
            ours_is_later: contest.ours_is_later,
        }
    }
}

/// What another connection will be told of its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TidingsView {
    /// Which.
    pub to: ConnectionId,
    /// `superseded`, `contested`, `released`, `overtaken` or `unsettled`.
    pub news: &'static str,
}

impl From<&Tidings> for TidingsView {
    fn from(tidings: &Tidings) -> Self {
        Self {
            to: tidings.to,
            news: match tidings.news {
                News::Superseded { .. } => "superseded",
                News::Contested(_) => "contested",
                News::Released { .. } => "released",
                News::Overtaken { .. } => "overtaken",
                News::Unsettled { .. } => "unsettled",
            },
        }
    }
}

/// Something irreversible that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnderWay {
    /// `exchange`, `rotation` or `attempt`.
    pub what: &'static str,
    /// Its id.
    pub effect: EffectId,
    /// Whose it is.
    pub by: String,
    /// Since when.
    pub began_at: Timestamp,
    /// It is over by then, whatever happened.
    pub lease_ends_at: Timestamp,
    /// The earlier rotation that this one recovers.
    pub recovers: Option<EffectId>,
}

impl UnderWay {
    pub(super) fn of(connection: &Connection) -> Option<Self> {
        let effect = connection.effect.as_ref()?;
        let (what, by, recovers) = match &effect.kind {
            EffectKind::Exchange { .. } => ("exchange", "callback", None),
            EffectKind::Rotation { recovers, .. } => ("rotation", "worker", *recovers),
            EffectKind::Attempt {
                by: Attempter::Worker, ..
            } => ("attempt", "worker", None),
            EffectKind::Attempt {
                by: Attempter::Person(name),
                ..
            } => ("attempt", name.as_str(), None),
        };
        Some(Self {
            what,
            effect: effect.id,
            by: by.to_owned(),
            began_at: effect.began_at,
            lease_ends_at: effect.lease_ends_at,
            recovers,
        })
    }
}

/// What was asked for meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct WishesView {
    pub cancel: bool,
    pub reschedule: Option<DueView>,
    pub superseded_by: Option<ConnectionId>,
    pub unsettled: bool,
}

impl From<&Wishes> for WishesView {
    fn from(wishes: &Wishes) -> Self {
        Self {
            cancel: wishes.cancel,
            reschedule: wishes.reschedule.map(DueView::from),
            superseded_by: wishes.superseded_by,
            unsettled: wishes.unsettled,
        }
    }
}

/// What a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct AttentionView {
    pub problem: &'static str,
    pub text: String,
    pub since: Timestamp,
}

impl From<&Attention> for AttentionView {
    fn from(attention: &Attention) -> Self {
        Self {
            problem: attention.problem.as_str(),
            text: attention.text.clone(),
            since: attention.since,
        }
    }
}

/// An attempt that may have succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct DoubtView {
    pub attempt: EffectId,
    pub since: Timestamp,
    pub reason: String,
    pub can_be_looked_up: bool,
    pub looked_at: Option<Timestamp>,
}

impl From<&Doubt> for DoubtView {
    fn from(doubt: &Doubt) -> Self {
        Self {
            attempt: doubt.attempt,
            since: doubt.since,
            reason: doubt.reason.clone(),
            can_be_looked_up: doubt.look_up.is_some(),
            looked_at: doubt.looked_at,
        }
    }
}

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RegisteredView {
    pub segment: Segment,
    pub at: Timestamp,
    /// The connection whose later consent ended the chain that the database lives on.
    pub superseded_by: Option<ConnectionId>,
    /// Whether another consent may have ended that chain.
    pub authorisation_uncertain: bool,
}

impl From<&Done> for RegisteredView {
    fn from(done: &Done) -> Self {
        Self {
            segment: done.segment.clone(),
            at: done.at,
            superseded_by: done.superseded_by,
            authorisation_uncertain: done.authorisation_uncertain,
        }
    }
}

/// A customer that was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ForgottenView {
    /// When.
    pub at: Timestamp,
    /// Whether the history has gone too, or is about to.
    pub history_erased: bool,
}
