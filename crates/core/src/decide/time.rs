//! What happens because time has passed. Needs no secret.

use std::time::Duration;

use jiff::Timestamp;

use super::{Why, asks, attempt, consent, draft::Draft, rotation};
use crate::{
    agenda::{self, Matter, Step},
    connection::{Cause, EffectKind, Problem, State},
    event::What,
};

/// In seconds.
const DAY: u64 = 24 * 3_600;

pub(super) fn woke(draft: &mut Draft<'_>) -> Result<(), Why> {
    let Some(matter) = agenda::due_decision(&draft.connection, draft.now) else {
        return Err(match agenda::step(&draft.connection, draft.now) {
            Step::Rest(Some(at)) => Why::NotDue { at },
            Step::Rest(None) | Step::Perform(_) | Step::Decide(_) => Why::NothingToDo,
        });
    };
    match matter {
        Matter::LeaseEnds => lease_ends(draft),
        Matter::PairEnds => pair_ends(draft),
        Matter::LinkLapses => link_lapses(draft),
        Matter::Warn => warn(draft),
        Matter::HandToOperator => draft.to(State::AwaitingOperator, What::AwaitsOperator),
        Matter::Remind => draft.record(What::Reminded),
        Matter::Tell
        | Matter::AskIdentity
        | Matter::Register
        | Matter::Rotate
        | Matter::LookUp
        | Matter::Erase
        | Matter::Alarm
        | Matter::Retire => return Err(Why::NothingToDo),
    }
    Ok(())
}

fn lease_ends(draft: &mut Draft<'_>) {
    let Some(effect) = draft.connection.effect.take() else {
        return;
    };
    match &effect.kind {
        EffectKind::Attempt { .. } if attempt::late_success(draft) => {}
        EffectKind::Attempt { .. } => {
            attempt::doubt(draft, &effect, "the attempt ended without a word".into());
        }
        EffectKind::Rotation { recovers, .. } => rotation::unheard(draft, effect.id, *recovers),
        EffectKind::Exchange { .. } => {
            draft.attention(
                Problem::ConsentFailed,
                "the exchange of the code never reported back; the customer has to open the link again",
            );
            draft.record(What::ExchangeLost);
            consent::hold_older_pairs(draft, effect.began_at);
            asks::apply_wishes(draft);
        }
    }
}

fn pair_ends(draft: &mut Draft<'_>) {
    // What an open rotation brought, if it brought a pair, lives on and may still come home.
    let open = draft.connection.pair.as_ref().filter(|pair| pair.open_intent.is_some());
    let cause = open.map_or(Cause::Expired, |pair| Cause::Lost {
        generation: pair.key.generation,
    });
    draft.destroy_pair();
    // They were about a rotation that was still to come.
    draft.settle(&[Problem::RotationFailed, Problem::PlatformUnavailable]);
    draft.record(What::Expired);
    match (&mut draft.connection.state, cause) {
        // Stays what it is: whether the database exists is still to be settled, or was refused for good.
        (State::Failed(failure), Cause::Lost { generation }) => failure.lost = Some(generation),
        (State::InDoubt(_) | State::Failed(_), _) => {}
        (state, cause) => *state = State::Reauthorize(cause),
    }
}

fn warn(draft: &mut Draft<'_>) {
    // A sweeper that was off may have missed an earlier threshold: the latest one that has passed counts.
    while let Some((at, days)) = agenda::warn(&draft.connection)
        && at <= draft.now
        && let Some(pair) = &mut draft.connection.pair
    {
        pair.warned_days = Some(days);
    }
    if let Some(ends_at) = draft.connection.pair.as_ref().map(|pair| pair.refresh_ends_at) {
        let days_left = days_until(ends_at, draft.now);
        draft.record(What::Expiring { days_left, ends_at });
    }
}

/// Begun days.
fn days_until(ends_at: Timestamp, now: Timestamp) -> u32 {
    let left = Duration::try_from(ends_at.duration_since(now)).unwrap_or_default();
    u32::try_from(left.as_secs().div_ceil(DAY)).unwrap_or(u32::MAX)
}

fn link_lapses(draft: &mut Draft<'_>) {
    draft.connection.link = None;
    draft.record(What::LinkLapsed);
    if matches!(draft.connection.state, State::Invited | State::Reauthorize(_)) {
        draft.attention(
            Problem::LinkLapsed,
            "the link lapsed unused; make a new one with `handover link`",
        );
    }
}
