#![doc = include_str!("../README.md")]

pub mod agenda;
pub mod application;
pub mod apply;
pub mod authorisation;
pub mod browser;
pub mod budget;
pub mod chain;
pub mod connection;
pub mod decide;
pub mod event;
pub mod ids;
pub mod plaintext;
pub mod ports;
pub mod registration;
pub mod secret;
