//! Reading single items, strongly consistent.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use handover_core::{
    application::Application,
    authorisation::{Authorisation, Link},
    connection::Connection,
    ids::{ApplicationId, AuthorisationId, ChannelId, ConnectionId, LinkHash},
    ports::{Claimed, IdentityKey, Pace, Place, ReadError, Sealed, StoreError},
    registration::Channel,
};
use serde::de::DeserializeOwned;

use super::{
    DynamoStore,
    item::{self, Item},
    key::Key,
    plain::{self, TAKEN_UNTIL},
    state, time,
};
use crate::failure::told;

/// As many as one call takes.
const BATCH: usize = 100;
/// Waits for items that DynamoDB left out of a batch.
const BATCH_WAITS: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];

impl DynamoStore {
    pub(super) async fn read_connection(&self, id: ConnectionId) -> Result<Option<Connection>, ReadError> {
        let key = Key::state(id);
        let item = self.fetch(&self.tables.connections, &key).await?;
        Ok(item.map(|item| state::read(&key, item)).transpose()?)
    }

    pub(super) async fn read_link(&self, hash: &LinkHash) -> Result<Option<Link>, ReadError> {
        self.read_document(&Key::link(hash)).await
    }

    pub(super) async fn read_authorisation(&self, id: &AuthorisationId) -> Result<Option<Authorisation>, ReadError> {
        let key = Key::authorisation(id);
        let item = self.fetch(&self.tables.connections, &key).await?;
        Ok(item.map(|item| plain::read_authorisation(&key, item)).transpose()?)
    }

    pub(super) async fn read_identity(&self, key: &IdentityKey) -> Result<Option<Claimed>, ReadError> {
        self.read_document(&Key::identity(key)).await
    }

    pub(super) async fn read_application(&self, id: &ApplicationId) -> Result<Option<Application>, ReadError> {
        self.read_document(&Key::application(id)).await
    }

    pub(super) async fn read_pace(&self, id: &ApplicationId) -> Result<Option<Pace>, ReadError> {
        let key = Key::application(id);
        let Some(mut item) = self.fetch(&self.tables.connections, &key).await? else {
            return Ok(None);
        };
        let taken_until = item::number(&key, &item, TAKEN_UNTIL).ok().map(time::moment);
        let application: Application = item::held(&key, &mut item)?;
        Ok(Some(Pace {
            per_minute: application.pace_per_minute,
            taken_until,
        }))
    }

    pub(super) async fn read_channel(&self, id: &ChannelId) -> Result<Option<Channel>, ReadError> {
        self.read_document(&Key::channel(id)).await
    }

    pub(super) async fn read_sealed(&self, place: &Place) -> Result<Option<Sealed>, ReadError> {
        let key = Key::sealed(place);
        let Some(mut item) = self.fetch(&self.tables.vault, &key).await? else {
            return Ok(None);
        };
        match item.remove("sealed") {
            Some(AttributeValue::B(bytes)) => Ok(Some(Sealed(bytes.into_inner()))),
            _ => Err(item::malformed(&key, "it has no bytes `sealed`").into()),
        }
    }

    async fn read_document<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, ReadError> {
        let item = self.fetch(&self.tables.connections, key).await?;
        Ok(item.map(|mut item| item::held(key, &mut item)).transpose()?)
    }

    /// An item of a version known here.
    pub(super) async fn fetch(&self, table: &str, key: &Key) -> Result<Option<Item>, ReadError> {
        let item = self.fetch_any(table, key).await?;
        if let Some(item) = &item {
            item::check_version(key, item)?;
        }
        Ok(item)
    }

    /// An item of whatever version.
    pub(super) async fn fetch_any(&self, table: &str, key: &Key) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(table)
            .set_key(Some(key.attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError {
                what: format!("read {key}"),
                reason: told(&error),
            })?;
        Ok(answer.item)
    }

    /// The items at `keys` in the table of connections, each of a version known here; those that are not there are left
    /// out. `keys` has no key twice.
    pub(super) async fn fetch_all(&self, keys: &[Key]) -> Result<HashMap<Key, Item>, ReadError> {
        let mut found = HashMap::with_capacity(keys.len());
        for batch in keys.chunks(BATCH) {
            for item in self.fetch_batch(batch).await? {
                let Some(key) = Key::of(&item) else { continue };
                item::check_version(&key, &item)?;
                found.insert(key, item);
            }
        }
        Ok(found)
    }

    async fn fetch_batch(&self, batch: &[Key]) -> Result<Vec<Item>, StoreError> {
        let failed = |reason: String| StoreError {
            what: format!("read {} items together", batch.len()),
            reason,
        };
        let mut found = Vec::with_capacity(batch.len());
        let mut left: Vec<Item> = batch.iter().map(Key::attributes).collect();
        for wait in BATCH_WAITS {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(left))
                .consistent_read(true)
                .build()
                .map_err(|error| failed(error.to_string()))?;
            let table = &self.tables.connections;
            let answer = self
                .client
                .batch_get_item()
                .request_items(table, keys)
                .send()
                .await
                .map_err(|error| failed(told(&error)))?;
            found.extend(answer.responses.unwrap_or_default().into_values().flatten());
            left = answer
                .unprocessed_keys
                .unwrap_or_default()
                .into_values()
                .flat_map(|keys| keys.keys)
                .collect();
            if left.is_empty() {
                return Ok(found);
            }
            tokio::time::sleep(wait).await;
        }
        Err(failed("the table gave only some of them".into()))
    }
}
