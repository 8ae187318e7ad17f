//! Wires the sweeper: see the library.

use std::process::ExitCode;

use handover_aws::{
    DynamoStore, SqsQueue, SystemClock, SystemRandomness, clients,
    config::{Deployment, Logging, Tables, Timeout, WakeQueue, environment},
    telemetry::{self, error_chain},
};
use handover_core::apply::Desk;
use handover_sweeper::Sweeper;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::de::IgnoredAny;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not through the log: that may be what did not start.
            eprintln!("the sweeper stops: {}", error_chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    telemetry::start(&Logging::read(environment))?;
    let (deployment, timeout) = (Deployment::read(environment)?.name, Timeout::read(environment)?.limit);
    let aws = clients::in_lambda(environment)?;
    let store = DynamoStore::new(clients::dynamodb(&aws), Tables::read(environment)?);
    let queue = SqsQueue::new(clients::sqs(&aws), WakeQueue::read(environment)?);
    let (clock, randomness) = (SystemClock::new(), SystemRandomness);
    let sweeper = Sweeper {
        desk: Desk {
            store: &store,
            queue: &queue,
            clock: &clock,
            randomness: &randomness,
        },
        deployment,
        timeout,
    };
    // What the schedule sends says nothing.
    let sweep = async |_: LambdaEvent<IgnoredAny>| {
        sweeper.handle().await;
        Ok::<_, Error>(())
    };
    lambda_runtime::run(service_fn(sweep)).await
}
