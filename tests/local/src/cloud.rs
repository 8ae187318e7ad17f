//! The local cloud: starts it and deploys the template to it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::clock::MovableClock;

/// Everything here happens in this region; the real ones are never called.
pub const REGION: &str = "eu-central-1";

/// The project's folder.
#[must_use]
pub fn project() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Where the build puts things.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| project().join("target"), PathBuf::from)
}

/// The zip of one function.
#[must_use]
pub fn zip(function: &str) -> PathBuf {
    target().join("lambda").join(function).join("bootstrap.zip")
}

/// The command `handover`, as `cargo build` left it.
#[must_use]
pub fn command() -> PathBuf {
    target().join("debug").join("handover")
}

fn python() -> Command {
    Command::new(project().join(".venv/bin/python3"))
}

/// A port that nobody uses at this moment.
///
/// # Errors
/// When the machine has none.
pub fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// A running local cloud; ends when dropped.
#[derive(Debug)]
pub struct Cloud {
    port: u16,
    process: Child,
}

impl Cloud {
    /// Starts it on `port` and waits until it answers. Functions call AWS at `endpoint`; they and the cloud go by `clock`
    /// if there is one. What it has to say goes to the file `log`.
    ///
    /// # Errors
    /// When it does not come up; says what it printed.
    pub async fn start(port: u16, endpoint: &str, clock: Option<&MovableClock>, log: &Path) -> Result<Self> {
        let mut command = python();
        command
            .arg(project().join("infra/local/cloud.py"))
            .args(["--port", &port.to_string()]);
        command.args(["--endpoint", endpoint, "--region", REGION]);
        if let Some(clock) = clock {
            command.arg("--clock").arg(clock.file());
            for (name, value) in clock.variables() {
                command.arg("--function-env").arg(format!("{name}={value}"));
            }
        }
        // Its own words are not for whoever watches the demonstration; a failure to start is told by the line below.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(log).context("no log for the local cloud")?)
            .kill_on_drop(false);
        let mut process = command
            .spawn()
            .context("could not start .venv/bin/python3: run `make tools`")?;
        let stdout = process.stdout.take().context("the local cloud has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        loop {
            let Some(line) = lines.next_line().await? else {
                bail!("the local cloud ended at once: see {}", log.display());
            };
            let Ok(said) = serde_json::from_str::<Value>(&line) else {
                continue;
            };
            if said.get("ready").is_some() {
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self { port, process });
            }
            if let Some(error) = said.get("error") {
                bail!("the local cloud did not start: {error}");
            }
        }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The process that everything of it is below; `None`: it has ended.
    #[must_use]
    pub fn supervisor(&self) -> Option<u32> {
        self.process.id()
    }

    /// Deploys the template with the zips; answers the stack's outputs.
    ///
    /// # Errors
    /// When the stack does not come up; says what CloudFormation said.
    pub async fn deploy(&self, stack: &str, parameters: &[(&str, &str)]) -> Result<BTreeMap<String, String>> {
        for function in ["callback", "worker", "sweeper"] {
            let zip = zip(function);
            if !zip.exists() {
                bail!("{} is missing: run `make zips`", zip.display());
            }
        }
        let mut command = python();
        command.arg(project().join("infra/local/deploy.py"));
        command.args(["--endpoint", &self.url(), "--region", REGION, "--stack", stack]);
        for function in ["callback", "worker", "sweeper"] {
            command
                .arg("--code")
                .arg(format!("{function}={}", zip(function).display()));
        }
        for (name, value) in parameters {
            command.arg("--parameter").arg(format!("{name}={value}"));
        }
        let output = command
            .stdin(Stdio::null())
            .output()
            .await
            .context("could not run infra/local/deploy.py")?;
        if !output.status.success() {
            bail!(
                "the template was not deployed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        serde_json::from_slice(&output.stdout).context("infra/local/deploy.py printed no outputs")
    }

    /// Ends it with everything it started.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn stop(mut self) -> Result<()> {
        terminate(&self.process);
        self.process.wait().await?;
        Ok(())
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // A hard kill would leave its functions behind: it is asked, and cleans up after itself.
        terminate(&self.process);
    }
}

fn terminate(process: &Child) {
    if let Some(id) = process.id() {
        // The standard library only knows the hard kill.
        let asked = std::process::Command::new("kill").arg(id.to_string()).status();
        debug_assert!(asked.is_ok());
    }
}

impl Cloud {
    /// What each role of a stack is allowed, references resolved.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn policies(&self, stack: &str) -> Result<Value> {
        let mut command = python();
        command.arg(project().join("infra/local/policies.py"));
        command.args(["--endpoint", &self.url(), "--region", REGION, "--stack", stack]);
        let output = command.stdin(Stdio::null()).output().await?;
        if !output.status.success() {
            bail!(
                "infra/local/policies.py: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}
