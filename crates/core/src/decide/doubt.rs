//! Settling what may have succeeded.

use super::{
    Why,
    attempt::{self, Made},
    draft::Draft,
};
use crate::{
    agenda,
    connection::{Doubt, State},
    event::{LookUpAnswer, Settlement, What},
    ids::EffectId,
    registration::later,
};

/// "Absent" settles a doubt when it was heard so often.
const ABSENT_SETTLES: u32 = 2;

pub(super) fn looked_up(draft: &mut Draft<'_>, of: EffectId, answer: LookUpAnswer) -> Result<(), Why> {
    let State::InDoubt(doubt) = &draft.connection.state else {
        return Err(Why::DoesNotApply);
    };
    let mut doubt = doubt.clone();
    if doubt.attempt != of {
        return Err(Why::OtherAttempt);
    }
    // Two look-ups that were made at the same time are one, but for what they find.
    if let (LookUpAnswer::Absent | LookUpAnswer::Unclear, Some(at)) = (&answer, agenda::look_up_at(&doubt))
        && draft.now < at
    {
        return Err(Why::NotDue { at });
    }
    doubt.looked = doubt.looked.saturating_add(1);
    doubt.looked_at = Some(draft.now);
    match answer {
        LookUpAnswer::Found(segment) => {
            draft.record(What::LookedUp { answer: "found".into() });
            attempt::register(draft, segment, Made::ByCurrent);
        }
        LookUpAnswer::Absent => absent(draft, doubt)?,
        LookUpAnswer::Unclear => {
            draft.to(
                State::InDoubt(doubt),
                What::LookedUp {
                    answer: "no clear answer".into(),
                },
            );
        }
    }
    Ok(())
}

fn absent(draft: &mut Draft<'_>, mut doubt: Doubt) -> Result<(), Why> {
    // Without a rule nobody knows when "absent" begins to count.
    let rule = doubt.look_up.ok_or(Why::DoesNotApply)?;
    let counts = draft.now >= later(doubt.since, rule.delay());
    doubt.absent = doubt.absent.saturating_add(u32::from(counts));
    let answer = if counts { "absent" } else { "absent, too early to count" };
    let settled = doubt.absent >= ABSENT_SETTLES;
    draft.to(State::InDoubt(doubt), What::LookedUp { answer: answer.into() });
    if settled {
        attempt::fail(draft, "the attempt left no database".into(), rule.pair_if_absent);
    }
    Ok(())
}

pub(super) fn settled(draft: &mut Draft<'_>, settlement: Settlement) -> Result<(), Why> {
    match (settlement, &draft.connection.state) {
        (Settlement::Registered(segment), State::InDoubt(_)) => attempt::register(draft, segment, Made::ByCurrent),
        (Settlement::Registered(segment), _) => attempt::register(draft, segment, Made::ByAnyAttempt),
        (Settlement::NotRegistered { pair }, State::InDoubt(_)) => {
            attempt::fail(draft, "settled by a person: not registered".into(), pair);
        }
        (Settlement::NotRegistered { .. }, _) => return Err(Why::NothingToDo),
    }
    Ok(())
}
