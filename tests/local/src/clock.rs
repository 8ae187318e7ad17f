//! Moves the clock: of unmodified programs by libfaketime, of the local cloud by the same file.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, ensure};

use crate::cloud::project;

/// A clock that functions, cloud and command are started with.
#[derive(Debug)]
pub struct MovableClock {
    file: PathBuf,
    library: PathBuf,
}

impl MovableClock {
    /// At real time, kept in `file`.
    ///
    /// # Errors
    /// When the library was not built.
    pub fn new(file: &Path) -> Result<Self> {
        let library = project().join(".tools/libfaketimeMT.so.1");
        ensure!(library.exists(), "{} is missing: run `make tools`", library.display());
        let clock = Self {
            file: file.to_owned(),
            library,
        };
        clock.set(Duration::ZERO)?;
        Ok(clock)
    }

    /// Where it is kept.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What unmodified programs need in their environment to go by it.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let pair = |name: &str, value: String| (name.to_owned(), value);
        vec![
            pair("LD_PRELOAD", self.library.display().to_string()),
            pair("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            pair("FAKETIME_NO_CACHE", "1".into()),
            // Deadlines of invocations stay in real time.
            pair("DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }

    /// Puts it `offset` after real time.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set(&self, offset: Duration) -> Result<()> {
        // Written beside and renamed: a function that reads meanwhile finds one or the other.
        let beside = self.file.with_extension("new");
        std::fs::write(&beside, format!("+{}\n", offset.as_secs()))?;
        std::fs::rename(beside, &self.file)?;
        Ok(())
    }
}
