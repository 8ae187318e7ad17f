//! From a link to a kept pair.

use jiff::Timestamp;

use super::{Why, asks, chains, draft::Draft};
use crate::{
    chain::Standing,
    connection::{Chain, Effect, EffectKind, Failure, Identity, OpenLink, Pair, Problem, State},
    event::{Brought, What},
    ids::{AuthorisationId, EffectId, LinkHash},
};

pub(super) fn link_opened(draft: &mut Draft<'_>, link: OpenLink) -> Result<(), Why> {
    draft.record(What::LinkOpened {
        expires_at: link.expires_at,
    });
    draft.connection.link = Some(link);
    draft.settle(&[Problem::LinkLapsed]);
    Ok(())
}

pub(super) fn arrived(
    draft: &mut Draft<'_>,
    effect: EffectId,
    authorisation: AuthorisationId,
    link: &LinkHash,
    lease_ends_at: Timestamp,
) -> Result<(), Why> {
    if !draft.connection.accepts_consent(link, draft.now) {
        return Err(Why::LinkNotOpen);
    }
    draft.record(What::ExchangeBegan {
        effect,
        authorisation: authorisation.clone(),
    });
    draft.connection.effect = Some(Effect {
        id: effect,
        kind: EffectKind::Exchange { authorisation },
        began_at: draft.now,
        lease_ends_at,
    });
    Ok(())
}

pub(super) fn received(draft: &mut Draft<'_>, brought: &Brought) -> Result<(), Why> {
    if draft
        .connection
        .pair
        .as_ref()
        .is_some_and(|pair| pair.key == brought.pair)
    {
        return Err(Why::NothingToDo);
    }
    let began_at = end_exchange(draft, brought.effect);
    let consent_at = began_at.unwrap_or(brought.sent_at);
    waits_for_the_attempt(draft, brought)?;
    if let Some(reason) = unwanted(draft, brought) {
        draft.record(What::PairDropped {
            authorisation: brought.pair.authorisation.clone(),
            reason: reason.into(),
        });
        // It may have ended the chain that the database stands on.
        if is_newer(draft, brought) {
            chains::cut_off_by_own_consent(draft);
        }
    } else {
        accept(draft, brought, consent_at);
        if began_at.is_none() {
            draft.rest_the_pair();
        }
    }
    asks::apply_wishes(draft);
    Ok(())
}

/// A newer consent that comes home during an attempt with the pair of an older one: there is no room for both, and it is
/// the newer one that lives. It comes back when the attempt is settled.
fn waits_for_the_attempt(draft: &Draft<'_>, brought: &Brought) -> Result<(), Why> {
    let newer = is_newer(draft, brought);
    match &draft.connection.state {
        State::Registering if newer => Err(draft.under_way()),
        State::InDoubt(_) if newer => Err(Why::InDoubt),
        _ => Ok(()),
    }
}

fn is_newer(draft: &Draft<'_>, brought: &Brought) -> bool {
    let chain = draft.connection.chain.as_ref();
    chain.is_none_or(|chain| chain.sent_at < brought.sent_at)
}

/// Why a received pair is of no use any more.
fn unwanted(draft: &Draft<'_>, brought: &Brought) -> Option<&'static str> {
    if draft.connection.wishes.cancel {
        return Some("the connection was cancelled meanwhile");
    }
    match &draft.connection.state {
        State::Registered(_) | State::Cancelled => return Some("the connection is finished"),
        State::Registering | State::InDoubt(_) => return Some("a newer consent is being registered"),
        State::Invited | State::Authorized | State::AwaitingOperator | State::Failed(_) | State::Reauthorize(_) => {}
    }
    let chain = draft.connection.chain.as_ref()?;
    // Come twice: what it brought was taken in, and has gone since.
    if chain.authorisation == brought.pair.authorisation {
        return Some("it was taken in before, and what followed has taken its place");
    }
    (chain.sent_at >= brought.sent_at).then_some("a newer consent has taken its place")
}

fn accept(draft: &mut Draft<'_>, brought: &Brought, consent_at: Timestamp) {
    let pair = Pair::new(
        brought.pair.clone(),
        brought.sent_at,
        brought.answered_at,
        brought.expires_in,
        &draft.connection.lifetimes,
    );
    let due_at = draft.connection.registration.due.at(consent_at);
    let what = What::Authorized {
        authorisation: pair.key.authorisation.clone(),
        due_at,
        ends_at: pair.refresh_ends_at,
    };
    let half = pair.is_half();
    draft.keep_pair(pair);
    let connection = &mut draft.connection;
    connection.chain = Some(Chain {
        authorisation: brought.pair.authorisation.clone(),
        sent_at: brought.sent_at,
        answered_at: brought.answered_at,
        generation: brought.pair.generation,
        platform: brought.platform,
        client_id: brought.client_id.clone(),
    });
    connection.consented_at = Some(consent_at);
    connection.identity = None;
    connection.identity_misses = 0;
    connection.identity_needed = false;
    connection.link = None;
    connection.retries = 0;
    connection.retry_at = None;
    connection.attention = None;
    // They were about the chain before this one.
    connection.wishes.superseded_by = None;
    connection.wishes.unsettled = false;
    connection
        .effect
        .take_if(|open| matches!(open.kind, EffectKind::Rotation { .. }));
    draft.to(State::Authorized, what);
    asks::note_unreachable(draft);
    if half {
        draft.attention(
            Problem::HalfPair,
            "the platform's answer had no access token, without which nothing can be registered; a rotation fetches one \
             as soon as the platform allows it",
        );
    }
    hold_if_older(draft, brought);
}

/// Ends the exchange if it is the one under way; says when its consent came.
fn end_exchange(draft: &mut Draft<'_>, effect: EffectId) -> Option<Timestamp> {
    draft
        .connection
        .effect
        .take_if(|open| open.id == effect && matches!(open.kind, EffectKind::Exchange { .. }))
        .map(|open| open.began_at)
}

pub(super) fn failed(
    draft: &mut Draft<'_>,
    effect: EffectId,
    problem: Problem,
    reason: String,
    unclear: bool,
) -> Result<(), Why> {
    // A late failure changes nothing: the end of the lease has said as much.
    let began_at = end_exchange(draft, effect).ok_or(Why::NothingToDo)?;
    draft.attention(problem, reason.clone());
    draft.record(What::ExchangeFailed { problem, reason });
    if unclear {
        hold_older_pairs(draft, began_at);
    }
    asks::apply_wishes(draft);
    Ok(())
}

const LATER_UNCLEAR: &str = "a later consent came to no clear end and may have ended the chain of the token pair that is \
                             kept; let the customer authorise again with `handover link`, or use the pair all the same \
                             with `handover retry`";

/// A consent whose exchange came to no clear end may have begun a new chain, and a new chain ends the older one of the
/// same user: a pair that was asked for before is not registered until somebody says so, even if it comes home later.
pub(super) fn hold_older_pairs(draft: &mut Draft<'_>, began_at: Timestamp) {
    draft.connection.unclear_since = Some(began_at);
    hold_pair(draft, LATER_UNCLEAR);
}

/// Holds a pair that has just come home back, if a later consent may have ended its chain.
pub(super) fn hold_if_older(draft: &mut Draft<'_>, brought: &Brought) {
    if draft
        .connection
        .unclear_since
        .is_some_and(|since| brought.sent_at < since)
    {
        hold_pair(draft, LATER_UNCLEAR);
    } else {
        draft.connection.unclear_since = None;
    }
}

/// The pair that is kept is used when a person says so.
pub(super) fn hold_pair(draft: &mut Draft<'_>, reason: &str) {
    if draft.connection.pair.is_none() {
        return;
    }
    draft.attention(Problem::PairUncertain, reason);
    draft.to(State::Failed(Failure::new(reason)), What::PairUncertain);
}

pub(super) fn refused(draft: &mut Draft<'_>, error: String) -> Result<(), Why> {
    draft.attention(
        Problem::ConsentFailed,
        format!("the consent was refused (`{error}`); the customer can open the link again"),
    );
    draft.record(What::ConsentRefused { error });
    Ok(())
}

pub(super) fn identified(
    draft: &mut Draft<'_>,
    authorisation: &AuthorisationId,
    identity: Identity,
    standing: Standing,
) -> Result<(), Why> {
    of_current_pair(draft, authorisation)?;
    let known = draft.connection.identity.as_ref() == Some(&identity);
    if !known {
        draft.settle(&[Problem::IdentityUnknown]);
        draft.record(What::Identified {
            user: identity.user.clone(),
            name: identity.name.clone(),
        });
        draft.connection.identity = Some(identity);
        if std::mem::take(&mut draft.connection.identity_needed) {
            draft.connection.retry_at = None;
            draft.connection.retries = 0;
        }
    }
    chains::stands(draft, standing);
    Ok(())
}

pub(super) fn not_identified(
    draft: &mut Draft<'_>,
    authorisation: &AuthorisationId,
    reason: String,
) -> Result<(), Why> {
    of_current_pair(draft, authorisation)?;
    if draft.connection.identity.is_some() {
        return Err(Why::NothingToDo);
    }
    draft.connection.identity_misses = draft.connection.identity_misses.saturating_add(1);
    draft.attention(
        Problem::IdentityUnknown,
        format!("the platform did not tell who consented: {reason}"),
    );
    draft.record(What::NotIdentified { reason });
    Ok(())
}

fn of_current_pair(draft: &Draft<'_>, authorisation: &AuthorisationId) -> Result<(), Why> {
    let current = draft
        .connection
        .pair
        .as_ref()
        .is_some_and(|pair| pair.key.authorisation == *authorisation);
    if current { Ok(()) } else { Err(Why::NoPair) }
}
