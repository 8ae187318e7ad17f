#![doc = include_str!("../README.md")]
#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "targets of the fuzzer, in a library so that libFuzzer and the tests run the same: a panic is a finding"
)]

mod answer;
mod callback;
mod case;
mod gateway;
mod ids;
mod invantive;
mod item;
mod leak;
mod loopback;
mod message;
mod network;
mod plaintext;
mod platform;
mod refusal;
mod sealed;
mod time;

pub use callback::callback;
pub use gateway::gateway;
pub use ids::ids;
pub use invantive::{look_up, profile, registration};
pub use item::{item, written};
pub use message::message;
pub use plaintext::plaintext;
pub use platform::{exchange, me, refresh};
pub use refusal::refusal;
pub use sealed::sealed;
pub use time::{moment, wait};

/// What was made of an input. Either is right; a run that sees only one of them tests little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken for what it says it is.
    Accepted,
    /// It was turned away.
    Refused,
}

impl Verdict {
    fn of<T, E>(read: &Result<T, E>) -> Self {
        if read.is_ok() { Self::Accepted } else { Self::Refused }
    }
}

/// A reader of foreign bytes, and what has to hold of it: a panic is a finding.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: of its seeds' folder, and of its binary for libFuzzer.
    pub name: &'static str,
    /// Reads an input, and looks at what came of it.
    pub run: fn(&[u8]) -> Verdict,
    /// So many changed inputs are worth their time in a run of all tests.
    pub runs: u32,
}

macro_rules! targets {
    ($($name:ident: $runs:literal,)*) => {
        /// All targets.
        pub const TARGETS: &[Target] = &[
            $(Target { name: stringify!($name), run: $name, runs: $runs },)*
        ];
    };
}

targets! {
    callback: 4_000,
    exchange: 800,
    gateway: 1_500,
    ids: 4_000,
    item: 1_500,
    look_up: 800,
    me: 800,
    message: 4_000,
    moment: 4_000,
    plaintext: 2_000,
    profile: 1_000,
    refresh: 800,
    refusal: 4_000,
    registration: 800,
    sealed: 600,
    wait: 4_000,
}
