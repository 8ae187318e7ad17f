//! What the OEM asks for: at once, or as a wish while an effect is under way.

use std::time::Duration;

use jiff::Timestamp;

use super::{Why, attempt, chains, draft::Draft};
use crate::{
    agenda,
    connection::{Problem, State},
    event::What,
    ids::{CustomerReference, Segment},
    registration::{Due, later},
};

pub(super) fn wish_cancel(draft: &mut Draft<'_>) -> Result<(), Why> {
    if draft.connection.wishes.cancel {
        return Err(Why::NothingToDo);
    }
    draft.connection.wishes.cancel = true;
    draft.record(What::Wished { wish: "cancel".into() });
    Ok(())
}

pub(super) fn wish_reschedule(draft: &mut Draft<'_>, due: Due) -> Result<(), Why> {
    reachable_here(draft, due)?;
    draft.connection.wishes.reschedule = Some(due);
    draft.record(What::Wished {
        wish: "reschedule".into(),
    });
    Ok(())
}

/// The effect has ended without registering anything: what was asked for meanwhile happens now.
pub(super) fn apply_wishes(draft: &mut Draft<'_>) {
    // A late outcome may come while another effect is under way: the wishes wait for that one.
    if draft.connection.effect.is_some() {
        return;
    }
    if attempt::late_success(draft) {
        return;
    }
    if let Some(due) = draft.connection.wishes.reschedule.take() {
        change_due(draft, due);
        note_unreachable(draft);
    }
    if draft.connection.wishes.cancel {
        return give_up(draft);
    }
    chains::apply_wish(draft);
}

pub(super) fn cancel(draft: &mut Draft<'_>) -> Result<(), Why> {
    give_up(draft);
    Ok(())
}

fn give_up(draft: &mut Draft<'_>) {
    draft.connection.attention = None;
    draft.close(State::Cancelled);
    draft.record(What::Cancelled);
}

pub(super) fn reschedule(draft: &mut Draft<'_>, due: Due) -> Result<(), Why> {
    reachable_here(draft, due)?;
    change_due(draft, due);
    Ok(())
}

fn change_due(draft: &mut Draft<'_>, due: Due) {
    draft.connection.registration.due = due;
    let later_than_now = draft.connection.due_at().is_some_and(|due_at| due_at > draft.now);
    if later_than_now {
        draft.connection.retry_at = None;
        if matches!(draft.connection.state, State::AwaitingOperator) {
            draft.connection.state = State::Authorized;
        }
    }
    draft.record(What::Rescheduled { due });
}

pub(super) fn retry(draft: &mut Draft<'_>) -> Result<(), Why> {
    let connection = &mut draft.connection;
    if connection.pair.is_none() {
        return Err(Why::NoPair);
    }
    // Well apart from whatever was presented before.
    let now = draft.now;
    let soon = agenda::earliest(connection, now);
    let rotates_sooner = connection
        .pair
        .iter_mut()
        .filter_map(|pair| pair.rotate_at.as_mut())
        .any(|at| std::mem::replace(at, (*at).min(soon)) > soon);
    if matches!(connection.state, State::Authorized) && connection.retry_at.is_none() && !rotates_sooner {
        return Err(Why::NotDue {
            at: connection.due_at().unwrap_or(Timestamp::MAX),
        });
    }
    connection.state = State::Authorized;
    connection.retry_at = None;
    connection.retries = 0;
    connection.unclear_since = None;
    draft.record(What::Retried);
    Ok(())
}

/// Tells the OEM at once, not a week before the end, when this consent's pair cannot reach the due time.
pub(super) fn note_unreachable(draft: &mut Draft<'_>) {
    let connection = &draft.connection;
    let ends_at = connection.pair.as_ref().map(|pair| pair.refresh_ends_at);
    if let (Some(due_at), Some(ends_at), None) = (connection.due_at(), ends_at, connection.upkeep.renew_days)
        && due_at >= ends_at
    {
        draft.attention(
            Problem::Unreachable,
            format!(
                "due at {due_at}, but the token pair ends at {ends_at}; choose an earlier time with `handover \
                 reschedule`, or let the customer authorise again later with `handover link`"
            ),
        );
    }
}

fn reachable_here(draft: &Draft<'_>, due: Due) -> Result<(), Why> {
    let connection = &draft.connection;
    // A pair that is renewed reaches every time.
    if connection.upkeep.renew_days.is_some() {
        return Ok(());
    }
    match (&connection.pair, connection.consented_at, &connection.link) {
        (Some(pair), Some(consent), _) if due.at(consent) >= pair.refresh_ends_at => Err(Why::Unreachable {
            ends_at: pair.refresh_ends_at,
        }),
        (Some(_), Some(_), _) => Ok(()),
        (_, _, Some(link)) => must_be_reachable(due, link.expires_at, connection.lifetimes.refresh()),
        _ => must_be_reachable(due, draft.now, connection.lifetimes.refresh()),
    }
}

/// Refuses a time that the pair of a consent given at `consent` cannot reach.
pub(super) fn must_be_reachable(due: Due, consent: Timestamp, life: Duration) -> Result<(), Why> {
    let ends_at = later(consent, life);
    if due.at(consent) >= ends_at {
        Err(Why::Unreachable { ends_at })
    } else {
        Ok(())
    }
}

/// Erases what names the customer. What is not finished is given up with it; what is left keeps the promises: the id,
/// the state, and whose chain a later consent ends.
pub(super) fn forget(draft: &mut Draft<'_>) -> Result<(), Why> {
    if draft.connection.forgotten_at.is_some() {
        return Err(Why::NothingToDo);
    }
    if !draft.connection.state.status().is_final() {
        give_up(draft);
    }
    let connection = &mut draft.connection;
    if let State::Registered(done) = &mut connection.state {
        done.segment = Segment::forgotten();
    }
    connection.registration.database = Segment::forgotten();
    connection.reference = CustomerReference::forgotten();
    connection.return_url = None;
    connection.identity = None;
    connection.attention = None;
    connection.late_success = None;
    connection.erase_to = Some(connection.records);
    connection.forgotten_at = Some(draft.now);
    draft.drop_records();
    draft.record(What::Forgotten);
    Ok(())
}

pub(super) fn erased(draft: &mut Draft<'_>, to: u64) -> Result<(), Why> {
    draft
        .connection
        .erase_to
        .take_if(|open| *open <= to)
        .map(drop)
        .ok_or(Why::NothingToDo)
}
