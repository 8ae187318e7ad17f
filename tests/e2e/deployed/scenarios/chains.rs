//! The same user consents twice to the same application: the platform keeps the later chain only.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use handover_local::stage::{CHANNEL, PASSWORD};
use handover_standin::User;

use crate::{
    evidence::Evidence,
    world::{Journey, World},
};

const USER: &str = "the.same";
const LATER: Duration = Duration::from_secs(24 * 3_600);

async fn consented(world: &World, after: Duration) -> Result<Journey> {
    let mut journey = world.journey_as(USER, CHANNEL, after).await?;
    world.authorise(&mut journey).await?;
    Ok(journey)
}

async fn known(world: &World) -> Result<()> {
    let user = User {
        password: PASSWORD.into(),
        full_name: USER.into(),
        ..User::default()
    };
    Ok(world.control().put_user(USER, &user).await?)
}

pub async fn the_oem_is_told_which_database_lost_its_authorisation(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    known(&world).await?;
    let first = consented(&world, Duration::ZERO).await?;
    world.until(&first.connection, "registered").await?;
    let second = consented(&world, LATER).await?;
    world.until_told(&first.connection, "authorisation_lost").await?;
    let told = world.told(&first.connection).await?;
    ensure!(
        told.contains(&second.connection),
        "it does not say through whom: {told}"
    );
    world.until_told(&second.connection, "chain_replaced").await?;
    world.leave(&evidence).await
}

pub async fn a_pending_connection_is_superseded(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    known(&world).await?;
    let first = consented(&world, LATER).await?;
    world.until(&first.connection, "authorized").await?;
    let second = consented(&world, LATER).await?;
    world.until(&first.connection, "reauthorize").await?;
    world.until(&second.connection, "authorized").await?;
    ensure!(
        world.told(&first.connection).await?.contains("superseded"),
        "{}",
        world.told(&first.connection).await?
    );
    ensure!(world.sealed_pairs().await?.len() == 1, "the dead chain's pair is kept");
    world.leave(&evidence).await
}
