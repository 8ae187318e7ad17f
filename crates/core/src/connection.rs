//! A connection: one customer's journey, from link to registered database.

mod attention;
mod chain;
mod effect;
mod pair;
mod state;
mod upkeep;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

pub use attention::{Attention, Problem};
pub use chain::{Chain, Contest, News, Tidings};
pub use effect::{Attempter, Effect, EffectKind, Wishes};
pub use pair::{OpenIntent, Pair, PairKey};
pub use state::{Cause, Done, Doubt, Failure, LookUpRule, PairFate, State, Status, UnknownStatus};
pub use upkeep::Upkeep;

use crate::{
    application::Lifetimes,
    ids::{ApplicationId, AuthorisationId, ConnectionId, CustomerReference, EffectId, LinkHash, Revision, Segment},
    registration::Registration,
};

/// One customer's journey. Changed by [`decide`](crate::decide::decide) only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its id; stays when the customer has to authorise again.
    pub id: ConnectionId,
    /// The number of this version.
    pub revision: Revision,
    /// When the OEM made it.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What the OEM calls its customer.
    pub reference: CustomerReference,
    /// The app registration that the customer consents to.
    pub application: ApplicationId,
    /// What has to be created, when, and over which channel.
    pub registration: Registration,
    /// Where the browser goes after the consent.
    pub return_url: Option<Url>,
    /// The application's lifetimes, as they were when this was made.
    #[serde(default, skip_serializing_if = "Lifetimes::are_usual")]
    pub lifetimes: Lifetimes,
    /// The application's upkeep, as it was when this was made.
    #[serde(default, skip_serializing_if = "Upkeep::is_default")]
    pub upkeep: Upkeep,
    /// Where it stands.
    pub state: State,
    /// The link by which a consent may come, if one is open.
    pub link: Option<OpenLink>,
    /// The pair in the vault, if one is kept.
    pub pair: Option<Pair>,
    /// When the customer gave the consent that the current pair came from.
    pub consented_at: Option<Timestamp>,
    /// The chain that the last consent began; stays known when its pair is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<Chain>,
    /// Who consented, once the platform has told.
    pub identity: Option<Identity>,
    /// How often the platform was asked in vain who consented.
    pub identity_misses: u32,
    /// Whether a registration was put off because nobody knows who consented.
    #[serde(default, skip_serializing_if = "state::is_false")]
    pub identity_needed: bool,
    /// Other chains of the same user of which it is open whether they or ours live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contests: Vec<Contest>,
    /// What other connections have to be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to_tell: Vec<Tidings>,
    /// The authorisations with whose pairs attempts came to be in doubt: one of them may have made a database all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubted: Vec<AuthorisationId>,
    /// When the last consent began that came to no clear end and may have ended every chain before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unclear_since: Option<Timestamp>,
    /// Whether the channel asks for an access token that still lives: the pair is rotated first.
    #[serde(default, skip_serializing_if = "state::is_false")]
    pub fresh_access_token: bool,
    /// A database that became known while another effect was under way: registered as soon as that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_success: Option<Segment>,
    /// What is under way.
    pub effect: Option<Effect>,
    /// What was asked for while an effect was under way.
    #[serde(default, skip_serializing_if = "Wishes::is_empty")]
    pub wishes: Wishes,
    /// Attempts at the registration that were begun, over all authorisations.
    pub attempts: u32,
    /// Attempts in a row that surely had no effect: the step of the back-off.
    pub retries: u32,
    /// Not to be attempted again before.
    pub retry_at: Option<Timestamp>,
    /// What a person should know, until it is settled.
    pub attention: Option<Attention>,
    /// The number of the last record of its history.
    pub records: u64,
    /// When everything that names the customer was erased; what is left keeps the promises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgotten_at: Option<Timestamp>,
    /// Records up to this number are still to be erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erase_to: Option<u64>,
    /// When it will be looked at again; what for follows from the state (see [`agenda`](crate::agenda)).
    pub wake_at: Option<Timestamp>,
}

impl Connection {
    /// The registered database, if it has lost its authorisation, or may have.
    #[must_use]
    pub fn cut_off(&self) -> Option<&Done> {
        match &self.state {
            State::Registered(done) if done.authorisation_uncertain || done.superseded_by.is_some() => Some(done),
            _ => None,
        }
    }
}

/// A link by which a consent may come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenLink {
    /// The hash of its token.
    pub hash: LinkHash,
    /// It lapses then.
    pub expires_at: Timestamp,
}

/// Who consented, as the platform tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The stable key: at Exact Online `UserID`, a GUID.
    pub user: String,
    /// For people.
    pub name: String,
}

/// What the OEM asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// What the OEM calls its customer.
    pub reference: CustomerReference,
    /// The app registration that the customer consents to.
    pub application: ApplicationId,
    /// That application's lifetimes.
    pub lifetimes: Lifetimes,
    /// That application's upkeep.
    pub upkeep: Upkeep,
    /// What has to be created, when, and over which channel.
    pub registration: Registration,
    /// Where the browser goes after the consent.
    pub return_url: Option<Url>,
    /// The first link.
    pub link: OpenLink,
}

impl Connection {
    /// When the registration is due, once a consent was given.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        self.consented_at.map(|consent| self.registration.due.at(consent))
    }

    /// The attempt that is under way or in doubt.
    #[must_use]
    pub fn open_attempt(&self) -> Option<EffectId> {
        match (&self.effect, &self.state) {
            (
                Some(Effect {
                    id,
                    kind: EffectKind::Attempt { .. },
                    ..
                }),
                _,
            ) => Some(*id),
            (_, State::InDoubt(doubt)) => Some(doubt.attempt),
            _ => None,
        }
    }

    /// Where the pair of the next rotation will belong.
    #[must_use]
    pub fn next_pair(&self) -> Option<PairKey> {
        let pair = self.pair.as_ref()?;
        let allotted = self.chain.as_ref().map_or(0, |chain| chain.generation);
        Some(PairKey {
            authorisation: pair.key.authorisation.clone(),
            generation: allotted.max(pair.key.generation).saturating_add(1),
        })
    }

    /// Whether a consent that comes over `link` now may be exchanged.
    #[must_use]
    pub fn accepts_consent(&self, link: &LinkHash, now: Timestamp) -> bool {
        let open = self
            .link
            .as_ref()
            .is_some_and(|open| open.hash == *link && now < open.expires_at);
        let stands = matches!(
            self.state,
            State::Invited | State::Authorized | State::AwaitingOperator | State::Failed(_) | State::Reauthorize(_)
        );
        open && stands && self.effect.is_none()
    }
}
