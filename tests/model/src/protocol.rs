//! Writing: the production rule, a version that must be the current one, the vault's share, and the books.

use std::sync::atomic::Ordering::Relaxed;

use handover_core::{
    connection::{Connection, EffectKind, State as Stands},
    decide::{Decision, FIRST_GENERATION, Why, decide},
    event::{Actor, Event, What},
    ids::EffectId,
};

use crate::{
    breaks::Break,
    held::Held,
    model::Protocol,
    promises::Promise,
    state::{Process, State},
};

impl Protocol {
    /// Applies `event` to the current version.
    pub fn write(&self, state: &mut State, of: usize, event: Event) -> Result<(), Why> {
        let current = state.connections.get(of).cloned().ok_or(Why::DoesNotApply)?;
        self.write_over(state, of, &current, event)
    }

    /// Applies `event` to the version that was `read`, and puts it in the place of whatever stands there.
    pub fn write_over(&self, state: &mut State, of: usize, read: &Connection, event: Event) -> Result<(), Why> {
        let mut decision = decide(read, event.clone(), &Actor::Worker, state.now).map_err(|refused| refused.why)?;
        if let Some(broken) = self.broken {
            broken.mutate(read, &mut decision);
        }
        self.may_be_written(state, &decision)?;
        self.note(read, &event, &decision, state);
        for gone in &decision.destroy {
            state.vault.retain(|kept| kept != gone);
        }
        if let Some(kept) = decision.keep {
            if state.vault.contains(&kept) {
                state.breaks(Promise::NothingReceivedIsLost);
            }
            state.vault.push(kept);
        }
        if let Some(place) = state.connections.get_mut(of) {
            *place = Held::new(decision.connection);
        }
        self.make_stale(state, of);
        Ok(())
    }

    /// The condition that an attempt's claim carries.
    fn may_be_written(&self, state: &State, decision: &Decision) -> Result<(), Why> {
        let Some(required) = &decision.requires else {
            return Ok(());
        };
        let held = state.holder.as_ref().map(|holder| &holder.authorisation);
        if held == Some(&required.authorisation) || self.broken == Some(Break::IgnoreRequires) {
            return Ok(());
        }
        self.happened.place_lost.store(true, Relaxed);
        Err(Why::DoesNotApply)
    }

    /// Whoever has read the connection before has no current version any more.
    fn make_stale(&self, state: &mut State, written: usize) {
        if self.broken == Some(Break::ClaimWithoutRevision) {
            return;
        }
        for process in &mut state.processes {
            if let Process::Ready { of, seen, .. } = process
                && *of == written
            {
                *seen = None;
            }
        }
    }

    fn note(&self, before: &Connection, event: &Event, decision: &Decision, state: &mut State) {
        let after = &decision.connection;
        let wakes = after.wake_at.is_some();
        if !after.state.status().is_final() && !wakes {
            state.breaks(Promise::NothingIsForgotten);
        }
        let ended = before.effect.is_some() && after.effect.is_none();
        let wished = before.wishes.cancel && matches!(after.state, Stands::Cancelled);
        if ended && wished {
            self.happened.wish_applied.store(true, Relaxed);
        }
        if let Event::Received(brought) = event {
            let dropped = decision.records.iter().any(|record| {
                matches!(
                    record.what,
                    What::PairDropped { .. } | What::Cancelled | What::Superseded { .. }
                )
            });
            let kept = decision.keep.as_ref() == Some(&brought.pair);
            if !kept && (!dropped || is_wanted(before, brought.effect)) {
                state.breaks(Promise::NothingReceivedIsLost);
            }
            if kept && recovery(before) == Some(brought.effect) {
                self.happened.recovered.store(true, Relaxed);
            }
        }
        if let Event::AttemptBegun { .. } = event {
            registers_the_live_chain(before, state);
        }
    }
}

/// A pair of the very rotation or exchange that is under way, or whose intent is open, and that nobody gave up.
fn is_wanted(before: &Connection, effect: EffectId) -> bool {
    let given_up = before.wishes.cancel || before.wishes.superseded_by.is_some();
    let under_way = before.effect.as_ref().is_some_and(|open| open.id == effect);
    let intent = before.pair.as_ref().and_then(|pair| pair.open_intent.as_ref());
    !given_up && (under_way || intent.is_some_and(|intent| intent.effect == effect))
}

fn recovery(connection: &Connection) -> Option<EffectId> {
    let open = connection.effect.as_ref()?;
    matches!(open.kind, EffectKind::Rotation { recovers: Some(_), .. }).then_some(open.id)
}

/// An attempt begins: its chain has to be known as the live one, and not to be contested by one that it knows of.
fn registers_the_live_chain(ours: &Connection, state: &mut State) {
    let Some(chain) = &ours.chain else { return };
    let holds = state
        .holder
        .as_ref()
        .is_some_and(|holder| holder.authorisation == chain.authorisation);
    let contested = state.connections.iter().any(|other| {
        let Some(theirs) = other.chain.as_ref().filter(|_| other.id != ours.id) else {
            return false;
        };
        let apart = theirs.answered_at < chain.sent_at || chain.answered_at < theirs.sent_at;
        let untold = other.to_tell.iter().any(|tidings| tidings.to == ours.id);
        let as_exchanged = [&other.pair, &ours.pair].iter().all(|pair| {
            pair.as_ref()
                .is_some_and(|pair| pair.key.generation == FIRST_GENERATION)
        });
        !apart && !untold && as_exchanged && other.identity.is_some()
    });
    if !holds || contested {
        state.breaks(Promise::OnlyTheLiveChain);
    }
}
