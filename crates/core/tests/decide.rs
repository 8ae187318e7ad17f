//! Random sequences of events against the table of decisions, with named invariants after every step.
//!
//! The test keeps books of its own: which pairs are sealed, which attempts were begun and what became of them. The
//! invariants compare them with what the connection says.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

use std::{collections::HashSet, time::Duration};

use handover_core::{
    agenda::{self, Step, Task},
    application::Lifetimes,
    connection::{
        Attempter, Connection, EffectKind, Identity, LookUpRule, OpenLink, PairFate, PairKey, Problem, Request, State,
        Status,
    },
    decide::{Decision, create, decide},
    event::{Actor, Event, LookUpAnswer, Outcome, Settlement},
    ids::{AuthorisationId, ConnectionId, EffectId, LinkHash},
    registration::{ChannelKind, Due, Registration},
};
use jiff::Timestamp;
use proptest::prelude::*;

/// What may happen next. Numbers choose among what has been: an open effect, or one of long ago.
#[derive(Debug, Clone)]
enum Move {
    Wait(u32),
    Wake,
    OpenLink,
    Consent { link_of: u8 },
    RefuseConsent,
    Exchange { which: u8, told: Option<u32> },
    FailExchange { which: u8, unclear: bool },
    Identify,
    MissIdentity,
    Obstruct,
    Begin { person: bool, look_up: bool, unknown: bool },
    End { which: u8, how: How },
    LookUp { which: u8, answer: u8 },
    Cancel,
    Reschedule(u32),
    Retry,
    Settle { registered: bool, unspent: bool },
}

#[derive(Debug, Clone, Copy)]
enum How {
    Registered,
    RefusedSpent,
    RefusedUnspent,
    RefusedUnknown,
    NotSent,
    Unanswered,
}

fn moves() -> impl Strategy<Value = Move> {
    let how = prop_oneof![
        Just(How::Registered),
        Just(How::RefusedSpent),
        Just(How::RefusedUnspent),
        Just(How::RefusedUnknown),
        Just(How::NotSent),
        Just(How::Unanswered),
    ];
    prop_oneof![
        4 => prop_oneof![1_u32..600, 600_u32..90_000, 90_000_u32..3_000_000].prop_map(Move::Wait),
        4 => Just(Move::Wake),
        1 => Just(Move::OpenLink),
        3 => (0_u8..3).prop_map(|link_of| Move::Consent { link_of }),
        1 => Just(Move::RefuseConsent),
        4 => (0_u8..4, proptest::option::of(1_u32..4_000)).prop_map(|(which, told)| Move::Exchange { which, told }),
        1 => (0_u8..4, any::<bool>()).prop_map(|(which, unclear)| Move::FailExchange { which, unclear }),
        2 => Just(Move::Identify),
        1 => Just(Move::MissIdentity),
        1 => Just(Move::Obstruct),
        4 => (any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(person, look_up, unknown)| Move::Begin { person, look_up, unknown }),
        4 => (0_u8..4, how).prop_map(|(which, how)| Move::End { which, how }),
        2 => (0_u8..3, 0_u8..3).prop_map(|(which, answer)| Move::LookUp { which, answer }),
        1 => Just(Move::Cancel),
        1 => (0_u32..4_000_000).prop_map(Move::Reschedule),
        1 => Just(Move::Retry),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(registered, unspent)| Move::Settle { registered, unspent }),
    ]
}

struct World {
    now: Timestamp,
    connection: Connection,
    /// Newest first, as `which` counts.
    links: Vec<LinkHash>,
    exchanges: Vec<(EffectId, AuthorisationId, Timestamp)>,
    attempts: Vec<EffectId>,
    /// Pairs that the vault holds.
    sealed: HashSet<PairKey>,
    /// Attempts that may have reached Invantive Cloud and succeeded.
    possible: HashSet<EffectId>,
    counter: u128,
}

const START: i64 = 1_900_000_000;

fn digest(n: u128) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&n.to_le_bytes());
    bytes
}

impl World {
    fn new(kind: ChannelKind, due: Due) -> Option<Self> {
        let now = Timestamp::from_second(START).unwrap();
        let link = LinkHash::from_digest(&digest(0));
        let request = Request {
            reference: "Acme".parse().unwrap(),
            application: "exact-nl".parse().unwrap(),
            lifetimes: Lifetimes::EXACT_ONLINE,
            registration: Registration {
                channel: "invantive".parse().unwrap(),
                kind,
                due,
                database: "acme".parse().unwrap(),
            },
            return_url: None,
            link: OpenLink {
                hash: link.clone(),
                expires_at: now + Duration::from_secs(7 * 86_400),
            },
        };
        let decision = create(ConnectionId::new(now, 1), request, &Actor::Person("test".into()), now).ok()?;
        Some(Self {
            now,
            connection: decision.connection,
            links: vec![link],
            exchanges: Vec::new(),
            attempts: Vec::new(),
            sealed: HashSet::new(),
            possible: HashSet::new(),
            counter: 100,
        })
    }

    fn effect(&mut self) -> EffectId {
        self.counter += 1;
        EffectId::new(self.now, self.counter)
    }

    fn event(&mut self, step: &Move) -> Option<Event> {
        let lease_ends_at = self.now + Duration::from_secs(180);
        Some(match step {
            Move::Wait(seconds) => {
                self.now += Duration::from_secs(u64::from(*seconds));
                return None;
            }
            Move::Wake => Event::Woke,
            Move::OpenLink => {
                self.counter += 1;
                let hash = LinkHash::from_digest(&digest(self.counter));
                self.links.insert(0, hash.clone());
                Event::LinkOpened(OpenLink {
                    hash,
                    expires_at: self.now + Duration::from_secs(7 * 86_400),
                })
            }
            Move::Consent { link_of } => {
                let link = self.links.get(usize::from(*link_of))?.clone();
                let effect = self.effect();
                let authorisation = AuthorisationId::from_digest(&digest(self.counter));
                self.exchanges.insert(0, (effect, authorisation.clone(), self.now));
                Event::ConsentArrived {
                    effect,
                    authorisation,
                    link,
                    lease_ends_at,
                }
            }
            Move::RefuseConsent => Event::ConsentRefused {
                error: "access_denied".into(),
            },
            Move::Exchange { which, told } => {
                let (effect, authorisation, sent_at) = self.exchanges.get(usize::from(*which))?.clone();
                Event::Exchanged {
                    effect,
                    authorisation,
                    sent_at,
                    answered_at: sent_at,
                    expires_in: *told,
                }
            }
            Move::FailExchange { which, unclear } => Event::ExchangeFailed {
                effect: self.exchanges.get(usize::from(*which))?.0,
                problem: Problem::ConsentFailed,
                reason: "refused".into(),
                unclear: *unclear,
            },
            Move::Identify => Event::Identified {
                authorisation: self.connection.pair.as_ref()?.key.authorisation.clone(),
                identity: Identity {
                    user: "u".into(),
                    name: "n".into(),
                },
                replaces: None,
            },
            Move::MissIdentity => Event::NotIdentified {
                authorisation: self.connection.pair.as_ref()?.key.authorisation.clone(),
                reason: "503".into(),
            },
            Move::Obstruct => Event::NotReady {
                problem: Problem::Configuration,
                reason: "no profile".into(),
            },
            Move::Begin {
                person,
                look_up,
                unknown,
            } => {
                let effect = self.effect();
                self.attempts.insert(0, effect);
                let rule = LookUpRule {
                    delay_seconds: 900,
                    pair_if_absent: PairFate::Unspent,
                };
                Event::AttemptBegun {
                    effect,
                    by: if *person {
                        Attempter::Person("p".into())
                    } else {
                        Attempter::Worker
                    },
                    lease_ends_at,
                    look_up: look_up.then_some(rule),
                    accept_unknown_identity: *unknown,
                }
            }
            Move::End { which, how } => {
                let effect = *self.attempts.get(usize::from(*which))?;
                let refused = |pair| Outcome::Refused {
                    reason: "no".into(),
                    pair,
                };
                let outcome = match how {
                    How::Registered => Outcome::Registered {
                        segment: "acme".parse().unwrap(),
                    },
                    How::RefusedSpent => refused(PairFate::Spent),
                    How::RefusedUnspent => refused(PairFate::Unspent),
                    How::RefusedUnknown => refused(PairFate::Unknown),
                    How::NotSent => Outcome::NotSent {
                        reason: "refused".into(),
                        problem: Problem::ChannelUnavailable,
                    },
                    How::Unanswered => Outcome::Unanswered { reason: "cut".into() },
                };
                Event::AttemptEnded { effect, outcome }
            }
            Move::LookUp { which, answer } => Event::LookedUp {
                attempt: *self.attempts.get(usize::from(*which))?,
                answer: match answer {
                    0 => LookUpAnswer::Found("acme".parse().unwrap()),
                    1 => LookUpAnswer::Absent,
                    _ => LookUpAnswer::Unclear,
                },
            },
            Move::Cancel => Event::CancelAsked,
            Move::Reschedule(seconds) => Event::RescheduleAsked(Due::AfterConsent {
                seconds: u64::from(*seconds),
            }),
            Move::Retry => Event::RetryAsked,
            Move::Settle { registered, unspent } => Event::Settled(if *registered {
                Settlement::Registered("acme".parse().unwrap())
            } else {
                Settlement::NotRegistered {
                    pair: if *unspent { PairFate::Unspent } else { PairFate::Unknown },
                }
            }),
        })
    }

    fn play(&mut self, step: &Move) {
        let Some(event) = self.event(step) else { return };
        let before = self.connection.clone();
        let Ok(decision) = decide(&before, event.clone(), &Actor::Worker, self.now) else {
            return;
        };
        self.invariants_of_a_step(&before, &event, &decision);
        for gone in &decision.destroy {
            assert!(
                self.sealed.remove(gone),
                "invariant_only_kept_pairs_are_destroyed: {gone:?}"
            );
        }
        if let Some(kept) = &decision.keep {
            assert!(
                self.sealed.insert(kept.clone()),
                "invariant_no_generation_is_overwritten: {kept:?}"
            );
        }
        self.connection = decision.connection;
        self.invariants();
    }

    fn invariants_of_a_step(&mut self, before: &Connection, event: &Event, decision: &Decision) {
        let after = &decision.connection;
        assert_eq!(
            after.revision,
            before.revision.next(),
            "invariant_every_write_has_a_revision"
        );
        assert!(
            !decision.records.is_empty(),
            "invariant_every_write_leaves_a_record: {event:?}"
        );
        let outcome = matches!(
            event,
            Event::Exchanged { .. } | Event::ExchangeFailed { .. } | Event::AttemptEnded { .. } | Event::Woke
        );
        if let (Some(effect), false) = (&before.effect, outcome) {
            assert_eq!(
                before.state, after.state,
                "invariant_only_outcome_or_lease_moves_the_state: {event:?}"
            );
            assert_eq!(
                Some(effect),
                after.effect.as_ref(),
                "invariant_only_outcome_or_lease_ends_an_effect: {event:?}"
            );
        }
        if before.state.status().is_final() {
            assert_eq!(before.state, after.state, "invariant_final_is_final");
        }
        if let Event::AttemptBegun { effect, .. } = event {
            assert!(
                self.possible.is_empty(),
                "invariant_no_second_attempt_while_one_may_have_succeeded"
            );
            self.possible.insert(*effect);
        }
        if let Event::AttemptEnded {
            outcome: Outcome::Registered { .. },
            ..
        } = event
        {
            let status = after.state.status();
            let waits = after.effect.is_some() && after.late_success.is_some();
            assert!(
                matches!(status, Status::Registered | Status::Cancelled) || waits,
                "invariant_a_success_is_never_dropped ({status})"
            );
        }
        match event {
            // What surely had no effect, or was refused, or was settled as absent, may be followed by another.
            Event::AttemptEnded { effect, outcome } if !matches!(outcome, Outcome::Unanswered { .. }) => {
                self.possible.remove(effect);
            }
            Event::Settled(_) => self.possible.clear(),
            Event::LookedUp { attempt, .. } if !matches!(after.state, State::InDoubt(_)) => {
                self.possible.remove(attempt);
            }
            _ => {}
        }
    }

    fn invariants(&self) {
        let connection = &self.connection;
        let status = connection.state.status();
        let attempt = |kind: &EffectKind| matches!(kind, EffectKind::Attempt { .. });
        let attempting = connection.effect.as_ref().is_some_and(|effect| attempt(&effect.kind));
        assert_eq!(
            attempting,
            status == Status::Registering,
            "invariant_registering_is_an_attempt_under_way"
        );

        let kept: HashSet<_> = connection.pair.iter().map(|pair| pair.key.clone()).collect();
        assert_eq!(
            kept, self.sealed,
            "invariant_what_is_sealed_is_what_is_known ({status})"
        );

        match status {
            Status::Registered | Status::Cancelled => {
                assert!(self.sealed.is_empty(), "invariant_nothing_final_keeps_a_pair");
                assert!(
                    connection.effect.is_none() && connection.link.is_none(),
                    "invariant_final_is_closed"
                );
                assert_eq!(connection.wake_at, None, "invariant_final_sleeps");
            }
            _ => {
                assert!(
                    connection.wake_at.is_some(),
                    "invariant_nothing_is_forgotten ({status})"
                );
                assert!(
                    connection.wake_at < Some(Timestamp::MAX),
                    "invariant_nothing_is_forgotten ({status})"
                );
            }
        }
        if matches!(
            status,
            Status::Authorized | Status::AwaitingOperator | Status::Registering
        ) {
            assert!(
                connection.pair.is_some(),
                "invariant_a_registration_has_a_pair ({status})"
            );
            assert!(
                connection.due_at().is_some(),
                "invariant_an_authorised_connection_is_due_some_time"
            );
        }
        if matches!(status, Status::Invited | Status::Reauthorize) {
            assert!(
                connection.pair.is_none(),
                "invariant_no_pair_while_waiting_for_a_consent"
            );
        }
        if connection.late_success.is_some() {
            assert!(
                connection.effect.is_some(),
                "invariant_a_known_success_waits_for_an_effect_only"
            );
        }
        if let (State::InDoubt(_), Some(link)) = (&connection.state, &connection.link) {
            assert!(
                !connection.accepts_consent(&link.hash, self.now),
                "invariant_no_consent_in_doubt"
            );
        }
    }

    /// Does what is due until nothing is, as sweeper and worker would with a healthy world; says how often it woke.
    fn settle(&mut self) -> u32 {
        for round in 0..200 {
            match agenda::step(&self.connection, self.now) {
                Step::Rest(None) => return round,
                Step::Rest(Some(at)) if waits_for_a_person(&self.connection) && at > self.now => return round,
                Step::Rest(Some(at)) => self.now = at,
                Step::Decide(_) => self.play(&Move::Wake),
                Step::Perform(Task::AskIdentity) => self.play(&Move::Identify),
                Step::Perform(Task::LookUp) => {
                    let attempt = self.connection.open_attempt().unwrap();
                    let which = self.attempts.iter().position(|id| *id == attempt).unwrap();
                    self.play(&Move::LookUp {
                        which: u8::try_from(which).unwrap(),
                        answer: 1,
                    });
                }
                Step::Perform(Task::Register) => {
                    self.play(&Move::Identify);
                    self.play(&Move::Begin {
                        person: false,
                        look_up: false,
                        unknown: true,
                    });
                    self.play(&Move::End {
                        which: 0,
                        how: How::Registered,
                    });
                }
            }
        }
        panic!("invariant_everything_comes_to_rest: {:?}", self.connection);
    }
}

fn waits_for_a_person(connection: &Connection) -> bool {
    let look_up = matches!(&connection.state, State::InDoubt(doubt) if doubt.look_up.is_some());
    connection.effect.is_none()
        && connection.link.is_none()
        && !look_up
        && connection.state.status() != Status::Authorized
}

fn dues() -> impl Strategy<Value = Due> {
    prop_oneof![
        (0_u64..2_500_000).prop_map(|seconds| Due::AfterConsent { seconds }),
        (-100_000_i64..2_000_000).prop_map(|after| Due::At(Timestamp::from_second(START + after).unwrap())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_breaks_an_invariant(
        assisted in any::<bool>(),
        due in dues(),
        steps in proptest::collection::vec(moves(), 0..80),
    ) {
        let kind = if assisted { ChannelKind::Assisted } else { ChannelKind::Http };
        let mut world = World::new(kind, due).unwrap();
        world.invariants();
        for step in &steps {
            world.play(step);
        }
        world.settle();
    }

    #[test]
    fn a_healthy_world_registers(due in dues(), steps in proptest::collection::vec((0_u32..20_000).prop_map(Move::Wait), 0..4)) {
        let mut world = World::new(ChannelKind::Http, due).unwrap();
        for step in &steps {
            world.play(step);
        }
        world.play(&Move::Consent { link_of: 0 });
        world.play(&Move::Exchange { which: 0, told: Some(600) });
        world.settle();
        prop_assert_eq!(world.connection.state.status(), Status::Registered);
        prop_assert_eq!(world.connection.attempts, 1);
    }
}

#[test]
fn a_time_that_no_pair_can_reach_is_refused() {
    assert!(World::new(ChannelKind::Http, Due::AfterConsent { seconds: 30 * 86_400 }).is_none());
    assert!(
        World::new(
            ChannelKind::Http,
            Due::AfterConsent {
                seconds: 30 * 86_400 - 1
            }
        )
        .is_some()
    );
    let beyond = Timestamp::from_second(START + 38 * 86_400).unwrap();
    assert!(World::new(ChannelKind::Http, Due::At(beyond)).is_none());
}

#[test]
fn absent_counts_after_the_delay_only_and_twice() {
    let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 0 }).unwrap();
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Exchange { which: 0, told: None });
    world.play(&Move::Identify);
    world.play(&Move::Begin {
        person: false,
        look_up: true,
        unknown: false,
    });
    world.play(&Move::End {
        which: 0,
        how: How::Unanswered,
    });
    let absent = Move::LookUp { which: 0, answer: 1 };
    for wait in [30, 1, 1] {
        world.play(&Move::Wait(wait));
        world.play(&absent);
        assert_eq!(world.connection.state.status(), Status::InDoubt);
    }
    world.play(&Move::Wait(900));
    world.play(&absent);
    assert_eq!(world.connection.state.status(), Status::InDoubt);
    world.play(&absent);
    assert_eq!(world.connection.state.status(), Status::Failed);
    assert!(
        world.connection.pair.is_some(),
        "the rule says that an absent database has not spent the pair"
    );
}

#[test]
fn a_late_success_of_the_attempt_in_doubt_registers() {
    let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 0 }).unwrap();
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Exchange { which: 0, told: None });
    world.play(&Move::Identify);
    world.play(&Move::Begin {
        person: false,
        look_up: false,
        unknown: false,
    });
    world.play(&Move::Wait(181));
    world.play(&Move::Wake);
    assert_eq!(world.connection.state.status(), Status::InDoubt);
    world.play(&Move::End {
        which: 0,
        how: How::Registered,
    });
    assert_eq!(world.connection.state.status(), Status::Registered);
}

#[test]
fn a_success_that_becomes_known_after_all_registers_and_destroys_the_pair() {
    let mut world = World::new(ChannelKind::Assisted, Due::AfterConsent { seconds: 0 }).unwrap();
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Exchange { which: 0, told: None });
    world.play(&Move::Identify);
    world.play(&Move::Wake);
    let begin = Move::Begin {
        person: true,
        look_up: false,
        unknown: false,
    };
    world.play(&begin);
    world.play(&Move::Wait(181));
    world.play(&Move::Wake);
    world.play(&Move::Settle {
        registered: false,
        unspent: true,
    });
    world.play(&Move::Retry);
    world.play(&Move::Wake);
    world.play(&begin);
    assert_eq!(world.connection.state.status(), Status::Registering);
    // The first attempt succeeded after all, while the second is under way: it waits for that one, whatever it brings.
    world.play(&Move::End {
        which: 1,
        how: How::Registered,
    });
    assert_eq!(world.connection.state.status(), Status::Registering);
    world.play(&Move::End {
        which: 0,
        how: How::NotSent,
    });
    assert_eq!(world.connection.state.status(), Status::Registered);
    assert!(world.sealed.is_empty());
}

#[test]
fn an_unclear_exchange_holds_the_older_pair_back() {
    let mut world = World::new(ChannelKind::Http, Due::AfterConsent { seconds: 0 }).unwrap();
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Exchange { which: 0, told: None });
    world.play(&Move::Identify);
    world.play(&Move::OpenLink);
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::FailExchange {
        which: 0,
        unclear: true,
    });
    assert_eq!(world.connection.state.status(), Status::Failed);
    assert!(world.connection.pair.is_some(), "it is held, not destroyed");
    world.play(&Move::Retry);
    assert_eq!(world.connection.state.status(), Status::Authorized);
}

#[test]
fn a_due_time_that_this_consent_cannot_reach_is_told_at_once() {
    let due = Due::At(Timestamp::from_second(START + 36 * 86_400).unwrap());
    let mut world = World::new(ChannelKind::Http, due).unwrap();
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Exchange { which: 0, told: None });
    let attention = world.connection.attention.as_ref().unwrap();
    assert_eq!(attention.problem, Problem::Unreachable);
}

#[test]
fn the_oem_is_told_at_seven_three_and_one_days() {
    let mut world = World::new(ChannelKind::Assisted, Due::AfterConsent { seconds: 0 }).unwrap();
    world.play(&Move::Consent { link_of: 0 });
    world.play(&Move::Exchange { which: 0, told: None });
    world.play(&Move::Identify);
    let mut told = Vec::new();
    while let Some(pair) = world.connection.pair.clone() {
        let Step::Rest(Some(at)) = agenda::step(&world.connection, world.now) else {
            world.play(&Move::Wake);
            continue;
        };
        if let Some(days) = pair.warned_days.filter(|days| told.last() != Some(days)) {
            told.push(days);
            let left = pair.refresh_ends_at.duration_since(world.now).as_secs();
            assert_eq!(left, i64::from(days) * 86_400);
        }
        world.now = at;
    }
    assert_eq!(told, [7, 3, 1]);
    assert_eq!(world.connection.state.status(), Status::Reauthorize);
}
