//! Invantive Cloud: the form a person fills in, an interface an OEM could have been given, and what a registered
//! database does afterwards.
//!
//! It stands beside Exact Online's state and calls the same rules that the network does, as the peer `invantive`.

pub mod api;
pub mod form;
pub mod open;
pub mod register;
pub mod registration;

use crate::{
    books::{Database, Lookup, Submission},
    settings::InvantiveSettings,
};

/// Everything Invantive Cloud knows, and its own part of the books.
#[derive(Clone, Debug, Default)]
pub struct Invantive {
    /// What is set.
    pub settings: InvantiveSettings,
    /// The databases.
    pub databases: Vec<Held>,
    /// What was submitted.
    pub submissions: Vec<Submission>,
    /// What was looked up.
    pub lookups: Vec<Lookup>,
}

/// A database, with what it needs to act for its user.
#[derive(Clone, Debug)]
pub struct Held {
    /// What the books say of it.
    pub entry: Database,
    client_secret: String,
    redirect_url: String,
}

impl Invantive {
    /// The database that was registered under an idempotency key or for a reference.
    pub fn find(&self, idempotency_key: Option<&str>, reference: Option<&str>) -> Option<&Database> {
        let databases = self.databases.iter().map(|held| &held.entry);
        databases.into_iter().find(|database| {
            let same =
                |asked: Option<&str>, has: &Option<String>| asked.is_none_or(|asked| has.as_deref() == Some(asked));
            (idempotency_key.is_some() || reference.is_some())
                && same(idempotency_key, &database.idempotency_key)
                && same(reference, &database.reference)
        })
    }

    fn segment_is_taken(&self, segment: &str) -> bool {
        self.databases.iter().any(|held| held.entry.segment == segment)
    }
}
