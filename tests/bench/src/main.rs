//! See the library.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use handover_bench::{
    fixture,
    function::Function,
    programs::{self, Places},
    world::World,
};

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::start(folder.path()).await?;
    let places = Places {
        zips: std::env::var("ZIPS").map(PathBuf::from)?,
        command: std::env::var("HANDOVER").map(PathBuf::from)?,
        python: PathBuf::new(),
        peers: PathBuf::new(),
    };
    let log = folder.path().join("log");
    fixture::prepare(&places.command, &world, folder.path()).await?;
    let link = fixture::connect(&places.command, &world, 1, "--register-in=3d").await?;
    println!("{link}");
    let program = programs::function(&places, &world, "callback", folder.path()).await?;
    let mut callback = Function::start(&program, &log).await?;
    println!("ready {}", callback.ready().await?);
    let event = fixture::consent(&mut callback, &link, 1).await?;
    let snapshot = world.dynamodb.snapshot();
    world.set_round_trip(Duration::from_millis(20));
    for _ in 0..3 {
        world.dynamodb.restore(&snapshot);
        drop(world.tally.take());
        let answered = callback.invoke(&event).await?;
        let calls = world.tally.take();
        println!("{} {} {:?}", answered.ms(), answered.body["statusCode"], calls.counts());
        println!("{:?}", calls.critical_path());
        println!("{:?}", calls.units());
    }
    println!("{:?} {}", callback.memory()?, callback.cpu_ms()?);
    println!("{}", std::fs::read_to_string(&log).context("log")?);
    Ok(())
}
