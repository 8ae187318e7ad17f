//! The store against a DynamoDB in this process, the vault against a KMS in this process, over the SDK that production
//! uses.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows tests by their attribute, and not the functions they share"
)]

mod cloud;
mod connector;
mod layout;
mod lost_answers;
mod queue;
mod store;
mod unknown_versions;
mod unreliable;
mod vault;
