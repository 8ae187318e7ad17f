//! What other chains of the same user do to this one.

use super::{Why, asks, consent, draft::Draft};
use crate::{
    chain::Standing,
    connection::{Cause, Contest, News, Problem, State, Tidings},
    event::What,
    ids::{AuthorisationId, ConnectionId},
};

/// The place of our own chain among those of its user.
pub(super) fn stands(draft: &mut Draft<'_>, standing: Standing) {
    match standing {
        Standing::Alone => {}
        Standing::After(other) => {
            draft.attention(
                Problem::ChainReplaced,
                format!(
                    "the same user consented to the same application before, as {}: that chain has ended",
                    other.connection
                ),
            );
            draft.record(What::ChainReplaced {
                connection: other.connection,
            });
            let by = draft.connection.id;
            let by_rotation = false;
            draft.tell(&other, News::Superseded { by, by_rotation });
        }
        Standing::Before(other) => superseded(draft, other.connection, false),
        Standing::Contested(contest) => {
            let ours = draft.connection.chain.as_ref();
            let ours = ours.map(|chain| chain.claimed(draft.connection.id));
            if let Some(ours) = ours {
                let seen_by_other = Contest {
                    with: ours,
                    ours_is_later: !contest.ours_is_later,
                };
                draft.tell(&contest.with, News::Contested(seen_by_other));
            }
            contested(draft, contest);
        }
    }
}

/// What another connection tells of `chain`.
pub(super) fn heard(draft: &mut Draft<'_>, chain: &AuthorisationId, news: News) -> Result<(), Why> {
    let current = draft.connection.chain.as_ref().map(|chain| &chain.authorisation);
    let before = draft.connection.clone();
    match news {
        // A newer consent has begun another one since.
        News::Contested(contest) if current != Some(chain) => unsettle(draft, &contest),
        _ if current != Some(chain) => {}
        News::Superseded { by, by_rotation } => superseded(draft, by, by_rotation),
        News::Contested(contest) => contested(draft, contest),
        News::Released { by } => released(draft, by),
        News::Overtaken { was, by } => overtaken(draft, was, by),
        News::Unsettled { by } => unsettled(draft, by),
    }
    if draft.connection == before {
        return Err(Why::NothingToDo);
    }
    Ok(())
}

pub(super) fn told(draft: &mut Draft<'_>, tidings: &Tidings) -> Result<(), Why> {
    let before = draft.connection.to_tell.len();
    draft.connection.to_tell.retain(|untold| untold != tidings);
    if draft.connection.to_tell.len() == before {
        return Err(Why::NothingToDo);
    }
    Ok(())
}

/// The alarm for a database without its authorisation was raised.
pub(super) fn alarmed(draft: &mut Draft<'_>) -> Result<(), Why> {
    match &mut draft.connection.state {
        State::Registered(done) if done.to_alarm => done.to_alarm = false,
        _ => return Err(Why::NothingToDo),
    }
    Ok(())
}

/// A later consent of the same user has ended this chain.
pub(super) fn superseded(draft: &mut Draft<'_>, by: ConnectionId, by_rotation: bool) {
    let passed_on = passed_on(draft, by, by_rotation);
    draft.end_contests(&passed_on);
    let connection = &mut draft.connection;
    match &mut connection.state {
        State::Registered(done) if done.superseded_by.is_none() => {
            done.superseded_by = Some(by);
            done.to_alarm = true;
            let segment = done.segment.clone();
            draft.attention(
                Problem::AuthorisationLost,
                format!(
                    "the database `{segment}` has lost its authorisation: the same user consented to the same \
                     application again, as {by}"
                ),
            );
            draft.record(What::AuthorisationLost { segment, by });
        }
        // Frozen: told when it has ended.
        State::Registering | State::InDoubt(_) => wish_superseded(draft, by),
        _ if connection.effect.is_some() => wish_superseded(draft, by),
        _ if connection.pair.is_some() => {
            draft.destroy_pair();
            draft.record(What::Superseded { by });
            needs_consent(
                draft,
                Cause::Superseded { by: Some(by) },
                &format!("the same user consented to the same application again, as {by}, which ended this chain"),
            );
        }
        _ => {}
    }
}

/// What those hear that wait for a word of this chain, which `by` has ended.
fn passed_on(draft: &Draft<'_>, by: ConnectionId, by_rotation: bool) -> News {
    if by_rotation {
        return News::Superseded { by, by_rotation };
    }
    let was = draft.connection.id;
    News::Overtaken { was, by }
}

/// How it stands to the third one was looked at before, if it has a pair. What has none cannot find out: it counts as ended,
/// so that somebody looks.
fn overtaken(draft: &mut Draft<'_>, was: ConnectionId, by: ConnectionId) {
    if draft.connection.pair.is_none() {
        superseded(draft, by, false);
    } else if draft.drop_contest(was) {
        settle_if_none_is_left(draft);
        draft.record(What::ContestOvertaken { with: was, by });
    }
}

fn settle_if_none_is_left(draft: &mut Draft<'_>) {
    if draft.connection.contests.is_empty() {
        draft.settle(&[Problem::Contested]);
    }
}

/// The pair is gone.
pub(super) fn needs_consent(draft: &mut Draft<'_>, cause: Cause, reason: &str) {
    let problem = match cause {
        Cause::Superseded { .. } => Problem::Superseded,
        Cause::Expired | Cause::Lost { .. } | Cause::Revoked => Problem::RotationFailed,
    };
    draft.attention(
        problem,
        format!("{reason}; let the customer authorise again with `handover link`"),
    );
    match (&mut draft.connection.state, cause) {
        // What was refused for good stays so.
        (State::Failed(failure), Cause::Lost { generation }) => failure.lost = Some(generation),
        (State::Failed(_), _) => {}
        (state, cause) => *state = State::Reauthorize(cause),
    }
}

fn contested(draft: &mut Draft<'_>, contest: Contest) {
    let with = contest.with.connection;
    let known = draft.connection.contests.iter().any(|known| known.with == contest.with);
    if known {
        return;
    }
    if let Some(by) = draft.connection.wishes.superseded_by {
        if contest.ours_is_later {
            let passed_on = passed_on(draft, by, false);
            draft.record(What::ChainReplaced { connection: with });
            draft.tell(&contest.with, passed_on);
        }
        return;
    }
    let frozen = matches!(draft.connection.state, State::Registering | State::InDoubt(_));
    if draft.connection.pair.is_some() && !frozen {
        draft.attention(
            Problem::Contested,
            format!(
                "the same user consented to the same application at the same time, as {with}: which of the two lives is \
                 found out by a rotation"
            ),
        );
        draft.record(What::Contested { with });
        draft.connection.contests.push(contest);
    } else {
        unsettle(draft, &contest);
        match draft.connection.state {
            State::Registered(_) if contest.ours_is_later => may_be_cut_off(draft),
            State::Registering | State::InDoubt(_) if contest.ours_is_later => draft.connection.wishes.unsettled = true,
            _ => {}
        }
    }
}

/// Ours is handed over or gone: no rotation here can settle it any more. Who waits for one is told.
fn unsettle(draft: &mut Draft<'_>, contest: &Contest) {
    if contest.ours_is_later {
        draft.record(What::ContestOpen {
            with: contest.with.connection,
        });
        let by = draft.connection.id;
        draft.tell(&contest.with, News::Unsettled { by });
    }
}

/// The other chain is dead: this one lives. What was handed over first holds no contest; it is written all the same, for
/// with it comes the place among the chains of its user: who consents next has to find the one that lives.
fn released(draft: &mut Draft<'_>, by: ConnectionId) {
    if draft.drop_contest(by) || is_handed_over(draft) {
        settle_if_none_is_left(draft);
        draft.record(What::ContestWon { with: by });
    }
}

fn is_handed_over(draft: &Draft<'_>) -> bool {
    matches!(
        draft.connection.state,
        State::Registering | State::InDoubt(_) | State::Registered(_)
    )
}

/// Nobody will ever know by itself which of the two lives: a person decides.
fn unsettled(draft: &mut Draft<'_>, by: ConnectionId) {
    // What was handed over first holds no contest; it waits for the word all the same.
    let handed_over = match &draft.connection.state {
        State::Registering | State::InDoubt(_) => !draft.connection.wishes.unsettled,
        State::Registered(_) => draft.connection.cut_off().is_none(),
        _ => false,
    };
    if !draft.drop_contest(by) && !handed_over {
        return;
    }
    draft.settle(&[Problem::Contested]);
    draft.record(What::ContestOpen { with: by });
    if matches!(draft.connection.state, State::Registered(_)) {
        return may_be_cut_off(draft);
    }
    draft.connection.wishes.unsettled = true;
    if draft.connection.effect.is_none() {
        apply_wish(draft);
    }
}

/// Why a pair is held back after a contest that nobody could settle.
const NEVER_FOUND_OUT: &str = "the same user consented to the same application at the same time, as the connection that \
                               the history names, and which of the two consents lives was never found out; where that one \
                               is registered and its database gets data, this pair is of no use, and a new consent here \
                               would cut that one off; where it is not, use the pair all the same with `handover retry`";

/// The database was registered with a chain of which nobody will ever know by itself whether it lives.
pub(super) fn may_be_cut_off(draft: &mut Draft<'_>) {
    may_have_lost(
        draft,
        "the same user consented to the same application at the same time, and which of the two consents lives was never \
         found out",
    );
}

/// The database was registered with an older consent than the last one over its own link.
pub(super) fn cut_off_by_own_consent(draft: &mut Draft<'_>) {
    may_have_lost(
        draft,
        "its customer consented again before it was registered, which became known only now and ended the older chain if \
         it was the same user",
    );
}

fn may_have_lost(draft: &mut Draft<'_>, why: &str) {
    if draft.connection.cut_off().is_some() {
        return;
    }
    if let State::Registered(done) = &mut draft.connection.state {
        done.authorisation_uncertain = true;
        done.to_alarm = true;
        let segment = done.segment.clone();
        let text = format!(
            "the database `{segment}` may have lost its authorisation: {why}; look whether it still gets data",
        );
        draft.attention(Problem::AuthorisationLost, text);
        draft.record(What::AuthorisationUncertain { segment });
    }
}

fn wish_superseded(draft: &mut Draft<'_>, by: ConnectionId) {
    if draft.connection.wishes.superseded_by.replace(by) != Some(by) {
        draft.record(What::Wished {
            wish: format!("superseded by {by}"),
        });
    }
}

/// What was heard while an effect was under way.
pub(super) fn apply_wish(draft: &mut Draft<'_>) {
    if matches!(draft.connection.state, State::Registering | State::InDoubt(_)) {
        return;
    }
    if std::mem::take(&mut draft.connection.wishes.unsettled) {
        consent::hold_pair(draft, NEVER_FOUND_OUT);
    }
    if let Some(by) = draft.connection.wishes.superseded_by.take() {
        superseded(draft, by, false);
        asks::note_unreachable(draft);
    }
}
