//! What happened in a run: a hash that tells two runs apart, and on demand every line.

use std::time::Duration;

/// The trace of one run.
#[derive(Debug, Default)]
pub struct Trace {
    hash: u64,
    /// Kept only in a replay: telling every step is most of its cost.
    lines: Option<Vec<String>>,
}

impl Trace {
    /// One that keeps its lines.
    #[must_use]
    pub fn told() -> Self {
        Self {
            hash: 0,
            lines: Some(Vec::new()),
        }
    }

    /// A step: numbers that identify it, and how it is told.
    pub fn step(&mut self, now: Duration, numbers: [u64; 3], told: impl FnOnce() -> String) {
        let time = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        for number in [time].into_iter().chain(numbers) {
            // FNV-1a over words.
            self.hash = (self.hash ^ number).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(29);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{} {}", moment(now), told()));
        }
    }

    /// A remark that is no step.
    pub fn note(&mut self, now: Duration, told: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{}   {}", moment(now), told()));
        }
    }

    /// The hash of all steps.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The lines, if they were kept.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}

/// A short number for a name.
#[must_use]
pub fn number_of(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

fn moment(now: Duration) -> String {
    let seconds = now.as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    format!(
        "{days:>3}d {:02}:{:02}:{:02}.{:03}",
        rest / 3_600,
        rest / 60 % 60,
        rest % 60,
        now.subsec_millis()
    )
}
