//! What the OEM has set wrongly, and what it can set otherwise.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use handover_local::stage::{API_KEY, APPLICATION, CLIENT_SECRET};
use serde_json::{Value, json};

use crate::{evidence::Evidence, world::World};

pub async fn a_refused_client_secret_is_called_configuration(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let said = world
        .handover(&["app", "set-secret", APPLICATION, "--yes"], "not-the-secret\n")
        .await?;
    ensure!(said.ok, "set-secret: {}", said.err);

    let mut journey = world.journey(Duration::from_secs(1)).await?;
    let page = world.connect(&mut journey).await?;
    ensure!(page.status < 500, "the customer gets {}", page.status);
    let shown = world.show(&journey.connection).await?;
    ensure!(
        shown.to_string().contains("configuration"),
        "nobody is told that the configuration is wrong: {shown:#}"
    );

    let said = world
        .handover(
            &["app", "set-secret", APPLICATION, "--yes"],
            &format!("{CLIENT_SECRET}\n"),
        )
        .await?;
    ensure!(said.ok, "set-secret: {}", said.err);
    // A warm function may still hold the secret that was refused for a while: the customer tries again.
    handover_local::wait::until("the consent to be exchanged", Duration::from_secs(400), || async {
        Ok(Some(()))
    })
    .await?;
    world.connect(&mut journey).await?;
    world.until(&journey.connection, "registered").await?;

    let unknown = world.handover(
        &[
            "connect",
            "--app",
            "no-such-app",
            "--channel",
            "invantive",
            "--reference",
            "x",
            "--database",
            "x",
            "--register-now",
        ],
        "",
    );
    let unknown = unknown.await?;
    ensure!(
        !unknown.ok && unknown.err.contains("no-such-app"),
        "an unknown application: {}",
        unknown.err
    );
    world.leave(&evidence).await
}

pub async fn other_servers_and_other_answers_are_configuration_alone(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    // As a form instead of JSON, and a server whose "created" is not in the list: every answer not listed is a doubt.
    let mut profile = world.stage.profile()?;
    set(&mut profile, "encoding", json!("form"))?;
    set(
        &mut profile,
        "answers",
        json!([{ "status": 418, "means": "registered" }]),
    )?;
    world.stage.add_channel("other", &profile).await?;
    let journey = world.journey(Duration::from_secs(1)).await?;
    let arguments = [
        "connect",
        "--app",
        APPLICATION,
        "--channel",
        "other",
        "--reference",
        "Other",
        "--database",
        "other",
        "--register-now",
    ];
    let made = world.stage.handover.json(&arguments, "").await?;
    let connection = made
        .pointer("/connection/id")
        .and_then(Value::as_str)
        .context("no id")?
        .to_owned();
    let link = made.get("link").and_then(Value::as_str).context("no link")?.parse()?;
    let mut browser = journey.browser;
    let page = browser.connect(&link).await?;
    ensure!(page.status == 200, "the customer gets {}", page.status);
    // The form was understood, the database made, and the answer not: the look-up of the same profile settles it.
    world
        .stage
        .until_status(&connection, "registered", Duration::from_secs(180))
        .await?;
    let books = world.books();
    let outcomes: Vec<_> = books
        .submissions
        .iter()
        .map(|submission| submission.outcome.as_str())
        .collect();
    ensure!(outcomes == ["created"], "the server saw {outcomes:?}");
    ensure!(!API_KEY.is_empty());
    world.leave(&evidence).await
}

fn set(profile: &mut Value, name: &str, value: Value) -> Result<()> {
    profile
        .as_object_mut()
        .context("the profile is no object")?
        .insert(name.to_owned(), value);
    Ok(())
}
