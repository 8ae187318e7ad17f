//! Someone with access to the tables alters them.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use handover_local::{
    customer::Seen,
    stage::{API_KEY, APPLICATION, CHANNEL, CLIENT_ID, CLIENT_SECRET, profile},
    wait,
};
use handover_standin::{App, Lifetimes, Standin, StandinConfig};
use serde_json::{Value, json};
use url::Url;

use crate::{
    evidence::Evidence,
    world::{Journey, SOON, World},
};

const SOON_DUE: Duration = Duration::from_secs(8);

pub async fn what_was_altered_is_refused_and_nothing_is_sent(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let moved = authorised_with_pair(&world).await?;
    let cut = authorised_with_pair(&world).await?;
    let flipped = authorised_with_pair(&world).await?;
    let gone = authorised_with_pair(&world).await?;

    let vault = world.output("VaultTable")?.to_owned();
    // Another customer's sealed pair in this one's place.
    let foreign = sealed(&cut.1)?;
    world.stage.aws.put(&vault, &with_sealed(&moved.1, &foreign)?).await?;
    let half = foreign
        .get(..foreign.len() / 2)
        .context("a sealed pair is longer than that")?
        .to_vec();
    world.stage.aws.put(&vault, &with_sealed(&cut.1, &half)?).await?;
    world.stage.aws.put(&vault, &altered(&flipped.1)?).await?;
    let emptied = with_sealed(&gone.1, &[])?;
    world.stage.aws.put(&vault, &emptied).await?;

    for (journey, _) in [&moved, &cut, &flipped, &gone] {
        world.until_told(&journey.connection, "tampered").await?;
    }
    ensure!(world.books().submissions.is_empty(), "something was sent");

    an_unknown_version_is_kept(&world).await?;
    world.leave(&evidence).await
}

async fn authorised_with_pair(world: &World) -> Result<(Journey, Value)> {
    let before = world.sealed_pairs().await?;
    let journey = world.authorised(SOON_DUE).await?;
    world.until(&journey.connection, "authorized").await?;
    let after = world.sealed_pairs().await?;
    let new = after
        .into_iter()
        .find(|item| !before.iter().any(|old| old.get("pk") == item.get("pk")));
    Ok((journey, new.context("no pair was sealed")?))
}

fn sealed(item: &Value) -> Result<Vec<u8>> {
    let text = item
        .pointer("/sealed/B")
        .and_then(Value::as_str)
        .context("no sealed value")?;
    Ok(STANDARD.decode(text)?)
}

fn with_sealed(item: &Value, bytes: &[u8]) -> Result<Value> {
    let mut item = item.clone();
    *item.pointer_mut("/sealed/B").context("no sealed value")? = json!(STANDARD.encode(bytes));
    Ok(item)
}

/// One bit of it is another.
fn altered(item: &Value) -> Result<Value> {
    let mut bytes = sealed(item)?;
    *bytes.last_mut().context("a sealed value is longer than that")? ^= 1;
    with_sealed(item, &bytes)
}

/// A connection written by a later version is refused and left as it is.
async fn an_unknown_version_is_kept(world: &World) -> Result<()> {
    let journey = world.authorised(SOON_DUE).await?;
    let table = world.output("ConnectionsTable")?.to_owned();
    let items = world.stage.aws.scan(&table).await?;
    let key = format!("CONN#{}", journey.connection);
    let is_it = |item: &&Value| {
        item.pointer("/pk/S").and_then(Value::as_str) == Some(&key)
            && item.pointer("/sk/S").and_then(Value::as_str) == Some("STATE")
    };
    let mut item = items.iter().find(is_it).context("no item")?.clone();
    *item.pointer_mut("/v/N").context("the item has no version")? = json!("99");
    world.stage.aws.put(&table, &item).await?;
    wait::until("the later version to be refused", SOON, || async {
        Ok(world
            .stage
            .aws
            .logs()
            .await?
            .iter()
            .any(|line| line.contains("cannot be used"))
            .then_some(()))
    })
    .await?;
    let kept = world.stage.aws.scan(&table).await?;
    let kept = kept.iter().find(is_it).context("the item is gone")?;
    ensure!(
        kept.pointer("/revision") == item.pointer("/revision"),
        "the item was overwritten"
    );
    ensure!(world.submissions(&journey) == 0, "it was submitted all the same");
    Ok(())
}

/// The one item of a table with this key.
async fn item(world: &World, table: &str, key: &str) -> Result<Value> {
    let items = world.items(table, key).await?;
    let is_it = |item: &&Value| item.pointer("/pk/S").and_then(Value::as_str) == Some(key);
    let found = items.iter().find(is_it).cloned();
    found.with_context(|| format!("no item {key}"))
}

pub async fn an_altered_application_or_channel_is_refused(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let vault = world.output("VaultTable")?.to_owned();
    world
        .stage
        .add_application("another", &world.stage.standin, &Lifetimes::default())
        .await?;
    // The stand-in knows one redirect URI per app, and the command has just replaced it by the other application's.
    the_sample_is_registered_again(&world).await?;
    let application = item(&world, "VaultTable", &format!("APP#{APPLICATION}")).await?;
    let foreign = sealed(&item(&world, "VaultTable", "APP#another").await?)?;

    // Before any link is opened: an application that was opened once is kept opened for some minutes.
    let mut journeys = Vec::new();
    for (what, item) in [
        ("moved", with_sealed(&application, &foreign)?),
        ("altered", altered(&application)?),
        ("emptied", with_sealed(&application, &[])?),
    ] {
        world.stage.aws.put(&vault, &item).await?;
        let mut journey = world.journey(SOON_DUE).await?;
        let page = journey.browser.open(&journey.link.clone()).await?;
        ensure!(
            (400..500).contains(&page.status) && page.body.contains("<html") && page.location.is_none(),
            "an application that was {what}: the customer gets {}: {}",
            page.status,
            page.body
        );
        ensure!(
            world.told(&journey.connection).await?.contains("tampered"),
            "an application that was {what}: no event"
        );
        journeys.push(journey);
    }
    let books = world.books();
    ensure!(
        books.exchanges.is_empty() && books.codes.is_empty(),
        "something was sent: {:#?}",
        books.exchanges
    );

    // Mended: the links are as good as before.
    world.stage.aws.put(&vault, &application).await?;
    let mut journey = journeys.pop().context("no journey")?;
    let page = world.connect(&mut journey).await?;
    ensure!(
        page.status == 200,
        "once it is mended the customer gets {}: {}",
        page.status,
        page.body
    );
    // And then the channel, before it is due.
    let channel = item(&world, "VaultTable", &format!("CHAN#{CHANNEL}")).await?;
    world.stage.aws.put(&vault, &altered(&channel)?).await?;
    world.until_told(&journey.connection, "tampered").await?;
    world.until_told(&journey.connection, "store the channel").await?;
    ensure!(world.books().submissions.is_empty(), "something was sent");
    world.until(&journey.connection, "authorized").await?;
    // The channel is stored again, as the event says.
    let right = profile(&world.stage.standin.url())?;
    world.stage.add_channel(CHANNEL, &right, API_KEY).await?;
    let registered = world.stage.until_status(&journey.connection, "registered", COMES_BACK);
    registered.await?;
    ensure!(
        world.submissions(&journey) == 1,
        "submitted {} times",
        world.submissions(&journey)
    );
    world.leave(&evidence).await
}

/// What is not ready comes back after half a minute and a bit.
const COMES_BACK: Duration = Duration::from_secs(180);

async fn the_sample_is_registered_again(world: &World) -> Result<()> {
    let app = sample_app(world);
    Ok(world.control().put_app(CLIENT_ID, &app).await?)
}

fn sample_app(world: &World) -> App {
    App {
        client_secret: CLIENT_SECRET.into(),
        redirect_uris: vec![format!("{}/callback/{APPLICATION}", world.stage.gateway.url())],
        ..App::default()
    }
}

pub async fn a_plain_application_that_points_elsewhere_gets_no_secret(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    // Whoever altered the table has a server there that would take anything.
    let elsewhere = Standin::start(StandinConfig::default()).await?;
    elsewhere.control().put_app(CLIENT_ID, &sample_app(&world)).await?;
    let table = world.output("ConnectionsTable")?.to_owned();
    let mut plain = item(&world, "ConnectionsTable", &format!("APP#{APPLICATION}")).await?;
    let there: Url = elsewhere.url().parse()?;
    *plain
        .pointer_mut("/doc/M/host/S")
        .context("a plain application has a host")? = json!(there.as_str());
    // On their way already when it is altered.
    let mut honest = world.journey(SOON_DUE).await?;
    let authorize = honest.browser.follow_link(&honest.link.clone()).await?;
    world.stage.aws.put(&table, &plain).await?;

    // Nobody is sent there: they would log on, or come back, elsewhere.
    let mut lured = world.journey(SOON_DUE).await?;
    let page = lured.browser.open(&lured.link.clone()).await?;
    ensure!(
        (400..500).contains(&page.status) && page.location.is_none(),
        "the customer gets {} and is sent to {:?}",
        page.status,
        page.location
    );
    world.until_told(&lured.connection, "tampered").await?;

    // Who consented at the right place is exchanged for at the sealed host.
    let callback = honest.browser.consent(&authorize).await?;
    let page: Seen = honest.browser.come_back(&callback).await?;
    ensure!(page.status == 200, "the customer gets {}: {}", page.status, page.body);
    world.until(&honest.connection, "registered").await?;
    ensure!(
        world.submissions(&honest) == 1,
        "submitted {} times",
        world.submissions(&honest)
    );

    let books = elsewhere.books();
    ensure!(
        books.exchanges.is_empty() && books.me_calls.is_empty() && books.submissions.is_empty(),
        "a secret was sent there: {books:#?}"
    );
    ensure!(books.consents.is_empty(), "a customer was sent there: {books:#?}");
    world.keep_secrets(books.secrets());
    world.leave(&evidence).await?;
    elsewhere.shutdown().await;
    Ok(())
}
