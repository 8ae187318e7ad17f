//! What happens to a connection, and what is remembered of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    agenda::Task,
    application::PlatformKind,
    chain::Standing,
    connection::{Attempter, Identity, LookUpRule, News, OpenLink, PairFate, PairKey, Problem, Tidings},
    ids::{AuthorisationId, ClientId, ConnectionId, EffectId, LinkHash, Segment},
    ports::RefreshRefusal,
    registration::Due,
};

/// What happens to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The OEM made a new link.
    LinkOpened(OpenLink),
    /// A consent came back: its code is about to be exchanged. The claim of an exchange.
    ConsentArrived {
        /// The exchange.
        effect: EffectId,
        /// The authorisation that the code belongs to.
        authorisation: AuthorisationId,
        /// The link it came over.
        link: LinkHash,
        /// The exchange is over by then, whatever happened.
        lease_ends_at: Timestamp,
    },
    /// The customer, or the platform, said no.
    ConsentRefused {
        /// The platform's error code.
        error: String,
    },
    /// A pair came back; it is sealed. The outcome of an exchange or a rotation.
    Received(Brought),
    /// The exchange brought no pair.
    ExchangeFailed {
        /// The exchange.
        effect: EffectId,
        /// What kind of problem it is.
        problem: Problem,
        /// For people.
        reason: String,
        /// Whether the platform may have made a new chain all the same, which ends an older one.
        unclear: bool,
    },
    /// A rotation of the pair begins. Its claim.
    RotationBegun {
        /// The rotation.
        effect: EffectId,
        /// Where the new pair will belong: the data key for it is in hand.
        into: PairKey,
        /// The rotation is over by then, whatever happened.
        lease_ends_at: Timestamp,
    },
    /// A rotation brought no pair.
    RotationFailed {
        /// The rotation.
        effect: EffectId,
        /// What that says of the pair.
        refusal: RefreshRefusal,
        /// What kind of problem it is.
        problem: Problem,
        /// For people.
        reason: String,
    },
    /// The platform told who consented.
    Identified {
        /// The authorisation whose access token was used to ask.
        authorisation: AuthorisationId,
        /// Who.
        identity: Identity,
        /// How its chain stands to others of the same user.
        standing: Standing,
    },
    /// Another chain of the same user tells something about this connection's.
    Heard {
        /// This connection's chain.
        chain: AuthorisationId,
        /// What.
        news: News,
    },
    /// Another connection was told.
    Told(Tidings),
    /// The alarm was raised that the registered database has lost its authorisation, or may have.
    Alarmed,
    /// The platform did not tell who consented.
    NotIdentified {
        /// The authorisation whose access token was used to ask.
        authorisation: AuthorisationId,
        /// For people.
        reason: String,
    },
    /// Something needed is missing or wrong; found before anything irreversible.
    NotReady {
        /// What was to be done: it comes back by its back-off. `None`: somebody asked for it, and will again.
        of: Option<Task>,
        /// What kind of problem it is.
        problem: Problem,
        /// For people.
        reason: String,
    },
    /// The channel wants an access token that still lives.
    FreshAccessTokenNeeded,
    /// An attempt at the registration begins. Its claim.
    AttemptBegun {
        /// The attempt.
        effect: EffectId,
        /// Who attempts.
        by: Attempter,
        /// The attempt is over by then, whatever happened.
        lease_ends_at: Timestamp,
        /// How a doubt about it can be settled.
        look_up: Option<LookUpRule>,
        /// Whether to register although the platform never told who consented.
        accept_unknown_identity: bool,
    },
    /// An attempt ended.
    AttemptEnded {
        /// The attempt.
        effect: EffectId,
        /// How.
        outcome: Outcome,
    },
    /// The channel was asked about an attempt in doubt.
    LookedUp {
        /// The attempt.
        attempt: EffectId,
        /// What it said.
        answer: LookUpAnswer,
    },
    /// Its time came: does what needs no secret.
    Woke,
    /// The OEM gives it up.
    CancelAsked,
    /// The OEM wants another due time.
    RescheduleAsked(Due),
    /// The OEM wants the registration attempted again now.
    RetryAsked,
    /// A person knows how it stands at Invantive Cloud.
    Settled(Settlement),
    /// The OEM wants everything that names the customer erased.
    ForgetAsked,
    /// Its history was erased up to this record.
    Erased {
        /// The record's number.
        to: u64,
    },
}

/// A pair that came back, sealed, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    /// The exchange or rotation.
    pub effect: EffectId,
    /// Where it belongs.
    pub pair: PairKey,
    /// Just before the request was sent.
    pub sent_at: Timestamp,
    /// Just after the answer came.
    pub answered_at: Timestamp,
    /// The access token's life in seconds, if it was told.
    pub expires_in: Option<u32>,
    /// The platform.
    pub platform: PlatformKind,
    /// The app registration, as its secret was sealed.
    pub client_id: ClientId,
}

impl Event {
    /// Its name, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::LinkOpened(_) => "a new link",
            Self::ConsentArrived { .. } => "a consent",
            Self::ConsentRefused { .. } => "a refused consent",
            Self::Received(_) => "a received pair",
            Self::RotationBegun { .. } => "a rotation",
            Self::RotationFailed { .. } => "a failed rotation",
            Self::Heard { .. } => "news of another chain",
            Self::Told(_) => "tidings that were told",
            Self::Alarmed => "an alarm that was raised",
            Self::FreshAccessTokenNeeded => "a need for a fresh access token",
            Self::ForgetAsked => "forget",
            Self::Erased { .. } => "an erased history",
            Self::ExchangeFailed { .. } => "a failed exchange",
            Self::Identified { .. } => "an identity",
            Self::NotIdentified { .. } => "an unknown identity",
            Self::NotReady { .. } => "an obstacle",
            Self::AttemptBegun { .. } => "an attempt",
            Self::AttemptEnded { .. } => "an attempt's outcome",
            Self::LookedUp { .. } => "a look-up",
            Self::Woke => "a wake-up",
            Self::CancelAsked => "cancel",
            Self::RescheduleAsked(_) => "reschedule",
            Self::RetryAsked => "retry",
            Self::Settled(_) => "resolve",
        }
    }
}

/// How an attempt at the registration ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The database exists, made by this attempt or by an earlier one under our own key.
    Registered {
        /// Its segment.
        segment: Segment,
    },
    /// Refused for good.
    Refused {
        /// For people.
        reason: String,
        /// What it did to the pair.
        pair: PairFate,
    },
    /// It surely had no effect: nothing was sent, or the channel's profile says so.
    NotSent {
        /// For people.
        reason: String,
        /// What kind of problem it is.
        problem: Problem,
    },
    /// It may have had its effect.
    Unanswered {
        /// For people.
        reason: String,
    },
}

/// What a look-up said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUpAnswer {
    /// The database is there, under our own key.
    Found(Segment),
    /// It is not there (yet).
    Absent,
    /// No answer that says either.
    Unclear,
}

/// How it stands at Invantive Cloud, as a person knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The database is there.
    Registered(Segment),
    /// It is not there.
    NotRegistered {
        /// What became of the pair.
        pair: PairFate,
    },
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The customer, in the browser.
    Customer,
    /// The callback function.
    Callback,
    /// The worker.
    Worker,
    /// The sweeper.
    Sweeper,
    /// A person of the OEM, named by their AWS identity.
    Person(String),
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Customer => f.write_str("customer"),
            Self::Callback => f.write_str("callback"),
            Self::Worker => f.write_str("worker"),
            Self::Sweeper => f.write_str("sweeper"),
            Self::Person(name) => f.write_str(name),
        }
    }
}

/// One line of a connection's history, written in the same transaction as the state it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[allow(missing_docs, reason = "each field is what the variant's line names")]
pub enum What {
    /// The connection was made.
    Created { due: Due },
    /// A link was opened; it lapses then.
    LinkOpened { expires_at: Timestamp },
    /// The link lapsed unused.
    LinkLapsed,
    /// A consent came back and its code is being exchanged.
    ExchangeBegan {
        effect: EffectId,
        authorisation: AuthorisationId,
    },
    /// The consent was refused.
    ConsentRefused { error: String },
    /// A pair was received and is kept until then.
    Authorized {
        authorisation: AuthorisationId,
        due_at: Timestamp,
        ends_at: Timestamp,
    },
    /// A pair was received when none was wanted any more, and destroyed.
    PairDropped {
        authorisation: AuthorisationId,
        reason: String,
    },
    /// An exchange brought no pair.
    ExchangeFailed { problem: Problem, reason: String },
    /// An exchange never reported back.
    ExchangeLost,
    /// A later consent may have ended the chain of the pair that is kept: it is held back.
    PairUncertain,
    /// The platform told who consented.
    Identified { user: String, name: String },
    /// This consent ended the chain of another connection.
    ChainReplaced { connection: ConnectionId },
    /// A later consent of the same user has ended this chain.
    Superseded {
        // Beside it stands who wrote the record.
        #[serde(rename = "superseded_by")]
        by: ConnectionId,
    },
    /// A later consent of the same user has ended the chain that the registered database lives on: it has lost its
    /// authorisation.
    AuthorisationLost {
        segment: Segment,
        #[serde(rename = "superseded_by")]
        by: ConnectionId,
    },
    /// The registered database may have lost its authorisation: why, `attention` says.
    AuthorisationUncertain { segment: Segment },
    /// Another consent of the same user was under way at the same time: neither is registered until it is settled.
    Contested { with: ConnectionId },
    /// That was settled: this chain lives.
    ContestWon { with: ConnectionId },
    /// That is over: a third consent, of `by`, came after the other one. How this one stands to it was looked at before.
    ContestOvertaken {
        with: ConnectionId,
        #[serde(rename = "overtaken_by")]
        by: ConnectionId,
    },
    /// That cannot be settled any more.
    ContestOpen { with: ConnectionId },
    /// A rotation began; `recovers`: an earlier one that came to no clear end.
    RotationBegan {
        effect: EffectId,
        generation: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recovers: Option<EffectId>,
    },
    /// A rotation brought a new pair, which is kept until then.
    Rotated { generation: u32, ends_at: Timestamp },
    /// A rotation left the pair unharmed and comes back then.
    RotationPutOff { reason: String, retry_at: Timestamp },
    /// A rotation came to no clear end; the old token is presented once more then.
    RotationUnanswered { reason: String, recover_at: Timestamp },
    /// The pair is of no use any more.
    PairLost { reason: String },
    /// The channel wants a fresh access token: the pair is rotated first.
    FreshAccessTokenNeeded,
    /// Everything that names the customer was erased.
    Forgotten,
    /// The platform did not tell who consented.
    NotIdentified { reason: String },
    /// Something needed is missing or wrong.
    NotReady { problem: Problem, reason: String },
    /// Due: waits for a person.
    AwaitsOperator,
    /// An attempt at the registration began.
    AttemptBegan {
        effect: EffectId,
        // Beside it stands the record's own number.
        #[serde(rename = "attempt")]
        number: u32,
    },
    /// An attempt surely had no effect and comes back then.
    AttemptPutOff { reason: String, retry_at: Timestamp },
    /// An attempt may have succeeded.
    InDoubt { reason: String },
    /// The channel was asked about the attempt.
    LookedUp { answer: String },
    /// The registration was refused for good.
    Failed { reason: String, pair: PairFate },
    /// The database is registered.
    Registered {
        segment: Segment,
        late_seconds: Option<i64>,
    },
    /// A success became known that fits no open attempt.
    LateSuccess { segment: Segment },
    /// The pair has so many days left.
    Expiring { days_left: u32, ends_at: Timestamp },
    /// The pair ended before the registration.
    Expired,
    /// The due time changed.
    Rescheduled { due: Due },
    /// To be attempted again now.
    Retried,
    /// Given up.
    Cancelled,
    /// Asked for while an effect was under way; will be applied when it has ended.
    Wished { wish: String },
    /// Still waiting for somebody.
    Reminded,
}
