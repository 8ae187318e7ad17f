//! See the library.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use handover_bench::{batch, cold, memory, programs::Places, stage::Stage, warm};

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let places = Places {
        zips: std::env::var("ZIPS").map(PathBuf::from)?,
        command: std::env::var("HANDOVER").map(PathBuf::from)?,
        python: std::env::var("BENCH_PYTHON").map(PathBuf::from)?,
        peers: std::env::var("PEERS").map(PathBuf::from)?,
    };
    let stage = Stage::set(places, folder.path().to_owned()).await.inspect_err(|_| println!("{}", std::fs::read_to_string(folder.path().join("functions.log")).unwrap_or_default()))?;
    stage.world.set_round_trip(Duration::from_millis(20));
    let r = cold::measure(&stage, 5).await;
    if r.is_err() { println!("{}", std::fs::read_to_string(&stage.log)?); }
    println!("{}", serde_json::to_string_pretty(&r?)?);
    println!("{}", serde_json::to_string_pretty(&warm::measure(&stage, 20).await?)?);
    println!("{}", serde_json::to_string_pretty(&batch::measure(&stage, 5).await?)?);
    println!("{}", serde_json::to_string_pretty(&memory::measure(&stage, 2000).await?)?);
    Ok(())
}
