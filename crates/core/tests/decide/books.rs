//! What really happened: kept apart from the connection, and compared with it.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use handover_core::{
    connection::{Connection, EffectKind, PairKey, State},
    decide::Decision,
    event::{Event, Outcome, What},
    ids::EffectId,
    ports::RefreshRefusal,
};
use jiff::Timestamp;

/// From one presentation of a connection's refresh tokens to the next: the platform's earliest refresh and its margin.
const APART: Duration = Duration::from_secs(600);

#[derive(Default)]
pub struct Books {
    /// Pairs that the vault holds.
    pub sealed: HashSet<PairKey>,
    /// Pairs that it has ever held.
    kept: HashSet<PairKey>,
    /// Places that were ever given to a pair.
    allotted: HashSet<PairKey>,
    begun: HashSet<EffectId>,
    /// Rotations that have presented a pair's refresh token.
    presented: HashMap<PairKey, Vec<EffectId>>,
    /// Of these: those that the platform said had left it unharmed.
    harmless: HashSet<EffectId>,
    /// When rotations were claimed.
    claims: Vec<Timestamp>,
    /// Attempts that may have reached Invantive Cloud and succeeded, and the pairs that were handed over with them.
    possible: HashMap<EffectId, PairKey>,
}

impl Books {
    pub fn was_begun(&self, effect: EffectId) -> bool {
        self.begun.contains(&effect)
    }

    /// Presentations of `pair` that may have counted.
    fn spent_by(&self, pair: &PairKey) -> Vec<EffectId> {
        let presented = self.presented.get(pair).into_iter().flatten();
        presented
            .filter(|effect| !self.harmless.contains(effect))
            .copied()
            .collect()
    }

    /// Notes what an accepted decision does, and holds it against what was done before.
    pub fn write(&mut self, before: &Connection, event: &Event, decision: &Decision, now: Timestamp) {
        match event {
            Event::ConsentArrived {
                effect, authorisation, ..
            } => {
                self.begun.insert(*effect);
                self.allot(PairKey {
                    authorisation: authorisation.clone(),
                    generation: 1,
                });
            }
            Event::RotationBegun { effect, .. } => {
                self.begun.insert(*effect);
                self.present(before, decision, now);
            }
            Event::RotationFailed {
                effect,
                refusal: RefreshRefusal::Unharmed,
                ..
            } => {
                self.harmless.insert(*effect);
            }
            Event::Received(brought) => self.receive(before, &brought.pair, decision),
            Event::AttemptBegun { effect, .. } => self.hand_over(before, *effect),
            // What surely had no effect, or was refused, or was settled as absent, may be followed by another.
            Event::AttemptEnded { effect, outcome } if !matches!(outcome, Outcome::Unanswered { .. }) => {
                self.possible.remove(effect);
            }
            Event::Settled(_) => self.possible.clear(),
            Event::LookedUp { attempt, .. } if !matches!(decision.connection.state, State::InDoubt(_)) => {
                self.possible.remove(attempt);
            }
            _ => {}
        }
        self.vault(decision);
    }

    fn allot(&mut self, place: PairKey) {
        assert!(
            self.allotted.insert(place.clone()),
            "invariant_a_generation_is_never_used_twice: {place:?}"
        );
    }

    fn vault(&mut self, decision: &Decision) {
        for gone in &decision.destroy {
            assert!(
                self.sealed.remove(gone),
                "invariant_only_kept_pairs_are_destroyed: {gone:?}"
            );
        }
        if let Some(kept) = &decision.keep {
            assert!(
                self.kept.insert(kept.clone()) && self.sealed.insert(kept.clone()),
                "invariant_no_generation_is_overwritten: {kept:?}"
            );
        }
    }

    fn present(&mut self, before: &Connection, decision: &Decision, now: Timestamp) {
        let Some((id, EffectKind::Rotation { from, into, recovers })) = decision
            .connection
            .effect
            .as_ref()
            .map(|effect| (effect.id, &effect.kind))
        else {
            panic!("invariant_a_claim_is_an_effect");
        };
        let status = before.state.status();
        assert!(
            matches!(
                before.state,
                State::Authorized | State::AwaitingOperator | State::Failed(_)
            ),
            "invariant_no_rotation_while_registering_in_doubt_or_done ({status})"
        );
        let pair = before.pair.as_ref().unwrap();
        assert_eq!(*from, pair.key, "invariant_the_pair_that_is_kept_is_presented");
        assert!(
            !self.possible.values().any(|handed| handed == from),
            "invariant_none_after_a_possible_hand_over: {from:?}"
        );
        let told = What::RotationBegan {
            effect: id,
            generation: into.generation,
            recovers: *recovers,
        };
        let written = decision.records.iter().any(|record| record.what == told);
        let once = match self.spent_by(from).as_slice() {
            [] => true,
            [first] => *recovers == Some(*first),
            _ => false,
        };
        assert!(
            once && written,
            "invariant_a_refresh_token_is_presented_once_but_for_one_recorded_recovery: {from:?}"
        );
        let rested = recovers.is_some() || now >= pair.answered_at + APART;
        let apart = self.claims.last().is_none_or(|last| now >= *last + APART);
        assert!(rested && apart, "invariant_a_rotation_keeps_its_distance");
        self.claims.push(now);
        self.presented.entry(from.clone()).or_default().push(id);
        self.allot(into.clone());
    }

    fn receive(&self, before: &Connection, pair: &PairKey, decision: &Decision) {
        let dropped = decision
            .records
            .iter()
            .any(|record| matches!(record.what, What::PairDropped { .. }));
        let given_up = decision.records.iter().any(|record| {
            matches!(
                record.what,
                What::Cancelled | What::Registered { .. } | What::Superseded { .. }
            )
        });
        let kept = decision.keep.as_ref() == Some(pair);
        assert!(
            kept || dropped || given_up,
            "invariant_a_received_pair_is_kept_or_dropped_with_a_record"
        );
        assert!(
            kept || given_up || !self.is_wanted(before, pair),
            "invariant_a_newer_pair_of_the_living_chain_is_welcome: {:?}",
            decision.records
        );
    }

    /// A later pair of a chain that lives, as far as anybody knows, and that waits for one.
    fn is_wanted(&self, before: &Connection, pair: &PairKey) -> bool {
        use handover_core::connection::Cause;
        let waits = match &before.state {
            State::Authorized | State::AwaitingOperator => before.pair.is_some(),
            State::Failed(failure) => before.pair.is_some() || failure.lost.is_some(),
            State::Reauthorize(cause) => matches!(cause, Cause::Lost { .. } | Cause::Expired),
            _ => false,
        };
        let of_chain = |key: &PairKey| key.authorisation == pair.authorisation;
        let newest = self
            .kept
            .iter()
            .filter(|key| of_chain(key))
            .map(|key| key.generation)
            .max();
        let current = before
            .chain
            .as_ref()
            .is_some_and(|chain| chain.authorisation == pair.authorisation);
        waits && current && Some(pair.generation) > newest
    }

    fn hand_over(&mut self, before: &Connection, effect: EffectId) {
        assert!(
            self.possible.is_empty(),
            "invariant_no_second_attempt_while_one_may_have_succeeded"
        );
        let pair = before.pair.as_ref().unwrap();
        assert!(
            self.spent_by(&pair.key).is_empty() && pair.open_intent.is_none() && before.contests.is_empty(),
            "invariant_no_attempt_while_contested_uncertain_or_stale"
        );
        self.possible.insert(effect, pair.key.clone());
    }
}
