//! The assisted channel: a person, a terminal, Invantive's form.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use handover_local::{stage::CLIENT_SECRET, terminal::Terminal};
use serde_json::Value;

use crate::{
    evidence::Evidence,
    world::{Journey, World},
};

const CHANNEL: &str = "by-hand";

pub async fn a_person_takes_a_registration_in_hand_and_says_how_it_ended(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    world
        .stage
        .handover
        .json(&["channel", "add", CHANNEL, "--assisted"], "")
        .await?;

    let done = awaiting(&world).await?;
    let operator = world.stage.handover.as_operator();
    let waiting = operator.json(&["list", "--status", "awaiting_operator"], "").await?;
    ensure!(
        waiting.to_string().contains(&done.connection),
        "the operator does not see what waits: {waiting:#}"
    );
    let found = operator.json(&["list", "--reference", &done.reference], "").await?;
    ensure!(
        found.to_string().contains(&done.connection),
        "the operator does not find a customer: {found:#}"
    );
    let ending = operator.json(&["list", "--expiring", "7d"], "").await?;
    ensure!(
        !ending.to_string().contains(&done.connection),
        "what was not warned of is listed: {ending:#}"
    );
    nobody_s_chain_is_known(&world).await?;
    said_on_the_terminal(&world, &done).await?;
    ensure!(
        !world.items("ConnectionsTable", "IDENT#").await?.is_empty(),
        "the take did not note whose chain it hands over"
    );
    let refused = awaiting(&world).await?;
    said_later(&world, &refused).await?;
    let put_back = awaiting(&world).await?;
    look_and_leave(&world, &put_back).await?;
    let said = world
        .handover(&["put-back", &put_back.connection, "--reason", "lunch"], "")
        .await?;
    ensure!(said.ok, "put-back: {}", said.err);
    world.until(&put_back.connection, "authorized").await?;
    ensure!(
        world.books().submissions.is_empty(),
        "something was submitted by itself"
    );
    world.leave(&evidence).await
}

/// As after the table was restored to a moment before the identity was known.
async fn nobody_s_chain_is_known(world: &World) -> Result<()> {
    for item in world.items("ConnectionsTable", "IDENT#").await? {
        world.stage.aws.delete(world.output("ConnectionsTable")?, &item).await?;
    }
    Ok(())
}

/// A customer's registration that waits for a person.
async fn awaiting(world: &World) -> Result<Journey> {
    let mut journey = world.journey_over(CHANNEL, std::time::Duration::from_secs(1)).await?;
    world.connect(&mut journey).await?;
    world.until(&journey.connection, "awaiting_operator").await?;
    Ok(journey)
}

/// Takes it, looks at the form with every secret shown, and leaves with `q`.
async fn look_and_leave(world: &World, journey: &Journey) -> Result<Terminal> {
    let mut terminal = Terminal::run(world.stage.handover.command(&["take", &journey.connection]))?;
    terminal.until("q leave").await?;
    ensure!(
        !terminal.written().contains(CLIENT_SECRET),
        "a secret is shown before anybody asked for it"
    );
    // To the client secret, and show it: the one place where a secret stands in the clear.
    for _ in 0..20 {
        if terminal.written().contains(CLIENT_SECRET) {
            break;
        }
        terminal.press("v")?;
        terminal.press("\x1b[B")?;
        world.show(&journey.connection).await?;
    }
    ensure!(
        terminal.written().contains(CLIENT_SECRET),
        "the client secret cannot be shown"
    );
    let shown = world.show(&journey.connection).await?;
    ensure!(
        shown.get("status").and_then(Value::as_str) == Some("registering"),
        "it is not claimed: {shown:#}"
    );
    terminal.press("q")?;
    terminal.until("d, r, n or l:").await?;
    // What is left in the scrollback is what came after the alternate screen.
    let written = terminal.written();
    let (_, after) = written
        .rsplit_once("\x1b[?1049l")
        .context("the alternate screen was not left")?;
    world.keep("a terminal's scrollback", after);
    Ok(terminal)
}

async fn said_on_the_terminal(world: &World, journey: &Journey) -> Result<()> {
    let mut terminal = look_and_leave(world, journey).await?;
    terminal.press("d\r")?;
    terminal.until("segment").await?;
    terminal.press("\r")?;
    ensure!(terminal.ended().await?, "take failed: {}", terminal.written());
    world.until(&journey.connection, "registered").await.map(drop)
}

async fn said_later(world: &World, journey: &Journey) -> Result<()> {
    let mut terminal = look_and_leave(world, journey).await?;
    terminal.press("l\r")?;
    ensure!(terminal.ended().await?, "take failed: {}", terminal.written());
    let said = world
        .handover(
            &["refused", &journey.connection, "--reason", "itgenscr590", "--spent"],
            "",
        )
        .await?;
    ensure!(said.ok, "refused: {}", said.err);
    world.until(&journey.connection, "failed").await?;
    ensure!(world.sealed_pairs().await?.is_empty(), "a spent pair is still sealed");
    Ok(())
}
