#![doc = include_str!("../README.md")]

pub mod aws;
pub mod clock;
pub mod cloud;
pub mod customer;
pub mod demo;
pub mod folder;
pub mod gateway;
pub mod handover;
pub mod processes;
pub mod proxy;
pub mod recorder;
pub mod stage;
pub mod terminal;
pub mod wait;
