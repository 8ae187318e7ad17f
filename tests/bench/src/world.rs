//! All upstreams, each at an address of its own: a connection to one is none to another.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Result;

use crate::{
    delay::Distance,
    dynamodb::DynamoDb,
    kms::Kms,
    outside::{Exact, Invantive},
    serve::{Network, far},
    sqs::Sqs,
    stack::Stack,
    table::CONNECTIONS,
    tally::Tally,
    tls::Trust,
};

/// The deployment's name.
pub const DEPLOYMENT: &str = "bench";
/// Everything happens in this region; the real ones are never called.
pub const REGION: &str = "eu-central-1";
/// What customers would see.
pub const PUBLIC_URL: &str = "https://handover.example.com";

/// The upstreams, until the process ends.
pub struct World {
    /// Tables.
    pub dynamodb: Arc<DynamoDb>,
    /// Queues.
    pub sqs: Arc<Sqs>,
    /// Invantive Cloud.
    pub invantive: Arc<Invantive>,
    /// Every call.
    pub tally: Tally,
    /// Who may be trusted.
    pub trust: Trust,
    /// Where Exact Online is.
    pub exact_url: String,
    /// Where Invantive Cloud is.
    pub invantive_url: String,
    distance: Distance,
    endpoints: Vec<(&'static str, String)>,
}

impl World {
    /// Starts all of it; certificates go into `folder`.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn start(folder: &Path) -> Result<Self> {
        let (distance, tally, trust) = (Distance::new()?, Tally::default(), Trust::make(folder)?);
        let network = Network {
            tls: trust.acceptor.clone(),
            distance: distance.clone(),
            tally: tally.clone(),
        };
        let (dynamodb, sqs, invantive) = (Arc::default(), Arc::default(), Arc::default());
        let stack = Arc::new(Stack::default());
        let dynamodb_url = far("dynamodb", Arc::clone(&dynamodb), network.clone()).await?;
        let kms_url = far("kms", Arc::new(Kms::new()?), network.clone()).await?;
        let sqs_url = far("sqs", Arc::clone(&sqs), network.clone()).await?;
        let stack_url = far("stack", Arc::clone(&stack), network.clone()).await?;
        let exact_url = far("exact", Arc::new(Exact::default()), network.clone()).await?;
        let invantive_url = far("invantive", Arc::clone(&invantive), network).await?;
        let outputs = vec![
            ("PublicUrl", PUBLIC_URL.to_owned()),
            ("ConnectionsTable", CONNECTIONS.to_owned()),
            ("VaultTable", "vault".to_owned()),
            ("QueueUrl", format!("{sqs_url}/000000000000/wake")),
            (
                "PairKeyArn",
                "arn:aws:kms:eu-central-1:000000000000:key/pair".to_owned(),
            ),
            (
                "ApplicationKeyArn",
                "arn:aws:kms:eu-central-1:000000000000:key/application".to_owned(),
            ),
            ("WakeShards", "4".to_owned()),
        ];
        stack.outputs.set(outputs).ok();
        Ok(Self {
            dynamodb,
            sqs,
            invantive,
            tally,
            trust,
            exact_url,
            invantive_url,
            distance,
            endpoints: vec![
                ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_url),
                ("AWS_ENDPOINT_URL_KMS", kms_url),
                ("AWS_ENDPOINT_URL_SQS", sqs_url),
                ("AWS_ENDPOINT_URL", stack_url),
            ],
        })
    }

    /// From now on everything is this far away.
    pub fn set_round_trip(&self, round_trip: Duration) {
        self.distance.set(round_trip);
    }

    /// What a process needs to find the upstreams and to trust them.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let roots = self.trust.roots.display().to_string();
        let own = self.trust.own_root.display().to_string();
        let fixed = [
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_SESSION_TOKEN", "test".to_owned()),
            // rustls and OpenSSL; botocore; Node.js, which has its roots built in.
            ("SSL_CERT_FILE", roots.clone()),
            ("AWS_CA_BUNDLE", roots),
            ("NODE_EXTRA_CA_CERTS", own),
        ];
        let endpoints = self.endpoints.iter().map(|(name, url)| (*name, url.clone()));
        fixed
            .into_iter()
            .chain(endpoints)
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// The variables that the template gives a function.
    #[must_use]
    pub fn function_environment(&self, function: &str) -> Vec<(String, String)> {
        let queue = |name: &str| {
            let sqs = self
                .endpoints
                .iter()
                .find(|(variable, _)| *variable == "AWS_ENDPOINT_URL_SQS");
            let sqs = sqs.map(|(_, url)| url.as_str()).unwrap_or_default();
            format!("{sqs}/000000000000/{name}")
        };
        let timeout = if function == "sweeper" { "60" } else { "120" };
        let own = [
            ("HANDOVER_DEPLOYMENT", DEPLOYMENT.to_owned()),
            ("HANDOVER_CONNECTIONS_TABLE", CONNECTIONS.to_owned()),
            ("HANDOVER_VAULT_TABLE", "vault".to_owned()),
            ("HANDOVER_QUEUE_URL", queue("wake")),
            ("HANDOVER_RESCUE_QUEUE_URL", queue("rescue")),
            (
                "HANDOVER_PAIR_KEY",
                "arn:aws:kms:eu-central-1:000000000000:key/pair".to_owned(),
            ),
            (
                "HANDOVER_APPLICATION_KEY",
                "arn:aws:kms:eu-central-1:000000000000:key/application".to_owned(),
            ),
            ("HANDOVER_WAKE_SHARDS", "4".to_owned()),
            ("HANDOVER_TIMEOUT_SECONDS", timeout.to_owned()),
            ("HANDOVER_ACCEPT_UNKNOWN_IDENTITY", "false".to_owned()),
            ("HANDOVER_ALLOW_HTTP", "false".to_owned()),
            ("HANDOVER_LOG", "info".to_owned()),
            ("AWS_SDK_UA_APP_ID", format!("handover-{function}")),
        ];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
        self.environment().into_iter().chain(own).collect()
    }
}
