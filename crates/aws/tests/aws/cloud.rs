//! The two tables, empty, and clients that reach them.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    config::{Credentials, Region, retry::RetryConfig},
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    },
};
use handover_aws::{DynamoStore, clients, config::Tables};

use crate::unreliable::Unreliable;

pub const CONNECTIONS: &str = "connections";
pub const VAULT: &str = "vault";

pub struct Cloud {
    pub endpoint: String,
    /// For looking behind the store.
    pub raw: Client,
}

pub async fn cloud() -> Cloud {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let database = dynoxide::Database::memory().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    let cloud = Cloud {
        raw: client(&endpoint, &Unreliable::new()).await,
        endpoint,
    };
    cloud.create_tables().await;
    cloud
}

pub fn loader() -> aws_config::ConfigLoader {
    clients::loader()
        .credentials_provider(Credentials::new("AKIDLOCAL", "local", None, None, "tests"))
        .region(Region::new("eu-west-1"))
        // As often as in production, but at once.
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(clients::ATTEMPTS)
                .with_initial_backoff(Duration::from_millis(1)),
        )
}

async fn client(endpoint: &str, network: &Unreliable) -> Client {
    clients::dynamodb(
        &loader()
            .endpoint_url(endpoint)
            .http_client(network.clone())
            .load()
            .await,
    )
}

pub fn tables() -> Tables {
    Tables {
        connections: CONNECTIONS.into(),
        vault: VAULT.into(),
        shards: 4,
    }
}

impl Cloud {
    pub async fn store(&self) -> DynamoStore {
        self.store_over(&Unreliable::new()).await
    }

    pub async fn store_over(&self, network: &Unreliable) -> DynamoStore {
        DynamoStore::new(client(&self.endpoint, network).await, tables())
    }

    async fn create_tables(&self) {
        let text =
            ["pk", "sk", "wake_shard", "status", "reference", "expiring"].map(|name| (name, ScalarAttributeType::S));
        let numbers = ["wake_at", "created_at", "pair_ends_at"].map(|name| (name, ScalarAttributeType::N));
        let attribute = |(name, kind): &(&str, ScalarAttributeType)| {
            AttributeDefinition::builder()
                .attribute_name(*name)
                .attribute_type(kind.clone())
                .build()
                .unwrap()
        };
        let attributes: Vec<_> = text.iter().chain(&numbers).map(attribute).collect();
        let indexes = [
            index("wake", "wake_shard", "wake_at"),
            index("status", "status", "created_at"),
            index("reference", "reference", "created_at"),
            index("expiring", "expiring", "pair_ends_at"),
        ];
        for (table, attributes, indexes) in [
            (CONNECTIONS, attributes.clone(), Some(indexes.to_vec())),
            (VAULT, attributes[..2].to_vec(), None),
        ] {
            self.raw
                .create_table()
                .table_name(table)
                .billing_mode(BillingMode::PayPerRequest)
                .set_attribute_definitions(Some(attributes))
                .set_key_schema(Some(keys("pk", "sk")))
                .set_global_secondary_indexes(indexes)
                .send()
                .await
                .unwrap();
        }
    }
}

fn keys(hash: &str, range: &str) -> Vec<KeySchemaElement> {
    [(hash, KeyType::Hash), (range, KeyType::Range)]
        .map(|(name, kind)| {
            KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(kind)
                .build()
                .unwrap()
        })
        .to_vec()
}

fn index(name: &str, hash: &str, range: &str) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(keys(hash, range)))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .unwrap()
}
