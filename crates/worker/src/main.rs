//! Wires the worker: see the library.

use std::process::ExitCode;

use aws_lambda_events::sqs::SqsEvent;
use handover_aws::{
    DynamoStore, KmsVault, SqsQueue, SystemClock, SystemRandomness, clients,
    config::{Keys, Logging, RescueQueue, Tables, Transport, WakeQueue, environment},
    telemetry::{self, error_chain},
};
use handover_core::apply::Desk;
use handover_invantive::HttpRegistrar;
use handover_platform::{ExactOnline, HttpClient};
use handover_worker::{Settings, Worker};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not through the log: that may be what did not start.
            eprintln!("the worker stops: {}", error_chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    telemetry::start(&Logging::read(environment))?;
    let settings = Settings::read(environment)?;
    let http = HttpClient::new(Transport::read(environment)?.allow_http)?;
    let aws = clients::in_lambda(environment)?;
    let store = DynamoStore::new(clients::dynamodb(&aws), Tables::read(environment)?);
    let queue =
        SqsQueue::new(clients::sqs(&aws), WakeQueue::read(environment)?).with_rescue(RescueQueue::read(environment)?);
    let vault = KmsVault::new(clients::kms(&aws), Keys::read(environment)?);
    let (platform, registrar) = (ExactOnline::new(http.clone()), HttpRegistrar::new(http));
    let (clock, randomness) = (SystemClock::new(), SystemRandomness);
    let worker = Worker {
        desk: Desk {
            store: &store,
            queue: &queue,
            clock: &clock,
            randomness: &randomness,
        },
        vault: &vault,
        platform: &platform,
        registrar: &registrar,
        settings,
    };
    let follow = async |event: LambdaEvent<SqsEvent>| Ok::<_, Error>(worker.handle(event.payload).await);
    lambda_runtime::run(service_fn(follow)).await
}
