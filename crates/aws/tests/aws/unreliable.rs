//! A network that loses answers, and a DynamoDB that is busy.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use handover_aws::SystemRandomness;
use handover_core::ports::Randomness;

#[derive(Debug, Clone)]
pub enum Fault {
    /// The request arrives and takes effect; its answer does not arrive.
    AnswerLost,
    /// This is answered; the request does not arrive.
    Answers(u16, String),
}

#[derive(Debug, Default)]
struct Plan {
    faults: Vec<(&'static str, Fault)>,
    calls: HashMap<String, usize>,
    bodies: Vec<String>,
    forgets_tokens: bool,
}

#[derive(Debug, Clone)]
pub struct Unreliable {
    inner: SharedHttpClient,
    plan: Arc<Mutex<Plan>>,
}

impl Unreliable {
    /// Reliable, until told otherwise.
    pub fn new() -> Self {
        Self::over(aws_smithy_http_client::Builder::new().build_http())
    }

    pub fn over(inner: SharedHttpClient) -> Self {
        Self {
            inner,
            plan: Arc::default(),
        }
    }

    /// The next `times` calls of `operation` fail like this.
    pub fn fail(&self, operation: &'static str, times: usize, fault: &Fault) {
        self.plan
            .lock()
            .unwrap()
            .faults
            .extend(vec![(operation, fault.clone()); times]);
    }

    /// Reliable again.
    pub fn mend(&self) {
        self.plan.lock().unwrap().faults.clear();
    }

    /// Every request has a token of its own from now on: as if ten minutes had passed between any two.
    pub fn forget_tokens(&self) {
        self.plan.lock().unwrap().forgets_tokens = true;
    }

    /// The calls since the last question, by operation.
    pub fn calls(&self) -> HashMap<String, usize> {
        std::mem::take(&mut self.plan.lock().unwrap().calls)
    }

    /// What was sent, in order.
    pub fn bodies(&self) -> Vec<String> {
        self.plan.lock().unwrap().bodies.clone()
    }
}

impl HttpClient for Unreliable {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector {
            inner,
            plan: self.plan.clone(),
        })
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    plan: Arc<Mutex<Plan>>,
}

impl HttpConnector for Connector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.split('.').next_back().unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let fault = {
            let mut plan = self.plan.lock().unwrap();
            *plan.calls.entry(operation.clone()).or_default() += 1;
            if plan.forgets_tokens {
                *request.body_mut() = SdkBody::from(with_other_token(&body));
            }
            plan.bodies.push(body);
            let position = plan.faults.iter().position(|(named, _)| *named == operation);
            position.map(|position| plan.faults.remove(position).1)
        };
        let inner = self.inner.clone();
        HttpConnectorFuture::new(async move {
            match fault {
                None => inner.call(request).await,
                Some(Fault::AnswerLost) => {
                    inner.call(request).await?;
                    Err(ConnectorError::io("the answer was lost".into()))
                }
                Some(Fault::Answers(status, body)) => Ok(HttpResponse::new(
                    StatusCode::try_from(status).unwrap(),
                    SdkBody::from(body),
                )),
            }
        })
    }
}

/// Of the same length, so that the headers stay right.
fn with_other_token(body: &str) -> String {
    const NAME: &str = "\"ClientRequestToken\":\"";
    let Some(start) = body.find(NAME).map(|found| found + NAME.len()) else {
        return body.to_owned();
    };
    let end = start + body[start..].find('"').unwrap();
    let token = format!("{:036x}", SystemRandomness.id());
    let token = &token[token.len() - (end - start)..];
    [&body[..start], token, &body[end..]].concat()
}
