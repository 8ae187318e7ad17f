//! The walk that `make run` shows.

use std::{io::Write, time::Duration};

use anyhow::{Context, Result, bail};
use handover_standin::{Lifetimes, User, books::Peer};
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use crate::{
    customer::Customer,
    stage::{APPLICATION, CHANNEL, Invitation, PASSWORD, Settings, Stage, USER},
    wait,
};

/// From consent to registration, in the demonstration.
const REGISTER_IN: Duration = Duration::from_secs(25);

/// Another customer, for who tries by hand: an app has one database per user.
pub const SECOND_USER: &str = "p.pieters";

/// Minutes for days: what takes a month at Exact Online takes ten minutes here.
fn lifetimes() -> Lifetimes {
    Lifetimes {
        access_seconds: 120,
        refresh_seconds: 600,
        earliest_refresh_seconds: 20,
        code_seconds: 180,
    }
}

/// Prints a step with the time since the start.
#[derive(Debug)]
pub struct Teller(tokio::time::Instant);

impl Teller {
    /// Begins to count.
    #[must_use]
    pub fn begin() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// Prints one step.
    pub fn tell(&self, step: &str) {
        println!("{:>6.1} s  {step}", self.0.elapsed().as_secs_f64());
    }

    /// Prints one that is still going on, over the last, where somebody watches.
    pub fn still(&self, step: &str) {
        if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
            print!("\r{:>6.1} s  {step}\x1b[K", self.0.elapsed().as_secs_f64());
            std::io::stdout().flush().ok();
        }
    }

    fn clear(&self) {
        if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
            print!("\r\x1b[K");
        }
    }
}

/// Walks a sample customer from link to registered database; answers the stage and the closing line.
///
/// # Errors
/// When a step does not go as it should; says which.
pub async fn walk(teller: &Teller) -> Result<(Stage, String)> {
    let settings = Settings {
        stack: "handover-demo".into(),
        lifetimes: lifetimes(),
        ..Settings::default()
    };
    let stage = Stage::start(&settings, |step| teller.tell(step)).await?;
    stage.add_samples(&settings.lifetimes).await?;
    let second = User {
        password: PASSWORD.into(),
        full_name: "Piet Pieters".into(),
        ..User::default()
    };
    stage.standin.control().put_user(SECOND_USER, &second).await?;
    teller.tell(&format!(
        "added application `{APPLICATION}` and http channel `{CHANNEL}`, their secrets sealed"
    ));

    let invitation = Invitation {
        application: APPLICATION,
        channel: CHANNEL,
        reference: "Acme Boekhouding B.V.",
        database: "acme-boekhouding",
        after: REGISTER_IN,
    };
    let (connection, link) = stage.invite(&invitation).await?;
    teller.tell(&format!(
        "{connection} made: to be registered {} s after the consent",
        REGISTER_IN.as_secs()
    ));
    teller.tell(&format!("the OEM's link: {}", hide_token(&link)));

    let mut customer = Customer::new(&stage.gateway.url(), USER, PASSWORD)?;
    let authorize = customer.follow_link(&link).await?;
    teller.tell(&format!(
        "customer {USER} follows it and is sent to {}{}",
        stage.standin.url(),
        authorize.path()
    ));
    let callback = customer.consent(&authorize).await?;
    teller.tell("customer logs on, consents, and is sent back with a code");
    let seen = customer.come_back(&callback).await?;
    if seen.status != 200 {
        bail!("the customer ends on a page with status {}: {}", seen.status, seen.body);
    }
    let shown = stage
        .until_status(&connection, "authorized", Duration::from_secs(60))
        .await?;
    teller.tell("code exchanged once; the token pair is sealed under KMS and kept in DynamoDB");

    let shown = until_registered(&stage, &connection, &shown, teller).await?;
    teller.tell("worker opened the pair, registered the database, and destroyed the pair");
    stage_books(&stage, teller).await?;
    let line = closing_line(&connection, &shown)?;
    Ok((stage, line))
}

/// Whoever has the link may connect: a terminal's scrollback need not keep it.
fn hide_token(link: &Url) -> String {
    let text = link.as_str();
    let (head, token) = text.rsplit_once('/').unwrap_or((text, ""));
    format!("{head}/{}…", token.get(..6).unwrap_or(token))
}

async fn until_registered(stage: &Stage, connection: &str, shown: &Value, teller: &Teller) -> Result<Value> {
    let due = time(shown, "/due_at")?;
    let registered = wait::until("the registration", REGISTER_IN + Duration::from_secs(60), || async {
        #[allow(clippy::disallowed_methods, reason = "shows a person how long there is to wait")]
        let left = due.duration_since(Timestamp::now()).as_secs();
        teller.still(&format!("due in {left} s"));
        let shown = stage.show(connection).await?;
        match shown.get("status").and_then(Value::as_str) {
            Some("registered") => Ok(Some(shown)),
            Some("authorized" | "registering") => Ok(None),
            other => bail!("{connection} became {other:?} instead of registered: {shown:#}"),
        }
    });
    let registered = registered.await;
    teller.clear();
    registered
}

/// What the stand-in wrote down, not Handover's word, decides what happened.
async fn stage_books(stage: &Stage, teller: &Teller) -> Result<()> {
    let control = stage.standin.control();
    let spent = wait::until("Invantive Cloud to use the pair", Duration::from_secs(60), || async {
        let books = control.books().await?;
        Ok((books.refresh_tokens_spent_by(Peer::Invantive) > 0).then_some(books))
    });
    let books = spent.await?;
    let exchanges = books.codes.iter().map(|code| code.presented.accepted).sum::<u32>();
    let refused = books.codes.iter().map(|code| code.presented.refused).sum::<u32>();
    let submissions = books.submissions.len();
    let spent = books.refresh_tokens_spent_by(Peer::Invantive);
    let by_us = books.refresh_tokens_spent_by(Peer::Oem);
    teller.tell(&format!(
        "the stand-in's record: {exchanges} exchange of the code, {submissions} submission, {spent} spent refresh token"
    ));
    if (exchanges, refused, submissions, spent, by_us) != (1, 0, 1, 1, 0) {
        bail!("the stand-in's record shows something else than one of each: {books:#?}");
    }
    Ok(())
}

fn closing_line(connection: &str, shown: &Value) -> Result<String> {
    let segment = shown
        .pointer("/registered/segment")
        .and_then(Value::as_str)
        .context("no segment")?;
    let consent = time(shown, "/consented_at")?;
    let due = time(shown, "/due_at")?;
    let registered = time(shown, "/registered/at")?;
    let after_consent = registered.duration_since(consent).as_secs_f64();
    let late = registered.duration_since(due).as_secs_f64();
    Ok(format!(
        "registered {connection} as {segment} {after_consent:.0} s after consent, {late:.1} s after it was due"
    ))
}

fn time(shown: &Value, name: &str) -> Result<Timestamp> {
    let text = shown
        .pointer(name)
        .and_then(Value::as_str)
        .with_context(|| format!("`show` tells no {name}"))?;
    text.parse().with_context(|| format!("{name}: `{text}`"))
}
