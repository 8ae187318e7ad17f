//! A real connection as part of a state: without what no rule reads, and with a hash.

use std::{
    fmt::{Debug, Write},
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

use handover_core::{
    connection::{Connection, OpenLink, Pair},
    ids::Revision,
};

use crate::state::after;

/// No reminder and no retention falls due within the model.
const FAR: i64 = 1_000 * 86_400;

/// A connection, cheap to copy.
#[derive(Clone, PartialEq, Eq)]
pub struct Held(Arc<Connection>);

impl Held {
    /// Takes out what only people read (attention, numbers of records), what only a store reads (the revision, the
    /// wake-up: both are modelled otherwise), and reminders.
    pub fn new(mut connection: Connection) -> Self {
        connection.revision = Revision(0);
        connection.updated_at = after(FAR);
        connection.attention = None;
        connection.records = 0;
        connection.wake_at = None;
        Self(Arc::new(connection))
    }
}

impl Deref for Held {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("state", &self.state)
            .field("pair", &self.pair)
            .field("effect", &self.effect)
            .field("wishes", &self.wishes)
            .field("contests", &self.contests)
            .field("to_tell", &self.to_tell)
            .finish_non_exhaustive()
    }
}

impl Hash for Held {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        // Exhaustive, so that a new field cannot be overlooked.
        let Connection {
            id,
            revision: _,
            created_at: _,
            updated_at: _,
            reference: _,
            application: _,
            registration,
            return_url: _,
            lifetimes: _,
            upkeep: _,
            state,
            link,
            pair,
            consented_at,
            chain,
            identity,
            identity_misses,
            identity_needed,
            contests,
            to_tell,
            doubted,
            unclear_since,
            fresh_access_token,
            late_success,
            effect,
            wishes,
            attempts,
            retries,
            retry_at,
            attention: _,
            records: _,
            forgotten_at,
            erase_to,
            wake_at: _,
        } = &**self;
        (id, consented_at, identity_misses, fresh_access_token, attempts, retries).hash(hasher);
        (identity_needed, doubted, unclear_since).hash(hasher);
        (
            retry_at,
            forgotten_at,
            erase_to,
            identity.is_some(),
            late_success.is_some(),
        )
            .hash(hasher);
        link.as_ref()
            .map(|OpenLink { hash, expires_at }| (hash, expires_at))
            .hash(hasher);
        chain
            .as_ref()
            .map(|chain| (&chain.authorisation, chain.sent_at, chain.answered_at, chain.generation))
            .hash(hasher);
        pair.as_ref().map(hash_of_pair).hash(hasher);
        by_text(&(state, effect, wishes, contests, to_tell, registration.due), hasher);
    }
}

fn hash_of_pair(pair: &Pair) -> impl Hash {
    let Pair {
        key,
        sent_at,
        answered_at,
        access_ends_at,
        refresh_ends_at,
        warned_days,
        open_intent,
        put_off,
        rotate_at,
    } = pair;
    let intent = open_intent
        .as_ref()
        .map(|intent| (intent.effect, intent.into, intent.recover_at));
    (
        key.clone(),
        [*sent_at, *answered_at, *access_ends_at, *refresh_ends_at],
        (*warned_days, intent, *put_off, *rotate_at),
    )
}

/// For what has no hash of its own: its text says all of it.
pub fn by_text<H: Hasher>(value: &impl Debug, hasher: &mut H) {
    struct Into<'a, H>(&'a mut H);
    impl<H: Hasher> Write for Into<'_, H> {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    // Writing into a hasher cannot fail.
    let _ = write!(Into(hasher), "{value:?}");
}
