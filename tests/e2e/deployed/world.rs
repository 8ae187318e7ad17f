//! What scenarios are written in: one stage, its customers, and what they leave behind.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use handover_local::{
    customer::{Customer, Seen},
    handover::Said,
    stage::{API_KEY, APPLICATION, CHANNEL, CLIENT_ID, CLIENT_SECRET, Invitation, PASSWORD, Settings, Stage},
    wait,
};
use handover_standin::{Books, ControlClient, Fault, User};
use serde_json::{Value, json};
use url::Url;

use crate::evidence::Evidence;

/// How long anything that ought to happen at once may take here.
pub const SOON: Duration = Duration::from_secs(60);

static STAGES: AtomicU32 = AtomicU32::new(0);

/// One stage and what it leaves behind.
pub struct World {
    pub stage: Stage,
    /// Texts that nobody else keeps, with where they were seen.
    texts: Mutex<Vec<(String, String)>>,
    /// Secrets besides the samples and what the stage's own stand-in issued.
    secrets: Mutex<Vec<String>>,
    users: AtomicU32,
}

/// A customer on the way: the connection, the OEM's link, and a browser.
pub struct Journey {
    pub connection: String,
    pub reference: String,
    pub link: Url,
    pub browser: Customer,
}

impl World {
    /// A stage with the sample application and channel.
    pub async fn start() -> Result<Self> {
        Self::with(Settings::default()).await
    }

    /// A stage whose clock can be moved.
    pub async fn movable() -> Result<Self> {
        // The schedule stays in real time: the test says when a sweep is due.
        let parameters = vec![("Sweeping".to_owned(), "DISABLED".to_owned())];
        Self::with(Settings {
            movable_clock: true,
            parameters,
            ..Settings::default()
        })
        .await
    }

    /// A stage on which nothing happens by itself.
    pub async fn idle() -> Result<Self> {
        let parameters = vec![("Sweeping".to_owned(), "DISABLED".to_owned())];
        Self::with(Settings {
            parameters,
            ..Settings::default()
        })
        .await
    }

    /// A stage with these settings.
    pub async fn with(mut settings: Settings) -> Result<Self> {
        settings.stack = format!("handover-{}", STAGES.fetch_add(1, Ordering::Relaxed));
        // The lowest level that a deployment may be run at: what is logged there must be fit to be read.
        settings.parameters.push(("LogLevel".into(), "debug".into()));
        let stage = Stage::start(&settings, |_| {}).await?;
        stage.add_samples(&settings.lifetimes).await?;
        Ok(Self {
            stage,
            texts: Mutex::default(),
            secrets: Mutex::default(),
            users: AtomicU32::new(0),
        })
    }

    /// Adds the sample application anew, with `more` settings.
    pub async fn replace_application(&self, more: &[&str]) -> Result<()> {
        let host = self.stage.standin.url();
        let usual = [
            "app",
            "add",
            APPLICATION,
            "--replace",
            "--host",
            &host,
            "--client-id",
            CLIENT_ID,
            "--display-name",
            "Acme Bookkeeping",
            "--return-origin",
            "https://app.acme.example",
        ];
        let said = self
            .handover(&[&usual, more].concat(), &format!("{CLIENT_SECRET}\n"))
            .await?;
        ensure!(said.ok, "app add: {}", said.err);
        Ok(())
    }

    pub fn control(&self) -> ControlClient {
        self.stage.standin.control()
    }

    pub fn books(&self) -> Books {
        self.stage.standin.books()
    }

    pub async fn fault(&self, fault: &Fault) -> Result<()> {
        Ok(self.control().inject(fault).await?)
    }

    /// A connection to be registered so long after the consent, with a customer nobody has seen before.
    pub async fn journey(&self, after: Duration) -> Result<Journey> {
        self.journey_over(CHANNEL, after).await
    }

    /// The same, over another channel.
    pub async fn journey_over(&self, channel: &str, after: Duration) -> Result<Journey> {
        let name = format!("customer-{}", self.users.load(Ordering::Relaxed));
        let user = User {
            password: PASSWORD.into(),
            full_name: name.clone(),
            ..User::default()
        };
        self.control().put_user(&name, &user).await?;
        self.journey_as(&name, channel, after).await
    }

    /// The same, with a user of Exact Online who is known there already.
    pub async fn journey_as(&self, user: &str, channel: &str, after: Duration) -> Result<Journey> {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let database = format!("customer-{number}");
        let browser = Customer::new(&self.stage.gateway.url(), user, PASSWORD)?;
        let reference = format!("Customer {number}");
        let invitation = Invitation {
            application: APPLICATION,
            channel,
            reference: &reference,
            database: &database,
            after,
        };
        let (connection, link) = self.stage.invite(&invitation).await?;
        Ok(Journey {
            connection,
            reference,
            link,
            browser,
        })
    }

    /// One that has consented and is authorised.
    pub async fn authorised(&self, after: Duration) -> Result<Journey> {
        let mut journey = self.journey(after).await?;
        self.authorise(&mut journey).await?;
        Ok(journey)
    }

    /// Lets this customer consent.
    pub async fn authorise(&self, journey: &mut Journey) -> Result<()> {
        let page = self.connect(journey).await?;
        ensure!(
            page.status == 200,
            "the customer ends on a page with status {}: {}",
            page.status,
            page.body
        );
        Ok(())
    }

    /// The whole way through the browser.
    pub async fn connect(&self, journey: &mut Journey) -> Result<Seen> {
        let link = journey.link.clone();
        journey.browser.connect(&link).await
    }

    /// Keeps a text for the audits.
    pub fn keep(&self, place: &str, text: &str) {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.push((place.to_owned(), text.to_owned()));
    }

    /// What must stand nowhere in the clear either.
    pub fn keep_secrets<'a>(&self, more: impl IntoIterator<Item = &'a str>) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.extend(more.into_iter().map(str::to_owned));
    }

    pub async fn show(&self, connection: &str) -> Result<Value> {
        self.stage.show(connection).await
    }

    pub async fn until(&self, connection: &str, status: &str) -> Result<Value> {
        self.stage.until_status(connection, status, SOON).await
    }

    /// Runs the sweeper now.
    pub async fn sweep(&self) -> Result<()> {
        self.stage.aws.invoke("sweeper", &json!({})).await.map(drop)
    }

    /// Runs the command.
    pub async fn handover(&self, arguments: &[&str], input: &str) -> Result<Said> {
        self.stage.handover.run(arguments, input).await
    }

    pub fn output(&self, name: &str) -> Result<&str> {
        let output = self.stage.outputs.get(name).map(String::as_str);
        output.with_context(|| format!("the stack has no output {name}"))
    }

    /// The places in the vault that hold a sealed pair.
    pub async fn sealed_pairs(&self) -> Result<Vec<Value>> {
        self.items("VaultTable", "PAIR#").await
    }

    /// The items of a table, by the name of its output, whose key begins so.
    pub async fn items(&self, table: &str, key: &str) -> Result<Vec<Value>> {
        let items = self.stage.aws.scan(self.output(table)?).await?;
        let begins = |item: &Value| item.pointer("/pk/S")?.as_str().map(|pk| pk.starts_with(key));
        Ok(items
            .into_iter()
            .filter(|item| begins(item).unwrap_or_default())
            .collect())
    }

    /// What is told of a connection, its history included, in one text.
    pub async fn told(&self, connection: &str) -> Result<String> {
        Ok(self.show(connection).await?.to_string())
    }

    /// Waits until something is told of a connection.
    pub async fn until_told(&self, connection: &str, what: &str) -> Result<()> {
        let wanted = format!("`{what}` to be told of {connection}");
        let told = wait::until(&wanted, SOON, || async {
            Ok(self.told(connection).await?.contains(what).then_some(()))
        });
        match told.await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(format!("it stands so: {:#}", self.show(connection).await?))),
        }
    }

    /// Waits until a pair is in the rescue queue, or was.
    pub async fn until_rescued(&self) -> Result<()> {
        let queue = self.output("RescueQueueUrl")?.to_owned();
        let rescued = wait::until("a pair to be rescued", SOON, || async {
            let calls = self.stage.recorder.calls();
            let sent = |call: &handover_local::recorder::Call| {
                call.action == "sqs:SendMessage" && call.resource == queue && call.caller == "handover-worker"
            };
            Ok(calls.iter().any(sent).then_some(()))
        });
        rescued.await
    }

    /// How often this connection's pair reached Invantive Cloud.
    pub fn submissions(&self, journey: &Journey) -> usize {
        let of = |reference: &Option<String>| reference.as_deref() == Some(journey.reference.as_str());
        self.books()
            .submissions
            .iter()
            .filter(|submission| of(&submission.reference))
            .count()
    }

    /// Gathers what is left behind, and ends the stage.
    pub async fn leave(self, evidence: &Arc<Evidence>) -> Result<()> {
        let policies = self.stage.cloud.policies(&self.stage.handover.stack).await?;
        let mut texts = self.texts.into_inner().unwrap_or_else(PoisonError::into_inner);
        for table in ["ConnectionsTable", "VaultTable"] {
            let table = self.stage.outputs.get(table).context("a table is missing")?;
            let items = self.stage.aws.scan(table).await?;
            texts.extend(
                items
                    .into_iter()
                    .map(|item| (format!("table {table}"), item.to_string())),
            );
        }
        let logs = self.stage.aws.logs().await?;
        texts.extend(logs.into_iter().map(|line| ("a function's log".to_owned(), line)));
        let bodies = self.stage.recorder.bodies();
        texts.extend(bodies.into_iter().map(|body| ("a call to AWS".to_owned(), body)));
        let pages = self.stage.gateway.pages();
        texts.extend(
            pages
                .into_iter()
                .map(|page| ("an answer to a browser".to_owned(), page)),
        );
        for said in self.stage.handover.said() {
            texts.push(("the command's output".to_owned(), said.out));
            texts.push(("the command's errors".to_owned(), said.err));
        }
        let calls = self.stage.recorder.calls();
        let books = self.stage.standin.books();
        texts.push(("the local cloud's log".to_owned(), self.stage.stop().await?));

        let mut found = evidence.enter();
        let number = found.deployments.len();
        found.deployments.push(serde_json::from_value(policies)?);
        found.calls.extend(calls.into_iter().map(|call| (number, call)));
        found.texts.extend(texts);
        found.secrets.extend(books.secrets().into_iter().map(str::to_owned));
        found.secrets.extend([CLIENT_SECRET.to_owned(), API_KEY.to_owned()]);
        found
            .secrets
            .extend(self.secrets.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}
