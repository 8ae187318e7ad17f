//! Three connections of one user, and what a platform and a worker do to them.

use std::time::Duration;

use handover_core::{
    agenda::{self, Step, Task},
    application::PlatformKind,
    chain::{Order, order},
    connection::{Cause, Connection, EffectKind, Identity, News, OpenLink, PairKey, Problem, State, Tidings, Upkeep},
    decide::{create, decide},
    event::{Actor, Event, Outcome},
    ids::{AuthorisationId, ConnectionId, EffectId, LinkHash},
    ports::{Claimed, IdentityKey, RefreshRefusal},
    registration::{ChannelKind, Due},
};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::{
    moves::START,
    world::{LEASE, brought, digest, request},
};

#[derive(Debug, Clone, Copy)]
pub enum Move {
    Wait(u16),
    Consent(usize),
    /// The exchange under way is answered.
    Answer(usize),
    Identify(usize),
    Rotate(usize),
    Rotated(usize, End),
    /// The first of the tidings is told. `noted`: its teller lives to write that down.
    Tell(usize, bool),
    Wake(usize),
    Register(usize),
    Cancel(usize),
    OpenLink(usize),
}

#[derive(Debug, Clone, Copy)]
pub enum End {
    Pair,
    Unharmed,
    Broken,
    Lost,
}

pub fn moves() -> impl Strategy<Value = Move> {
    let of = || 0_usize..3;
    let ends = prop_oneof![Just(End::Pair), Just(End::Unharmed), Just(End::Broken), Just(End::Lost)];
    prop_oneof![
        3 => prop_oneof![Just(1_u16), Just(5), Just(601), Just(1_081), Just(4_000)].prop_map(Move::Wait),
        4 => of().prop_map(Move::Consent),
        4 => of().prop_map(Move::Answer),
        5 => of().prop_map(Move::Identify),
        3 => of().prop_map(Move::Rotate),
        3 => (of(), ends).prop_map(|(of, end)| Move::Rotated(of, end)),
        6 => (of(), prop::bool::weighted(0.8)).prop_map(|(of, noted)| Move::Tell(of, noted)),
        2 => of().prop_map(Move::Wake),
        1 => of().prop_map(Move::Register),
        1 => of().prop_map(Move::Cancel),
        2 => of().prop_map(Move::OpenLink),
    ]
}

/// Three connections, and who is known to hold the user's live chain.
pub struct Town {
    pub now: Timestamp,
    pub connections: Vec<Connection>,
    holder: Option<Claimed>,
    counter: u128,
}

impl Town {
    pub fn new() -> Self {
        let now = Timestamp::from_second(START).unwrap();
        let connections = (0..3).map(|n| {
            let link = open_link(n, now);
            let due = Due::AfterConsent { seconds: 0 };
            let request = request(ChannelKind::Http, due, Upkeep::default(), link);
            create(ConnectionId::new(now, n + 1), request, &Actor::Callback, now)
                .unwrap()
                .connection
        });
        Self {
            now,
            connections: connections.collect(),
            holder: None,
            counter: 100,
        }
    }

    fn effect(&mut self) -> EffectId {
        self.counter += 1;
        EffectId::new(self.now, self.counter)
    }

    /// Says whether it was accepted.
    fn apply(&mut self, of: usize, event: Event) -> bool {
        match decide(&self.connections[of], event, &Actor::Worker, self.now) {
            Ok(decision) => {
                self.connections[of] = decision.connection;
                true
            }
            Err(_) => false,
        }
    }

    pub fn play(&mut self, step: Move) {
        let lease_ends_at = self.now + LEASE;
        match step {
            Move::Wait(seconds) => self.now += Duration::from_secs(seconds.into()),
            Move::OpenLink(of) => {
                self.counter += 1;
                let link = open_link(self.counter, self.now);
                self.apply(of, Event::LinkOpened(link));
            }
            Move::Consent(of) => {
                let effect = self.effect();
                let Some(link) = self.connections[of].link.clone() else {
                    return;
                };
                let event = Event::ConsentArrived {
                    effect,
                    authorisation: AuthorisationId::from_digest(&digest(self.counter)),
                    link: link.hash,
                    lease_ends_at,
                };
                self.apply(of, event);
            }
            Move::Answer(of) => self.answer(of),
            Move::Identify(of) => self.identify(of),
            Move::Rotate(of) => {
                let effect = self.effect();
                let Some(into) = self.connections[of].next_pair() else {
                    return;
                };
                let event = Event::RotationBegun {
                    effect,
                    into,
                    lease_ends_at,
                };
                self.apply(of, event);
            }
            Move::Rotated(of, end) => self.rotated(of, end),
            Move::Tell(of, noted) => self.tell(of, noted),
            Move::Wake(of) => {
                self.apply(of, Event::Woke);
            }
            Move::Register(of) => self.register(of),
            Move::Cancel(of) => {
                self.apply(of, Event::CancelAsked);
            }
        }
    }

    fn answer(&mut self, of: usize) {
        let Some(effect) = self.connections[of].effect.clone() else {
            return;
        };
        if let EffectKind::Exchange { authorisation } = effect.kind {
            let pair = PairKey {
                authorisation,
                generation: 1,
            };
            let mut brought = brought(effect.id, pair, effect.began_at, Some(600));
            brought.answered_at = self.now;
            self.apply(of, Event::Received(brought));
        }
    }

    /// As `Desk::identify` does.
    fn identify(&mut self, of: usize) {
        let connection = &self.connections[of];
        let Some(chain) = connection.chain.clone() else { return };
        let key = IdentityKey {
            platform: PlatformKind::ExactOnline,
            client_id: chain.client_id.clone(),
            user: "u".into(),
        };
        let Order { standing, claim } = order(key, chain.claimed(connection.id), self.holder.clone());
        let event = Event::Identified {
            authorisation: chain.authorisation,
            identity: Identity {
                user: "u".into(),
                name: "n".into(),
            },
            standing,
        };
        if self.apply(of, event) && claim.is_some() {
            self.holder = claim.map(|claim| claim.held);
        }
    }

    fn rotated(&mut self, of: usize, end: End) {
        let Some(effect) = self.connections[of].effect.clone() else {
            return;
        };
        let EffectKind::Rotation { into, .. } = effect.kind else {
            return;
        };
        let refusal = match end {
            End::Pair => {
                let brought = brought(effect.id, into, self.now, Some(600));
                self.apply(of, Event::Received(brought));
                return;
            }
            End::Unharmed => RefreshRefusal::Unharmed,
            End::Broken => RefreshRefusal::ChainBroken,
            End::Lost => RefreshRefusal::Unclear,
        };
        let event = Event::RotationFailed {
            effect: effect.id,
            refusal,
            problem: Problem::PlatformUnavailable,
            reason: "no".into(),
        };
        self.apply(of, event);
    }

    /// As `Desk::tell` does: what the other refuses for good is told all the same.
    fn tell(&mut self, of: usize, noted: bool) {
        let Some(tidings) = self.connections[of].to_tell.first().cloned() else {
            return;
        };
        let hearer = self.index(tidings.to);
        let event = Event::Heard {
            chain: tidings.chain.clone(),
            news: tidings.news.clone(),
        };
        if matches!(tidings.news, News::Overtaken { .. }) {
            self.identify(hearer);
        }
        if self.apply(hearer, event) {
            self.hand_back(hearer, &tidings);
        }
        if noted {
            self.apply(of, Event::Told(tidings));
        }
    }

    fn hand_back(&mut self, hearer: usize, tidings: &Tidings) {
        let held = self.holder.as_ref().map(|holder| &holder.authorisation);
        if let News::Released { .. } = tidings.news
            && held == tidings.of.as_ref()
        {
            let hearer = &self.connections[hearer];
            self.holder = hearer.chain.as_ref().map(|chain| chain.claimed(hearer.id));
        }
    }

    fn register(&mut self, of: usize) {
        let effect = self.effect();
        let event = Event::AttemptBegun {
            effect,
            by: handover_core::connection::Attempter::Worker,
            lease_ends_at: self.now + LEASE,
            look_up: None,
            accept_unknown_identity: false,
        };
        let connection = &self.connections[of];
        let live = self.holder.as_ref().map(|holder| &holder.authorisation);
        if live != connection.chain.as_ref().map(|chain| &chain.authorisation) {
            return;
        }
        self.apply(of, event);
    }

    /// Its attempt succeeds.
    pub fn registered(&mut self, of: usize) {
        let attempt = self.connections[of].effect.as_ref().unwrap().id;
        let registered = Event::AttemptEnded {
            effect: attempt,
            outcome: Outcome::Registered {
                segment: "acme".parse().unwrap(),
            },
        };
        assert!(self.apply(of, registered));
    }

    fn index(&self, id: ConnectionId) -> usize {
        self.connections
            .iter()
            .position(|connection| connection.id == id)
            .unwrap()
    }

    /// Who has the earlier one of two contested chains waits for a word of the later one: either that one is still to
    /// settle it, or what became of it is on its way.
    pub fn nobody_waits_in_vain(&self) {
        for waiting in &self.connections {
            let ours = waiting.chain.as_ref().map(|chain| &chain.authorisation);
            for contest in waiting.contests.iter().filter(|contest| !contest.ours_is_later) {
                let other = &self.connections[self.index(contest.with.connection)];
                let settles = other
                    .contests
                    .iter()
                    .any(|theirs| theirs.ours_is_later && Some(&theirs.with.authorisation) == ours)
                    && other.chain.as_ref().map(|chain| &chain.authorisation) == Some(&contest.with.authorisation);
                let comes = |from: &Connection, to: &Connection, chain: Option<&AuthorisationId>| {
                    from.to_tell
                        .iter()
                        .any(|tidings| tidings.to == to.id && Some(&tidings.chain) == chain)
                };
                let asked = comes(waiting, other, Some(&contest.with.authorisation));
                let told = comes(other, waiting, ours);
                assert!(
                    settles || asked || told,
                    "invariant_nobody_waits_for_a_word_that_never_comes: {waiting:#?} {other:#?}"
                );
            }
        }
    }

    /// Where two exchanges met, their order does not tell which chain lives: a rotation does.
    pub fn what_met_is_ended_by_a_rotation_only(&self) {
        for ended in &self.connections {
            let State::Reauthorize(Cause::Superseded { by: Some(by) }) = &ended.state else {
                continue;
            };
            let (ours, theirs) = (&ended.chain, &self.connections[self.index(*by)].chain);
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                assert!(
                    ours.answered_at < theirs.sent_at || theirs.generation > 1,
                    "invariant_what_met_is_ended_by_a_rotation_only: {ended:#?}"
                );
            }
        }
    }

    /// What is held back for a contest is so on both sides, or will be.
    pub fn settle(&mut self) {
        for _ in 0..400 {
            let due = (0..3).find(|of| !matches!(agenda::step(&self.connections[*of], self.now), Step::Rest(_)));
            let Some(of) = due else {
                if self.connections.iter().all(|connection| connection.contests.is_empty()) {
                    return;
                }
                let next = self
                    .connections
                    .iter()
                    .filter_map(|one| agenda::next_wake(one, self.now))
                    .min();
                self.now = next.unwrap();
                continue;
            };
            match agenda::step(&self.connections[of], self.now) {
                Step::Decide(_) => self.play(Move::Wake(of)),
                Step::Perform(Task::Tell) => self.play(Move::Tell(of, true)),
                Step::Perform(Task::Rotate) => {
                    self.play(Move::Rotate(of));
                    self.play(Move::Rotated(of, End::Pair));
                }
                Step::Perform(Task::AskIdentity) => self.play(Move::Identify(of)),
                Step::Perform(Task::Register) => {
                    self.play(Move::Identify(of));
                    self.play(Move::Register(of));
                }
                Step::Perform(_) | Step::Rest(_) => {}
            }
        }
        panic!("invariant_every_contest_ends: {:#?}", self.connections);
    }
}

fn open_link(n: u128, now: Timestamp) -> OpenLink {
    OpenLink {
        hash: LinkHash::from_digest(&digest(n)),
        expires_at: now + Duration::from_secs(7 * 86_400),
    }
}
