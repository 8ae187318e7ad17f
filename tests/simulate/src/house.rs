//! What the OEM has set up, and who its customers are.

use std::{error::Error, num::NonZeroU32};

use handover_core::{
    application::{Application, ApplicationSecret, DEFAULT_PACE_PER_MINUTE, Lifetimes, PlatformKind},
    connection::{Identity, Upkeep},
    ids::{ChannelId, CustomerReference, Segment},
    plaintext,
    ports::{DataKey, Place, Sealed, Store, Vault},
    registration::{Channel, ChannelKind},
    secret::{ClientSecret, Plaintext},
};
use handover_simulation::{MemoryStore, MemoryVault};
use url::Url;

use crate::{
    exact::{MARK, User},
    port::ready,
};

/// Parts of the index of wake-ups.
const SHARDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);

/// What the OEM has set up.
#[derive(Debug)]
pub struct House {
    /// Its application.
    pub application: Application,
    /// … with its secret.
    pub secret: ApplicationSecret,
    /// A channel that sends.
    pub http: ChannelId,
    /// A channel for people.
    pub assisted: ChannelId,
    /// What it calls its customers.
    pub references: Vec<CustomerReference>,
    /// … and their databases.
    pub segments: Vec<Segment>,
}

/// Connections a minute. With the first they queue, few as they are.
pub const PACES: [u32; 4] = [
    1,
    DEFAULT_PACE_PER_MINUTE,
    DEFAULT_PACE_PER_MINUTE,
    DEFAULT_PACE_PER_MINUTE,
];

/// Customers that one run may have.
pub const CUSTOMERS: usize = 4;

impl House {
    /// Sets it up.
    ///
    /// # Errors
    /// When a text here is not of its form.
    pub fn set_up() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let application = Application {
            id: "exact-nl".parse()?,
            display_name: "Acme".into(),
            platform: PlatformKind::ExactOnline,
            host: Url::parse("https://start.exactonline.nl")?,
            client_id: "11111111-2222-3333-4444-555555555555".parse()?,
            redirect_uri: Url::parse("https://connect.acme.example/callback/exact-nl")?,
            lifetimes: Lifetimes::EXACT_ONLINE,
            return_origins: Vec::new(),
            upkeep: Upkeep::default(),
            pace_per_minute: DEFAULT_PACE_PER_MINUTE,
        };
        let secret = ApplicationSecret {
            platform: application.platform,
            host: application.host.clone(),
            client_id: application.client_id.clone(),
            client_secret: ClientSecret::new(format!("{MARK}s!0")),
            redirect_uri: application.redirect_uri.clone(),
        };
        let numbered = |what: &str| (0..CUSTOMERS).map(|n| format!("{what}-{n}")).collect::<Vec<_>>();
        Ok(Self {
            application,
            secret,
            http: "invantive".parse()?,
            assisted: "people".parse()?,
            references: numbered("customer")
                .iter()
                .map(|text| text.parse())
                .collect::<Result<_, _>>()?,
            segments: numbered("database")
                .iter()
                .map(|text| text.parse())
                .collect::<Result<_, _>>()?,
        })
    }

    /// Tables that hold it, with so many connections a minute.
    ///
    /// # Errors
    /// When something cannot be sealed or stored.
    pub fn tables(&self, pace_per_minute: u32) -> Result<MemoryStore, Box<dyn Error + Send + Sync>> {
        let store = MemoryStore::sharded(SHARDS);
        let place = Place::Application(self.application.id.clone());
        let sealed = sealed(&place, &plaintext::of_application(&self.secret))?;
        let application = Application {
            pace_per_minute,
            ..self.application.clone()
        };
        ready(store.put_application(&application, &sealed))?;
        for (id, kind) in [(&self.http, ChannelKind::Http), (&self.assisted, ChannelKind::Assisted)] {
            let channel = Channel {
                id: id.clone(),
                kind,
                description: String::new(),
            };
            let profile = sealed_profile(id)?;
            ready(store.put_channel(&channel, Some(&profile)))?;
        }
        Ok(store)
    }
}

fn sealed_profile(id: &ChannelId) -> Result<Sealed, Box<dyn Error + Send + Sync>> {
    sealed(&Place::Channel(id.clone()), &Plaintext::new(b"{}".to_vec()))
}

fn sealed(place: &Place, plaintext: &Plaintext) -> Result<Sealed, Box<dyn Error + Send + Sync>> {
    Ok(ready(MemoryVault.data_key(place))?.seal(plaintext)?)
}

/// Who a user is, as the platform tells.
#[must_use]
pub fn identity(user: User) -> Identity {
    Identity {
        user: format!("00000000-0000-4000-8000-{user:012}"),
        name: "A. Customer".into(),
    }
}
