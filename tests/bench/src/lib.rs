#![doc = include_str!("../README.md")]

pub mod delay;
pub mod dynamodb;
pub mod fixture;
pub mod function;
pub mod kms;
pub mod outside;
pub mod process;
pub mod programs;
pub mod runtime_api;
pub mod serve;
pub mod sqs;
pub mod stack;
pub mod table;
pub mod tally;
pub mod tls;
pub mod world;
