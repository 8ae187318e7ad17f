//! The whole of it on one machine: cloud, recorder, gateway, stand-ins, deployment, a sample application and channel.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use handover_standin::{App, InvantiveSettings, Lifetimes, Standin, StandinConfig};
use serde_json::{Value, json};
use url::Url;

use crate::{
    aws::Aws,
    clock::MovableClock,
    cloud::{Cloud, free_port},
    folder::Folder,
    gateway::Gateway,
    handover::Handover,
    recorder::Recorder,
    wait,
};

/// The sample application's name at Handover.
pub const APPLICATION: &str = "exact-nl";
/// The sample channel's name at Handover.
pub const CHANNEL: &str = "invantive";
/// The sample application's client id at Exact Online.
pub const CLIENT_ID: &str = "5f3c1f8e-6f0a-4b53-9b38-2f6f0f0c7a11";
/// Its client secret: to be found nowhere in the clear.
pub const CLIENT_SECRET: &str = "s4mpl3-cl13nt-s3cr3t-n3v3r-1n-th3-cl34r";
/// The key of Invantive Cloud's http interface: likewise.
pub const API_KEY: &str = "s4mpl3-1nv4nt1v3-k3y-n3v3r-1n-th3-cl34r";
/// The sample customer at Exact Online.
pub const USER: &str = "j.jansen";
/// Their password at Exact Online, which never comes near Handover.
pub const PASSWORD: &str = "welcome";

/// How to set it up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The stack's name.
    pub stack: String,
    /// Lifetimes at Exact Online, told to the application as well.
    pub lifetimes: Lifetimes,
    /// Parameters of the template besides those that the place asks for.
    pub parameters: Vec<(String, String)>,
    /// Whether the clock of functions, cloud and command can be moved (libfaketime, see the Makefile).
    pub movable_clock: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            stack: "handover".into(),
            lifetimes: Lifetimes::default(),
            parameters: Vec::new(),
            movable_clock: false,
        }
    }
}

/// Everything, running. Ends when dropped.
#[derive(Debug)]
pub struct Stage {
    /// Exact Online and Invantive Cloud.
    pub standin: Standin,
    /// What customers see.
    pub gateway: Gateway,
    /// What stands between functions and cloud.
    pub recorder: Recorder,
    /// The local cloud.
    pub cloud: Cloud,
    /// The command, for this deployment.
    pub handover: Handover,
    /// The local cloud, called past all rules.
    pub aws: Aws,
    /// The stack's outputs.
    pub outputs: BTreeMap<String, String>,
    clock: Option<MovableClock>,
    folder: Arc<Folder>,
}

/// A customer's connection to be made.
#[derive(Debug, Clone, Copy)]
pub struct Invitation<'a> {
    /// The application's name at Handover.
    pub application: &'a str,
    /// The channel's name at Handover.
    pub channel: &'a str,
    /// The OEM's name for the customer.
    pub reference: &'a str,
    /// The database that is wanted.
    pub database: &'a str,
    /// From consent to registration.
    pub after: Duration,
}

impl Stage {
    /// Starts everything and deploys the template; `tell` hears of each step.
    ///
    /// # Errors
    /// When a part does not come up; says which and why.
    pub async fn start(settings: &Settings, tell: impl Fn(&str)) -> Result<Self> {
        let folder = Arc::new(Folder::make()?);
        let started = Self::start_in(Arc::clone(&folder), settings, tell).await;
        started.inspect_err(|_| folder.keep_log())
    }

    async fn start_in(folder: Arc<Folder>, settings: &Settings, tell: impl Fn(&str)) -> Result<Self> {
        let standin = Standin::start(StandinConfig::default())
            .await
            .context("the stand-ins did not start")?;
        tell(&format!(
            "stand-ins for Exact Online and Invantive Cloud are up at {}",
            standin.url()
        ));
        let mut gateway = Gateway::bind().await?;
        let port = free_port()?;
        let recorder = Recorder::start(format!("http://127.0.0.1:{port}")).await?;
        let clock = settings
            .movable_clock
            .then(|| MovableClock::new(&folder.file("clock")))
            .transpose()?;
        let cloud = Cloud::start(port, &recorder.url(), clock.as_ref(), &folder.log()).await?;
        tell(&format!("local cloud is up at {}", cloud.url()));
        let public_url = gateway.url();
        let architecture = if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "x86_64"
        };
        let mut parameters = vec![
            ("Architecture", architecture),
            ("PublicUrl", &public_url),
            ("AllowHttp", "true"),
            ("Protect", "false"),
            ("SweepEvery", "rate(1 minute)"),
        ];
        parameters.extend(
            settings
                .parameters
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        let outputs = cloud.deploy(&settings.stack, &parameters).await?;
        gateway.open(
            &cloud.url(),
            outputs
                .get("ApiEndpoint")
                .context("the stack has no output ApiEndpoint")?,
        )?;
        tell(&format!(
            "infra/template.yaml is deployed as stack `{}`; customers see {public_url}",
            settings.stack
        ));
        let variables = clock.iter().flat_map(MovableClock::variables).collect();
        let handover = Handover::new(&settings.stack, &recorder.url(), variables);
        let aws = Aws::new(&cloud.url());
        Ok(Self {
            standin,
            gateway,
            recorder,
            cloud,
            handover,
            aws,
            outputs,
            clock,
            folder,
        })
    }

    /// Puts the clock of functions, cloud, command and stand-ins `offset` from real time. What the queue holds back until
    /// then comes at once; the limits of an invocation stay in real time.
    ///
    /// # Errors
    /// When the stage was not set up for it.
    pub async fn move_clock(&self, offset: Duration) -> Result<()> {
        let clock = self.clock.as_ref().context("this stage's clock cannot be moved")?;
        clock.set(offset)?;
        self.standin
            .control()
            .set_clock(i64::try_from(offset.as_secs())?)
            .await?;
        Ok(())
    }

    /// Registers the sample application at Exact Online and at Handover, and the http channel.
    ///
    /// # Errors
    /// When the command refuses.
    pub async fn add_samples(&self, lifetimes: &Lifetimes) -> Result<()> {
        self.add_application(APPLICATION, &self.standin, lifetimes).await?;
        let settings = InvantiveSettings {
            api_key: API_KEY.into(),
            ..InvantiveSettings::default()
        };
        self.standin.control().put_invantive(&settings).await?;
        self.add_channel(CHANNEL, &profile(&self.standin.url())?, API_KEY).await
    }

    /// Registers an application at the Exact Online that `standin` stands in for, and at Handover.
    ///
    /// # Errors
    /// When the command refuses.
    pub async fn add_application(&self, name: &str, standin: &Standin, lifetimes: &Lifetimes) -> Result<()> {
        self.add_application_behind(name, standin, &standin.url(), lifetimes, &[])
            .await
    }

    /// The same, where `host` is what stands in front of that Exact Online, with `more` arguments.
    ///
    /// # Errors
    /// When the command refuses.
    pub async fn add_application_behind(
        &self,
        name: &str,
        standin: &Standin,
        host: &str,
        lifetimes: &Lifetimes,
        more: &[&str],
    ) -> Result<()> {
        standin.control().put_app(CLIENT_ID, &self.app(name, lifetimes)).await?;
        let seconds = |seconds: i64| seconds.to_string();
        let usual = [
            "app",
            "add",
            name,
            "--host",
            host,
            "--client-id",
            CLIENT_ID,
            "--display-name",
            "Acme Bookkeeping",
            "--return-origin",
            "https://app.acme.example",
            "--access-seconds",
            &seconds(lifetimes.access_seconds),
            "--refresh-seconds",
            &seconds(lifetimes.refresh_seconds),
            "--earliest-refresh-seconds",
            &seconds(lifetimes.earliest_refresh_seconds),
        ];
        self.handover
            .json(&[&usual, more].concat(), &format!("{CLIENT_SECRET}\n"))
            .await?;
        Ok(())
    }

    /// How the application `name` is registered at Exact Online.
    #[must_use]
    pub fn app(&self, name: &str, lifetimes: &Lifetimes) -> App {
        App {
            name: "Acme Bookkeeping".into(),
            client_secret: CLIENT_SECRET.into(),
            redirect_uris: vec![format!("{}/callback/{name}", self.gateway.url())],
            lifetimes: lifetimes.clone(),
            ..App::default()
        }
    }

    /// Adds an http channel with this profile and this key, in the place of the one of that name if there is one.
    ///
    /// # Errors
    /// When the command refuses.
    pub async fn add_channel(&self, name: &str, profile: &Value, key: &str) -> Result<()> {
        let file = self.folder.file(&format!("{name}.json"));
        std::fs::write(&file, serde_json::to_vec_pretty(profile)?)?;
        let path = file.to_string_lossy().into_owned();
        let arguments = ["channel", "add", name, "--profile", &path, "--replace"];
        self.handover.json(&arguments, &format!("api_key={key}\n")).await?;
        Ok(())
    }

    /// Makes a connection; answers its id and link.
    ///
    /// # Errors
    /// When the command refuses.
    pub async fn invite(&self, invitation: &Invitation<'_>) -> Result<(String, Url)> {
        let register_in = format!("{}s", invitation.after.as_secs());
        let arguments = [
            "connect",
            "--app",
            invitation.application,
            "--channel",
            invitation.channel,
            "--reference",
            invitation.reference,
            "--database",
            invitation.database,
            "--register-in",
            &register_in,
        ];
        let made = self.handover.json(&arguments, "").await?;
        let text = |pointer: &str| {
            let text = made.pointer(pointer).and_then(Value::as_str);
            text.with_context(|| format!("`connect` tells no {pointer}: {made:#}"))
        };
        Ok((text("/connection/id")?.to_owned(), text("/link")?.parse()?))
    }

    /// A connection as `handover show --json` tells it, its history in the field `history`.
    ///
    /// # Errors
    /// When the command refuses.
    pub async fn show(&self, connection: &str) -> Result<Value> {
        let mut shown = self.handover.json(&["show", connection], "").await?;
        let history = shown.get_mut("history").map(Value::take).unwrap_or_default();
        let mut connection = shown
            .get_mut("connection")
            .map(Value::take)
            .context("show tells no connection")?;
        if let Some(fields) = connection.as_object_mut() {
            fields.insert("history".into(), history);
        }
        Ok(connection)
    }

    /// Waits until a connection has a status.
    ///
    /// # Errors
    /// When it does not get there within `limit`; says where it stands.
    pub async fn until_status(&self, connection: &str, status: &str, limit: Duration) -> Result<Value> {
        let what = format!("{connection} to be {status}");
        let reached = wait::until(&what, limit, || async {
            let shown = self.show(connection).await?;
            Ok((shown.get("status").and_then(Value::as_str) == Some(status)).then_some(shown))
        });
        match reached.await {
            Ok(shown) => Ok(shown),
            Err(error) => {
                let shown = self.show(connection).await.unwrap_or_default();
                Err(error.context(format!("it stands so: {shown:#}")))
            }
        }
    }

    /// Where the local cloud logs while it runs.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.log()
    }

    /// Ends everything and waits for it; answers what the local cloud has logged.
    ///
    /// # Errors
    /// When the cloud cannot be waited for.
    pub async fn stop(self) -> Result<String> {
        self.cloud.stop().await?;
        self.standin.shutdown().await;
        std::fs::read_to_string(self.folder.log()).context("the local cloud's log")
    }
}

/// The sample profile of the http channel, pointed at the Invantive Cloud at `url`.
///
/// # Errors
/// When the file cannot be read.
pub fn profile(url: &str) -> Result<Value> {
    let path = crate::cloud::project().join("crates/invantive/profiles/example.json");
    let mut profile: Value = serde_json::from_slice(&std::fs::read(&path).context("the sample profile")?)?;
    let there = |address: &Value| {
        let text = address.as_str().unwrap_or_default();
        let path = text.splitn(4, '/').nth(3).unwrap_or_default();
        json!(format!("{url}/{path}"))
    };
    for pointer in ["/address", "/look_up/address"] {
        if let Some(address) = profile.pointer_mut(pointer) {
            *address = there(address);
        }
    }
    if let Some(profile) = profile.as_object_mut() {
        profile.insert("allow_http".into(), json!(true));
    }
    Ok(profile)
}
