#![doc = include_str!("../README.md")]

mod breaks;
mod configuration;
mod held;
mod model;
mod operator;
mod outside;
mod promises;
mod protocol;
mod report;
mod state;
mod tab;
mod worker;

pub use breaks::Break;
pub use configuration::{CONFIGURATIONS, Configuration, Opening};
pub use promises::Promise;
pub use report::{Report, check};
pub use state::Bounds;
