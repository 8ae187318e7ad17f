//! A DynamoDB that has one item, whatever is asked for, and keeps what is written.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

/// One item, in the form that it has on the wire, and what was written.
#[derive(Debug, Clone, Default)]
pub(crate) struct OneItem {
    item: Arc<Mutex<String>>,
    written: Arc<Mutex<Vec<Value>>>,
}

impl OneItem {
    /// Has `item` from now on.
    pub fn hold(&self, item: &str) {
        item.clone_into(&mut self.item.lock().unwrap());
        self.written.lock().unwrap().clear();
    }

    /// The items of the last transaction.
    pub fn written(&self) -> Vec<Value> {
        self.written.lock().unwrap().clone()
    }

    pub fn client(&self) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.clone())
            .credentials_provider(Credentials::new("AKIDLOCAL", "local", None, None, "fuzz"))
            .region(Region::new("eu-west-1"))
            .retry_config(RetryConfig::disabled())
            .build();
        Client::from_conf(config)
    }

    fn answer(&self, operation: &str, body: &[u8]) -> String {
        let item = self.item.lock().unwrap();
        match operation {
            "GetItem" => format!("{{\"Item\":{item}}}"),
            "Query" => format!("{{\"Items\":[{item}],\"Count\":1}}"),
            _ => {
                *self.written.lock().unwrap() = items(&serde_json::from_slice(body).unwrap());
                "{}".to_owned()
            }
        }
    }
}

/// What a request to write puts: one item, or those of a transaction.
fn items(request: &Value) -> Vec<Value> {
    let steps = request["TransactItems"].as_array().into_iter().flatten();
    let together = steps.filter_map(|step| step.pointer("/Put/Item"));
    together.chain(request.get("Item")).cloned().collect()
}

impl HttpClient for OneItem {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for OneItem {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.split('.').next_back().unwrap_or_default();
        let answer = self.answer(operation, request.body().bytes().unwrap_or_default());
        let status = StatusCode::try_from(200).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(answer))))
    }
}
