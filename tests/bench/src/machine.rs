//! What it runs on.

use std::fs;

use serde::Serialize;

/// A machine.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Its processor, as it calls itself.
    pub processor: String,
    /// How many of them.
    pub processors: usize,
    /// Its memory, in GB.
    pub memory_gb: u64,
    /// Its kernel.
    pub kernel: String,
    /// How many processes wanted to run in the minute before: more than none, and the figures suffer.
    pub load: String,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn here() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let named = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split_once(':'));
            value.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
        };
        let memory = named(&read("/proc/meminfo"), "MemTotal");
        let kilobytes: u64 = memory
            .split(' ')
            .next()
            .and_then(|number| number.parse().ok())
            .unwrap_or_default();
        Self {
            processor: named(&read("/proc/cpuinfo"), "model name"),
            processors: std::thread::available_parallelism().map_or(0, Into::into),
            memory_gb: kilobytes / 1_048_576,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}
