//! Connections of one user: news reach whom they concern, and nobody waits for a word that never comes.

use std::time::Duration;

use handover_core::{
    agenda::{self, Step, Task},
    application::PlatformKind,
    chain::{Order, order},
    connection::{
        Cause, Connection, EffectKind, Identity, News, OpenLink, PairKey, Problem, State, Status, Tidings, Upkeep,
    },
    decide::{Why, create, decide},
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
enum Move {
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
enum End {
    Pair,
    Unharmed,
    Broken,
    Lost,
}

fn moves() -> impl Strategy<Value = Move> {
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
struct Town {
    now: Timestamp,
    connections: Vec<Connection>,
    holder: Option<Claimed>,
    counter: u128,
}

impl Town {
    fn new() -> Self {
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

    fn play(&mut self, step: Move) {
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
    fn registered(&mut self, of: usize) {
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
    fn nobody_waits_in_vain(&self) {
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
    fn what_met_is_ended_by_a_rotation_only(&self) {
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
    fn settle(&mut self) {
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

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn invariant_nobody_waits_for_a_word_that_never_comes(steps in prop::collection::vec(moves(), 0..60)) {
        let mut town = Town::new();
        for step in steps {
            town.play(step);
            town.nobody_waits_in_vain();
            town.what_met_is_ended_by_a_rotation_only();
        }
        let before = town.now;
        town.settle();
        prop_assert!(town.now < before + Duration::from_secs(2 * 86_400), "within days, not weeks");
    }
}

/// Two consents of one user whose exchanges were under way at the same time: the second is the later one.
fn overlapping() -> Town {
    let mut town = Town::new();
    for step in [
        Move::Consent(0),
        Move::Wait(1),
        Move::Consent(1),
        Move::Wait(1),
        Move::Answer(0),
        Move::Answer(1),
    ] {
        town.play(step);
    }
    town
}

/// The same, and both know it.
fn contested() -> Town {
    let mut town = overlapping();
    for step in [Move::Identify(0), Move::Identify(1), Move::Tell(1, true)] {
        town.play(step);
    }
    for of in [0, 1] {
        assert_eq!(town.connections[of].contests.len(), 1);
    }
    town
}

#[test]
fn neither_of_two_contested_chains_is_registered_until_the_later_was_rotated() {
    let mut town = contested();
    town.play(Move::Register(1));
    assert_eq!(town.connections[1].state.status(), Status::Authorized);
    town.play(Move::Wait(601));
    town.play(Move::Rotate(1));
    town.play(Move::Rotated(1, End::Pair));
    town.play(Move::Tell(1, true));
    let by = town.connections[1].id;
    let superseded = State::Reauthorize(Cause::Superseded { by: Some(by) });
    assert_eq!(town.connections[0].state, superseded);
    town.play(Move::Register(1));
    assert_eq!(town.connections[1].state.status(), Status::Registering);
}

#[test]
fn the_earlier_of_two_contested_chains_lives_if_the_later_one_is_dead() {
    let mut town = contested();
    town.play(Move::Wait(601));
    town.play(Move::Rotate(1));
    town.play(Move::Rotated(1, End::Broken));
    assert_eq!(town.connections[1].state.status(), Status::Reauthorize);
    town.play(Move::Tell(1, true));
    assert!(town.connections[0].contests.is_empty() && town.connections[0].attention.is_none());
    town.play(Move::Register(0));
    assert_eq!(
        town.connections[0].state.status(),
        Status::Registering,
        "the place was handed back"
    );
}

/// Three consents of one user. The first one's exchange met the second, and the third as well if `it_met_the_third`; that
/// one came after the second.
fn three(it_met_the_third: bool) -> Town {
    let mut town = Town::new();
    let (wait, third) = (Move::Wait(1), [Move::Consent(2), Move::Wait(1)]);
    let mut steps = vec![Move::Consent(0), wait, Move::Consent(1), wait, Move::Answer(1), wait];
    if it_met_the_third {
        steps.extend(third);
        steps.push(Move::Answer(0));
    } else {
        steps.extend([Move::Answer(0), wait]);
        steps.extend(third);
    }
    steps.push(Move::Answer(2));
    steps.into_iter().for_each(|step| town.play(step));
    town
}

/// The third is known last, and ends the second; that one says so to the first.
fn overtake(town: &mut Town) {
    for step in [
        Move::Identify(1),
        Move::Tell(1, true),
        Move::Identify(2),
        Move::Tell(2, true),
    ] {
        town.play(step);
    }
    let by = Some(town.connections[2].id);
    assert_eq!(town.connections[1].state, State::Reauthorize(Cause::Superseded { by }));
    assert!(matches!(town.connections[1].to_tell[0].news, News::Overtaken { .. }));
    town.play(Move::Tell(1, true));
}

#[test]
fn a_third_chain_ends_the_first_only_where_it_came_after_that_as_well() {
    let mut town = three(false);
    town.play(Move::Identify(0));
    overtake(&mut town);
    let by = Some(town.connections[2].id);
    assert_eq!(town.connections[0].state, State::Reauthorize(Cause::Superseded { by }));

    let mut town = three(true);
    town.play(Move::Identify(0));
    overtake(&mut town);
    let [first, _, third] = &town.connections[..] else {
        panic!("there are three")
    };
    assert_eq!(
        (first.state.status(), first.contests[0].with.connection),
        (Status::Authorized, third.id)
    );
    let problem = first.attention.as_ref().map(|attention| attention.problem);
    assert_eq!(problem, Some(Problem::Contested), "the third is left");
    assert!(matches!(&first.to_tell[0].news, News::Contested(contest) if contest.ours_is_later));
}

#[test]
fn a_rotation_ends_all_that_it_was_contested_with_and_what_those_were() {
    let mut town = Town::new();
    let exchanges = [0, 1, 2]
        .map(Move::Consent)
        .into_iter()
        .flat_map(|consent| [consent, Move::Wait(1)]);
    let known = [
        Move::Identify(0),
        Move::Identify(1),
        Move::Tell(1, true),
        Move::Identify(2),
        Move::Tell(2, true),
    ];
    let settled = [
        Move::Wait(601),
        Move::Rotate(2),
        Move::Rotated(2, End::Pair),
        Move::Tell(2, true),
    ];
    exchanges.for_each(|step| town.play(step));
    for step in [0, 1, 2].map(Move::Answer).into_iter().chain(known).chain(settled) {
        town.play(step);
    }
    let by = town.connections[2].id;
    assert_eq!(
        town.connections[1].to_tell[0].news,
        News::Superseded { by, by_rotation: true }
    );
    town.play(Move::Tell(1, true));
    for ended in &town.connections[..2] {
        assert_eq!(ended.state, State::Reauthorize(Cause::Superseded { by: Some(by) }));
    }
}

/// Its pair is gone: it has no place to be found out by.
#[test]
fn a_registered_database_counts_as_ended_with_the_chain_that_it_met() {
    let mut town = three(true);
    town.play(Move::Identify(0));
    town.play(Move::Register(0));
    town.registered(0);
    overtake(&mut town);
    let done = town.connections[0].cut_off().unwrap();
    assert_eq!(done.superseded_by, Some(town.connections[2].id));
}

#[test]
fn what_is_being_registered_hears_of_the_third_one_what_that_ones_rotation_shows() {
    for (end, superseded_by) in [(End::Pair, Some(2)), (End::Broken, None)] {
        let mut town = three(true);
        town.play(Move::Identify(0));
        town.play(Move::Register(0));
        overtake(&mut town);
        town.registered(0);
        assert_eq!(town.connections[0].cut_off(), None);
        let settled = [
            Move::Tell(0, true),
            Move::Wait(601),
            Move::Rotate(2),
            Move::Rotated(2, end),
            Move::Tell(2, true),
        ];
        settled.into_iter().for_each(|step| town.play(step));
        let by = superseded_by.map(|index: usize| town.connections[index].id);
        assert_eq!(town.connections[0].cut_off().and_then(|done| done.superseded_by), by);
    }
}

#[test]
fn a_contest_that_cannot_be_settled_any_more_is_a_persons() {
    let mut town = contested();
    town.play(Move::Cancel(1));
    town.play(Move::Tell(1, true));
    assert_eq!(town.connections[0].state.status(), Status::Failed);
    assert_eq!(
        town.connections[0]
            .attention
            .as_ref()
            .map(|attention| attention.problem),
        Some(Problem::PairUncertain)
    );
}

/// The earlier one is registered before the later one is known, which is given up before its rotation.
#[test]
fn a_registered_database_that_may_have_lost_its_authorisation_is_told_of() {
    for given_up_first in [true, false] {
        let mut town = overlapping();
        town.play(Move::Identify(0));
        town.play(Move::Register(0));
        let unsettled = [
            Move::Identify(1),
            Move::Tell(1, true),
            Move::Cancel(1),
            Move::Tell(1, true),
        ];
        if given_up_first {
            unsettled.into_iter().for_each(|step| town.play(step));
            town.registered(0);
        } else {
            town.registered(0);
            unsettled.into_iter().for_each(|step| town.play(step));
        }
        let attention = town.connections[0].attention.as_ref().unwrap();
        assert_eq!(attention.problem, Problem::AuthorisationLost);
        assert!(attention.text.contains("may have lost"), "{}", attention.text);
    }
}

#[test]
fn a_registered_database_raises_no_alarm_while_the_later_one_may_still_be_dead() {
    let mut town = overlapping();
    town.play(Move::Identify(0));
    town.play(Move::Register(0));
    town.registered(0);
    for step in [Move::Identify(1), Move::Tell(1, true)] {
        town.play(step);
    }
    assert_eq!(town.connections[0].cut_off(), None);
    for step in [
        Move::Wait(601),
        Move::Rotate(1),
        Move::Rotated(1, End::Broken),
        Move::Tell(1, true),
    ] {
        town.play(step);
    }
    assert_eq!(town.connections[0].cut_off(), None);
}

#[test]
fn what_was_told_is_told_and_nothing_else() {
    let mut connection = Town::new().connections.swap_remove(0);
    let tidings = |to: u8| Tidings {
        to: ConnectionId::new(connection.created_at, to.into()),
        chain: AuthorisationId::from_digest(&digest(to.into())),
        of: None,
        news: News::Released { by: connection.id },
    };
    let (one, two) = (tidings(1), tidings(2));
    connection.to_tell = vec![one.clone(), two.clone()];
    let told = |connection: &Connection, tidings| {
        decide(connection, Event::Told(tidings), &Actor::Worker, connection.created_at)
    };
    let after = told(&connection, one.clone()).unwrap().connection;
    assert_eq!(after.to_tell, [two]);
    assert_eq!(told(&after, one).unwrap_err().why, Why::NothingToDo);
}

/// The later one is registered, or being registered, before the earlier one is known: which of them lives nobody finds
/// out any more.
#[test]
fn a_database_of_the_later_of_two_contested_consents_is_told_of_too() {
    for registered_first in [true, false] {
        let mut town = overlapping();
        town.play(Move::Identify(1));
        town.play(Move::Register(1));
        if registered_first {
            town.registered(1);
        }
        town.play(Move::Identify(0));
        town.play(Move::Tell(0, true));
        if !registered_first {
            town.registered(1);
        }
        assert_eq!(town.connections[1].state.status(), Status::Registered);
        let done = town.connections[1].cut_off().unwrap();
        assert_eq!(done.superseded_by, None, "only perhaps");
        town.play(Move::Tell(1, true));
        assert_eq!(
            town.connections[0].state.status(),
            Status::Failed,
            "held back for a person"
        );
    }
}

#[test]
fn a_registered_database_that_lost_its_authorisation_is_told_loudly() {
    let mut town = Town::new();
    for step in [Move::Consent(0), Move::Answer(0), Move::Identify(0), Move::Register(0)] {
        town.play(step);
    }
    town.registered(0);
    for step in [
        Move::Wait(5),
        Move::Consent(1),
        Move::Answer(1),
        Move::Identify(1),
        Move::Tell(1, true),
    ] {
        town.play(step);
    }
    let attention = town.connections[0].attention.as_ref().unwrap();
    assert_eq!(attention.problem, Problem::AuthorisationLost);
    assert!(attention.text.contains("acme"), "{}", attention.text);
}
