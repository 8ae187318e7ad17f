//! Two workers, whose steps anything may come between.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use handover_core::{
    agenda::{self, Step, Task},
    connection::{Attempter, Connection, LookUpRule, PairFate, State as Stands},
    decide::Why,
    event::{Brought, Event, LookUpAnswer},
    ids::{EffectId, Segment},
    registration::{ChannelKind, later},
};

use crate::{
    breaks::Break,
    model::{Action, Protocol, SUBMITTING},
    outside::{self, Answer},
    promises::Promise,
    state::{Call, Process, State},
};

/// A lease.
pub const LEASE: Duration = Duration::from_secs(180);

impl Protocol {
    pub(crate) fn worker_acts(&self, state: &State, who: usize, process: &Process, acts: &mut Vec<Action>) {
        match process {
            Process::Idle => self.looks(state, who, acts),
            Process::Ready { .. } => acts.push(Action::Claim { who }),
            Process::Claimed { call, until, .. } => {
                let answers: &[Answer] = match call {
                    Call::Refresh { from, .. } => state.platform.answers(from),
                    Call::Submit { .. } => SUBMITTING,
                    Call::Exchange(_) => return,
                };
                // Nothing outlives its invocation: who stalls past the lease has been killed.
                if state.now >= *until && self.broken != Some(Break::SendAfterLease) {
                    return acts.push(Action::Die { who });
                }
                for answer in answers {
                    if !answer.is_fault() || state.left.faults > 0 {
                        acts.push(Action::Send { who, answer: *answer });
                    }
                }
            }
            Process::Knows { .. } => {
                acts.push(Action::Store { who });
                if state.left.faults > 0 {
                    acts.push(Action::StoreFails { who });
                }
            }
            Process::Sent { .. } => {}
        }
        if !matches!(process, Process::Idle) && state.left.crashes > 0 {
            acts.push(Action::Crash { who });
        }
    }

    /// A pointer may come for anything at any time, twice, or not at all: whoever looks finds what there is to do.
    fn looks(&self, state: &State, who: usize, acts: &mut Vec<Action>) {
        for (of, connection) in state.connections.iter().enumerate() {
            let waits_for_a_person = connection.state == Stands::AwaitingOperator && connection.effect.is_none();
            let may = match agenda::step(connection, state.now) {
                Step::Perform(Task::Rotate) => state.left.rotations > 0,
                Step::Perform(Task::Register) => state.left.submissions > 0,
                Step::Rest(_) if waits_for_a_person => state.left.submissions > 0,
                _ => false,
            };
            if may {
                acts.push(Action::Look { who, of });
            }
        }
    }

    pub(crate) fn look(&self, state: &mut State, who: usize, of: usize) -> Option<()> {
        let connection = state.connections.get(of)?.clone();
        let rotates = agenda::step(&connection, state.now) == Step::Perform(Task::Rotate);
        let ready = Process::Ready {
            of,
            rotates,
            seen: Some(connection.clone()),
        };
        if self.broken == Some(Break::PresentBeforeClaim) && rotates {
            present_at_once(state, &connection)?;
        }
        *state.processes.get_mut(who)? = ready;
        Some(())
    }

    pub(crate) fn claim(&self, state: &mut State, who: usize) -> Option<()> {
        let process = std::mem::replace(state.processes.get_mut(who)?, Process::Idle);
        let Process::Ready { of, rotates, seen } = process else {
            return None;
        };
        // Somebody else wrote first: the message is done with.
        let Some(seen) = seen else {
            self.happened.claim_lost.store(true, Relaxed);
            return Some(());
        };
        let effect = EffectId::new(state.now, u128::from(state.effects));
        let until = later(state.now, LEASE);
        let (event, call) = if rotates {
            let (from, into) = (seen.pair.as_ref()?.key.clone(), seen.next_pair()?);
            let recovers = seen.pair.as_ref()?.open_intent.as_ref().map(|intent| intent.effect);
            let event = Event::RotationBegun {
                effect,
                into: into.clone(),
                lease_ends_at: until,
            };
            (event, Call::Refresh { from, into, recovers })
        } else {
            let pair = seen.pair.as_ref()?.key.clone();
            let event = Event::AttemptBegun {
                effect,
                by: match seen.registration.kind {
                    ChannelKind::Http => Attempter::Worker,
                    ChannelKind::Assisted => Attempter::Person("operator".into()),
                },
                lease_ends_at: until,
                look_up: Some(LookUpRule {
                    delay_seconds: 900,
                    pair_if_absent: PairFate::Unspent,
                }),
                accept_unknown_identity: false,
            };
            (event, Call::Submit { pair })
        };
        if self.write_over(state, of, &seen, event).is_err() {
            return Some(());
        }
        state.effects = state.effects.saturating_add(1);
        let left = &mut state.left;
        let bound = if rotates {
            &mut left.rotations
        } else {
            &mut left.submissions
        };
        *bound = bound.checked_sub(1)?;
        *state.processes.get_mut(who)? = Process::Claimed {
            of,
            effect,
            call,
            until,
        };
        Some(())
    }

    pub(crate) fn send(&self, state: &mut State, who: usize, answer: Answer) -> Option<()> {
        let process = std::mem::replace(state.processes.get_mut(who)?, Process::Idle);
        let Process::Claimed { of, effect, call, .. } = process else {
            return None;
        };
        if answer.is_fault() {
            state.left.faults = state.left.faults.checked_sub(1)?;
        }
        let outcome = match call {
            // Presented before its claim, by a break.
            Call::Refresh { .. } if self.broken == Some(Break::PresentBeforeClaim) => outside::unclear(effect),
            Call::Refresh { from, into, recovers } => outside::present(state, effect, (&from, &into), recovers, answer),
            Call::Submit { pair } => outside::submit(state, of, effect, &pair, answer),
            Call::Exchange(_) => return None,
        };
        *state.processes.get_mut(who)? = Process::Knows { of, outcome };
        Some(())
    }

    /// What is known is written.
    pub(crate) fn store(&self, state: &mut State, who: usize) -> Option<()> {
        let process = std::mem::replace(state.processes.get_mut(who)?, Process::Idle);
        let Process::Knows { of, outcome } = process else {
            return None;
        };
        // While another rotation is under way a pair comes again.
        if let Err(Why::UnderWay { .. }) = self.write(state, of, outcome.clone()) {
            self.rescue(state, of, outcome);
        }
        Some(())
    }

    /// The table takes nothing until the process ends: a pair goes to the rescue queue, and what else is known is lost.
    pub(crate) fn store_fails(&self, state: &mut State, who: usize) -> Option<()> {
        let process = std::mem::replace(state.processes.get_mut(who)?, Process::Idle);
        let Process::Knows { of, outcome } = process else {
            return None;
        };
        state.left.faults = state.left.faults.checked_sub(1)?;
        self.rescue(state, of, outcome);
        Some(())
    }

    fn rescue(&self, state: &mut State, of: usize, outcome: Event) {
        let Event::Received(brought) = outcome else { return };
        if self.broken == Some(Break::NoRescue) {
            state.breaks(Promise::NothingReceivedIsLost);
        } else {
            state.rescued.push((of, brought, false));
        }
    }

    /// A rescue message is delivered. It stays if it has to come back, or if the queue delivers it twice.
    pub(crate) fn bring_home(&self, state: &mut State, which: usize, again: bool) -> Option<()> {
        let (of, brought, before) = state.rescued.get(which)?.clone();
        let kept = |state: &State, brought: &Brought| state.vault.contains(&brought.pair);
        match self.write(state, of, Event::Received(brought.clone())) {
            Err(Why::UnderWay { .. }) => return None,
            Ok(()) if kept(state, &brought) => self.happened.came_home.store(true, Relaxed),
            Ok(()) | Err(_) => {}
        }
        if again {
            state.left.duplicates = state.left.duplicates.checked_sub(1)?;
            state.rescued.get_mut(which)?.2 = true;
        } else {
            state.rescued.remove(which);
        }
        (!again || !before).then_some(())
    }

    /// Looks up the attempt in doubt. Invantive tells the truth.
    pub(crate) fn look_up(&self, state: &mut State, of: usize) -> Option<()> {
        let Stands::InDoubt(doubt) = &state.connections.get(of)?.state else {
            return None;
        };
        let attempt = doubt.attempt;
        let made = state.submitted.iter().any(|one| one.by == attempt && one.accepted);
        let answer = if made {
            LookUpAnswer::Found(Segment::forgotten())
        } else {
            LookUpAnswer::Absent
        };
        self.write(state, of, Event::LookedUp { attempt, answer }).ok()
    }

    /// Tells the next connection what became of its chain, and notes that it was told.
    pub(crate) fn tell(&self, state: &mut State, of: usize, noted: bool) -> Option<()> {
        let teller = state.connections.get(of)?.clone();
        let tidings = teller.to_tell.first()?.clone();
        let hearer = state.connections.iter().position(|one| one.id == tidings.to)?;
        let event = Event::Heard {
            chain: tidings.chain.clone(),
            news: tidings.news.clone(),
        };
        if self.write(state, hearer, event).is_ok() {
            crate::tab::hand_back(state, hearer, &tidings);
        }
        if noted {
            let _ = self.write(state, of, Event::Told(tidings));
        } else {
            state.left.crashes = state.left.crashes.checked_sub(1)?;
        }
        Some(())
    }

    /// A process that was killed at the end of its invocation.
    pub(crate) fn die(state: &mut State, who: usize) -> Option<()> {
        *state.processes.get_mut(who)? = Process::Idle;
        Some(())
    }

    /// The worker takes what is in doubt for not sent: a break.
    pub(crate) fn retry_after_doubt(&self, state: &mut State, of: usize) -> Option<()> {
        use handover_core::event::Settlement;
        let settled = Settlement::NotRegistered {
            pair: PairFate::Unspent,
        };
        self.write(state, of, Event::Settled(settled)).ok()?;
        self.write(state, of, Event::RetryAsked).ok()
    }
}

/// The token goes out on the strength of what was read, and no answer comes.
fn present_at_once(state: &mut State, read: &Connection) -> Option<()> {
    let pair = read.pair.as_ref()?;
    let recovers = pair.open_intent.as_ref().map(|intent| intent.effect);
    let effect = EffectId::new(state.now, u128::from(state.effects));
    let _ = outside::present(state, effect, (&pair.key, &read.next_pair()?), recovers, Answer::Lost);
    Some(())
}
