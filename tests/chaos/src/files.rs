//! What a run that was not clean leaves on the disk, for whoever looks into it.

use std::{
    fmt::Debug,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use handover_local::{cloud::project, stage::Stage};

use crate::{evidence::Evidence, killer::Kill};

/// Writes everything into a folder of its own, and answers which.
///
/// # Errors
/// When the logs cannot be read, or the folder cannot be written.
pub async fn leave(stage: &Stage, evidence: &Evidence, kills: &[Kill], seed: u64) -> Result<PathBuf> {
    let folder = project().join(".local").join(format!("chaos-{seed}"));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let write = |name: &str, text: String| {
        let file = folder.join(name);
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    };
    write("books.json", serde_json::to_string_pretty(&evidence.books)?)?;
    write("functions.log", stage.aws.logs().await?.join("\n"))?;
    write("kills.txt", lines(kills))?;
    write("asked.txt", lines(&evidence.asked))?;
    write("connections.txt", lines(&evidence.connections))?;
    copy(&stage.log(), &folder.join("cloud.log"))?;
    Ok(folder)
}

fn lines<T: Debug>(all: &[T]) -> String {
    all.iter().map(|one| format!("{one:?}\n")).collect()
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}
