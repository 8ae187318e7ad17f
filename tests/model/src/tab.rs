//! Two consents in two tabs: the callback, from the claim to who it was.

use std::time::Duration;

use handover_core::{
    application::PlatformKind,
    chain::order,
    connection::{Identity, News, PairKey, Problem, Tidings},
    decide::FIRST_GENERATION,
    event::{Brought, Event},
    ids::{AuthorisationId, EffectId},
    registration::later,
};

use crate::{
    model::{Action, EXCHANGING, Protocol},
    outside::{self, Answer},
    state::{Call, Process, State},
    worker::LEASE,
};

/// One call takes so long, so that of two that follow each other one is the later.
const TICK: Duration = Duration::from_secs(1);

impl Protocol {
    pub(crate) fn tab_acts(&self, state: &State, who: usize, process: &Process, acts: &mut Vec<Action>) {
        match process {
            Process::Idle if state.left.consents > 0 => {
                acts.extend((0..state.connections.len()).map(|of| Action::Consent { who, of }));
            }
            Process::Claimed { until, .. } if state.now < *until => acts.push(Action::SendCode { who }),
            Process::Sent { .. } => {
                for answer in EXCHANGING {
                    if !answer.is_fault() || state.left.faults > 0 {
                        acts.push(Action::AnswerCode { who, answer: *answer });
                    }
                }
            }
            Process::Claimed { .. } => acts.push(Action::Die { who }),
            Process::Knows { .. } => {
                acts.push(Action::Store { who });
                if state.left.faults > 0 {
                    acts.push(Action::StoreFails { who });
                }
            }
            Process::Idle | Process::Ready { .. } => {}
        }
        if !matches!(process, Process::Idle) && state.left.crashes > 0 {
            acts.push(Action::Crash { who });
        }
    }

    /// A code comes back over the connection's link: it is exchanged only if the claim is written.
    pub(crate) fn consent(&self, state: &mut State, who: usize, of: usize) -> Option<()> {
        let link = state.connections.get(of)?.link.clone()?;
        let effect = EffectId::new(state.now, u128::from(state.effects));
        let authorisation = AuthorisationId::from_digest(&[state.effects.saturating_add(1); 32]);
        let until = later(state.now, LEASE);
        let claim = Event::ConsentArrived {
            effect,
            authorisation: authorisation.clone(),
            link: link.hash,
            lease_ends_at: until,
        };
        self.write(state, of, claim).ok()?;
        state.effects = state.effects.saturating_add(1);
        state.left.consents = state.left.consents.checked_sub(1)?;
        *state.processes.get_mut(who)? = Process::Claimed {
            of,
            effect,
            call: Call::Exchange(authorisation),
            until,
        };
        Some(())
    }

    pub(crate) fn send_code(state: &mut State, who: usize) -> Option<()> {
        let process = std::mem::replace(state.processes.get_mut(who)?, Process::Idle);
        let Process::Claimed {
            of,
            effect,
            call: Call::Exchange(authorisation),
            ..
        } = process
        else {
            return None;
        };
        *state.processes.get_mut(who)? = Process::Sent {
            of,
            effect,
            authorisation,
            sent_at: state.now,
        };
        state.now = later(state.now, TICK);
        Some(())
    }

    /// The platform exchanges the code, or not; the process hears of it, or not.
    pub(crate) fn answer_code(state: &mut State, who: usize, answer: Answer) -> Option<()> {
        let process = std::mem::replace(state.processes.get_mut(who)?, Process::Idle);
        let Process::Sent {
            of,
            effect,
            authorisation,
            sent_at,
        } = process
        else {
            return None;
        };
        if answer.is_fault() {
            state.left.faults = state.left.faults.checked_sub(1)?;
        }
        if matches!(answer, Answer::Done | Answer::DoneAnswerLost) {
            state.platform.exchange(&authorisation);
        }
        let outcome = if answer == Answer::Done {
            Event::Received(Brought {
                effect,
                pair: PairKey {
                    authorisation,
                    generation: FIRST_GENERATION,
                },
                sent_at,
                answered_at: state.now,
                expires_in: None,
                platform: PlatformKind::ExactOnline,
                client_id: outside::client(),
            })
        } else {
            Event::ExchangeFailed {
                effect,
                problem: Problem::ConsentFailed,
                reason: String::new(),
                unclear: answer != Answer::Refused,
            }
        };
        state.now = later(state.now, TICK);
        *state.processes.get_mut(who)? = Process::Knows { of, outcome };
        Some(())
    }

    /// The platform tells who consented; the place of the chain is written with it, if nobody has taken it meanwhile.
    pub(crate) fn identify(&self, state: &mut State, of: usize) -> Option<()> {
        let connection = state.connections.get(of)?.clone();
        let chain = connection.chain.as_ref()?;
        let key = chain.identity_key(USER);
        let order = order(key, chain.claimed(connection.id), state.holder.clone());
        let event = Event::Identified {
            authorisation: chain.authorisation.clone(),
            identity: identity(),
            standing: order.standing,
        };
        self.write(state, of, event).ok()?;
        if let Some(claim) = order.claim {
            state.holder = Some(claim.held);
        }
        Some(())
    }
}

const USER: &str = "user";

/// Who consents, on every connection.
pub fn identity() -> Identity {
    Identity {
        user: USER.into(),
        name: String::new(),
    }
}

/// The place of the teller's chain, which is dead, goes to the hearer's, if nobody has taken it since.
pub fn hand_back(state: &mut State, hearer: usize, tidings: &Tidings) {
    let held = |holder: &handover_core::ports::Claimed| tidings.of.as_ref() == Some(&holder.authorisation);
    let (News::Released { .. }, true) = (&tidings.news, state.holder.as_ref().is_some_and(held)) else {
        return;
    };
    if let Some(hearer) = state.connections.get(hearer)
        && let Some(chain) = &hearer.chain
    {
        state.holder = Some(chain.claimed(hearer.id));
    }
}
