//! An application, a connection and its pair, all secrets included: what the answers of others are about.

use handover_aws::contract::scene;
use handover_core::{
    application::{ApplicationSecret, PlatformKind},
    browser::{hash_of, link_token},
    ids::{AuthorisationId, ConnectionId, CustomerReference, Segment},
    ports::{Change, Received, Submission},
    secret::{AccessToken, ClientSecret, LinkToken, RefreshToken},
};
use jiff::Timestamp;
use url::Url;

pub(crate) const CLIENT_SECRET: &str = "s3cret-0f-the-application";
pub(crate) const ACCESS: &str = "stampNL001.gAAAA4cc3ssA4cc3ssA4cc3ss";
pub(crate) const REFRESH: &str = "stampNL001.abcd!IAAAAR3fr3shR3fr3sh";
pub(crate) const API_KEY: &str = "f1ll3d-in-wh3n-it-was-add3d";

pub(crate) struct Case {
    pub application: ApplicationSecret,
    pub tokens: Received,
    pub database: Segment,
    pub reference: CustomerReference,
    pub connection: ConnectionId,
    pub authorisation: AuthorisationId,
}

impl Case {
    /// Of an application at `host`.
    pub fn at(host: Url) -> Self {
        Self {
            application: ApplicationSecret {
                platform: PlatformKind::ExactOnline,
                host,
                client_id: "{c1d2}".parse().unwrap(),
                client_secret: ClientSecret::new(CLIENT_SECRET),
                redirect_uri: Url::parse("https://connect.acme.example/callback/exact-nl").unwrap(),
            },
            tokens: Received {
                access_token: AccessToken::new(ACCESS),
                refresh_token: RefreshToken::new(REFRESH),
                expires_in: Some(600),
            },
            database: "acme-1".parse().unwrap(),
            reference: "Bakery Jansen".parse().unwrap(),
            connection: ConnectionId::new(Timestamp::UNIX_EPOCH, 7),
            authorisation: AuthorisationId::from_digest(&[0xFB; 32]),
        }
    }

    /// Of an application at Exact Online in the Netherlands.
    pub fn dutch() -> Self {
        Self::at(Url::parse("https://start.exactonline.nl").unwrap())
    }

    /// The idempotency key, as the README of the http channel has it.
    pub fn key(&self) -> String {
        format!("{}.{}", self.connection, self.authorisation)
    }

    pub fn submission(&self) -> Submission<'_> {
        Submission {
            application: &self.application,
            tokens: &self.tokens,
            database: &self.database,
            reference: &self.reference,
            connection: self.connection,
            authorisation: &self.authorisation,
            attempt: 3,
        }
    }
}

/// All that is presented with it.
pub(crate) const SECRETS: [&str; 4] = [CLIENT_SECRET, ACCESS, REFRESH, API_KEY];

/// When all of this begins.
pub(crate) fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// The token of its link.
pub(crate) fn token() -> LinkToken {
    link_token([3; 32])
}

/// A new connection, not yet written, with a link of that token.
pub(crate) fn invited() -> Change {
    let (mut change, mut link) = scene::invited(start());
    let (id, hash) = (ConnectionId::new(start(), 7), hash_of(&token()));
    (link.connection, link.hash) = (id, hash.clone());
    // As made, but the same in every run.
    change.connection.id = id;
    if let Some(open) = &mut change.connection.link {
        open.hash = hash;
    }
    Change {
        link: Some(link),
        ..change
    }
}
