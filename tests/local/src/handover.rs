//! The command `handover`, run as a person would.

use std::{
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

use crate::cloud::{REGION, command};

/// Runs the command against one deployment.
#[derive(Debug, Clone)]
pub struct Handover {
    /// The stack's name.
    pub stack: String,
    endpoint: String,
    variables: Vec<(String, String)>,
    operator: bool,
    said: Arc<Mutex<Vec<Said>>>,
}

/// What a run of the command printed.
#[derive(Debug, Clone)]
pub struct Said {
    /// Whether it exited with 0.
    pub ok: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Handover {
    /// The command for the deployment `stack`, which finds AWS at `endpoint` and these variables besides its own.
    #[must_use]
    pub fn new(stack: &str, endpoint: &str, variables: Vec<(String, String)>) -> Self {
        Self {
            stack: stack.to_owned(),
            endpoint: endpoint.to_owned(),
            variables,
            operator: false,
            said: Arc::default(),
        }
    }

    /// The same, run by who has the operators' role even where the developers' would do.
    #[must_use]
    pub fn as_operator(&self) -> Self {
        Self {
            operator: true,
            ..self.clone()
        }
    }

    /// What every run has printed so far, whoever ran it.
    #[must_use]
    pub fn said(&self) -> Vec<Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs it with these arguments and this standard input.
    ///
    /// # Errors
    /// When it cannot be run at all.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Result<Said> {
        let mut command = Command::from(self.command(arguments));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command
            .spawn()
            .context("could not run the command `handover`: run `make build`")?;
        if let Some(mut stdin) = process.stdin.take() {
            // One that reads nothing has closed its end already.
            stdin.write_all(input.as_bytes()).await.ok();
        }
        let output = process.wait_with_output().await?;
        let said = Said {
            ok: output.status.success(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(said.clone());
        Ok(said)
    }

    /// The command with these arguments, in an environment of its own: nothing of the caller's account reaches it.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(command());
        command
            .args(["--stack", &self.stack])
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TERM", "xterm-256color")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_SDK_UA_APP_ID", self.role(arguments))
            .env("HANDOVER_ALLOW_HTTP", "true")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The role that such a command is for: who may open pairs is not who makes connections.
    fn role(&self, arguments: &[&str]) -> &'static str {
        match arguments.first() {
            Some(&("take" | "done" | "refused" | "put-back" | "resolve")) => "handover-operator",
            _ if self.operator => "handover-operator",
            _ => "handover-developer",
        }
    }

    /// Runs it with `--json` and reads what it printed.
    ///
    /// # Errors
    /// When it fails; says what it said.
    pub async fn json(&self, arguments: &[&str], input: &str) -> Result<Value> {
        let said = self.run(&[arguments, &["--json"]].concat(), input).await?;
        if !said.ok {
            bail!("handover {}: {}", arguments.join(" "), said.err.trim());
        }
        serde_json::from_str(&said.out).with_context(|| format!("handover {} printed no JSON", arguments.join(" ")))
    }
}
