//! A connection as it is answered: field names that scripts may rely on, whatever the tables hold.

use handover_core::{
    agenda::{self, Matter, Step, Task},
    connection::{Attempter, Cause, Connection, EffectKind, State, Status, Wishes},
    event::{Record, What},
    ids::{ApplicationId, AuthorisationId, ChannelId, ConnectionId, CustomerReference, EffectId, Revision, Segment},
    registration::{ChannelKind, Due},
};
use jiff::Timestamp;
use serde::Serialize;
use url::Url;

use crate::time::{self, Zone};

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(
    missing_docs,
    reason = "the names are those of the connection's own fields, and of the README's table"
)]
pub struct ConnectionView {
    pub id: ConnectionId,
    pub reference: CustomerReference,
    pub status: Status,
    pub application: ApplicationId,
    pub channel: ChannelId,
    pub channel_kind: ChannelKind,
    pub database: Segment,
    pub due: DueView,
    pub due_at: Option<Timestamp>,
    pub consented_at: Option<Timestamp>,
    pub identity: Option<IdentityView>,
    pub pair: Option<PairView>,
    pub link_expires_at: Option<Timestamp>,
    pub return_url: Option<Url>,
    pub under_way: Option<UnderWay>,
    pub wishes: WishesView,
    pub next: Option<Next>,
    pub attention: Option<AttentionView>,
    pub attempts: u32,
    pub retry_at: Option<Timestamp>,
    pub doubt: Option<DoubtView>,
    pub failure: Option<String>,
    pub reauthorize: Option<Cause>,
    pub registered: Option<RegisteredView>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub revision: Revision,
}

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

/// What is known of the sealed pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct PairView {
    pub authorisation: AuthorisationId,
    pub generation: u32,
    pub access_ends_at: Timestamp,
    pub ends_at: Timestamp,
}

/// Something irreversible that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnderWay {
    /// `exchange` or `attempt`.
    pub what: &'static str,
    /// Its id.
    pub effect: EffectId,
    /// Whose it is.
    pub by: String,
    /// Since when.
    pub began_at: Timestamp,
    /// It is over by then, whatever happened.
    pub lease_ends_at: Timestamp,
}

/// What was asked for meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct WishesView {
    pub cancel: bool,
    pub reschedule: Option<DueView>,
}

impl From<&Wishes> for WishesView {
    fn from(wishes: &Wishes) -> Self {
        Self {
            cancel: wishes.cancel,
            reschedule: wishes.reschedule.map(DueView::from),
        }
    }
}

/// What it will be looked at for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Next {
    /// When.
    pub at: Timestamp,
    /// What for, in a word.
    pub what: &'static str,
}

/// What a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct AttentionView {
    pub problem: &'static str,
    pub text: String,
    pub since: Timestamp,
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

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RegisteredView {
    pub segment: Segment,
    pub at: Timestamp,
}

impl From<&Connection> for ConnectionView {
    fn from(connection: &Connection) -> Self {
        Self {
            id: connection.id,
            reference: connection.reference.clone(),
            status: connection.state.status(),
            application: connection.application.clone(),
            channel: connection.registration.channel.clone(),
            channel_kind: connection.registration.kind,
            database: connection.registration.database.clone(),
            due: connection.registration.due.into(),
            due_at: connection.due_at(),
            consented_at: connection.consented_at,
            identity: connection.identity.as_ref().map(|identity| IdentityView {
                user: identity.user.clone(),
                name: identity.name.clone(),
            }),
            pair: connection.pair.as_ref().map(|pair| PairView {
                authorisation: pair.key.authorisation.clone(),
                generation: pair.key.generation,
                access_ends_at: pair.access_ends_at,
                ends_at: pair.refresh_ends_at,
            }),
            link_expires_at: connection.link.as_ref().map(|link| link.expires_at),
            return_url: connection.return_url.clone(),
            under_way: under_way(connection),
            wishes: (&connection.wishes).into(),
            next: next(connection),
            attention: connection.attention.as_ref().map(|attention| AttentionView {
                problem: attention.problem.as_str(),
                text: attention.text.clone(),
                since: attention.since,
            }),
            attempts: connection.attempts,
            retry_at: connection.retry_at,
            doubt: match &connection.state {
                State::InDoubt(doubt) => Some(DoubtView {
                    attempt: doubt.attempt,
                    since: doubt.since,
                    reason: doubt.reason.clone(),
                    can_be_looked_up: doubt.look_up.is_some(),
                    looked_at: doubt.looked_at,
                }),
                _ => None,
            },
            failure: match &connection.state {
                State::Failed(failure) => Some(failure.reason.clone()),
                _ => None,
            },
            reauthorize: match &connection.state {
                State::Reauthorize(cause) => Some(*cause),
                _ => None,
            },
            registered: match &connection.state {
                State::Registered(done) => Some(RegisteredView {
                    segment: done.segment.clone(),
                    at: done.at,
                }),
                _ => None,
            },
            created_at: connection.created_at,
            updated_at: connection.updated_at,
            revision: connection.revision,
        }
    }
}

fn under_way(connection: &Connection) -> Option<UnderWay> {
    let effect = connection.effect.as_ref()?;
    let (what, by) = match &effect.kind {
        EffectKind::Exchange { .. } => ("exchange", "callback".to_owned()),
        EffectKind::Attempt { by, .. } => (
            "attempt",
            match by {
                Attempter::Worker => "worker".to_owned(),
                Attempter::Person(name) => name.clone(),
            },
        ),
    };
    Some(UnderWay {
        what,
        effect: effect.id,
        by,
        began_at: effect.began_at,
        lease_ends_at: effect.lease_ends_at,
    })
}

fn next(connection: &Connection) -> Option<Next> {
    let at = agenda::next_wake(connection)?;
    let what = match agenda::step(connection, at) {
        Step::Rest(_) => return None,
        Step::Decide(matter) => match matter {
            Matter::LeaseEnds => "lease_ends",
            Matter::PairEnds => "pair_ends",
            Matter::LinkLapses => "link_lapses",
            Matter::Warn => "warn",
            Matter::HandToOperator => "hand_to_operator",
            Matter::Register => "register",
            Matter::LookUp => "look_up",
            Matter::AskIdentity => "ask_identity",
            Matter::Remind => "remind",
        },
        Step::Perform(Task::Register) => "register",
        Step::Perform(Task::LookUp) => "look_up",
        Step::Perform(Task::AskIdentity) => "ask_identity",
    };
    Some(Next { at, what })
}

/// What comes next, in words.
#[must_use]
pub fn next_in_words(what: &str) -> &'static str {
    match what {
        "lease_ends" => "what is under way has to be over",
        "pair_ends" => "the token pair ends",
        "link_lapses" => "the link lapses",
        "warn" => "you are told how long the pair still lives",
        "hand_to_operator" => "it is handed to a person",
        "register" => "the registration is attempted",
        "look_up" => "the channel is asked whether the database exists",
        "ask_identity" => "Exact Online is asked who consented",
        _ => "somebody is reminded",
    }
}

/// Where a connection stands, in words, and what to do if there is something.
#[must_use]
pub fn state_in_words(view: &ConnectionView, zone: &Zone) -> (String, Option<String>) {
    let id = view.id;
    let new_link = Some(format!("make a new link: handover link {id}"));
    match view.status {
        _ if view.under_way.as_ref().is_some_and(|effect| effect.what == "exchange") => (
            "the customer has consented, and the code is being exchanged right now".into(),
            None,
        ),
        Status::Invited if view.link_expires_at.is_some() => ("waits for the customer to open the link".into(), None),
        Status::Invited => ("no link is open".into(), new_link),
        Status::Authorized if view.attempts > 0 => (
            "the token pair is kept; an earlier attempt had no effect and comes back".into(),
            None,
        ),
        Status::Authorized => ("the token pair is kept until the registration is due".into(), None),
        Status::AwaitingOperator => (
            "due, and waits for a person".into(),
            Some(format!("take it in hand: handover take {id}")),
        ),
        Status::Registering => {
            let by = view.under_way.as_ref();
            let who = by.map_or("somebody", |effect| effect.by.as_str());
            let until = by.map(|effect| format!(", until {} at the latest", zone.clock(effect.lease_ends_at)));
            (
                format!("an attempt by {who} is under way{}", until.unwrap_or_default()),
                None,
            )
        }
        Status::InDoubt => in_doubt(view),
        Status::Failed => {
            let reason = view.failure.as_deref().unwrap_or("no reason was given");
            let advice = if view.pair.is_some() {
                Some(format!("mend what it says, then: handover retry {id}"))
            } else {
                new_link
            };
            (format!("refused for good: {reason}"), advice)
        }
        Status::Reauthorize => {
            let cause = view.reauthorize.map(|cause| cause.to_string()).unwrap_or_default();
            let open = view.link_expires_at.is_some();
            let waits = if open {
                "; waits for the customer to open the new link"
            } else {
                ""
            };
            (
                format!("needs a new consent: {cause}{waits}"),
                new_link.filter(|_| !open),
            )
        }
        Status::Registered => {
            let segment = view
                .registered
                .as_ref()
                .map(|done| done.segment.to_string())
                .unwrap_or_default();
            (
                format!("the database is {segment}; the token pair is destroyed here"),
                None,
            )
        }
        Status::Cancelled => ("given up".into(), None),
    }
}

fn in_doubt(view: &ConnectionView) -> (String, Option<String>) {
    let (id, database) = (view.id, &view.database);
    let doubt = view.doubt.as_ref();
    let reason = doubt.map(|doubt| doubt.reason.as_str()).unwrap_or_default();
    let asks = doubt.is_some_and(|doubt| doubt.can_be_looked_up);
    let meanwhile = if asks { "; the channel is being asked" } else { "" };
    (
        format!("an attempt may have succeeded: {reason}{meanwhile}"),
        Some(format!(
            "look at Invantive Cloud whether {database} exists, then: handover resolve {id} --registered {database}, or \
             --not-registered"
        )),
    )
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordView {
    /// Counts from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// In words.
    pub text: String,
    /// What, with its particulars.
    #[serde(flatten)]
    pub what: What,
}

impl RecordView {
    /// A record, told in `zone`.
    #[must_use]
    pub fn of(record: &Record, zone: &Zone) -> Self {
        Self {
            number: record.number,
            at: record.at,
            by: record.by.to_string(),
            text: told(&record.what, zone),
            what: record.what.clone(),
        }
    }
}

fn told(what: &What, zone: &Zone) -> String {
    match what {
        What::Created { due } => format!("made; to be registered {}", time::due_in_words(*due, zone)),
        What::LinkOpened { expires_at } => format!("a link was made; it lapses {}", zone.with_utc(*expires_at)),
        What::LinkLapsed => "the link lapsed unused".into(),
        What::ExchangeBegan { .. } => "the customer consented; the code is being exchanged".into(),
        What::ConsentRefused { error } => format!("the consent was refused: {error}"),
        What::Authorized { due_at, ends_at, .. } => format!(
            "authorised; due {}, the token pair ends {}",
            zone.with_utc(*due_at),
            zone.with_utc(*ends_at)
        ),
        What::PairDropped { reason, .. } => format!("a received token pair was destroyed: {reason}"),
        What::ExchangeFailed { reason, .. } => format!("the exchange brought no token pair: {reason}"),
        What::ExchangeLost => "the exchange never reported back".into(),
        What::PairUncertain => "a later consent may have ended the chain of the token pair that is kept".into(),
        What::Identified { name, user } => format!("Exact Online says who consented: {name} ({user})"),
        What::ChainReplaced { connection } => format!("this consent ended the chain of {connection}"),
        What::NotIdentified { reason } => format!("Exact Online did not say who consented: {reason}"),
        What::NotReady { reason, .. } => format!("not ready: {reason}"),
        What::AwaitsOperator => "due; waits for a person".into(),
        What::AttemptBegan { number, .. } => format!("attempt {number} began"),
        What::AttemptPutOff { reason, retry_at } => {
            format!(
                "the attempt had no effect: {reason}; comes back {}",
                zone.with_utc(*retry_at)
            )
        }
        What::InDoubt { reason } => format!("in doubt: {reason}"),
        What::LookedUp { answer } => format!("the channel was asked: {answer}"),
        What::Failed { reason, pair } => {
            let fate = serde_json::to_value(pair)
                .ok()
                .and_then(|fate| fate.as_str().map(str::to_owned));
            format!("refused: {reason} (token pair: {})", fate.unwrap_or_default())
        }
        What::Registered { segment, late_seconds } => {
            let late = late_seconds
                .and_then(|late| u64::try_from(late).ok())
                .filter(|late| *late > 0);
            let late = late.map(|late| format!(", {} after it was due", time::words(late)));
            format!("registered as {segment}{}", late.unwrap_or_default())
        }
        What::LateSuccess { segment } => format!("a late success became known: {segment}"),
        What::Expiring { days_left, ends_at } => {
            format!(
                "the token pair ends within {days_left} days, {}",
                zone.with_utc(*ends_at)
            )
        }
        What::Expired => "the token pair ended".into(),
        What::Rescheduled { due } => format!("to be registered {}", time::due_in_words(*due, zone)),
        What::Retried => "to be attempted again".into(),
        What::Cancelled => "given up; the token pair is destroyed".into(),
        What::Wished { wish } => format!("asked for, for when what is under way has ended: {wish}"),
        What::Reminded => "somebody was reminded".into(),
    }
}
