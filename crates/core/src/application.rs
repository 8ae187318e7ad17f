//! An app registration at a platform.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    connection::Upkeep,
    ids::{ApplicationId, ClientId},
    secret::ClientSecret,
};

/// Where customers log on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlatformKind {
    /// Exact Online.
    #[default]
    ExactOnline,
}

impl PlatformKind {
    /// Whether this is the usual one: not said in every connection's item.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for PlatformKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExactOnline => "exact-online",
        })
    }
}

/// How long what the platform gives lives. Overridable per application: they have changed before (Exact Online's
/// refresh tokens lived 180 days until 2021), and a demonstration needs minutes for days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetimes {
    /// An access token's, in seconds from its issue, used or not.
    pub access_seconds: u32,
    /// A refresh token's, in seconds of non-use.
    pub refresh_seconds: u32,
    /// How long after a token answer the next refresh is allowed, in seconds.
    pub earliest_refresh_seconds: u32,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self::EXACT_ONLINE
    }
}

impl Lifetimes {
    /// Exact Online's: 600 s, 30 days, 570 s.
    pub const EXACT_ONLINE: Self = Self {
        access_seconds: 600,
        refresh_seconds: 30 * 24 * 3600,
        earliest_refresh_seconds: 570,
    };

    /// Whether these are Exact Online's: not said in every connection's item.
    #[must_use]
    pub fn are_usual(&self) -> bool {
        *self == Self::EXACT_ONLINE
    }

    /// How long after a token answer the next refresh is allowed.
    #[must_use]
    pub fn earliest_refresh(&self) -> Duration {
        Duration::from_secs(self.earliest_refresh_seconds.into())
    }

    /// A refresh token's life.
    #[must_use]
    pub fn refresh(&self) -> Duration {
        Duration::from_secs(self.refresh_seconds.into())
    }
}

/// What is shown and listed of an application. Anyone who can write the table can change it: nothing secret is ever
/// sent where this says (see [`ApplicationSecret`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// The OEM's name for it.
    pub id: ApplicationId,
    /// What customers see: the OEM's name or brand, one line.
    pub display_name: String,
    /// Its platform.
    pub platform: PlatformKind,
    /// The platform's host, such as `https://start.exactonline.nl`.
    pub host: Url,
    /// RFC 6749, 2.2.
    pub client_id: ClientId,
    /// Registered at the platform, exactly.
    pub redirect_uri: Url,
    /// Lifetimes of what the platform gives.
    pub lifetimes: Lifetimes,
    /// How what it gives is looked after.
    #[serde(default, skip_serializing_if = "Upkeep::is_default")]
    pub upkeep: Upkeep,
    /// How many of its connections are taken up a minute at most, when many are due at once.
    #[serde(default = "default_pace", skip_serializing_if = "is_default_pace")]
    pub pace_per_minute: u32,
    /// Origins (`https://host[:port]`) that customers may be sent to afterwards.
    pub return_origins: Vec<Origin>,
}

/// Taken up a minute: a day's backlog of a thousand is worked off in ten minutes, at two calls a second.
pub const DEFAULT_PACE_PER_MINUTE: u32 = 120;

fn default_pace() -> u32 {
    DEFAULT_PACE_PER_MINUTE
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_default_pace(pace: &u32) -> bool {
    *pace == DEFAULT_PACE_PER_MINUTE
}

impl Application {
    /// Whether customers may be sent to `url` after connecting.
    #[must_use]
    pub fn allows_return_to(&self, url: &Url) -> bool {
        self.return_origins.iter().any(|origin| origin.is_of(url))
    }
}

/// Scheme, host and port of a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

impl Origin {
    /// Whether `url` is of this origin.
    #[must_use]
    pub fn is_of(&self, url: &Url) -> bool {
        url.origin().ascii_serialization() == self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no origin of web pages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin such as https://app.example.com")]
pub struct InvalidOrigin(String);

impl FromStr for Origin {
    type Err = InvalidOrigin;
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = || InvalidOrigin(text.chars().take(100).collect());
        let url = Url::parse(text).map_err(|_| invalid())?;
        let plain = matches!(url.scheme(), "https" | "http")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty();
        if plain {
            Ok(Self(url.origin().ascii_serialization()))
        } else {
            Err(invalid())
        }
    }
}

impl TryFrom<String> for Origin {
    type Error = InvalidOrigin;
    fn try_from(text: String) -> Result<Self, InvalidOrigin> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

/// What the client secret is sealed with: it is sent to no other host and for no other redirect URI, whatever the
/// plain table says.
#[derive(Debug, Clone)]
pub struct ApplicationSecret {
    /// Its platform.
    pub platform: PlatformKind,
    /// The host that the secret and the tokens are sent to.
    pub host: Url,
    /// RFC 6749, 2.2.
    pub client_id: ClientId,
    /// RFC 6749, 2.3.1.
    pub client_secret: ClientSecret,
    /// Registered at the platform, exactly.
    pub redirect_uri: Url,
}

impl ApplicationSecret {
    /// Whether `shown`, which anyone who can write the table can change, says where customers and secrets go as this does.
    #[must_use]
    pub fn agrees_with(&self, shown: &Application) -> bool {
        self.platform == shown.platform
            && self.host == shown.host
            && self.client_id == shown.client_id
            && self.redirect_uri == shown.redirect_uri
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_of_scheme_host_and_port() {
        let origin: Origin = "https://app.acme.example".parse().unwrap();
        assert!(origin.is_of(&Url::parse("https://app.acme.example/done?x=1").unwrap()));
        for foreign in [
            "http://app.acme.example/",
            "https://app.acme.example:8443/",
            "https://acme.example/",
            "https://app.acme.example.evil.example/",
        ] {
            assert!(!origin.is_of(&Url::parse(foreign).unwrap()), "{foreign}");
        }
    }

    fn shown() -> Application {
        Application {
            id: "exact-nl".parse().unwrap(),
            display_name: "Acme".into(),
            platform: PlatformKind::ExactOnline,
            host: Url::parse("https://start.exactonline.nl").unwrap(),
            client_id: "client".parse().unwrap(),
            redirect_uri: Url::parse("https://connect.acme.example/callback/exact-nl").unwrap(),
            lifetimes: Lifetimes::EXACT_ONLINE,
            upkeep: Upkeep::default(),
            pace_per_minute: DEFAULT_PACE_PER_MINUTE,
            return_origins: vec!["https://app.acme.example".parse().unwrap()],
        }
    }

    #[test]
    fn a_secret_agrees_with_nothing_but_where_it_was_sealed_for() {
        let shown = shown();
        let secret = ApplicationSecret {
            platform: shown.platform,
            host: shown.host.clone(),
            client_id: shown.client_id.clone(),
            client_secret: ClientSecret::new("secret"),
            redirect_uri: shown.redirect_uri.clone(),
        };
        assert!(secret.agrees_with(&shown));
        let elsewhere = Url::parse("https://evil.example").unwrap();
        let mut others = [shown.clone(), shown.clone(), shown.clone()];
        others[0].host = elsewhere.clone();
        others[1].redirect_uri = elsewhere;
        others[2].client_id = "another".parse().unwrap();
        assert!(!others.iter().any(|other| secret.agrees_with(other)));
    }

    #[test]
    fn customers_are_sent_to_the_application_s_origins_only() {
        let shown = shown();
        assert!(shown.allows_return_to(&Url::parse("https://app.acme.example/done").unwrap()));
        assert!(!shown.allows_return_to(&Url::parse("https://evil.example/done").unwrap()));
    }

    #[test]
    fn what_is_usual_is_not_written_and_what_is_not_reads_back() {
        let usual = serde_json::to_value(shown()).unwrap();
        assert!(usual.get("pace_per_minute").is_none());
        assert_eq!(serde_json::from_value::<Application>(usual).unwrap(), shown());
        let slow = Application {
            pace_per_minute: 7,
            ..shown()
        };
        let written = serde_json::to_value(&slow).unwrap();
        assert_eq!(written["return_origins"][0], "https://app.acme.example");
        assert_eq!(serde_json::from_value::<Application>(written).unwrap(), slow);
    }

    #[test]
    fn what_is_more_than_an_origin_is_refused() {
        for bad in [
            "https://a.example/path",
            "https://a.example/?q",
            "javascript:alert(1)",
            "a.example",
            "https://u@a.example",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
