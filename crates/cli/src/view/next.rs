//! What a connection will be looked at for next.

use handover_core::{
    agenda::{self, Matter, Step, Task},
    connection::{Connection, State},
    decide::{Refused, Why, decide},
    event::{Actor, Event},
    ids::EffectId,
    registration::ChannelKind,
};
use jiff::Timestamp;
use serde::Serialize;

/// What it will be looked at for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Next {
    /// When.
    pub at: Timestamp,
    /// What for, in a word.
    pub what: &'static str,
}

pub(super) fn next(connection: &Connection, now: Timestamp) -> Option<Next> {
    let at = agenda::next_wake(connection, now)?;
    let what = match agenda::step(connection, at.max(now)) {
        Step::Rest(_) => return None,
        Step::Decide(matter) => match matter {
            Matter::LeaseEnds => "lease_ends",
            Matter::PairEnds => "pair_ends",
            Matter::LinkLapses => "link_lapses",
            Matter::Warn => "warn",
            Matter::HandToOperator => "hand_to_operator",
            Matter::Remind => "remind",
            // The worker's: never to be decided only.
            Matter::Tell
            | Matter::Alarm
            | Matter::AskIdentity
            | Matter::Register
            | Matter::Rotate
            | Matter::LookUp
            | Matter::Erase
            | Matter::Retire => return None,
        },
        Step::Perform(Task::Register) => "register",
        Step::Perform(Task::Rotate) => purpose(connection, at),
        Step::Perform(Task::LookUp) => "look_up",
        Step::Perform(Task::AskIdentity) => "ask_identity",
        Step::Perform(Task::Tell) => "tell",
        Step::Perform(Task::Alarm) => "alarm",
        Step::Perform(Task::Erase) => "erase",
        Step::Perform(Task::Retire) => "retire",
    };
    Some(Next { at, what })
}

/// When the pair is rotated next, and what for; none when its registration comes first. The rules tell: a rotation that
/// is not due yet is refused with its time.
pub(super) fn rotation(connection: &Connection, now: Timestamp) -> Option<Next> {
    let asked = Event::RotationBegun {
        effect: EffectId::new(now, 0),
        into: connection.next_pair()?,
        lease_ends_at: now,
    };
    let at = match decide(connection, asked, &Actor::Worker, now) {
        Ok(_) => now,
        Err(Refused {
            why: Why::NotDue { at },
            ..
        }) => at,
        Err(_) => return None,
    };
    let what = purpose(connection, at);
    (what != "renew" || !registers_before(connection, at)).then_some(Next { at, what })
}

/// Over the http channel a registration comes by itself; a person may come late.
fn registers_before(connection: &Connection, at: Timestamp) -> bool {
    let by_itself = matches!(connection.state, State::Authorized) && connection.registration.kind == ChannelKind::Http;
    by_itself && registration_at(connection).is_some_and(|registration| registration < at)
}

fn registration_at(connection: &Connection) -> Option<Timestamp> {
    let due_at = connection.due_at()?;
    Some(connection.retry_at.map_or(due_at, |retry_at| retry_at.max(due_at)))
}

/// What a rotation at that time is for.
fn purpose(connection: &Connection, at: Timestamp) -> &'static str {
    let settles = connection.contests.iter().any(|contest| contest.ours_is_later);
    match &connection.pair {
        Some(pair) if pair.open_intent.is_some() => "recover",
        _ if settles => "settle",
        Some(pair) if pair.is_half() => "complete",
        _ if connection.fresh_access_token && registration_at(connection).is_some_and(|due| due <= at) => "freshen",
        _ => "renew",
    }
}
