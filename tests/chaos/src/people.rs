//! The customer with a browser, and the OEM with the command: what they do when something breaks.

use anyhow::{Context, Result};
use handover_core::{
    browser::authorisation_of,
    connection::Connection,
    ids::{AuthorisationId, ConnectionId},
    secret::State,
};
use handover_local::{
    customer::{Customer, Seen},
    stage::{APPLICATION, CHANNEL, Invitation, PASSWORD, Stage},
};
use handover_standin::User;
use serde_json::Value;
use std::time::Duration;
use url::Url;

use crate::need::{Need, Temper};

/// How often a page that does not come is reloaded.
const RELOADS: u32 = 2;
/// When the registration is due after the consent, in minutes: several together, so that a worker gets a batch. Pairs of
/// the last ones have to be renewed on the way: once, once, and twice.
const DUE_MINUTES: [u64; 6] = [2, 20, 60, 28 * DAY, 40 * DAY, 55 * DAY];
const DAY: u64 = 24 * 60;
/// A link that was opened more often than this within an hour.
const OPENED_TOO_OFTEN: u16 = 429;

/// One customer's journey, with the people who make it.
#[derive(Debug)]
pub struct Journey {
    /// The connection.
    pub id: ConnectionId,
    /// The customer's name: at Exact Online, for the OEM, and the database's.
    pub customer: String,
    /// What they are like.
    pub temper: Temper,
    /// Every consent so far.
    pub trips: Vec<Trip>,
    /// What went wrong last.
    pub trouble: Option<String>,
    link: Url,
    link_worn: bool,
    browser: Customer,
}

/// One consent.
#[derive(Debug, Clone)]
pub struct Trip {
    /// The authorisation that it belongs to.
    pub authorisation: AuthorisationId,
    /// The code that came of it.
    pub code: String,
}

impl Journey {
    /// Invites customer number `number`.
    ///
    /// # Errors
    /// When the command refuses.
    pub async fn begin(stage: &Stage, number: u32, mut chance: fastrand::Rng) -> Result<Self> {
        let customer = format!("customer-{number}");
        let user = User {
            password: PASSWORD.into(),
            full_name: format!("Customer {number}"),
            // Exact Online counts calls per company.
            division: i64::from(number) + 1,
            ..User::default()
        };
        stage.standin.control().put_user(&customer, &user).await?;
        let minutes = chance.choice(DUE_MINUTES).unwrap_or_default();
        let invitation = Invitation {
            application: APPLICATION,
            channel: CHANNEL,
            reference: &customer,
            database: &customer,
            after: Duration::from_secs(60 * minutes),
        };
        let (id, link) = stage.invite(&invitation).await?;
        Ok(Self {
            id: id.parse()?,
            temper: Temper {
                settles: chance.bool(),
                hurries: chance.bool(),
            },
            trips: Vec::new(),
            trouble: None,
            link,
            link_worn: false,
            browser: Customer::new(&stage.gateway.url(), &customer, PASSWORD)?,
            customer,
        })
    }

    /// Does what is needed; what comes of it shows when the connection is looked at again.
    pub async fn meet(&mut self, stage: &Stage, connection: &Connection, need: Need) {
        let done = match need {
            Need::Nothing | Need::Over => Ok(()),
            Need::Consent if self.link_worn => self.new_link(stage).await,
            Need::Consent => self.consent().await,
            Need::Link => self.new_link(stage).await,
            Need::Settle => self.settle(stage, connection).await,
            Need::Retry => self.say(stage, &["retry"]).await.map(drop),
        };
        self.trouble = done.err().map(|error| format!("{need:?}: {error:#}"));
    }

    /// The customer's way. An error page is reloaded; then the link is opened again, another time.
    async fn consent(&mut self) -> Result<()> {
        let seen = self.open(&self.link.clone()).await?;
        self.link_worn = seen.status == OPENED_TOO_OFTEN;
        let authorize = seen
            .location
            .with_context(|| format!("the link answers {}", seen.status))?;
        let callback = self.browser.consent(&authorize).await?;
        self.trips.push(trip(&callback)?);
        let seen = self.open(&callback).await?;
        if let Some(outcome) = seen.location {
            self.open(&outcome).await?;
        }
        Ok(())
    }

    /// Opens a page, and again while there is none.
    async fn open(&mut self, page: &Url) -> Result<Seen> {
        let mut seen = self.browser.open(page).await;
        for _ in 0..RELOADS {
            if seen.as_ref().is_ok_and(|seen| seen.status < 500) {
                break;
            }
            seen = self.browser.open(page).await;
        }
        seen
    }

    async fn new_link(&mut self, stage: &Stage) -> Result<()> {
        let made = self.say(stage, &["link"]).await?;
        let link = made
            .get("link")
            .and_then(Value::as_str)
            .context("`link` tells no link")?;
        self.link = link.parse()?;
        self.link_worn = false;
        Ok(())
    }

    /// The OEM looks at Invantive Cloud and says what is there, and nothing else.
    async fn settle(&mut self, stage: &Stage, connection: &Connection) -> Result<()> {
        let books = stage.standin.books();
        let ours = |reference: &Option<String>| reference.as_deref() == Some(self.customer.as_str());
        let database = books.databases.iter().find(|database| ours(&database.reference));
        let spent = books
            .submissions
            .iter()
            .any(|submission| ours(&submission.reference) && submission.spent);
        match database.map(|database| database.segment.as_str()) {
            Some(segment) => self.say(stage, &["resolve", "--registered", segment]).await,
            None if spent => self.say(stage, &["resolve", "--not-registered", "--spent"]).await,
            None => self.say(stage, &["resolve", "--not-registered", "--unspent"]).await,
        }
        .with_context(|| format!("it stood so: {:?}", connection.state))
        .map(drop)
    }

    /// A command about this connection.
    async fn say(&self, stage: &Stage, words: &[&str]) -> Result<Value> {
        let id = self.id.to_string();
        stage.handover.json(&[words, &[&id]].concat(), "").await
    }
}

fn trip(callback: &Url) -> Result<Trip> {
    let field = |wanted: &str| {
        let mut fields = callback.query_pairs();
        let value = fields.find_map(|(name, value)| (name == wanted).then(|| value.into_owned()));
        value.with_context(|| format!("the customer comes back without a {wanted}"))
    };
    Ok(Trip {
        authorisation: authorisation_of(&State::new(field("state")?)),
        code: field("code")?,
    })
}
