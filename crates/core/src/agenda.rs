//! What a connection will be looked at again for, and when. The one place that knows.

mod matter;
mod rotation;

use std::time::Duration;

use jiff::Timestamp;

pub use matter::{Matter, Step, Task};
pub(crate) use rotation::{
    RECOVER_AFTER, RECOVER_UNCLEAR_AFTER, asks_with_a_fresh_one, earliest, is_stale, rotation_at, rotation_back_off,
};

use crate::{
    connection::{Connection, Doubt, Pair, State},
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
/// Waits after attempts that surely had no effect; the last one repeats.
const BACK_OFF: [u64; 6] = [30, 120, 600, 3_600, 6 * 3_600, 24 * 3_600];

/// What is to be done with `connection` at `now`.
#[must_use]
pub fn step(connection: &Connection, now: Timestamp) -> Step {
    step_beside(connection, now, &[])
}

/// Likewise, beside tasks that were tried in vain: what stands in the way of one does not hold up the others.
#[must_use]
pub fn step_beside(connection: &Connection, now: Timestamp, failed: &[Task]) -> Step {
    let was_tried = |matter: Matter| match matter.step() {
        // It waits for the answer.
        Step::Perform(Task::Register) if failed.contains(&Task::AskIdentity) => true,
        Step::Perform(task) => failed.contains(&task),
        Step::Decide(_) | Step::Rest(_) => false,
    };
    let due = agenda(connection, now)
        .into_iter()
        .filter(|(at, matter)| *at <= now && !was_tried(*matter))
        .map(|(_, matter)| matter)
        .min();
    due.map_or_else(|| Step::Rest(next_wake(connection, now)), Matter::step)
}

/// What is to be decided on `connection` at `now`, whatever tasks stand before it.
pub(crate) fn due_decision(connection: &Connection, now: Timestamp) -> Option<Matter> {
    let due = agenda(connection, now)
        .into_iter()
        .filter(|(at, matter)| *at <= now && matches!(matter.step(), Step::Decide(_)));
    due.map(|(_, matter)| matter).min()
}

/// When `connection` will be looked at again, as it stands at `now`.
#[must_use]
pub fn next_wake(connection: &Connection, now: Timestamp) -> Option<Timestamp> {
    agenda(connection, now).into_iter().map(|(at, _)| at).min()
}

/// When something comes up next on `connection` after `now` that waits in no queue: a decision, such as a warning, or the
/// question who consented, while it can be asked.
#[must_use]
pub fn next_decision(connection: &Connection, now: Timestamp) -> Option<Timestamp> {
    let waits_for_nobody = |step| matches!(step, Step::Decide(_) | Step::Perform(Task::AskIdentity));
    let decisions = agenda(connection, now)
        .into_iter()
        .filter(|(at, matter)| *at > now && waits_for_nobody(matter.step()));
    decisions.map(|(at, _)| at).min()
}

/// The wait before the next attempt after `retries` in a row without effect. `effect` spreads it by up to a fifth.
#[must_use]
pub fn back_off(retries: u32, effect: EffectId) -> Duration {
    spread(&BACK_OFF, retries, effect)
}

/// The entry of `steps` for `retries`, the last one at most, and up to a fifth more.
fn spread(steps: &[u64], retries: u32, effect: EffectId) -> Duration {
    let step = usize::try_from(retries).unwrap_or(usize::MAX);
    let seconds = steps.get(step).or(steps.last()).copied().unwrap_or_default();
    let share = u64::try_from(effect.randomness() % 1_000).unwrap_or_default();
    Duration::from_millis(seconds * 1_000 + seconds * share / 5)
}

type Entry = (Timestamp, Matter);

fn agenda(connection: &Connection, now: Timestamp) -> Vec<Entry> {
    // While an effect is under way only its outcome or the end of its lease moves the state.
    if let Some(effect) = &connection.effect {
        return vec![(effect.lease_ends_at, Matter::LeaseEnds)];
    }
    let mut matters = Vec::new();
    if !connection.to_tell.is_empty() {
        matters.push((connection.updated_at, Matter::Tell));
    }
    if matches!(&connection.state, State::Registered(done) if done.to_alarm) {
        matters.push((connection.updated_at, Matter::Alarm));
    }
    if connection.erase_to.is_some() {
        matters.push((connection.updated_at, Matter::Erase));
    }
    if connection.state.status().is_final() {
        matters.push((retire_at(connection), Matter::Retire));
    } else {
        matters.extend(unfinished(connection, now));
    }
    matters
}

fn unfinished(connection: &Connection, now: Timestamp) -> Vec<Entry> {
    let mut matters = vec![(remind_at(connection), Matter::Remind)];
    matters.extend(
        connection
            .pair
            .iter()
            .map(|pair| (pair.refresh_ends_at, Matter::PairEnds)),
    );
    matters.extend(connection.link.iter().map(|link| (link.expires_at, Matter::LinkLapses)));
    matters.extend(warn(connection).map(|(at, _)| (at, Matter::Warn)));
    matters.extend(rotation_at(connection, now).map(|at| (at, Matter::Rotate)));
    match &connection.state {
        State::Authorized => {
            matters.extend(registration(connection, now));
            matters.extend(ask_identity(connection));
        }
        State::AwaitingOperator => matters.extend(ask_identity(connection)),
        State::InDoubt(doubt) => matters.extend(look_up_at(doubt).map(|at| (at, Matter::LookUp))),
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

fn retire_at(connection: &Connection) -> Timestamp {
    later(connection.updated_at, connection.upkeep.retention())
}

/// When the registration may be attempted, whatever else stands in its way.
fn registration_at(connection: &Connection) -> Option<Timestamp> {
    let due_at = connection.due_at()?;
    Some(connection.retry_at.map_or(due_at, |retry_at| retry_at.max(due_at)))
}

fn registration(connection: &Connection, now: Timestamp) -> Option<Entry> {
    let at = registration_at(connection)?;
    let pair = connection.pair.as_ref()?;
    // Its refresh token may be spent, or its chain be dead: not before that is known.
    if pair.open_intent.is_some() || !connection.contests.is_empty() {
        return None;
    }
    match connection.registration.kind {
        ChannelKind::Assisted => Some((at, Matter::HandToOperator)),
        // Rotated first.
        ChannelKind::Http if is_stale(connection, at.max(now)) || asks_with_a_fresh_one(connection) => None,
        ChannelKind::Http => Some((at, Matter::Register)),
    }
}

/// When the OEM is told next that the pair nears its end, and with how many days left.
pub(crate) fn warn(connection: &Connection) -> Option<(Timestamp, u32)> {
    // In doubt the pair is frozen: nothing that could be done about its end may be done.
    let pair = connection
        .pair
        .as_ref()
        .filter(|_| !matches!(connection.state, State::InDoubt(_)))?;
    let untold = connection.upkeep.warn_days.iter().copied();
    untold
        .filter(|days| pair.warned_days.is_none_or(|told| *days < told))
        .map(|days| {
            let before = Duration::from_secs(u64::from(days) * 24 * 3_600);
            (earlier(pair.refresh_ends_at, before), days)
        })
        // A life shorter than that has nothing to be warned of.
        .filter(|(at, _)| *at > pair.answered_at)
        .max_by_key(|(_, days)| *days)
}

/// Whether `matter`, just dealt with at `now`, is a warning that somebody has to act on: no renewal will come first.
#[must_use]
pub fn warns_in_earnest(matter: Matter, connection: &Connection, now: Timestamp) -> bool {
    let untroubled = |pair: &Pair| pair.open_intent.is_none() && pair.put_off == 0;
    let renewal = rotation_at(connection, now).filter(|_| connection.pair.as_ref().is_some_and(untroubled));
    matter == Matter::Warn && renewal.is_none()
}

fn ask_identity(connection: &Connection) -> Option<Entry> {
    let pair = connection.pair.as_ref().filter(|_| connection.identity.is_none())?;
    // The first question was the callback's, alongside the storing: `misses` is then 1. Where even that was not
    // recorded, the first entry asks it again.
    let asked = usize::try_from(connection.identity_misses.saturating_sub(1)).ok()?;
    let at = later(pair.answered_at, Duration::from_secs(*ASK_IDENTITY_AFTER.get(asked)?));
    (at < pair.access_ends_at).then_some((at, Matter::AskIdentity))
}

/// When the channel is asked next about an attempt in doubt.
pub(crate) fn look_up_at(doubt: &Doubt) -> Option<Timestamp> {
    let delay = doubt.look_up?.delay().max(LOOK_UPS_APART);
    Some(match doubt.looked_at {
        None => later(doubt.since, FIRST_LOOK_UP_AFTER),
        Some(last) => later(last, delay.saturating_mul(doubt.looked.max(1))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_longer_up_to_a_day_and_spread_by_a_fifth() {
        let wait = |retries, random: u128| back_off(retries, EffectId::new(Timestamp::UNIX_EPOCH, random)).as_millis();
        for (retries, seconds) in (0..).zip([30, 120, 600, 3_600, 21_600, 86_400, 86_400]) {
            assert_eq!(wait(retries, 0), seconds * 1_000);
            assert_eq!(wait(retries, 500), seconds * 1_100);
            assert_eq!(wait(retries, 1_500), seconds * 1_100, "whatever the id");
        }
    }
}
