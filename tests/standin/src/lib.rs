#![doc = include_str!("../README.md")]

pub mod answer;
pub mod books;
pub mod client;
pub mod clock;
mod control;
pub mod exact;
pub mod faults;
mod gate;
pub mod invantive;
mod page;
pub mod random;
mod serve;
pub mod settings;
mod shelf;
mod standin;
pub mod walker;
pub mod world;

pub use books::Books;
pub use client::{ClientError, ControlClient};
pub use faults::{At, Fault, FaultKind};
pub use invantive::open::Opened;
pub use settings::{App, InvantiveSettings, Lifetimes, Limits, User};
pub use standin::{Standin, StandinConfig, StartError};
pub use walker::Walker;
