//! Writing a change of a connection, whole or not at all.

use std::collections::{BTreeSet, HashSet};

use handover_core::{
    connection::PairKey,
    ids::AuthorisationId,
    ports::{Change, IdentityKey, Place, Rejected, WriteError},
};

use super::{
    tables::{State, Tables, Written},
    time,
};

/// As many items as one transaction touches.
const MOST_ITEMS: usize = 100;

impl Tables {
    pub fn write(&mut self, change: &Change) -> Result<(), WriteError> {
        can_be_a_transaction(change)?;
        if self.allows(change) {
            self.apply(change);
            return Ok(());
        }
        // Asked last: a change that may be written is written, whoever's it is.
        if self.was_written(change) {
            return Ok(());
        }
        Err(WriteError::Conflict(change.connection.id))
    }

    /// Whether every condition holds.
    fn allows(&self, change: &Change) -> bool {
        let id = change.connection.id;
        let revision = self.states.get(&id).map(|state| state.connection.revision);
        let history = self.history.get(&id);
        let is_new = |number: u64| history.is_none_or(|history| !history.contains_key(&number));
        revision == change.expected
            && change.records.iter().all(|record| is_new(record.number))
            && change
                .pair
                .as_ref()
                .is_none_or(|(key, _)| !self.sealed.contains_key(&place(key)))
            && change
                .link
                .as_ref()
                .is_none_or(|link| !self.links.contains_key(&link.hash))
            && change
                .consume
                .as_ref()
                .is_none_or(|authorisation| self.may_consume(change, authorisation))
            && change
                .identity
                .as_ref()
                .is_none_or(|claim| self.holder(&claim.key) == claim.instead_of.as_ref())
            && change
                .requires
                .as_ref()
                .is_none_or(|chain| self.holder(&chain.key) == Some(&chain.authorisation))
    }

    fn holder(&self, key: &IdentityKey) -> Option<&AuthorisationId> {
        self.identities.get(key).map(|held| &held.authorisation)
    }

    /// Unused, in time, and of this very connection.
    fn may_consume(&self, change: &Change, authorisation: &AuthorisationId) -> bool {
        self.authorisations.get(authorisation).is_some_and(|stored| {
            stored.consumed_at.is_none()
                && time::floor(stored.expires_at) > time::ceil(change.connection.updated_at)
                && stored.connection == change.connection.id
        })
    }

    /// Whether this very change was written before. The state says so while nobody has written over it; a record, which
    /// nobody ever writes over, says so for ever. A change without records leaves no other trace.
    fn was_written(&self, change: &Change) -> bool {
        let id = change.connection.id;
        let record = || {
            let number = change.records.first()?.number;
            self.history.get(&id)?.get(&number)
        };
        self.states.get(&id).is_some_and(|state| state.writer == change.writer)
            || record().is_some_and(|written| written.writer == change.writer)
    }

    fn apply(&mut self, change: &Change) {
        let writer = change.writer;
        let mut connection = change.connection.clone();
        connection.wake_at = connection.wake_at.map(time::indexed);
        let (id, now) = (connection.id, connection.updated_at);
        self.set(State { connection, writer });
        let records = change.records.iter().cloned();
        self.history
            .entry(id)
            .or_default()
            .extend(records.map(|record| (record.number, Written { record, writer })));
        if let Some((key, sealed)) = &change.pair {
            self.sealed.insert(place(key), sealed.clone());
        }
        for key in &change.destroy {
            self.sealed.remove(&place(key));
        }
        if let Some(link) = &change.link {
            self.links.insert(link.hash.clone(), link.clone());
        }
        if let Some(used) = change
            .consume
            .as_ref()
            .and_then(|authorisation| self.authorisations.get_mut(authorisation))
        {
            used.consumed_at = Some(now);
        }
        if let Some(claim) = &change.identity {
            self.identities.insert(claim.key.clone(), claim.held.clone());
        }
    }
}

fn place(key: &PairKey) -> Place {
    Place::Pair(key.clone())
}

/// A transaction touches no item twice, and not too many; one that would is refused before any condition is looked at.
fn can_be_a_transaction(change: &Change) -> Result<(), Rejected> {
    let numbers: BTreeSet<_> = change.records.iter().map(|record| record.number).collect();
    let destroyed: HashSet<_> = change.destroy.iter().collect();
    let claimed = change.identity.as_ref().map(|claim| &claim.key);
    let required = change.requires.as_ref().map(|chain| &chain.key);
    let twice = numbers.len() < change.records.len()
        || change.pair.as_ref().is_some_and(|(key, _)| destroyed.contains(key))
        || claimed.is_some() && claimed == required;
    let others = [
        change.pair.is_some(),
        change.link.is_some(),
        change.consume.is_some(),
        claimed.is_some(),
        required.is_some(),
    ];
    let items = 1 + numbers.len() + destroyed.len() + others.into_iter().filter(|other| *other).count();
    let rejected = |reason: &str| Rejected {
        item: format!("revision {} of {}", change.connection.revision.0, change.connection.id),
        reason: reason.to_owned(),
    };
    if twice {
        return Err(rejected("its transaction would touch an item twice"));
    }
    if items > MOST_ITEMS {
        return Err(rejected("its transaction would touch too many items"));
    }
    Ok(())
}
