//! A submission full of secrets, and the example profile pointed at a server.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "only tests use it")]

use std::sync::LazyLock;

use handover_core::{
    application::{ApplicationSecret, PlatformKind},
    event::Outcome,
    ids::{AuthorisationId, ConnectionId, CustomerReference, Segment},
    ports::{NotPrepared, Received, Registrar, Submission},
    secret::{AccessToken, ClientSecret, Plaintext, RefreshToken},
};
use handover_invantive::{HttpRegistrar, Prepared, Profile};
use handover_platform::HttpClient;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

pub const EXAMPLE: &str = include_str!("../../profiles/example.json");
pub const API_KEY: &str = "key-of-the-interface-4711";
pub const CLIENT_SECRET: &str = "s3cret of the app";
pub const ACCESS: &str = "stampNL001.gAAAAccessAccessAccess";
pub const REFRESH: &str = "stampNL001.abcd!IAAAARefreshRefresh";
pub const SECRETS: [&str; 4] = [API_KEY, CLIENT_SECRET, ACCESS, REFRESH];

/// One for all: reading the machine's root certificates takes longer than all else here.
pub static REGISTRAR: LazyLock<HttpRegistrar> = LazyLock::new(|| HttpRegistrar::new(HttpClient::new(true).unwrap()));

/// What a submission borrows.
pub struct Case {
    pub application: ApplicationSecret,
    pub tokens: Received,
    pub database: Segment,
    pub reference: CustomerReference,
    pub connection: ConnectionId,
    pub authorisation: AuthorisationId,
}

impl Case {
    pub fn new() -> Self {
        Self {
            application: ApplicationSecret {
                platform: PlatformKind::ExactOnline,
                host: Url::parse("https://start.exactonline.be").unwrap(),
                client_id: "{c1d2}".parse().unwrap(),
                client_secret: ClientSecret::new(CLIENT_SECRET),
                redirect_uri: Url::parse("https://connect.acme.example/callback/exact-be").unwrap(),
            },
            tokens: Received {
                access_token: AccessToken::new(ACCESS),
                refresh_token: RefreshToken::new(REFRESH),
                expires_in: Some(600),
            },
            database: "acme-1".parse().unwrap(),
            reference: "Bäckerei Jansen & Söhne".parse().unwrap(),
            connection: ConnectionId::new(Timestamp::UNIX_EPOCH, 7),
            authorisation: AuthorisationId::from_digest(&[0xFB; 32]),
        }
    }

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

    pub fn prepare(&self, profile: &Value) -> Result<Prepared, NotPrepared> {
        REGISTRAR.prepare(&sealed(profile), &self.submission())
    }

    pub async fn submit(&self, profile: &Value) -> Outcome {
        let outcome = REGISTRAR.submit(self.prepare(profile).unwrap()).await;
        tells_no_secret(&format!("{outcome:?}"));
        outcome
    }
}

pub fn tells_no_secret(told: &str) {
    for secret in SECRETS {
        for part in secret.as_bytes().windows(16) {
            assert!(!told.contains(std::str::from_utf8(part).unwrap()), "{told}");
        }
    }
}

/// The example, pointed at `server`, with a short limit.
pub fn example(server: &Url) -> Value {
    let mut profile: Value = serde_json::from_str(EXAMPLE).unwrap();
    profile["address"] = json!(server.join("api/databases").unwrap());
    profile["allow_http"] = json!(true);
    profile["timeout_seconds"] = json!(5);
    profile["look_up"]["address"] = json!(format!("{server}api/databases?idempotency_key={{idempotency_key}}"));
    profile["look_up"]["timeout_seconds"] = json!(5);
    profile
}

/// As the CLI adds it: read, filled in, written for the vault.
pub fn sealed(profile: &Value) -> Plaintext {
    let mut profile = Profile::parse(&profile.to_string()).unwrap();
    for name in profile.secrets_wanted() {
        profile.fill(&name, &SecretString::from(API_KEY)).unwrap();
    }
    profile.seal_text().unwrap()
}
