//! Invantive Cloud, with its own books.

use std::{collections::BTreeMap, time::Duration};

use handover_core::{
    connection::{LookUpRule, PairFate},
    ids::{AuthorisationId, ConnectionId, Segment},
};

use crate::exact::{TokenId, User};

/// How this Invantive behaves, which the channel's profile says truthfully.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How a doubt can be settled.
    pub look_up: Option<LookUpRule>,
    /// What the profile says that a refusal does to the pair.
    pub pair_if_refused: PairFate,
    /// Whether it has exchanged the pair before it refuses.
    pub spends_refused: bool,
    /// Whether it wants an access token that still lives.
    pub wants_fresh: bool,
    /// Refusals in a thousand.
    pub refuses: u64,
    /// "Try later" in a thousand.
    pub puts_off: u64,
    /// How long it takes over a registration, once that has arrived.
    pub takes: Duration,
}

/// A database.
#[derive(Debug, Clone)]
pub struct Database {
    /// Part of the key under which it was made; `None`: by a person in the form.
    pub authorisation: Option<AuthorisationId>,
    /// Its name.
    pub segment: Segment,
    /// Whose data it holds.
    pub user: User,
    /// The chain that it stands on.
    pub chain: u64,
    /// When its registration arrived.
    pub made_at: Duration,
}

/// How a submission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It never arrived, or surely had no effect.
    None,
    /// It is on its way: it will arrive at that time.
    UnderWay(Duration),
    /// It made the database.
    Succeeded,
    /// It was refused.
    Refused,
}

/// A submission.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The connection's id: the first part of the key.
    pub connection: ConnectionId,
    /// The second part of the key.
    pub authorisation: Option<AuthorisationId>,
    /// The refresh token.
    pub token: TokenId,
    /// The database to make.
    pub segment: Segment,
    /// How it stands.
    pub fate: Fate,
}

/// Invantive Cloud.
#[derive(Debug)]
pub struct Invantive {
    /// How it behaves.
    pub manner: Manner,
    databases: BTreeMap<ConnectionId, Vec<Database>>,
    submissions: Vec<Submission>,
}

impl Invantive {
    /// With this manner.
    #[must_use]
    pub fn new(manner: Manner) -> Self {
        Self {
            manner,
            databases: BTreeMap::new(),
            submissions: Vec::new(),
        }
    }

    /// Notes a submission that is sent; says its number.
    pub fn sent(&mut self, submission: Submission) -> usize {
        self.submissions.push(submission);
        self.submissions.len() - 1
    }

    /// A submission.
    pub fn submission(&mut self, number: usize) -> Option<&mut Submission> {
        self.submissions.get_mut(number)
    }

    /// The submissions of a connection.
    pub fn of(&self, connection: ConnectionId) -> impl Iterator<Item = &Submission> {
        self.submissions.iter().filter(move |one| one.connection == connection)
    }

    /// Whether a token was handed over: it was sent in a way that may have arrived.
    #[must_use]
    pub fn was_given(&self, token: TokenId) -> bool {
        let spent = |fate| match fate {
            Fate::UnderWay(_) | Fate::Succeeded => true,
            Fate::Refused => self.manner.spends_refused,
            Fate::None => false,
        };
        self.submissions.iter().any(|one| one.token == token && spent(one.fate))
    }

    /// Makes the database.
    pub fn make(&mut self, connection: ConnectionId, database: Database) {
        self.databases.entry(connection).or_default().push(database);
    }

    /// The databases of a connection.
    #[must_use]
    pub fn databases(&self, connection: ConnectionId) -> &[Database] {
        self.databases.get(&connection).map(Vec::as_slice).unwrap_or_default()
    }

    /// The database under a key.
    #[must_use]
    pub fn under(&self, connection: ConnectionId, authorisation: &AuthorisationId) -> Option<&Database> {
        let of_key = |one: &&Database| one.authorisation.as_ref() == Some(authorisation);
        self.databases(connection).iter().find(of_key)
    }
}
