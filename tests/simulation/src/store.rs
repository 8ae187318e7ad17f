//! The two tables in memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
};

use handover_core::{
    application::Application,
    authorisation::{Authorisation, Link},
    connection::{Connection, PairKey},
    event::Record,
    ids::{ApplicationId, AuthorisationId, ChannelId, ConnectionId, LinkHash, WriterId},
    ports::{
        Change, Claimed, DuePointer, Filter, IdentityKey, Page, Place, ReadError, Sealed, Store, Summary, WriteError,
    },
    registration::Channel,
};
use jiff::Timestamp;

use crate::lock;

/// The two tables in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    connections: BTreeMap<ConnectionId, Connection>,
    history: BTreeMap<ConnectionId, Vec<(WriterId, Record)>>,
    links: HashMap<LinkHash, Link>,
    authorisations: HashMap<AuthorisationId, Authorisation>,
    identities: HashMap<IdentityKey, Claimed>,
    applications: BTreeMap<ApplicationId, Application>,
    channels: BTreeMap<ChannelId, Channel>,
    sealed: HashMap<Place, Sealed>,
}

impl MemoryStore {
    /// The places that hold a sealed value.
    #[must_use]
    pub fn sealed_places(&self) -> Vec<Place> {
        lock(&self.tables).sealed.keys().cloned().collect()
    }

    /// Puts another value in a place, as someone with access to the table could.
    pub fn tamper(&self, place: &Place, sealed: Option<Sealed>) {
        let mut tables = lock(&self.tables);
        match sealed {
            Some(sealed) => tables.sealed.insert(place.clone(), sealed),
            None => tables.sealed.remove(place),
        };
    }

    /// All connections.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        lock(&self.tables).connections.values().cloned().collect()
    }
}

impl Tables {
    fn has_written(&self, change: &Change) -> bool {
        let ours = |(writer, _): &(WriterId, Record)| *writer == change.writer;
        self.history.get(&change.connection.id).is_some_and(|records| records.iter().any(ours))
    }

    fn allows(&self, change: &Change) -> bool {
        let current = self.connections.get(&change.connection.id).map(|connection| connection.revision);
        let unused = |id: &AuthorisationId| {
            self.authorisations.get(id).is_some_and(|authorisation| {
                authorisation.consumed_at.is_none() && authorisation.expires_at > change.connection.updated_at
            })
        };
        let free = |key: &PairKey| !self.sealed.contains_key(&Place::Pair(key.clone()));
        current == change.expected
            && change.consume.as_ref().is_none_or(unused)
            && change.pair.as_ref().is_none_or(|(key, _)| free(key))
    }

    fn write(&mut self, change: &Change) {
        let id = change.connection.id;
        self.connections.insert(id, change.connection.clone());
        let records = change.records.iter().map(|record| (change.writer, record.clone()));
        self.history.entry(id).or_default().extend(records);
        if let Some((key, sealed)) = &change.pair {
            self.sealed.insert(Place::Pair(key.clone()), sealed.clone());
        }
        for key in &change.destroy {
            self.sealed.remove(&Place::Pair(key.clone()));
        }
        if let Some(link) = &change.link {
            self.links.insert(link.hash.clone(), link.clone());
        }
        if let Some(used) = change.consume.as_ref().and_then(|id| self.authorisations.get_mut(id)) {
            used.consumed_at = Some(change.connection.updated_at);
        }
        if let Some(claim) = &change.identity {
            self.identities.insert(claim.key.clone(), claim.held.clone());
        }
    }
}

impl Store for MemoryStore {
    async fn connection(&self, id: ConnectionId) -> Result<Option<Connection>, ReadError> {
        Ok(lock(&self.tables).connections.get(&id).cloned())
    }

    async fn write(&self, change: &Change) -> Result<(), WriteError> {
        let mut tables = lock(&self.tables);
        if tables.has_written(change) {
            return Ok(());
        }
        if !tables.allows(change) {
            return Err(WriteError::Conflict(change.connection.id));
        }
        tables.write(change);
        Ok(())
    }

    async fn history(&self, id: ConnectionId) -> Result<Vec<Record>, ReadError> {
        let tables = lock(&self.tables);
        let records = tables.history.get(&id).into_iter().flatten().map(|(_, record)| record.clone());
        Ok(records.collect())
    }

    async fn link(&self, hash: &LinkHash) -> Result<Option<Link>, ReadError> {
        Ok(lock(&self.tables).links.get(hash).cloned())
    }

    async fn authorisation(&self, id: &AuthorisationId) -> Result<Option<Authorisation>, ReadError> {
        Ok(lock(&self.tables).authorisations.get(id).cloned())
    }

    async fn open_authorisation(
        &self,
        read: &Link,
        link: &Link,
        authorisation: &Authorisation,
    ) -> Result<(), WriteError> {
        let mut tables = lock(&self.tables);
        if tables.links.get(&read.hash) == Some(link) && tables.authorisations.contains_key(&authorisation.id) {
            return Ok(());
        }
        if tables.links.get(&read.hash) != Some(read) || tables.authorisations.contains_key(&authorisation.id) {
            return Err(WriteError::Conflict(read.connection));
        }
        tables.links.insert(link.hash.clone(), link.clone());
        tables.authorisations.insert(authorisation.id.clone(), authorisation.clone());
        Ok(())
    }

    async fn identity(&self, key: &IdentityKey) -> Result<Option<Claimed>, ReadError> {
        Ok(lock(&self.tables).identities.get(key).cloned())
    }

    async fn application(&self, id: &ApplicationId) -> Result<Option<Application>, ReadError> {
        Ok(lock(&self.tables).applications.get(id).cloned())
    }

    async fn put_application(&self, application: &Application, sealed: &Sealed) -> Result<(), WriteError> {
        let mut tables = lock(&self.tables);
        tables.applications.insert(application.id.clone(), application.clone());
        tables.sealed.insert(Place::Application(application.id.clone()), sealed.clone());
        Ok(())
    }

    async fn applications(&self) -> Result<Vec<Application>, ReadError> {
        Ok(lock(&self.tables).applications.values().cloned().collect())
    }

    async fn channel(&self, id: &ChannelId) -> Result<Option<Channel>, ReadError> {
        Ok(lock(&self.tables).channels.get(id).cloned())
    }

    async fn put_channel(&self, channel: &Channel, sealed: Option<&Sealed>) -> Result<(), WriteError> {
        let mut tables = lock(&self.tables);
        tables.channels.insert(channel.id.clone(), channel.clone());
        if let Some(sealed) = sealed {
            tables.sealed.insert(Place::Channel(channel.id.clone()), sealed.clone());
        }
        Ok(())
    }

    async fn channels(&self) -> Result<Vec<Channel>, ReadError> {
        Ok(lock(&self.tables).channels.values().cloned().collect())
    }

    async fn sealed(&self, place: &Place) -> Result<Option<Sealed>, ReadError> {
        Ok(lock(&self.tables).sealed.get(place).cloned())
    }

    fn shards(&self) -> u32 {
        1
    }

    async fn due(&self, _shard: u32, until: Timestamp, limit: u32) -> Result<Vec<DuePointer>, ReadError> {
        let tables = lock(&self.tables);
        let mut due: Vec<_> = tables
            .connections
            .values()
            .filter_map(|connection| Some(DuePointer { connection: connection.id, wake_at: connection.wake_at? }))
            .filter(|pointer| pointer.wake_at <= until)
            .collect();
        due.sort_by_key(|pointer| pointer.wake_at);
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due)
    }

    async fn postpone(&self, id: ConnectionId, from: Timestamp, to: Timestamp) -> Result<bool, WriteError> {
        let mut tables = lock(&self.tables);
        let connection = tables.connections.get_mut(&id).filter(|connection| connection.wake_at == Some(from));
        Ok(connection.map(|connection| connection.wake_at = Some(to)).is_some())
    }

    async fn list(&self, filter: &Filter, limit: u32, _after: Option<&str>) -> Result<Page<Summary>, ReadError> {
        let tables = lock(&self.tables);
        let wanted = |connection: &&Connection| {
            filter.status.is_none_or(|status| connection.state.status() == status)
                && filter.reference.as_ref().is_none_or(|reference| connection.reference == *reference)
        };
        let mut items: Vec<_> = tables.connections.values().filter(wanted).map(summary).collect();
        items.sort_by_key(|item| std::cmp::Reverse(item.updated_at));
        items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Page { items, next: None })
    }
}

fn summary(connection: &Connection) -> Summary {
    Summary {
        connection: connection.id,
        reference: connection.reference.clone(),
        application: connection.application.clone(),
        status: connection.state.status(),
        database: connection.registration.database.clone(),
        due_at: connection.due_at(),
        pair_ends_at: connection.pair.as_ref().map(|pair| pair.refresh_ends_at),
        problem: connection.attention.as_ref().map(|attention| attention.problem.as_str().to_owned()),
        updated_at: connection.updated_at,
    }
}
