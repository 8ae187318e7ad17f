//! The contract of the ports, which also runs in process, against the local cloud.

use std::sync::Arc;

use anyhow::Result;
use handover_aws::{
    DynamoStore, KmsVault, SqsQueue, clients,
    config::{Keys, Tables, WakeQueue},
    contract::{queue_contract, store_contract, vault},
};
use handover_local::cloud::REGION;

use crate::{evidence::Evidence, world::World};

pub async fn the_ports_keep_their_contract_on_the_local_cloud(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::idle().await?;
    let endpoint = world.stage.cloud.url();
    let sdk = clients::loader()
        .region(aws_config::Region::new(REGION))
        .endpoint_url(endpoint)
        .test_credentials()
        .load()
        .await;
    let tables = Tables {
        connections: world.output("ConnectionsTable")?.to_owned(),
        vault: world.output("VaultTable")?.to_owned(),
        shards: world.output("WakeShards")?.parse()?,
    };
    let keys = Keys {
        deployment: world.stage.handover.stack.clone(),
        pair_key: Some(world.output("PairKeyArn")?.to_owned()),
        application_key: Some(world.output("ApplicationKeyArn")?.to_owned()),
    };
    store_contract(&DynamoStore::new(clients::dynamodb(&sdk), tables)).await;
    // The local cloud lets altered ciphertext pass; in process, KMS is judged by one that does not.
    let sealed = KmsVault::new(clients::kms(&sdk), keys);
    vault::what_was_sealed_opens(&sealed).await;
    vault::what_was_moved_does_not_open(&sealed).await;
    queue_contract(&SqsQueue::new(
        clients::sqs(&sdk),
        WakeQueue {
            url: world.output("DeadLetterQueueUrl")?.to_owned(),
        },
    ))
    .await;
    world.leave(&evidence).await
}
