#![doc = include_str!("../README.md")]

pub mod board;
pub mod director;
pub mod evidence;
pub mod files;
pub mod judge;
pub mod killer;
pub mod need;
pub mod people;
pub mod plan;
pub mod report;
pub mod wire;
