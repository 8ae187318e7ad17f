//! A connection: one customer's journey, from link to registered database.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    application::Lifetimes,
    ids::{ApplicationId, AuthorisationId, ConnectionId, CustomerReference, EffectId, LinkHash, Revision, Segment},
    registration::{Due, Registration, later},
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
    pub lifetimes: Lifetimes,
    /// Where it stands.
    pub state: State,
    /// The link by which a consent may come, if one is open.
    pub link: Option<OpenLink>,
    /// The pair in the vault, if one is kept.
    pub pair: Option<Pair>,
    /// When the customer gave the consent that the current pair came from.
    pub consented_at: Option<Timestamp>,
    /// Who consented, once the platform has told.
    pub identity: Option<Identity>,
    /// How often the platform was asked in vain who consented.
    pub identity_misses: u32,
    /// A database that became known while another effect was under way: registered as soon as that has ended.
    #[serde(default)]
    pub late_success: Option<Segment>,
    /// What is under way.
    pub effect: Option<Effect>,
    /// What was asked for while an effect was under way.
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
    /// When it will be looked at again; what for follows from the state (see [`agenda`](crate::agenda)).
    pub wake_at: Option<Timestamp>,
}

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
}

/// Why a new consent is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// The refresh token's life ended before the registration.
    Expired,
    /// The answer with the pair was lost.
    Lost,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Expired => "the token pair ended before the registration",
            Self::Lost => "the token pair was lost",
        })
    }
}

/// A registered database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Its segment.
    pub segment: Segment,
    /// When its registration was known here.
    pub at: Timestamp,
}

/// A link by which a consent may come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenLink {
    /// The hash of its token.
    pub hash: LinkHash,
    /// It lapses then.
    pub expires_at: Timestamp,
}

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
        }
    }
}

/// Who consented, as the platform tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The stable key: at Exact Online `UserID`, a GUID.
    pub user: String,
    /// For people.
    pub name: String,
}

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
}

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
    /// The platform cannot be reached, or does not do what it is asked.
    PlatformUnavailable,
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
            Self::PlatformUnavailable => "platform unavailable",
            Self::LateSuccess => "late success",
            Self::Unreachable => "due too late",
            Self::HalfPair => "half a pair",
            Self::PairUncertain => "pair uncertain",
            Self::ChainReplaced => "chain replaced",
        }
    }
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
