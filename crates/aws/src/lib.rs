#![doc = include_str!("../README.md")]

pub mod clients;
pub mod clock;
pub mod config;
#[cfg(feature = "contract")]
pub mod contract;
mod failure;
pub mod metrics;
pub mod queue;
pub mod store;
pub mod telemetry;
pub mod vault;

pub use clock::{SystemClock, SystemRandomness};
pub use queue::SqsQueue;
pub use store::DynamoStore;
pub use vault::KmsVault;
