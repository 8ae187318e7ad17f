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
}

/// What Lambda sets, and where this service is.
fn environment(endpoint: String) -> impl Fn(&str) -> Option<String> + Send + Sync + 'static {
    move |key| match key {
        "AWS_REGION" => Some("eu-west-1".to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" | "AWS_SESSION_TOKEN" => Some("local".to_owned()),
        "AWS_ENDPOINT_URL_DYNAMODB" => Some(endpoint.clone()),
        "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:1".to_owned()),
        "AWS_SDK_UA_APP_ID" => Some("handover-worker".to_owned()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_needs_nothing_but_what_lambda_sets() {
    let cloud = cloud().await;
    let config = clients::in_lambda(environment(cloud.endpoint.clone())).unwrap();
    assert_eq!(
        config.app_name().map(ToString::to_string).as_deref(),
        Some("handover-worker")
    );
    let store = DynamoStore::new(clients::dynamodb(&config), tables());
    let (change, _) = scene::invited(scene::at(0));
    store.write(&change).await.unwrap();
    for missing in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        let get = environment(cloud.endpoint.clone());
        let error = clients::in_lambda(move |key| get(key).filter(|_| key != missing)).unwrap_err();
        assert!(error.to_string().starts_with(missing), "{error}");
    }
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
