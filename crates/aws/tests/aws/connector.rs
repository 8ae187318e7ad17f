//! Through the connector that production uses: one that is missing compiles, and fails only when it is used.

use aws_sdk_dynamodb::config::{Credentials, Region};
use handover_aws::{DynamoStore, clients, contract::scene};
use handover_core::ports::{ReadError, Store};

use crate::cloud::{cloud, tables};

async fn store_at(endpoint: &str) -> DynamoStore {
    let config = clients::loader()
        .credentials_provider(Credentials::new("AKIDLOCAL", "local", None, None, "tests"))
        .region(Region::new("eu-west-1"))
        .endpoint_url(endpoint)
        .load()
        .await;
    DynamoStore::new(clients::dynamodb(&config), tables())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_gets_through() {
    let cloud = cloud().await;
    let store = store_at(&cloud.endpoint).await;
    let (change, _) = scene::invited(scene::at(0));
    store.write(&change).await.unwrap();
    assert_eq!(
        store.connection(change.connection.id).await.unwrap(),
        Some(change.connection)
    );
    store.warm_up(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_unavailable_and_says_why() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for scheme in ["http", "https"] {
        let store = store_at(&format!("{scheme}://{address}")).await;
        match store.connection(scene::id(scene::at(0))).await {
            Err(ReadError::Unavailable(error)) => {
                assert!(error.what.starts_with("read CONN#"), "{error}");
                assert!(error.reason.contains("refused"), "{error}");
                assert!(!error.reason.contains('\n') && error.reason.len() < 400, "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
}
