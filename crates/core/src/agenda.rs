//! What a connection will be looked at again for, and when. The one place that knows.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    connection::{Connection, Doubt, State},
    ids::EffectId,
    registration::{ChannelKind, earlier, later},
};

/// Seconds after the token answer at which the platform is asked again who consented.
const ASK_IDENTITY_AFTER: [u64; 3] = [30, 120, 300];
/// How often a connection that waits for the OEM is put in front of it again.
const REMIND_EVERY: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often a person is reminded of work that waits for them.
const REMIND_OPERATOR_EVERY: Duration = Duration::from_secs(24 * 3600);
/// The first look-up of a doubt. "Found" counts from the start; "absent" only after the profile's delay.
const FIRST_LOOK_UP_AFTER: Duration = Duration::from_secs(30);
/// The shortest distance of two look-ups.
const LOOK_UPS_APART: Duration = Duration::from_secs(60);
/// Days left of a pair's life at which the OEM is told.
const WARN_AT_DAYS: [u32; 3] = [7, 3, 1];
/// Waits after attempts that surely had no effect; the last one repeats.
const BACK_OFF: [u64; 6] = [30, 120, 600, 3_600, 6 * 3_600, 24 * 3_600];

/// What a connection is looked at for. In the order in which matters that are due together are taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// The effect's lease ends.
    LeaseEnds,
    /// The pair's life ends.
    PairEnds,
    /// The link lapses.
    LinkLapses,
    /// The OEM is told how many days the pair has left.
    Warn,
    /// The platform is asked who consented. Needs secrets. Before the registration, which waits for the answer.
    AskIdentity,
    /// The registration is due and waits for a person.
    HandToOperator,
    /// The registration is due over the http channel. Needs secrets.
    Register,
    /// A doubt may be settled by a look-up. Needs secrets.
    LookUp,
    /// Somebody is reminded.
    Remind,
}

/// What is to be done with a connection now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing before then (`None`: ever again).
    Rest(Option<Timestamp>),
    /// Needs no secret: feed [`Event::Woke`](crate::event::Event::Woke).
    Decide(Matter),
    /// Needs secrets: the worker's.
    Perform(Task),
}

/// What needs secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Attempt the registration.
    Register,
    /// Ask the channel about the attempt in doubt.
    LookUp,
    /// Ask the platform who consented.
    AskIdentity,
}

/// What is to be done with `connection` at `now`.
#[must_use]
pub fn step(connection: &Connection, now: Timestamp) -> Step {
    let due = agenda(connection)
        .into_iter()
        .filter(|(at, _)| *at <= now)
        .map(|(_, matter)| matter)
        .min();
    match due {
        None => Step::Rest(next_wake(connection)),
        Some(Matter::Register) => Step::Perform(Task::Register),
        Some(Matter::LookUp) => Step::Perform(Task::LookUp),
        Some(Matter::AskIdentity) => Step::Perform(Task::AskIdentity),
        Some(matter) => Step::Decide(matter),
    }
}

/// When `connection` will be looked at again.
#[must_use]
pub fn next_wake(connection: &Connection) -> Option<Timestamp> {
    agenda(connection).into_iter().map(|(at, _)| at).min()
}

/// The wait before the next attempt after `retries` in a row without effect. `effect` spreads it by up to a fifth.
#[must_use]
pub fn back_off(retries: u32, effect: EffectId) -> Duration {
    let step = usize::try_from(retries).unwrap_or(usize::MAX).min(BACK_OFF.len() - 1);
    let seconds = BACK_OFF.get(step).copied().unwrap_or(24 * 3_600);
    let spread = u64::try_from(effect.randomness() % 1_000).unwrap_or_default();
    Duration::from_millis(seconds * 1_000 + seconds * spread / 5)
}

fn agenda(connection: &Connection) -> Vec<(Timestamp, Matter)> {
    // While an effect is under way only its outcome or the end of its lease moves the state.
    if let Some(effect) = &connection.effect {
        return vec![(effect.lease_ends_at, Matter::LeaseEnds)];
    }
    if connection.state.status().is_final() {
        return Vec::new();
    }
    let mut matters = vec![(remind_at(connection), Matter::Remind)];
    matters.extend(
        connection
            .pair
            .iter()
            .map(|pair| (pair.refresh_ends_at, Matter::PairEnds)),
    );
    matters.extend(connection.link.iter().map(|link| (link.expires_at, Matter::LinkLapses)));
    matters.extend(warn(connection).map(|(at, _)| (at, Matter::Warn)));
    match &connection.state {
        State::Authorized => {
            matters.extend(registration(connection));
            matters.extend(ask_identity(connection));
        }
        State::AwaitingOperator => matters.extend(ask_identity(connection)),
        State::InDoubt(doubt) => matters.extend(look_up(doubt)),
        _ => {}
    }
    matters
}

fn remind_at(connection: &Connection) -> Timestamp {
    let every = match connection.state {
        State::AwaitingOperator | State::InDoubt(_) => REMIND_OPERATOR_EVERY,
        // What is authorised waits for its due time, and nobody has to be reminded of that.
        State::Authorized => return Timestamp::MAX,
        _ => REMIND_EVERY,
    };
    later(connection.updated_at, every)
}

fn registration(connection: &Connection) -> Option<(Timestamp, Matter)> {
    let due_at = connection.due_at()?;
    let at = connection.retry_at.map_or(due_at, |retry_at| retry_at.max(due_at));
    let matter = match connection.registration.kind {
        ChannelKind::Assisted => Matter::HandToOperator,
        ChannelKind::Http => Matter::Register,
    };
    Some((at, matter))
}

/// When the OEM is told next that the pair nears its end, and with how many days left.
pub(crate) fn warn(connection: &Connection) -> Option<(Timestamp, u32)> {
    // In doubt the pair is frozen: nothing that could be done about its end may be done.
    let pair = connection
        .pair
        .as_ref()
        .filter(|_| !matches!(connection.state, State::InDoubt(_)))?;
    WARN_AT_DAYS
        .into_iter()
        .filter(|days| pair.warned_days.is_none_or(|told| *days < told))
        .find_map(|days| {
            let at = earlier(pair.refresh_ends_at, Duration::from_secs(u64::from(days) * 24 * 3_600));
            // A life shorter than that has nothing to be warned of.
            (at > pair.answered_at).then_some((at, days))
        })
}

fn ask_identity(connection: &Connection) -> Option<(Timestamp, Matter)> {
    let pair = connection.pair.as_ref().filter(|_| connection.identity.is_none())?;
    // The first question was the callback's, alongside the storing: `misses` is then 1. Where even that was not
    // recorded, the first entry asks it again.
    let asked = usize::try_from(connection.identity_misses.saturating_sub(1)).ok()?;
    let at = later(pair.answered_at, Duration::from_secs(*ASK_IDENTITY_AFTER.get(asked)?));
    (at < pair.access_ends_at).then_some((at, Matter::AskIdentity))
}

fn look_up(doubt: &Doubt) -> Option<(Timestamp, Matter)> {
    let delay = doubt.look_up?.delay().max(LOOK_UPS_APART);
    let at = match doubt.looked_at {
        None => later(doubt.since, FIRST_LOOK_UP_AFTER),
        Some(last) => later(last, delay.saturating_mul(doubt.looked.max(1))),
    };
    Some((at, Matter::LookUp))
}
