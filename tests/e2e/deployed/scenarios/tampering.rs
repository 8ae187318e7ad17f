//! Someone with access to the tables alters them.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use handover_local::wait;
use serde_json::{Value, json};

use crate::{
    evidence::Evidence,
    world::{Journey, World},
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
    let mut bytes = sealed(&flipped.1)?;
    *bytes.last_mut().context("a sealed pair is longer than that")? ^= 1;
    world.stage.aws.put(&vault, &with_sealed(&flipped.1, &bytes)?).await?;
    let emptied = with_sealed(&gone.1, &[])?;
    world.stage.aws.put(&vault, &emptied).await?;

    for (journey, _) in [&moved, &cut, &flipped, &gone] {
        wait::until(
            "the altered pair to be refused, with an event",
            Duration::from_secs(60),
            || async {
                let shown = world.show(&journey.connection).await?;
                Ok(shown.to_string().contains("tampered").then_some(()))
            },
        )
        .await?;
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
    wait::until("the later version to be refused", Duration::from_secs(60), || async {
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
