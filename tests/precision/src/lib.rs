#![doc = include_str!("../README.md")]

pub mod lateness;
pub mod local;
pub mod simulated;
pub mod table;
