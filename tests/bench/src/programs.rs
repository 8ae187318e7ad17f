//! What is measured: the functions from their zips, and their peers.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::{function::Program, world::World};

/// The functions.
pub const FUNCTIONS: [&str; 3] = ["callback", "worker", "sweeper"];
/// The peers' names in the tables.
pub const PYTHON: &str = "Python";
/// See [`PYTHON`].
pub const NODE: &str = "Node";

/// Where everything is that was built before.
#[derive(Debug, Clone)]
pub struct Places {
    /// Holds a folder with a `bootstrap.zip` for each function.
    pub zips: PathBuf,
    /// The command `handover`.
    pub command: PathBuf,
    /// The peers' Python.
    pub python: PathBuf,
    /// The peers' sources.
    pub peers: PathBuf,
}

impl Places {
    /// The zip of one function.
    #[must_use]
    pub fn zip(&self, function: &str) -> PathBuf {
        self.zips.join(function).join("bootstrap.zip")
    }
}

/// Unpacks a function's zip into `folder` and says how to start it.
///
/// # Errors
/// When there is no such zip.
pub async fn function(places: &Places, world: &World, name: &str, folder: &Path) -> Result<Program> {
    let (zip, folder) = (places.zip(name), folder.join(name));
    if !zip.exists() {
        bail!("{} is missing: run `make zips`", zip.display());
    }
    let unpacked = Command::new("python3")
        .args(["-m", "zipfile", "-e"])
        .args([&zip, &folder])
        .stdin(Stdio::null())
        .status()
        .await
        .context("python3 is missing")?;
    let bootstrap = folder.join("bootstrap");
    if !unpacked.success() || !bootstrap.exists() {
        bail!("{} cannot be unpacked", zip.display());
    }
    make_executable(&bootstrap)?;
    Ok(Program {
        name: name.to_owned(),
        command: vec![bootstrap.display().to_string()],
        folder,
        environment: world.function_environment(name),
        handler: "bootstrap".into(),
    })
}

fn make_executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))?)
}

/// The callback in Python, on the official runtime client.
#[must_use]
pub fn python(places: &Places, world: &World) -> Program {
    Program {
        name: PYTHON.into(),
        command: vec![
            places.python.display().to_string(),
            "-m".into(),
            "awslambdaric".into(),
            "callback.handler".into(),
        ],
        folder: places.peers.join("python"),
        environment: peer_environment(world),
        handler: "callback.handler".into(),
    }
}

/// The callback in JavaScript, on a minimal loop.
#[must_use]
pub fn node(places: &Places, world: &World) -> Program {
    Program {
        name: NODE.into(),
        command: vec!["node".into(), "bootstrap.mjs".into()],
        folder: places.peers.join("node"),
        environment: peer_environment(world),
        handler: "dist/callback.handler".into(),
    }
}

fn peer_environment(world: &World) -> Vec<(String, String)> {
    let own = [
        ("TABLE", "peer"),
        ("KEY_ID", "arn:aws:kms:eu-central-1:000000000000:key/pair"),
        ("EXACT_URL", &world.exact_url),
        ("CLIENT_ID", "bench"),
        ("CLIENT_SECRET", "secret"),
        ("REDIRECT_URI", "https://handover.example.com/callback"),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    world.environment().into_iter().chain(own).collect()
}
