//! A state of the model: what the tables hold, what is in hand, and the books of the world outside.

use std::hash::{Hash, Hasher};

use handover_core::{
    connection::PairKey,
    event::{Brought, Event},
    ids::{AuthorisationId, EffectId},
    ports::Claimed,
};
use jiff::Timestamp;

use crate::{
    held::{Held, by_text},
    promises::Promise,
};

/// The model's first moment.
const START: i64 = 1_900_000_000;

/// So many seconds after the model's first moment.
pub fn after(seconds: i64) -> Timestamp {
    Timestamp::from_second(START.saturating_add(seconds)).unwrap_or(Timestamp::MAX)
}

/// What may still go wrong or be done, at most. Counts down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Processes that die between two of their steps.
    pub crashes: u8,
    /// Answers that are lost, writes that the table does not take, calls that come to nothing.
    pub faults: u8,
    /// Rescue messages that are delivered again after they were.
    pub duplicates: u8,
    /// Refresh tokens that are presented.
    pub rotations: u8,
    /// Registrations that are submitted.
    pub submissions: u8,
    /// Trips through the consent screen.
    pub consents: u8,
    /// What the operator does.
    pub acts: u8,
    /// Times that the clock goes on to the next deadline.
    pub waits: u8,
}

/// What a process is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Process {
    /// Nothing.
    Idle,
    /// A worker has read a connection and has all in hand that the claim of a rotation or an attempt needs.
    /// `seen`: what it read, while that is the current version.
    Ready {
        of: usize,
        rotates: bool,
        seen: Option<Held>,
    },
    /// Its claim stands; nothing was sent yet.
    Claimed {
        of: usize,
        effect: EffectId,
        call: Call,
        until: Timestamp,
    },
    /// An exchange was sent and not answered yet.
    Sent {
        of: usize,
        effect: EffectId,
        authorisation: AuthorisationId,
        sent_at: Timestamp,
    },
    /// It knows the outcome, which is not written yet.
    Knows { of: usize, outcome: Event },
}

/// What a claim is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Call {
    /// The code of a consent.
    Exchange(AuthorisationId),
    /// The refresh token of `from`; the new pair belongs at `into`.
    Refresh {
        from: PairKey,
        into: PairKey,
        recovers: Option<EffectId>,
    },
    /// A registration with `pair`.
    Submit { pair: PairKey },
}

/// A refresh token that was presented.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Presented {
    /// Of which pair.
    pub pair: PairKey,
    /// By which rotation.
    pub by: EffectId,
    /// Whether the platform said that it left the pair unharmed.
    pub harmless: bool,
}

/// A registration that was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Submitted {
    /// By which attempt.
    pub by: EffectId,
    /// Of which connection.
    pub of: usize,
    /// With which pair.
    pub pair: PairKey,
    /// Whether Invantive made the database.
    pub accepted: bool,
}

/// The platform's books: one live chain for the user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Platform {
    /// The live chain.
    pub live: Option<AuthorisationId>,
    /// The newest pair of it.
    pub newest: u32,
    /// The one before, while the newest was never used: worth a try more at a lenient platform.
    pub before: Option<u32>,
}

/// A state of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The time.
    pub now: Timestamp,
    /// The connections, as the table holds them.
    pub connections: Vec<Held>,
    /// The pairs that the vault holds.
    pub vault: Vec<PairKey>,
    /// Who is known to hold the live chain.
    pub holder: Option<Claimed>,
    /// Two workers, then two tabs.
    pub processes: Vec<Process>,
    /// The rescue queue, and whether each was delivered before.
    pub rescued: Vec<(usize, Brought, bool)>,
    /// The platform's books.
    pub platform: Platform,
    /// Tokens that were presented.
    pub presented: Vec<Presented>,
    /// Invantive's books.
    pub submitted: Vec<Submitted>,
    /// Effects that were begun.
    pub effects: u8,
    /// Promises that this state, or the step to it, breaks.
    pub broken: Vec<Promise>,
    /// What may still happen.
    pub left: Bounds,
}

impl Hash for Process {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        match self {
            Self::Idle => 0_u8.hash(hasher),
            Self::Ready { of, rotates, seen } => (1_u8, of, rotates, seen).hash(hasher),
            Self::Claimed {
                of,
                effect,
                call,
                until,
            } => (2_u8, of, effect, call, until).hash(hasher),
            Self::Sent {
                of,
                effect,
                authorisation,
                sent_at,
            } => (3_u8, of, effect, authorisation, sent_at).hash(hasher),
            Self::Knows { of, outcome } => {
                (4_u8, of).hash(hasher);
                by_text(outcome, hasher);
            }
        }
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self {
            now,
            connections,
            vault,
            holder,
            processes,
            rescued,
            platform,
            presented,
            submitted,
            effects,
            broken,
            left,
        } = self;
        (now, connections, vault, processes, platform).hash(hasher);
        (presented, submitted, effects, broken, left).hash(hasher);
        by_text(&(holder, rescued), hasher);
    }
}

impl State {
    /// Notes that a promise is broken.
    pub fn breaks(&mut self, promise: Promise) {
        if !self.broken.contains(&promise) {
            self.broken.push(promise);
        }
    }
}
