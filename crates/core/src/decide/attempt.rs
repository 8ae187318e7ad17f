//! Attempts at the registration.

use jiff::Timestamp;

use super::{Why, asks, chains, draft::Draft, rotation};
use crate::{
    agenda::{self, Task, back_off},
    connection::{
        Attempter, Cause, Connection, Done, Doubt, Effect, EffectKind, Failure, LookUpRule, PairFate, Problem, State,
    },
    event::{Outcome, What},
    ids::{AuthorisationId, EffectId, Segment},
    ports::LiveChain,
    registration::{ChannelKind, later},
};

pub(super) struct Claim {
    pub effect: EffectId,
    pub by: Attempter,
    pub lease_ends_at: Timestamp,
    pub look_up: Option<LookUpRule>,
    pub accept_unknown_identity: bool,
}

pub(super) fn begun(draft: &mut Draft<'_>, claim: Claim) -> Result<(), Why> {
    let authorisation = may_begin(draft, &claim)?;
    let connection = &mut draft.connection;
    connection.attempts = connection.attempts.saturating_add(1);
    let number = connection.attempts;
    connection.effect = Some(Effect {
        id: claim.effect,
        kind: EffectKind::Attempt {
            number,
            authorisation,
            by: claim.by,
            look_up: claim.look_up,
        },
        began_at: draft.now,
        lease_ends_at: claim.lease_ends_at,
    });
    connection.link = None;
    draft.requires = live_chain(&draft.connection);
    draft.to(
        State::Registering,
        What::AttemptBegan {
            effect: claim.effect,
            number,
        },
    );
    Ok(())
}

/// The chain whose pair is about to be handed over has to be known as the live one when that is written.
fn live_chain(connection: &Connection) -> Option<LiveChain> {
    let (chain, identity) = (connection.chain.as_ref()?, connection.identity.as_ref()?);
    Some(LiveChain {
        key: chain.identity_key(&identity.user),
        authorisation: chain.authorisation.clone(),
    })
}

/// The channel wants an access token that still lives: remembered, so that the agenda has the pair rotated first.
pub(super) fn fresh_needed(draft: &mut Draft<'_>) -> Result<(), Why> {
    if draft.connection.fresh_access_token {
        return Err(Why::NothingToDo);
    }
    draft.connection.fresh_access_token = true;
    draft.record(What::FreshAccessTokenNeeded);
    Ok(())
}

/// Whether an attempt may begin now; with the pair of which authorisation.
fn may_begin(draft: &Draft<'_>, claim: &Claim) -> Result<AuthorisationId, Why> {
    let connection = &draft.connection;
    let pair = connection.pair.as_ref().ok_or(Why::NoPair)?;
    if pair.refresh_ends_at <= draft.now {
        return Err(Why::NoPair);
    }
    let due_at = connection
        .due_at()
        .unwrap_or(Timestamp::MAX)
        .max(connection.retry_at.unwrap_or(Timestamp::MIN));
    if draft.now < due_at {
        return Err(Why::NotDue { at: due_at });
    }
    match (&claim.by, connection.registration.kind, &connection.state) {
        (Attempter::Worker, ChannelKind::Http, State::Authorized)
        | (Attempter::Person(_), ChannelKind::Assisted, State::AwaitingOperator) => {}
        (Attempter::Worker, ChannelKind::Assisted, _) => return Err(Why::ForAPerson),
        _ => return Err(Why::DoesNotApply),
    }
    if let Some(intent) = &pair.open_intent {
        return Err(Why::RotationOpen {
            until: intent.recover_at,
        });
    }
    if let Some(contest) = connection.contests.first() {
        return Err(Why::Contested {
            with: contest.with.connection,
        });
    }
    if agenda::is_stale(connection, draft.now) {
        return Err(Why::StaleAccessToken);
    }
    if connection.identity.is_none() && !claim.accept_unknown_identity {
        return Err(Why::IdentityUnknown);
    }
    Ok(pair.key.authorisation.clone())
}

/// Found before anything irreversible: what was to be done, a rotation or the registration, comes back later, with the
/// step of its back-off.
pub(super) fn not_ready(draft: &mut Draft<'_>, of: Option<Task>, problem: Problem, reason: String) -> Result<(), Why> {
    draft.attention(problem, reason.clone());
    draft.record(What::NotReady { problem, reason });
    if draft.connection.effect.is_some() {
        return Ok(());
    }
    // The record's number spreads it: there is no effect whose id could.
    let spread = EffectId::new(draft.now, u128::from(draft.connection.records).wrapping_mul(7_919));
    match of {
        Some(Task::Rotate) => {
            rotation::comes_back(draft, spread);
        }
        Some(Task::Register) => {
            put_off(draft, spread);
            draft.connection.identity_needed |= problem == Problem::IdentityUnknown;
        }
        _ => {}
    }
    Ok(())
}

fn put_off(draft: &mut Draft<'_>, spread: EffectId) -> Timestamp {
    let retry_at = later(draft.now, back_off(draft.connection.retries, spread));
    draft.connection.retries = draft.connection.retries.saturating_add(1);
    draft.connection.retry_at = Some(retry_at);
    retry_at
}

pub(super) fn ended(draft: &mut Draft<'_>, effect: EffectId, outcome: Outcome) -> Result<(), Why> {
    if draft.connection.open_attempt() != Some(effect) {
        return late(draft, outcome);
    }
    let open = draft.connection.effect.take();
    match outcome {
        // Whatever became of this one: another has made the database.
        Outcome::Refused { .. } | Outcome::NotSent { .. } | Outcome::Unanswered { .. } if late_success(draft) => {}
        // Its own pair's: nothing is consented to anew while it is under way or in doubt.
        Outcome::Registered { segment } => register(draft, segment, Made::ByCurrent),
        Outcome::Refused { reason, pair } => fail(draft, reason, pair),
        Outcome::NotSent { reason, problem } => come_back(draft, effect, reason, problem),
        // A doubt that stands already is not made anew.
        Outcome::Unanswered { reason } => open.map_or(Err(Why::NothingToDo), |open| {
            doubt(draft, &open, reason);
            Ok(())
        })?,
    }
    Ok(())
}

/// An outcome of an attempt that is neither under way nor in doubt: a person has settled it meanwhile.
fn late(draft: &mut Draft<'_>, outcome: Outcome) -> Result<(), Why> {
    let Outcome::Registered { segment } = outcome else {
        return Err(Why::OtherAttempt);
    };
    if let State::Registered(done) = &draft.connection.state
        && (done.segment == segment || draft.connection.forgotten_at.is_some())
    {
        return Err(Why::NothingToDo);
    }
    draft.attention(
        Problem::LateSuccess,
        format!("an attempt that was taken for failed has registered `{segment}`; look at Invantive Cloud"),
    );
    draft.record(What::LateSuccess {
        segment: segment.clone(),
    });
    // What was given up, or registered as another database, stays so; the OEM has been told. Everything else is registered
    // now, or when what is under way has ended: the pair was handed over.
    if !draft.connection.state.status().is_final() {
        draft.connection.late_success = Some(segment);
        late_success(draft);
    }
    Ok(())
}

/// Registers what became known late, once nothing is under way; says whether it did.
pub(super) fn late_success(draft: &mut Draft<'_>) -> bool {
    if draft.connection.effect.is_some() {
        return false;
    }
    let known = draft.connection.late_success.take();
    known
        .map(|segment| register(draft, segment, Made::ByAnyAttempt))
        .is_some()
}

/// Which attempt a database came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// The one that is under way or in doubt.
    ByCurrent,
    /// That one or an earlier one, perhaps with the pair of an earlier consent.
    ByAnyAttempt,
}

pub(super) fn register(draft: &mut Draft<'_>, segment: Segment, made: Made) {
    let late_seconds = draft
        .connection
        .due_at()
        .map(|due_at| draft.now.duration_since(due_at).as_secs());
    let wishes = std::mem::take(&mut draft.connection.wishes);
    if wishes.cancel {
        draft.record(What::Wished {
            wish: "cancel came too late: the database exists".into(),
        });
    }
    draft.connection.attention = None;
    let another = draft.connection.late_success.take().filter(|known| *known != segment);
    if let Some(another) = another {
        let text =
            format!("an earlier attempt has registered `{another}` as well as `{segment}`; look at Invantive Cloud");
        draft.attention(Problem::LateSuccess, text);
    }
    draft.close(State::Registered(Done {
        segment: segment.clone(),
        at: draft.now,
        superseded_by: None,
        authorisation_uncertain: false,
        to_alarm: false,
    }));
    draft.record(What::Registered { segment, late_seconds });
    if let Some(by) = wishes.superseded_by {
        chains::superseded(draft, by, false);
    } else if wishes.unsettled {
        chains::may_be_cut_off(draft);
    } else if made == Made::ByAnyAttempt && stands_on_an_older_consent(&draft.connection) {
        chains::cut_off_by_own_consent(draft);
    }
}

/// Whether what an attempt made may stand on another consent than the last one.
fn stands_on_an_older_consent(connection: &Connection) -> bool {
    let current = connection.chain.as_ref().map(|chain| &chain.authorisation);
    let of_another = connection.doubted.iter().any(|doubted| Some(doubted) != current);
    of_another || connection.unclear_since.is_some()
}

pub(super) fn fail(draft: &mut Draft<'_>, reason: String, told: PairFate) {
    // A pair that ended meanwhile is gone, whatever the attempt did to it.
    let pair = if draft.connection.pair.is_some() {
        told
    } else {
        PairFate::Spent
    };
    match pair {
        PairFate::Unspent => {}
        PairFate::Spent | PairFate::Unknown => draft.destroy_pair(),
    }
    draft.connection.retry_at = None;
    draft.to(
        State::Failed(Failure::new(reason.clone())),
        What::Failed { reason, pair },
    );
    asks::apply_wishes(draft);
}

fn come_back(draft: &mut Draft<'_>, effect: EffectId, reason: String, problem: Problem) {
    if draft.connection.pair.is_none() {
        // It ended during the doubt that this late word settles.
        draft.to(State::Reauthorize(Cause::Expired), What::Expired);
        return asks::apply_wishes(draft);
    }
    let retry_at = put_off(draft, effect);
    draft.attention(problem, reason.clone());
    draft.to(State::Authorized, What::AttemptPutOff { reason, retry_at });
    asks::apply_wishes(draft);
}

/// `effect`, an attempt, ended without a word.
pub(super) fn doubt(draft: &mut Draft<'_>, effect: &Effect, reason: String) {
    let EffectKind::Attempt {
        authorisation, look_up, ..
    } = &effect.kind
    else {
        return;
    };
    if !draft.connection.doubted.contains(authorisation) {
        draft.connection.doubted.push(authorisation.clone());
    }
    let doubt = Doubt {
        attempt: effect.id,
        authorisation: authorisation.clone(),
        since: draft.now,
        reason: reason.clone(),
        look_up: *look_up,
        looked: 0,
        looked_at: None,
        absent: 0,
    };
    draft.to(State::InDoubt(doubt), What::InDoubt { reason });
}
