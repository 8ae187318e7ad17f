//! The behaviour that every implementation of a port must show, as functions that panic where it does not.
//!
//! They run against any implementation: each makes what it needs under ids of its own. Not beside a sweeper or a worker
//! that uses the same tables or queue: to them, what is made here is due since 1970.

#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests, in a library so that other crates can run them"
)]

pub mod queue;
pub mod scene;
pub mod store;
pub mod vault;

pub use queue::queue_contract;
pub use store::store_contract;
pub use vault::vault_contract;
