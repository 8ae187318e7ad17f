//! Where every connection stands: read from the deployed tables, past the functions.

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use handover_aws::{DynamoStore, clients, config::Tables};
use handover_core::{
    connection::{Connection, PairKey},
    event::Record,
    ids::ConnectionId,
    ports::Store,
};
use handover_local::{cloud::REGION, stage::Stage};
use serde_json::Value;

/// Reads at once.
const AT_ONCE: usize = 8;

/// The tables of a stage.
#[derive(Debug)]
pub struct Board {
    store: DynamoStore,
    vault: String,
}

impl Board {
    /// Of that stage.
    ///
    /// # Errors
    /// When the stack has no such output.
    pub async fn of(stage: &Stage) -> Result<Self> {
        let output = |name: &str| {
            let output = stage.outputs.get(name).cloned();
            output.with_context(|| format!("the stack has no output {name}"))
        };
        // Straight to the cloud: the recorder is for the functions.
        let sdk = clients::loader()
            .region(aws_config::Region::new(REGION))
            .endpoint_url(stage.cloud.url())
            .test_credentials()
            .load()
            .await;
        let vault = output("VaultTable")?;
        let tables = Tables {
            connections: output("ConnectionsTable")?,
            vault: vault.clone(),
            shards: output("WakeShards")?.parse()?,
        };
        Ok(Self {
            store: DynamoStore::new(clients::dynamodb(&sdk), tables),
            vault,
        })
    }

    /// These connections as they stand now.
    ///
    /// # Errors
    /// When one cannot be read, or is not there.
    pub async fn connections(&self, ids: Vec<ConnectionId>) -> Result<Vec<Connection>> {
        let reads = stream::iter(ids).map(|id| self.connection(id));
        reads.buffered(AT_ONCE).try_collect().await
    }

    /// One as it stands now.
    ///
    /// # Errors
    /// When it cannot be read, or is not there.
    pub async fn connection(&self, id: ConnectionId) -> Result<Connection> {
        let connection = self.store.connection(id).await?;
        connection.with_context(|| format!("{id} is not in the table"))
    }

    /// What happened to it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn history(&self, id: ConnectionId) -> Result<Vec<Record>> {
        Ok(self.store.history(id).await?)
    }

    /// All pairs that the vault holds.
    ///
    /// # Errors
    /// When it cannot be read, or one has no name.
    pub async fn sealed(&self, stage: &Stage) -> Result<Vec<PairKey>> {
        let items = stage.aws.scan(&self.vault).await?;
        let text = |item: &Value, pointer: &str| item.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let keys = items.iter().filter_map(|item| {
            let place = text(item, "/pk/S")?;
            Some((place.strip_prefix("PAIR#")?.to_owned(), text(item, "/sk/S")?))
        });
        keys.map(|(authorisation, generation)| {
            Ok(PairKey {
                authorisation: authorisation.parse()?,
                generation: generation.parse()?,
            })
        })
        .collect()
    }
}
