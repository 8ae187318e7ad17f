//! When a pair is rotated, and what for.

use std::time::Duration;

use jiff::Timestamp;

use super::{ask_identity, registration_at, spread};
use crate::{
    connection::{Connection, Pair, State},
    ids::EffectId,
    registration::{ChannelKind, earlier, later},
};

/// Added to the platform's earliest refresh: clocks differ, and too early counts as an error.
const EARLIEST_MARGIN: Duration = Duration::from_secs(30);
/// A renewal keeps so far away from the registration.
const CLEAR_OF_REGISTRATION: Duration = Duration::from_secs(600);
/// What a fresh access token has left at least when the registration begins, or a fifth of its life, if that is less.
const FRESH_LEFT: Duration = Duration::from_secs(120);
/// After the end of a lease, until whatever was rescued has come home.
pub(crate) const RECOVER_AFTER: Duration = Duration::from_secs(15 * 60);
/// After an answer that says neither: the platform is in trouble, and the pair has time.
pub(crate) const RECOVER_UNCLEAR_AFTER: Duration = Duration::from_secs(3_600);
/// Waits after rotations that left the pair unharmed; the last one repeats. Never more than six an hour, so that the
/// platform's ten errors an hour are not reached, nor its 200 calls a day.
const BACK_OFF: [u64; 4] = [600, 3_600, 6 * 3_600, 24 * 3_600];

/// When a pair is rotated next after `pair.put_off` rotations in a row that left it unharmed. The nearer its end, the
/// sooner: what was in the way may be mended at the last minute.
pub(crate) fn rotation_back_off(pair: &Pair, now: Timestamp, effect: EffectId) -> Timestamp {
    let least = spread(&BACK_OFF, 0, effect);
    let left = Duration::try_from(pair.refresh_ends_at.duration_since(now)).unwrap_or_default();
    let wait = spread(&BACK_OFF, pair.put_off, effect).min(left / 2);
    later(now, wait.max(least))
}

/// When the pair is rotated next, if nothing else happens.
pub(crate) fn rotation_at(connection: &Connection, now: Timestamp) -> Option<Timestamp> {
    let may = matches!(
        connection.state,
        State::Authorized | State::AwaitingOperator | State::Failed(_)
    );
    let pair = connection.pair.as_ref().filter(|_| may)?;
    let at = match &pair.open_intent {
        Some(intent) => intent.recover_at,
        None => [
            settling(connection),
            completing(pair),
            freshening(connection, now),
            renewing(connection, pair),
        ]
        .into_iter()
        .flatten()
        .min()?
        .max(earliest(connection, pair.answered_at)),
    };
    let at = pair.rotate_at.map_or(at, |not_before| at.max(not_before));
    (at < pair.refresh_ends_at).then_some(at)
}

/// Whether a fresh access token is asked for and the one there is too old for a registration at `moment`.
pub(crate) fn is_stale(connection: &Connection, moment: Timestamp) -> bool {
    connection.fresh_access_token && connection.pair.as_ref().is_some_and(|pair| fresh_until(pair) <= moment)
}

fn fresh_until(pair: &Pair) -> Timestamp {
    let life = Duration::try_from(pair.access_ends_at.duration_since(pair.sent_at)).unwrap_or_default();
    earlier(pair.access_ends_at, FRESH_LEFT.min(life / 5))
}

/// When the platform allows the next refresh after an answer that came at `answered_at`.
pub(crate) fn earliest(connection: &Connection, answered_at: Timestamp) -> Timestamp {
    let after = connection.lifetimes.earliest_refresh().saturating_add(EARLIEST_MARGIN);
    later(answered_at, after)
}

/// The later of two contested chains shows by it which one lives.
fn settling(connection: &Connection) -> Option<Timestamp> {
    let ours_settles = connection.contests.iter().any(|contest| contest.ours_is_later);
    ours_settles.then_some(Timestamp::MIN)
}

/// A pair without an access token becomes a whole one.
fn completing(pair: &Pair) -> Option<Timestamp> {
    pair.is_half().then_some(Timestamp::MIN)
}

/// A registration waits for the word who consented, and nobody will ask again with this access token: with a fresh one
/// somebody will.
pub(crate) fn asks_with_a_fresh_one(connection: &Connection) -> bool {
    connection.identity_needed
        && connection.identity.is_none()
        && connection.identity_misses > 0
        && ask_identity(connection).is_none()
}

/// The registration is due, and wants an access token that still lives, or the name that one would bring.
fn freshening(connection: &Connection, now: Timestamp) -> Option<Timestamp> {
    let by_itself = matches!(connection.state, State::Authorized)
        && connection.registration.kind == ChannelKind::Http
        && connection.contests.is_empty();
    let at = registration_at(connection).filter(|_| by_itself)?;
    (is_stale(connection, at.max(now)) || asks_with_a_fresh_one(connection)).then_some(at)
}

/// Well before its end.
fn renewing(connection: &Connection, pair: &Pair) -> Option<Timestamp> {
    let life = connection.lifetimes.refresh();
    let at = earlier(pair.refresh_ends_at, connection.upkeep.renew_before(life)?);
    let registers = matches!(connection.state, State::Authorized);
    let clear = registration_at(connection)
        .filter(|registration| registers && registration.duration_since(at).unsigned_abs() < CLEAR_OF_REGISTRATION)
        .map(|registration| later(registration, CLEAR_OF_REGISTRATION));
    Some(clear.unwrap_or(at))
}
