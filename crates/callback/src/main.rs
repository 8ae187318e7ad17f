//! Wires the callback function: see the library.

use std::process::ExitCode;

use handover_aws::{
    DynamoStore, KmsVault, SqsQueue, SystemClock, SystemRandomness, clients,
    config::{Keys, Logging, RescueQueue, Tables, Transport, WakeQueue, environment},
    telemetry::{self, error_chain},
};
use handover_callback::{Callback, Ports, Settings, serve};
use handover_platform::{ExactOnline, HttpClient};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not through the log: that may be what did not start.
            eprintln!("the callback function stops: {}", error_chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    telemetry::start(&Logging::read(environment))?;
    let settings = Settings::read(environment)?;
    let aws = clients::in_lambda(environment)?;
    let store = DynamoStore::new(clients::dynamodb(&aws), Tables::read(environment)?);
    let vault = KmsVault::new(clients::kms(&aws), Keys::read(environment)?);
    let ports = Ports {
        store,
        vault,
        queue: SqsQueue::new(clients::sqs(&aws), WakeQueue::read(environment)?)
            .with_rescue(RescueQueue::read(environment)?),
        platform: ExactOnline::new(HttpClient::new(Transport::read(environment)?.allow_http)?),
        clock: SystemClock::new(),
        randomness: SystemRandomness,
    };
    serve(Callback::new(ports, settings)).await
}
