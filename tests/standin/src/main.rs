//! Runs the stand-in by hand.

use std::net::{IpAddr, Ipv4Addr};

use clap::Parser;
use handover_standin::{Standin, StandinConfig, StartError};

/// A server that behaves as Exact Online and as Invantive Cloud do.
#[derive(Debug, Parser)]
struct Arguments {
    /// The address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8_450)]
    port: u16,
}

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let Arguments { host, port } = Arguments::parse();
    let standin = Standin::start(StandinConfig { host, port }).await?;
    println!("{}", standin.url());
    // Without a signal handler there is nothing to wait for but the end of the process.
    tokio::signal::ctrl_c().await.unwrap_or_default();
    standin.shutdown().await;
    Ok(())
}
