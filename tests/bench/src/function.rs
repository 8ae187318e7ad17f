//! One execution environment: a process on a Runtime API of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::{
    process::{self, Memory},
    runtime_api::{RuntimeApi, Said},
    share::Share,
};

/// Nothing here takes longer.
const LIMIT: Duration = Duration::from_secs(60);

/// How to start a function: ours, or a peer's.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its name in the tables.
    pub name: String,
    /// What is run.
    pub command: Vec<String>,
    /// Where its code is.
    pub folder: PathBuf,
    /// Its environment, besides Lambda's own.
    pub environment: Vec<(String, String)>,
    /// `_HANDLER`.
    pub handler: String,
}

/// A running function; killed when dropped.
#[derive(Debug)]
pub struct Function {
    api: RuntimeApi,
    process: Child,
    started: Instant,
    name: String,
    waiting: Waiting,
}

/// What has asked for its next event.
#[derive(Debug, Default)]
struct Waiting {
    runtime: Option<Instant>,
    extension: bool,
}

/// An answered event.
#[derive(Debug)]
pub struct Answered {
    /// When the event was handed out.
    pub asked: Instant,
    /// When the answer was there.
    pub at: Instant,
    /// The answer.
    pub body: Value,
}

impl Answered {
    /// From event to answer, in milliseconds.
    #[must_use]
    pub fn ms(&self) -> f64 {
        millis(self.at.saturating_duration_since(self.asked))
    }
}

/// Milliseconds, with their fraction.
#[must_use]
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

impl Function {
    /// Starts a process.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(program: &Program, log: &Path) -> Result<Self> {
        let api = RuntimeApi::start().await?;
        let (command, arguments) = program.command.split_first().context("an empty command")?;
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = Command::new(command);
        command
            .args(arguments)
            .current_dir(&program.folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("AWS_LAMBDA_RUNTIME_API", &api.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench")
            .env("LAMBDA_TASK_ROOT", &program.folder)
            .env("_HANDLER", &program.handler)
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let started = Instant::now();
        let process = command
            .spawn()
            .with_context(|| format!("{} cannot be started", program.name))?;
        Ok(Self {
            api,
            process,
            started,
            name: program.name.clone(),
            waiting: Waiting::default(),
        })
    }

    /// Waits until it asks for its first event; answers how long that took, in milliseconds.
    ///
    /// # Errors
    /// When it fails or takes too long.
    pub async fn ready(&mut self) -> Result<f64> {
        self.idle().await?;
        let ready = self.waiting.runtime.context("it is not ready")?;
        Ok(millis(ready.saturating_duration_since(self.started)))
    }

    /// From its start until now, in milliseconds.
    #[must_use]
    pub fn since_start(&self, moment: Instant) -> f64 {
        millis(moment.saturating_duration_since(self.started))
    }

    /// Waits until runtime and extension have asked for an event.
    ///
    /// # Errors
    /// When it fails or takes too long.
    pub async fn idle(&mut self) -> Result<()> {
        while self.waiting.runtime.is_none() || (self.api.extended() && !self.waiting.extension) {
            match self.listen().await? {
                Said::Ready(at) => self.waiting.runtime = Some(at),
                Said::Idle(_) => self.waiting.extension = true,
                Said::Answer(_, answer) => bail!("{} answered what nobody asked: {answer}", self.name),
                Said::Error(error) => bail!("{} failed: {error}", self.name),
            }
        }
        Ok(())
    }

    async fn listen(&mut self) -> Result<Said> {
        let (api, process) = (&mut self.api, &mut self.process);
        tokio::select! {
            said = timeout(LIMIT, api.listen()) => said.with_context(|| format!("{} takes too long", self.name))?,
            status = process.wait() => bail!("{} ended: {}", self.name, status?),
        }
    }

    /// Hands it an event and waits for the answer; what it has under way may go on, [`Function::idle`] waits for that.
    ///
    /// # Errors
    /// When it fails or takes too long.
    pub async fn ask(&mut self, event: &Value) -> Result<Answered> {
        let asked = Instant::now();
        self.waiting = Waiting::default();
        self.api.hand_out(event)?;
        loop {
            match self.listen().await? {
                Said::Answer(at, body) => return Ok(Answered { asked, at, body }),
                Said::Error(error) => bail!("{} failed: {error}", self.name),
                Said::Ready(at) => self.waiting.runtime = Some(at),
                // The extension may be done before the answer has come this far.
                Said::Idle(_) => self.waiting.extension = true,
            }
        }
    }

    /// Waits until it is idle, hands it an event, and waits until all that came of it has ended.
    ///
    /// # Errors
    /// When it fails or takes too long.
    pub async fn invoke(&mut self, event: &Value) -> Result<Answered> {
        self.idle().await?;
        let answered = self.ask(event).await?;
        self.idle().await?;
        Ok(answered)
    }

    /// Its process.
    ///
    /// # Errors
    /// When it has ended.
    pub fn id(&self) -> Result<u32> {
        self.process.id().context("it has ended")
    }

    /// Holds it to Lambda's share of a processor for this many MB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn hold(&self, memory: f64) -> Result<Share> {
        Share::hold(self.id()?, memory)
    }

    /// Its memory.
    ///
    /// # Errors
    /// When it has ended.
    pub fn memory(&self) -> Result<Memory> {
        process::memory(self.id()?)
    }

    /// The processor time it has taken, in milliseconds.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu_ms(&self) -> Result<f64> {
        process::cpu_ms(self.id()?)
    }

    /// Asks it to end, as what watches it may have something to write, and waits.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn terminate(mut self) -> Result<()> {
        let asked = Command::new("kill").arg(self.id()?.to_string()).status().await?;
        anyhow::ensure!(asked.success(), "{} cannot be asked to end", self.name);
        timeout(LIMIT, self.process.wait()).await??;
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn stop(mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }
}
