//! What the OEM has set wrongly, and what it can set otherwise.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use handover_local::{
    customer::Customer,
    stage::{APPLICATION, CLIENT_SECRET, Invitation, PASSWORD, USER, profile},
};
use handover_standin::{InvantiveSettings, Lifetimes, Standin, StandinConfig};
use serde_json::{Value, json};

use crate::{
    evidence::Evidence,
    world::{Journey, World},
};

/// One that Exact Online does not know. It is a secret all the same.
const WRONG_SECRET: &str = "n0t-th3-s3cr3t-th4t-3x4ct-0nl1n3-kn0ws";

pub async fn a_refused_client_secret_is_called_configuration(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    world.keep_secrets([WRONG_SECRET]);
    set_secret(&world, WRONG_SECRET).await?;

    let mut journey = world.journey(Duration::from_secs(1)).await?;
    let page = world.connect(&mut journey).await?;
    ensure!(page.status < 500, "the customer gets {}", page.status);
    ensure!(
        world.told(&journey.connection).await?.contains("configuration"),
        "nobody is told that the configuration is wrong: {:#}",
        world.show(&journey.connection).await?
    );
    ensure!(world.sealed_pairs().await?.is_empty(), "a pair came of it");

    // Mended. A warm function has forgotten the secret that was refused: the customer tries again at once.
    set_secret(&world, CLIENT_SECRET).await?;
    world.authorise(&mut journey).await?;
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

async fn set_secret(world: &World, secret: &str) -> Result<()> {
    let said = world
        .handover(&["app", "set-secret", APPLICATION, "--yes"], &format!("{secret}\n"))
        .await?;
    ensure!(said.ok, "set-secret: {}", said.err);
    Ok(())
}

/// The application and the channel that are somewhere else.
const ELSEWHERE: &str = "elsewhere";
/// The key of the interface there.
const OTHER_KEY: &str = "4n0th3r-1nv4nt1v3-k3y-n3v3r-1n-th3-cl34r";

pub async fn other_servers_and_other_answers_are_configuration_alone(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let other = Standin::start(StandinConfig::default()).await?;
    world.keep_secrets([OTHER_KEY]);
    let settings = InvantiveSettings {
        api_key: OTHER_KEY.into(),
        ..InvantiveSettings::default()
    };
    other.control().put_invantive(&settings).await?;
    world
        .stage
        .add_application(ELSEWHERE, &other, &Lifetimes::default())
        .await?;
    world
        .stage
        .add_channel(ELSEWHERE, &read_otherwise(&other.url())?, OTHER_KEY)
        .await?;

    let first = journey(&world, "first").await?;
    let registered = world.until(&first.connection, "registered").await?;
    // This profile points to no segment: it is the name that was asked for.
    let segment = registered.pointer("/registered/segment").and_then(Value::as_str);
    ensure!(
        segment == Some("first"),
        "registered as {segment:?}: another line of the profile fitted"
    );
    // The same user once more is `itgenscr590`, which the sample profile reads as the end and this one as "later".
    let second = journey(&world, "second").await?;
    world.until_told(&second.connection, "attempt_put_off").await?;
    world.until(&second.connection, "authorized").await?;

    let there = other.books();
    let outcomes: Vec<_> = there.submissions.iter().map(|one| one.outcome.as_str()).collect();
    ensure!(
        outcomes == ["created", "itgenscr590"],
        "the other server was sent {outcomes:?}"
    );
    let exchanged: Vec<_> = there.codes.iter().map(|code| code.presented.accepted).collect();
    ensure!(
        exchanged == [1, 1],
        "the other server exchanged codes {exchanged:?} times"
    );
    let here = world.books();
    ensure!(
        here.exchanges.is_empty() && here.me_calls.is_empty() && here.submissions.is_empty(),
        "the first server was asked: {here:#?}"
    );
    world.keep_secrets(there.secrets());
    world.leave(&evidence).await?;
    other.shutdown().await;
    Ok(())
}

/// The sample profile as a form, and with a reading of its own for two answers.
fn read_otherwise(url: &str) -> Result<Value> {
    let mut profile = profile(url)?;
    let settings = profile.as_object_mut().context("the profile is no object")?;
    settings.insert("encoding".into(), json!("form"));
    let answers = json!([
        { "status": "2xx", "body_contains": "created", "means": "registered" },
        { "status": 422, "json_pointer": "/error", "equals": "itgenscr590", "means": "try_later" },
    ]);
    settings.insert("answers".into(), answers);
    Ok(profile)
}

/// The sample user of the other server, through the application and the channel there.
async fn journey(world: &World, name: &str) -> Result<Journey> {
    let invitation = Invitation {
        application: ELSEWHERE,
        channel: ELSEWHERE,
        reference: name,
        database: name,
        after: Duration::from_secs(1),
    };
    let (connection, link) = world.stage.invite(&invitation).await?;
    let mut journey = Journey {
        connection,
        reference: name.into(),
        link,
        browser: Customer::new(&world.stage.gateway.url(), USER, PASSWORD)?,
    };
    world.authorise(&mut journey).await?;
    Ok(journey)
}
