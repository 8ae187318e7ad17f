//! What one run leaves on the disk while it runs.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use anyhow::{Context, Result};

use crate::cloud::project;

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// The name of the local cloud's log in it.
const LOG: &str = "cloud.log";

/// A folder of one's own, `.local/run-<process>-<number>`; goes when dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    failed: AtomicBool,
}

impl Folder {
    /// Makes one that nobody else has.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make() -> Result<Self> {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = project()
            .join(".local")
            .join(format!("run-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self {
            path,
            failed: AtomicBool::new(false),
        })
    }

    /// The address of a file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where the local cloud logs.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.file(LOG)
    }

    /// Starting failed: the local cloud's log stays, for whoever looks into it.
    pub fn keep_log(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    fn clear(&self) -> std::io::Result<()> {
        if !self.failed.load(Ordering::Relaxed) {
            return std::fs::remove_dir_all(&self.path);
        }
        for entry in std::fs::read_dir(&self.path)? {
            let path = entry?.path();
            if path != self.log() {
                std::fs::remove_file(path)?;
            }
        }
        // It stays if the log does.
        std::fs::remove_dir(&self.path).ok();
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            eprintln!("{} was not removed: {error}", self.path.display());
        }
    }
}

/// An address as it is typed in the current folder.
#[must_use]
pub fn from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    below.unwrap_or_else(|| path.to_owned())
}
