//! The stand-in as a value: start it, ask for its address, stop it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::{
    Router,
    routing::{get, post},
};
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use crate::{
    books::Books,
    client::ControlClient,
    control, exact, invantive,
    random::Randomness,
    serve::serve,
    world::{Shared, World},
};

/// How to start.
#[derive(Clone, Copy, Debug)]
pub struct StandinConfig {
    /// Where to listen.
    pub host: IpAddr,
    /// On which port; 0 takes a free one.
    pub port: u16,
}

impl Default for StandinConfig {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
        }
    }
}

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address could not be taken.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The operating system has no randomness.
    #[error("no randomness from the operating system")]
    Randomness,
}

/// A running stand-in; it stops when it is dropped.
#[derive(Debug)]
pub struct Standin {
    address: SocketAddr,
    shared: Shared,
    tasks: [JoinHandle<()>; 2],
}

impl Standin {
    /// Starts, on the runtime that calls this.
    ///
    /// # Errors
    /// When the address cannot be taken.
    pub async fn start(config: StandinConfig) -> Result<Self, StartError> {
        let random = Randomness::from_system().map_err(|_| StartError::Randomness)?;
        let wanted = SocketAddr::new(config.host, config.port);
        let listen = |source| StartError::Listen {
            address: wanted,
            source,
        };
        let listener = TcpListener::bind(wanted).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let shared = Shared::new(World::new(random));
        let tasks = [
            tokio::spawn(serve(listener, router(shared.clone()))),
            tokio::spawn(tick(shared.clone())),
        ];
        Ok(Self { address, shared, tasks })
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of its control interface.
    pub fn control(&self) -> ControlClient {
        ControlClient::new(&self.url())
    }

    /// The books, without a call over the network.
    pub fn books(&self) -> Books {
        self.shared.enter(|world, _| world.books(self.shared.clock()))
    }

    /// Stops, and waits until the port is free.
    pub async fn shutdown(mut self) {
        for task in &mut self.tasks {
            task.abort();
            // The only way this ends is the abort.
            task.await.unwrap_or_default();
        }
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// What is due by the clock also happens while nobody asks, for those who watch.
async fn tick(shared: Shared) {
    let mut every = interval(Duration::from_secs(1));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        shared.enter(|_, _| ());
    }
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/api/oauth2/auth", get(exact::authorize::authorize))
        .route("/api/oauth2/login", post(exact::authorize::login))
        .route("/api/oauth2/consent", post(exact::authorize::consent))
        .route("/api/oauth2/token", post(exact::token::token))
        .route("/api/v1/current/Me", get(exact::me::me))
        .route(
            "/app/setup/databases/new/exactonline",
            get(invantive::form::show).post(invantive::form::submit),
        )
        .route(
            "/api/databases",
            get(invantive::api::look_up).post(invantive::api::create),
        )
        .merge(control::routes())
        .with_state(shared)
}
