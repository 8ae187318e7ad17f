//! One connection, and what happened around it.

use std::time::Duration;

use handover_core::{
    agenda::{self, Step, Task},
    application::{Lifetimes, PlatformKind},
    chain::Standing,
    connection::{
        Attempter, Connection, Contest, EffectKind, Identity, LookUpRule, News, OpenLink, PairFate, PairKey, Problem,
        Request, State, Status, Upkeep,
    },
    decide::{Why, create, decide},
    event::{Actor, Brought, Event, LookUpAnswer, Outcome, Record, Settlement},
    ids::{AuthorisationId, ConnectionId, EffectId, LinkHash},
    ports::Claimed,
    registration::{ChannelKind, Due, Registration},
};
use jiff::Timestamp;

use crate::{
    books::Books,
    invariants,
    moves::{Fate, Heard, How, Move, Place, START},
};

/// How long an effect may be under way.
pub const LEASE: Duration = Duration::from_secs(180);

/// A rotation that was begun.
pub struct Rotation {
    pub effect: EffectId,
    pub into: PairKey,
    pub began_at: Timestamp,
    /// Told once, and the same ever after.
    pub fate: Option<Fate>,
}

pub struct World {
    pub now: Timestamp,
    pub connection: Connection,
    /// Newest first, as `which` counts.
    pub links: Vec<LinkHash>,
    pub exchanges: Vec<(EffectId, AuthorisationId, Timestamp)>,
    pub attempts: Vec<EffectId>,
    pub rotations: Vec<Rotation>,
    pub books: Books,
    /// What the last step added to the history.
    pub records: Vec<Record>,
    counter: u128,
}

pub fn digest(n: u128) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&n.to_le_bytes());
    bytes
}

pub fn request(kind: ChannelKind, due: Due, upkeep: Upkeep, link: OpenLink) -> Request {
    Request {
        reference: "Acme".parse().unwrap(),
        application: "exact-nl".parse().unwrap(),
        lifetimes: Lifetimes::EXACT_ONLINE,
        upkeep,
        registration: Registration {
            channel: "invantive".parse().unwrap(),
            kind,
            due,
            database: "acme".parse().unwrap(),
        },
        return_url: None,
        link,
    }
}

impl World {
    /// A connection that waits for its first consent; its pairs are renewed.
    pub fn new(kind: ChannelKind, due: Due) -> Self {
        Self::renewing(kind, due, Some(3)).unwrap()
    }

    /// Likewise; `None` when the due time cannot be reached.
    pub fn renewing(kind: ChannelKind, due: Due, renew_days: Option<u32>) -> Option<Self> {
        let now = Timestamp::from_second(START).unwrap();
        let link = LinkHash::from_digest(&digest(0));
        let upkeep = Upkeep {
            renew_days,
            ..Upkeep::default()
        };
        let open = OpenLink {
            hash: link.clone(),
            expires_at: now + Duration::from_secs(7 * 86_400),
        };
        let request = request(kind, due, upkeep, open);
        let decision = create(ConnectionId::new(now, 1), request, &Actor::Person("test".into()), now).ok()?;
        Some(Self {
            now,
            connection: decision.connection,
            links: vec![link],
            exchanges: Vec::new(),
            attempts: Vec::new(),
            rotations: Vec::new(),
            books: Books::default(),
            records: Vec::new(),
            counter: 100,
        })
    }

    /// One whose consent has brought a pair and told who gave it. `told`: the access token's life.
    pub fn authorized(kind: ChannelKind, due_after: u64, told: u32) -> Self {
        let mut world = Self::new(kind, Due::AfterConsent { seconds: due_after });
        world.consent(told);
        world
    }

    /// A consent over the newest link that goes well.
    pub fn consent(&mut self, told: u32) {
        self.play(&Move::Consent { link_of: 0 });
        self.play(&Move::Exchange {
            which: 0,
            told: Some(told),
        });
        self.play(&Move::Identify(Place::Alone));
    }

    pub fn status(&self) -> Status {
        self.connection.state.status()
    }

    /// The last generation of the pair that is kept.
    pub fn generation(&self) -> Option<u32> {
        self.connection.pair.as_ref().map(|pair| pair.key.generation)
    }

    fn effect(&mut self) -> EffectId {
        self.counter += 1;
        EffectId::new(self.now, self.counter)
    }

    /// Plays one move. A refusal changes nothing, and is told.
    pub fn play(&mut self, step: &Move) -> Option<Why> {
        let event = self.event(step)?;
        let before = self.connection.clone();
        let decision = match decide(&before, event.clone(), &Actor::Worker, self.now) {
            Ok(decision) => decision,
            Err(refused) => {
                invariants::of_a_refusal(&before, &event, &refused.why);
                return Some(refused.why);
            }
        };
        invariants::of_a_step(&before, &event, &decision, self.now);
        self.books.write(&before, &event, &decision, self.now);
        self.connection = decision.connection;
        self.records = decision.records;
        invariants::of_a_connection(&self.connection, &self.books, self.now);
        None
    }

    fn event(&mut self, step: &Move) -> Option<Event> {
        let lease_ends_at = self.now + LEASE;
        Some(match step {
            Move::Wait(seconds) => {
                self.now += Duration::from_secs(u64::from(*seconds));
                return None;
            }
            Move::WaitForTheAgenda => {
                let next = agenda::next_wake(&self.connection, self.now)?;
                self.now = self.now.max(next.min(self.now + Duration::from_secs(40 * 86_400)));
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
                let pair = PairKey {
                    authorisation,
                    generation: 1,
                };
                Event::Received(brought(effect, pair, sent_at, *told))
            }
            Move::FailExchange { which, unclear } => Event::ExchangeFailed {
                effect: self.exchanges.get(usize::from(*which))?.0,
                problem: Problem::ConsentFailed,
                reason: "refused".into(),
                unclear: *unclear,
            },
            Move::Identify(place) => Event::Identified {
                authorisation: self.connection.pair.as_ref()?.key.authorisation.clone(),
                identity: Identity {
                    user: "u".into(),
                    name: "n".into(),
                },
                standing: match place {
                    Place::Alone => Standing::Alone,
                    Place::After(other) => Standing::After(self.other(*other)),
                    Place::Before(other) => Standing::Before(self.other(*other)),
                    Place::Contested { with, ours_is_later } => Standing::Contested(Contest {
                        with: self.other(*with),
                        ours_is_later: *ours_is_later,
                    }),
                },
            },
            Move::MissIdentity => Event::NotIdentified {
                authorisation: self.connection.pair.as_ref()?.key.authorisation.clone(),
                reason: "503".into(),
            },
            Move::Hear { of, told, by } => self.heard(*of, *told, *by)?,
            Move::Tell { which } => Event::Told(self.connection.to_tell.get(usize::from(*which))?.clone()),
            Move::Obstruct(problem) => Event::NotReady {
                of: match agenda::step(&self.connection, self.now) {
                    Step::Perform(task) => Some(task),
                    _ => None,
                },
                problem: *problem,
                reason: "no profile".into(),
            },
            Move::NeedFreshAccess => Event::FreshAccessTokenNeeded,
            Move::Rotate => {
                let into = self.connection.next_pair()?;
                let effect = self.effect();
                self.rotations.insert(
                    0,
                    Rotation {
                        effect,
                        into: into.clone(),
                        began_at: self.now,
                        fate: None,
                    },
                );
                Event::RotationBegun {
                    effect,
                    into,
                    lease_ends_at,
                }
            }
            Move::Rotation { which, fate } => self.rotation_ended(usize::from(*which), *fate)?,
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
            Move::End { which, how } => Event::AttemptEnded {
                effect: *self.attempts.get(usize::from(*which))?,
                outcome: outcome(*how),
            },
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
            Move::Forget => Event::ForgetAsked,
            Move::Alarm => Event::Alarmed,
            Move::Erase => Event::Erased {
                to: self.connection.erase_to?,
            },
        })
    }

    /// The chain of another connection of the same user.
    fn other(&self, which: u8) -> Claimed {
        Claimed {
            connection: ConnectionId::new(Timestamp::UNIX_EPOCH, u128::from(which) + 2),
            authorisation: AuthorisationId::from_digest(&[200 + which; 32]),
            sent_at: self.now,
            answered_at: self.now,
        }
    }

    /// News for the chain of the last consent but `of`.
    fn heard(&self, of: u8, told: Heard, by: u8) -> Option<Event> {
        let other = self.other(by);
        let chain = match of {
            0 => self.connection.chain.as_ref()?.authorisation.clone(),
            _ => self.exchanges.get(usize::from(of))?.1.clone(),
        };
        let news = match told {
            Heard::Superseded { by_rotation } => News::Superseded {
                by: other.connection,
                by_rotation,
            },
            Heard::Contested { ours_is_later } => News::Contested(Contest {
                with: other,
                ours_is_later,
            }),
            Heard::Released => News::Released { by: other.connection },
            Heard::Overtaken => News::Overtaken {
                was: other.connection,
                by: self.other(by.wrapping_add(1)).connection,
            },
            Heard::Unsettled => News::Unsettled { by: other.connection },
        };
        Some(Event::Heard { chain, news })
    }

    /// The outcome of a rotation that was really begun, now or long ago.
    fn rotation_ended(&mut self, which: usize, fate: Fate) -> Option<Event> {
        let Rotation {
            effect, into, began_at, ..
        } = self.rotations.get(which)?;
        if !self.books.was_begun(*effect) {
            return None;
        }
        let (effect, into, began_at) = (*effect, into.clone(), *began_at);
        let fate = *self.rotations[which].fate.get_or_insert(fate);
        Some(match (fate, fate.refusal()) {
            (_, Some(refusal)) => Event::RotationFailed {
                effect,
                refusal,
                problem: Problem::PlatformUnavailable,
                reason: "said no".into(),
            },
            (Fate::Pair { told }, None) => Event::Received(brought(effect, into, began_at, told)),
            (_, None) => return None,
        })
    }

    /// Does what is due until nothing is, as sweeper and worker would with a healthy world; says how often it woke.
    pub fn settle(&mut self) -> u32 {
        for round in 0..400 {
            match agenda::step(&self.connection, self.now) {
                Step::Rest(None) => return round,
                Step::Rest(Some(at)) if waits_for_a_person(&self.connection) && at > self.now => return round,
                Step::Rest(Some(at)) => self.now = at,
                Step::Decide(_) => {
                    assert_eq!(self.play(&Move::Wake), None, "invariant_what_is_due_is_accepted");
                }
                Step::Perform(Task::Retire) => return round,
                Step::Perform(task) => self.perform(task),
            }
        }
        panic!("invariant_everything_comes_to_rest: {:?}", self.connection);
    }

    /// Does a task with everything going well.
    pub fn perform(&mut self, task: Task) {
        match task {
            Task::AskIdentity => {
                self.play(&Move::Identify(Place::Alone));
            }
            Task::LookUp => {
                let attempt = self.connection.open_attempt().unwrap();
                let which = self.attempts.iter().position(|id| *id == attempt).unwrap();
                self.play(&Move::LookUp {
                    which: u8::try_from(which).unwrap(),
                    answer: 1,
                });
            }
            Task::Rotate => {
                assert_eq!(self.play(&Move::Rotate), None, "invariant_what_is_due_is_accepted");
                self.play(&Move::Rotation {
                    which: 0,
                    fate: Fate::Pair { told: Some(600) },
                });
            }
            Task::Register => {
                self.play(&Move::Identify(Place::Alone));
                let begin = Move::Begin {
                    person: false,
                    look_up: false,
                    unknown: true,
                };
                assert_eq!(self.play(&begin), None, "invariant_what_is_due_is_accepted");
                self.play(&Move::End {
                    which: 0,
                    how: How::Registered,
                });
            }
            Task::Tell => {
                self.play(&Move::Tell { which: 0 });
            }
            Task::Alarm => {
                assert_eq!(self.play(&Move::Alarm), None);
            }
            Task::Erase => {
                self.play(&Move::Erase);
            }
            Task::Retire => {}
        }
    }
}

/// A pair that came with an answer a second after it was asked for.
pub fn brought(effect: EffectId, pair: PairKey, sent_at: Timestamp, expires_in: Option<u32>) -> Brought {
    Brought {
        effect,
        pair,
        sent_at,
        answered_at: sent_at + Duration::from_secs(1),
        expires_in,
        platform: PlatformKind::ExactOnline,
        client_id: "client".parse().unwrap(),
    }
}

fn outcome(how: How) -> Outcome {
    let refused = |pair| Outcome::Refused {
        reason: "no".into(),
        pair,
    };
    match how {
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
    }
}

/// Nothing more happens by itself, but for reminders and renewals.
fn waits_for_a_person(connection: &Connection) -> bool {
    let look_up = matches!(&connection.state, State::InDoubt(doubt) if doubt.look_up.is_some());
    connection.effect.is_none()
        && connection.link.is_none()
        && !look_up
        && connection.state.status() != Status::Authorized
        && !connection.state.status().is_final()
        && connection.to_tell.is_empty()
}

/// Whether a rotation is under way.
pub fn is_rotating(connection: &Connection) -> bool {
    let kind = connection.effect.as_ref().map(|effect| &effect.kind);
    matches!(kind, Some(EffectKind::Rotation { .. }))
}
