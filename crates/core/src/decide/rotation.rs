//! Rotations: a refresh token is presented once, and once more to recover an open intent.

use jiff::Timestamp;

use super::{Why, asks, chains, consent, draft::Draft};
use crate::{
    agenda::{self, RECOVER_AFTER, RECOVER_UNCLEAR_AFTER, rotation_back_off},
    connection::{Cause, Connection, Effect, EffectKind, Failure, News, OpenIntent, Pair, PairKey, Problem, State},
    event::{Brought, What},
    ids::EffectId,
    ports::RefreshRefusal,
    registration::later,
};

pub(super) fn begun(
    draft: &mut Draft<'_>,
    effect: EffectId,
    into: PairKey,
    lease_ends_at: Timestamp,
) -> Result<(), Why> {
    let connection = &mut draft.connection;
    let at = agenda::rotation_at(connection, draft.now).ok_or(Why::NothingToDo)?;
    if draft.now < at {
        return Err(Why::NotDue { at });
    }
    // The data key in hand is for one place only.
    if connection.next_pair().as_ref() != Some(&into) {
        return Err(Why::DoesNotApply);
    }
    let pair = connection.pair.as_ref().ok_or(Why::NoPair)?;
    if pair.refresh_ends_at <= draft.now {
        return Err(Why::NoPair);
    }
    let recovers = pair.open_intent.as_ref().map(|intent| intent.effect);
    let generation = into.generation;
    connection.effect = Some(Effect {
        id: effect,
        kind: EffectKind::Rotation {
            from: pair.key.clone(),
            into,
            recovers,
        },
        began_at: draft.now,
        lease_ends_at,
    });
    if let Some(chain) = &mut connection.chain {
        chain.generation = generation;
    }
    draft.record(What::RotationBegan {
        effect,
        generation,
        recovers,
    });
    Ok(())
}

/// What a pair that a rotation brought is to the connection.
enum Fits {
    /// The newest of the chain that it has.
    Newest,
    /// It may be, but for the rotation that is under way.
    NotKnownYet,
    /// It is over.
    Past(&'static str),
}

pub(super) fn received(draft: &mut Draft<'_>, brought: &Brought) -> Result<(), Why> {
    let stored = draft.connection.pair.as_ref().map(|pair| &pair.key);
    if stored == Some(&brought.pair) {
        return Err(Why::NothingToDo);
    }
    match fits(&draft.connection, brought) {
        Fits::NotKnownYet => return Err(draft.under_way()),
        Fits::Past(reason) => draft.record(What::PairDropped {
            authorisation: brought.pair.authorisation.clone(),
            reason: reason.into(),
        }),
        Fits::Newest => {
            let open = draft.connection.effect.take_if(|open| open.id == brought.effect);
            take_in(draft, brought);
            if open.is_none() {
                draft.rest_the_pair();
            }
        }
    }
    asks::apply_wishes(draft);
    Ok(())
}

fn fits(connection: &Connection, brought: &Brought) -> Fits {
    let newest = match (&connection.state, &connection.pair) {
        (State::Registered(_) | State::Cancelled, _) => return Fits::Past("the connection is finished"),
        (State::Authorized | State::AwaitingOperator | State::Failed(_), Some(pair)) => pair.key.generation,
        (State::Reauthorize(Cause::Lost { generation }), _)
        | (
            State::Failed(Failure {
                lost: Some(generation), ..
            }),
            None,
        ) => *generation,
        _ => return Fits::Past("its rotation was given up, and what followed has taken its place"),
    };
    let current = connection.chain.as_ref().map(|chain| &chain.authorisation);
    // What was taken in before, and has gone since, is never newer than what is kept or was lost.
    if current != Some(&brought.pair.authorisation) || brought.pair.generation <= newest {
        return Fits::Past("a newer pair has taken its place");
    }
    match &connection.effect {
        Some(open) if open.id != brought.effect && matches!(open.kind, EffectKind::Rotation { .. }) => {
            Fits::NotKnownYet
        }
        _ => Fits::Newest,
    }
}

fn take_in(draft: &mut Draft<'_>, brought: &Brought) {
    let pair = Pair::new(
        brought.pair.clone(),
        brought.sent_at,
        brought.answered_at,
        brought.expires_in,
        &draft.connection.lifetimes,
    );
    let what = What::Rotated {
        generation: pair.key.generation,
        ends_at: pair.refresh_ends_at,
    };
    // It lives, so what it was contested with does not.
    let by = draft.connection.id;
    draft.end_contests(&News::Superseded { by, by_rotation: true });
    draft.connection.wishes.unsettled = false;
    draft.keep_pair(pair);
    draft.settle(&[
        Problem::HalfPair,
        Problem::RotationFailed,
        Problem::PlatformUnavailable,
        Problem::Contested,
        // What else is wrong is found again before the next attempt.
        Problem::Configuration,
        Problem::Tampered,
    ]);
    if draft.connection.identity.is_none() {
        draft.connection.identity_misses = 0;
    }
    match &mut draft.connection.state {
        State::Reauthorize(_) => {
            draft.connection.state = State::Authorized;
            draft.connection.attention = None;
        }
        State::Failed(failure) => failure.lost = None,
        _ => {}
    }
    draft.record(what);
    consent::hold_if_older(draft, brought);
}

pub(super) fn failed(
    draft: &mut Draft<'_>,
    effect: EffectId,
    refusal: RefreshRefusal,
    problem: Problem,
    reason: String,
) -> Result<(), Why> {
    // A late failure changes nothing: the end of the lease has said as much.
    let open = draft
        .connection
        .effect
        .take_if(|open| open.id == effect && matches!(open.kind, EffectKind::Rotation { .. }))
        .ok_or(Why::NothingToDo)?;
    let recovers = match open.kind {
        EffectKind::Rotation { recovers, .. } => recovers,
        EffectKind::Exchange { .. } | EffectKind::Attempt { .. } => None,
    };
    match (refusal, recovers) {
        (RefreshRefusal::Unharmed, _) => put_off(draft, effect, problem, reason),
        (RefreshRefusal::Unclear, None) => unanswered(draft, effect, reason, later(draft.now, RECOVER_UNCLEAR_AFTER)),
        // Whatever is said of the old token now: the first presentation may have been heard, and its answer come home.
        (_, Some(_)) => recovered_nothing(draft, reason),
        (RefreshRefusal::Used, None) => dead(draft, Cause::Revoked, reason),
        (RefreshRefusal::ChainBroken, None) => dead(draft, Cause::Superseded { by: None }, reason),
        (RefreshRefusal::Expired, None) => dead(draft, Cause::Expired, reason),
    }
    asks::apply_wishes(draft);
    Ok(())
}

/// The lease has ended without a word.
pub(super) fn unheard(draft: &mut Draft<'_>, effect: EffectId, recovers: Option<EffectId>) {
    let reason = "the rotation never reported back";
    match recovers {
        None => unanswered(draft, effect, reason.into(), later(draft.now, RECOVER_AFTER)),
        Some(_) => recovered_nothing(draft, reason.into()),
    }
    asks::apply_wishes(draft);
}

fn put_off(draft: &mut Draft<'_>, effect: EffectId, problem: Problem, reason: String) {
    draft.attention(problem, reason.clone());
    if let Some(retry_at) = comes_back(draft, effect) {
        draft.record(What::RotationPutOff { reason, retry_at });
    }
}

/// The pair is unharmed, and is not rotated before the step of the back-off has passed.
pub(super) fn comes_back(draft: &mut Draft<'_>, spread: EffectId) -> Option<Timestamp> {
    let now = draft.now;
    let pair = draft.connection.pair.as_mut()?;
    let retry_at = rotation_back_off(pair, now, spread);
    pair.put_off = pair.put_off.saturating_add(1);
    pair.rotate_at = Some(retry_at);
    Some(retry_at)
}

fn unanswered(draft: &mut Draft<'_>, effect: EffectId, reason: String, recover_at: Timestamp) {
    let into = draft.connection.chain.as_ref().map_or(0, |chain| chain.generation);
    let Some(pair) = &mut draft.connection.pair else {
        return;
    };
    pair.open_intent = Some(OpenIntent {
        effect,
        into,
        recover_at,
    });
    let text = format!("{reason}; the old token is presented once more at {recover_at}, unless it has ended by then");
    draft.attention(Problem::RotationFailed, text);
    draft.record(What::RotationUnanswered { reason, recover_at });
}

/// The platform says that this chain has ended; what it was contested with lives, unless a third one, later than both, has
/// ended both.
fn dead(draft: &mut Draft<'_>, cause: Cause, reason: String) {
    let by = draft.connection.id;
    let a_later_one = draft.connection.contests.iter().any(|contest| !contest.ours_is_later);
    draft.end_contests(&if a_later_one {
        News::Unsettled { by }
    } else {
        News::Released { by }
    });
    lost(draft, cause, reason);
}

/// The one recovery has brought no pair, and there is no other. What a rescue still brings home is welcome.
fn recovered_nothing(draft: &mut Draft<'_>, reason: String) {
    let generation = draft.connection.pair.as_ref().map_or(0, |pair| pair.key.generation);
    lost(draft, Cause::Lost { generation }, reason);
}

fn lost(draft: &mut Draft<'_>, cause: Cause, reason: String) {
    draft.destroy_pair();
    draft.record(What::PairLost { reason: reason.clone() });
    chains::needs_consent(draft, cause, &reason);
}
