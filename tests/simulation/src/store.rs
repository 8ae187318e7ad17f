//! The two tables in memory.

mod change;
mod erase;
mod list;
mod tables;
mod time;
mod trip;
mod wake;

use std::{num::NonZeroU32, sync::Mutex};

use handover_core::{
    application::Application,
    authorisation::{Authorisation, Link},
    connection::{Connection, Status},
    event::Record,
    ids::{ApplicationId, AuthorisationId, ChannelId, ConnectionId, LinkHash},
    ports::{
        Change, Claimed, DuePointer, Filter, IdentityKey, Pace, Page, Place, ReadError, Sealed, Store, Summary,
        WriteError,
    },
    registration::Channel,
};
use jiff::Timestamp;

use crate::lock;
use tables::Tables;

/// The two tables in memory. Each call is one step: nobody sees half of it.
#[derive(Debug)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

/// With an index of wake-ups in one part.
impl Default for MemoryStore {
    fn default() -> Self {
        Self::sharded(NonZeroU32::MIN)
    }
}

impl MemoryStore {
    /// With an index of wake-ups in so many parts.
    #[must_use]
    pub fn sharded(shards: NonZeroU32) -> Self {
        Self {
            tables: Mutex::new(Tables::sharded(shards)),
        }
    }

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

    /// How many connections there are.
    #[must_use]
    pub fn number_of_connections(&self) -> usize {
        lock(&self.tables).states.len()
    }

    /// All connections.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        lock(&self.tables).connections().cloned().collect()
    }
}

impl Store for MemoryStore {
    async fn connection(&self, id: ConnectionId) -> Result<Option<Connection>, ReadError> {
        Ok(lock(&self.tables).states.get(&id).map(|state| state.connection.clone()))
    }

    async fn write(&self, change: &Change) -> Result<(), WriteError> {
        lock(&self.tables).write(change)
    }

    async fn history(&self, id: ConnectionId) -> Result<Vec<Record>, ReadError> {
        let tables = lock(&self.tables);
        let records = tables.history.get(&id).into_iter().flat_map(|history| history.values());
        Ok(records.map(|written| written.record.clone()).collect())
    }

    async fn erase_history(&self, id: ConnectionId, to: u64) -> Result<(), WriteError> {
        lock(&self.tables).erase_history(id, to);
        Ok(())
    }

    async fn remove(&self, read: &Connection) -> Result<(), WriteError> {
        lock(&self.tables).remove(read)
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
        lock(&self.tables).open(read, link, authorisation)
    }

    async fn identity(&self, key: &IdentityKey) -> Result<Option<Claimed>, ReadError> {
        Ok(lock(&self.tables).identities.get(key).cloned())
    }

    async fn application(&self, id: &ApplicationId) -> Result<Option<Application>, ReadError> {
        Ok(lock(&self.tables).applications.get(id).cloned())
    }

    async fn pace(&self, id: &ApplicationId) -> Result<Option<Pace>, ReadError> {
        let tables = lock(&self.tables);
        let taken_until = tables.taken_until.get(id).copied();
        Ok(tables.applications.get(id).map(|application| Pace {
            per_minute: application.pace_per_minute,
            taken_until,
        }))
    }

    async fn take_slots(&self, id: &ApplicationId, per_minute: u32, until: Timestamp) -> Result<(), WriteError> {
        let mut tables = lock(&self.tables);
        let pace = tables.applications.get(id).map(|found| found.pace_per_minute);
        if pace == Some(per_minute) {
            tables.taken_until.insert(id.clone(), time::indexed(until));
        }
        Ok(())
    }

    async fn put_application(&self, application: &Application, sealed: &Sealed) -> Result<(), WriteError> {
        let mut tables = lock(&self.tables);
        tables.taken_until.remove(&application.id);
        let place = Place::Application(application.id.clone());
        tables.applications.insert(application.id.clone(), application.clone());
        tables.sealed.insert(place, sealed.clone());
        Ok(())
    }

    async fn applications(&self) -> Result<Vec<Application>, ReadError> {
        Ok(lock(&self.tables).applications.values().cloned().collect())
    }

    async fn channel(&self, id: &ChannelId) -> Result<Option<Channel>, ReadError> {
        Ok(lock(&self.tables).channels.get(id).cloned())
    }

    /// Without a sealed profile, one that is there stays.
    async fn put_channel(&self, channel: &Channel, sealed: Option<&Sealed>) -> Result<(), WriteError> {
        let mut tables = lock(&self.tables);
        tables.channels.insert(channel.id.clone(), channel.clone());
        let place = Place::Channel(channel.id.clone());
        match sealed {
            Some(sealed) => tables.sealed.insert(place, sealed.clone()),
            None => tables.sealed.remove(&place),
        };
        Ok(())
    }

    async fn channels(&self) -> Result<Vec<Channel>, ReadError> {
        Ok(lock(&self.tables).channels.values().cloned().collect())
    }

    async fn sealed(&self, place: &Place) -> Result<Option<Sealed>, ReadError> {
        Ok(lock(&self.tables).sealed.get(place).cloned())
    }

    fn shards(&self) -> u32 {
        lock(&self.tables).wake.shards()
    }

    async fn due(&self, shard: u32, until: Timestamp, limit: u32) -> Result<Vec<DuePointer>, ReadError> {
        Ok(lock(&self.tables).wake.due(shard, until, limit))
    }

    async fn postpone(&self, id: ConnectionId, from: Timestamp, to: Timestamp) -> Result<bool, WriteError> {
        Ok(lock(&self.tables).postpone(id, from, to))
    }

    async fn count(&self, status: Status, up_to: u32) -> Result<u32, ReadError> {
        let tables = lock(&self.tables);
        let of_it = tables
            .connections()
            .filter(|connection| connection.state.status() == status);
        Ok(u32::try_from(of_it.count()).unwrap_or(up_to).min(up_to))
    }

    async fn list(&self, filter: &Filter, limit: u32, after: Option<&str>) -> Result<Page<Summary>, ReadError> {
        Ok(list::page(lock(&self.tables).connections(), filter, limit, after)?)
    }
}
