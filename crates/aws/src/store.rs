//! The two tables on DynamoDB.

mod change;
mod compact;
mod erase;
mod failed;
mod history;
mod item;
pub(crate) mod key;
mod list;
mod plain;
mod read;
mod state;
mod time;
mod transact;
mod wake;

use aws_sdk_dynamodb::Client;
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

use crate::config::Tables;

/// The two tables on DynamoDB. Cheap to clone.
///
/// Reads are strongly consistent, but for the three lists that come from an index ([`Store::due`], [`Store::list`],
/// [`Store::applications`] and [`Store::channels`]). Every write is one call, whole or not at all; it may be made again
/// after [`WriteError::Unavailable`], and recognises its own first success by what it stored.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    tables: Tables,
}

impl DynamoStore {
    /// On the tables that `tables` names.
    #[must_use]
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables }
    }
}

impl Store for DynamoStore {
    async fn connection(&self, id: ConnectionId) -> Result<Option<Connection>, ReadError> {
        self.read_connection(id).await
    }

    async fn write(&self, change: &Change) -> Result<(), WriteError> {
        self.write_change(change).await
    }

    async fn history(&self, id: ConnectionId) -> Result<Vec<Record>, ReadError> {
        self.read_history(id).await
    }

    async fn erase_history(&self, id: ConnectionId, to: u64) -> Result<(), WriteError> {
        self.delete_history(id, to).await
    }

    async fn remove(&self, read: &Connection) -> Result<(), WriteError> {
        self.delete_connection(read).await
    }

    async fn link(&self, hash: &LinkHash) -> Result<Option<Link>, ReadError> {
        self.read_link(hash).await
    }

    async fn authorisation(&self, id: &AuthorisationId) -> Result<Option<Authorisation>, ReadError> {
        self.read_authorisation(id).await
    }

    async fn open_authorisation(
        &self,
        read: &Link,
        link: &Link,
        authorisation: &Authorisation,
    ) -> Result<(), WriteError> {
        self.write_authorisation(read, link, authorisation).await
    }

    async fn identity(&self, key: &IdentityKey) -> Result<Option<Claimed>, ReadError> {
        self.read_identity(key).await
    }

    async fn application(&self, id: &ApplicationId) -> Result<Option<Application>, ReadError> {
        self.read_application(id).await
    }

    async fn pace(&self, id: &ApplicationId) -> Result<Option<Pace>, ReadError> {
        self.read_pace(id).await
    }

    async fn take_slots(&self, id: &ApplicationId, per_minute: u32, until: Timestamp) -> Result<(), WriteError> {
        self.write_taken(id, per_minute, until).await
    }

    async fn put_application(&self, application: &Application, sealed: &Sealed) -> Result<(), WriteError> {
        self.write_application(application, sealed).await
    }

    async fn applications(&self) -> Result<Vec<Application>, ReadError> {
        self.read_applications().await
    }

    async fn channel(&self, id: &ChannelId) -> Result<Option<Channel>, ReadError> {
        self.read_channel(id).await
    }

    async fn put_channel(&self, channel: &Channel, sealed: Option<&Sealed>) -> Result<(), WriteError> {
        self.write_channel(channel, sealed).await
    }

    async fn channels(&self) -> Result<Vec<Channel>, ReadError> {
        self.read_channels().await
    }

    async fn sealed(&self, place: &Place) -> Result<Option<Sealed>, ReadError> {
        self.read_sealed(place).await
    }

    fn shards(&self) -> u32 {
        self.tables.shards
    }

    async fn due(&self, shard: u32, until: Timestamp, limit: u32) -> Result<Vec<DuePointer>, ReadError> {
        self.read_due(shard, until, limit).await
    }

    async fn postpone(&self, id: ConnectionId, from: Timestamp, to: Timestamp) -> Result<bool, WriteError> {
        self.move_wake(id, from, to).await
    }

    async fn count(&self, status: Status, up_to: u32) -> Result<u32, ReadError> {
        self.count_of(status, up_to).await
    }

    async fn list(&self, filter: &Filter, limit: u32, after: Option<&str>) -> Result<Page<Summary>, ReadError> {
        self.read_list(filter, limit, after).await
    }
}
