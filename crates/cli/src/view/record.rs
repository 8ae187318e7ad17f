//! The history, in words.

use handover_core::event::{Record, What};
use jiff::Timestamp;
use serde::Serialize;

use crate::time::{self, Zone};

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
        What::Superseded { by } => {
            format!("a later consent of the same user, as {by}, ended this chain; the token pair is destroyed")
        }
        What::AuthorisationLost { segment, by } => {
            format!("the database {segment} has lost its authorisation: the same user consented again, as {by}")
        }
        What::AuthorisationUncertain { segment } => {
            format!("the database {segment} may have lost its authorisation: look whether it still gets data")
        }
        What::Contested { with } => format!(
            "the same user consented at the same time, as {with}; held back until it is known which of the two lives"
        ),
        What::ContestOvertaken { with, by } => {
            format!(
                "over: the chain of {with} has ended, for {by} consented after it; how this one stands to {by} was looked at"
            )
        }
        What::ContestWon { with } => format!("settled: this chain lives, and that of {with} does not"),
        What::ContestOpen { with } => {
            format!("whether this chain lives or that of {with} cannot be found out any more")
        }
        What::RotationBegan {
            generation,
            recovers: None,
            ..
        } => format!("the token pair is being renewed, to generation {generation}"),
        What::RotationBegan {
            generation,
            recovers: Some(first),
            ..
        } => format!(
            "the old refresh token is presented once more, to recover the renewal {first}; to generation {generation}"
        ),
        What::Rotated { generation, ends_at } => format!(
            "the token pair was renewed: generation {generation}, ends {}",
            zone.with_utc(*ends_at)
        ),
        What::RotationPutOff { reason, retry_at } => format!(
            "the renewal left the token pair unharmed: {reason}; tried again {}",
            zone.with_utc(*retry_at)
        ),
        What::RotationUnanswered { reason, recover_at } => format!(
            "the renewal came to no clear end: {reason}; the old refresh token is presented once more {}",
            zone.with_utc(*recover_at)
        ),
        What::PairLost { reason } => format!("the token pair is of no use any more, and is destroyed: {reason}"),
        What::FreshAccessTokenNeeded => {
            "the channel wants a fresh access token: the token pair is renewed first".into()
        }
        What::Forgotten => "names, addresses and history were erased".into(),
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
                "the token pair ends within {}, {}",
                time::days((*days_left).into()),
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
