#![doc = include_str!("../README.md")]

mod applications;
mod background;
mod callback;
mod claim;
mod connect;
mod connected;
mod cookie;
mod exchange;
mod gateway;
mod pages;
mod serve;
mod settings;

use std::sync::Arc;

use handover_core::{
    apply::Desk,
    budget::Budget,
    ids::ApplicationId,
    ports::{Clock, Platform, Queue, Randomness, Store, Vault},
};

pub use background::{Answered, Background, NotRegistered};
pub use gateway::{Answer, Request};
pub use serve::serve;
pub use settings::Settings;

use applications::Applications;

/// What it works with.
#[derive(Debug)]
pub struct Ports<S, V, Q, P, C, R> {
    /// The tables.
    pub store: S,
    /// Seals pairs, opens applications.
    pub vault: V,
    /// The wake-ups.
    pub queue: Q,
    /// Where customers log on.
    pub platform: P,
    /// Time.
    pub clock: C,
    /// Chance.
    pub randomness: R,
}

/// Answers customers' requests. One per process: it keeps opened applications for a few minutes.
#[derive(Debug)]
pub struct Callback<S, V, Q, P, C, R> {
    ports: Ports<S, V, Q, P, C, R>,
    settings: Settings,
    applications: Applications,
    background: Background,
}

impl<S, V, Q, P, C, R> Callback<S, V, Q, P, C, R> {
    /// With these ports and settings.
    #[must_use]
    pub fn new(ports: Ports<S, V, Q, P, C, R>, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            ports,
            settings,
            applications: Applications::default(),
            background: Background::default(),
        })
    }

    /// What it works with.
    pub fn ports(&self) -> &Ports<S, V, Q, P, C, R> {
        &self.ports
    }

    /// What is under way after answers were given.
    pub fn background(&self) -> &Background {
        &self.background
    }
}

impl<S, V, Q, P, C, R> Callback<S, V, Q, P, C, R>
where
    S: Store + 'static,
    V: Vault + 'static,
    Q: Queue + 'static,
    P: Platform + 'static,
    C: Clock + 'static,
    R: Randomness + 'static,
{
    /// Answers a request. The beginning of an invocation: what is left of it counts from here.
    pub async fn answer(self: &Arc<Self>, request: Request) -> Answer {
        let budget = Budget::begin(&self.ports.clock, self.settings.timeout);
        if request.method() != "GET" {
            return pages::not_found();
        }
        match request.segments().as_slice() {
            ["connect", link] => self.connect(link).await,
            ["callback", application] => self.callback(application, &request, budget).await,
            ["connected", trip] => self.connected(trip, &request).await,
            _ => pages::not_found(),
        }
    }

    fn desk(&self) -> Desk<'_, S, Q, C, R> {
        Desk {
            store: &self.ports.store,
            queue: &self.ports.queue,
            clock: &self.ports.clock,
            randomness: &self.ports.randomness,
        }
    }

    /// What customers see of an application. A page is worth showing without it.
    async fn brand(&self, application: &ApplicationId) -> Option<String> {
        match self.ports.store.application(application).await {
            Ok(found) => found.map(|application| application.display_name),
            Err(error) => {
                tracing::warn!(application.id = %application, error = %told(&error), "handover.application_not_read");
                None
            }
        }
    }
}

/// An error and what caused it, for the log.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    handover_aws::telemetry::error_chain(error)
}
