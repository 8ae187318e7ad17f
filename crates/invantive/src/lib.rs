#![doc = include_str!("../README.md")]

mod answer;
pub mod assisted;
mod key;
pub mod profile;
mod registrar;
mod request;
mod scrub;
mod template;

pub use profile::{Profile, ProfileError};
pub use registrar::{HttpRegistrar, Prepared};
