//! What the kernel says of a process.

use std::fs;

use anyhow::{Context, Result};
use serde::Serialize;

/// Resident memory.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Memory {
    /// Now, in MB.
    pub resident: f64,
    /// At most so far, in MB.
    pub highest: f64,
}

/// The memory of process `id`.
///
/// # Errors
/// When there is no such process.
pub fn memory(id: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).context("the process is gone")?;
    let megabytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        kilobytes.unwrap_or_default() / 1_024.0
    };
    Ok(Memory {
        resident: megabytes("VmRSS:"),
        highest: megabytes("VmHWM:"),
    })
}

/// The time that the living threads of process `id` have spent on a processor, in milliseconds.
///
/// # Errors
/// When there is no such process.
pub fn cpu_ms(id: u32) -> Result<f64> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).context("the process is gone")?;
    let nanos: f64 = threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split_whitespace().next()?.parse::<f64>().ok())
        .sum();
    Ok(nanos / 1_000_000.0)
}
