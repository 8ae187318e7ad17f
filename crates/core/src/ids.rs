//! Identifiers. Each kind is a type of its own, so that one cannot stand where another is meant.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// A text that is no identifier of the kind it was read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct InvalidId {
    text: String,
    expected: &'static str,
}

impl InvalidId {
    fn new(text: &str, expected: &'static str) -> Self {
        // Shortened: what was given may be anything, and ends in a log line.
        Self {
            text: text.chars().take(64).collect(),
            expected,
        }
    }
}

/// A `FromStr` type stands as its text in items, messages and output.
macro_rules! as_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

macro_rules! generated {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Ulid);

        impl $name {
            /// A new one: sorts by `now` (milliseconds), and is unique by 80 bits of `randomness`.
            #[must_use]
            pub fn new(now: Timestamp, randomness: u128) -> Self {
                let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or_default();
                Self(Ulid::from_parts(milliseconds, randomness))
            }

            /// Its random part: stable, and as good as any other source for spreading work.
            #[must_use]
            pub fn randomness(&self) -> u128 {
                self.0.random()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|ulid| Ulid::from_string(ulid).ok())
                    .map(Self)
                    .filter(|id| id.to_string() == text)
                    .ok_or_else(|| InvalidId::new(text, $expected))
            }
        }

        as_text!($name);
    };
}

generated!(
    /// One customer's journey; kept when the customer has to authorise again. `conn_…`, ordered by time.
    ConnectionId, "conn", "a connection id (conn_ and 26 characters)"
);
generated!(
    /// Something irreversible under way on a connection. `eff_…`
    EffectId, "eff", "an effect id (eff_ and 26 characters)"
);
generated!(
    /// One logical write: a retry of it recognises its own first success. `wri_…`
    WriterId, "wri", "a writer id (wri_ and 26 characters)"
);

macro_rules! hashed {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// From a SHA-256 digest.
            #[must_use]
            pub fn from_digest(digest: &[u8; 32]) -> Self {
                Self(format!(concat!($prefix, "_{}"), URL_SAFE_NO_PAD.encode(digest)))
            }

            /// The text, prefix included.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|digest| URL_SAFE_NO_PAD.decode(digest).ok())
                    .filter(|digest| digest.len() == 32)
                    .map(|_| Self(text.to_owned()))
                    .ok_or_else(|| InvalidId::new(text, $expected))
            }
        }

        as_text!($name);
    };
}

hashed!(
    /// One trip through the consent screen: the SHA-256 of its `state`. Safe to show and to store.
    AuthorisationId, "auth", "an authorisation id (auth_ and 43 characters)"
);
hashed!(
    /// The SHA-256 of a link's token: what is stored of it.
    LinkHash, "link", "a link hash (link_ and 43 characters)"
);

macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId::new(text, $expected)) }
            }
        }

        as_text!($name);
    };
}

fn is_slug(text: &str, longest: usize) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= longest
        && text.starts_with(plain)
        && text.ends_with(plain)
        && text.chars().all(|c| plain(c) || c == '-')
}

fn is_one_line(text: &str, longest: usize) -> bool {
    !text.trim().is_empty() && text == text.trim() && text.len() <= longest && !text.chars().any(char::is_control)
}

named!(
    /// An app registration at a platform, by the name that the OEM gave it; part of its redirect URI.
    ApplicationId, "an application name (a-z, 0-9 and -, at most 40 characters, such as `exact-nl`)", |text| is_slug(text, 40)
);
named!(
    /// A way to register, by the name that the OEM gave it.
    ChannelId, "a channel name (a-z, 0-9 and -, at most 40 characters)", |text| is_slug(text, 40)
);
named!(
    /// The database's segment in Invantive Cloud's URLs, such as `acme-boekhouding`.
    Segment, "a database segment (a-z, 0-9 and -, at most 60 characters, such as `acme-boekhouding`)", |text| is_slug(text, 60)
);
named!(
    /// What the OEM calls its customer: one line, at most 200 bytes.
    CustomerReference, "a customer reference (one line, at most 200 bytes)", |text| is_one_line(text, 200)
);
named!(
    /// A `client_id` (RFC 6749, 2.2): public, unique at its platform's host.
    ClientId, "a client id (one line, at most 200 bytes)", |text| is_one_line(text, 200)
);

/// The number of a connection's current version; every write presents the one it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// The one after this.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Stands where what names a customer was erased.
const FORGOTTEN: &str = "forgotten";

impl Segment {
    /// Where a customer was forgotten.
    #[must_use]
    pub fn forgotten() -> Self {
        Self(FORGOTTEN.to_owned())
    }
}

impl CustomerReference {
    /// Where a customer was forgotten.
    #[must_use]
    pub fn forgotten() -> Self {
        Self(FORGOTTEN.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ids_sort_by_time_and_read_back() {
        let early = ConnectionId::new(Timestamp::from_second(1_000).unwrap(), u128::MAX);
        let late = ConnectionId::new(Timestamp::from_second(1_001).unwrap(), 0);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse::<ConnectionId>().unwrap(), early);
        assert!(early.to_string().starts_with("conn_"));
    }

    #[test]
    fn an_id_of_another_kind_is_refused_and_the_message_says_what_was_meant() {
        let effect = EffectId::new(Timestamp::UNIX_EPOCH, 7).to_string();
        let refusal = effect.parse::<ConnectionId>().unwrap_err().to_string();
        assert!(refusal.contains("is not a connection id"), "{refusal}");
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = ConnectionId::new(Timestamp::UNIX_EPOCH, 0xABCDEF).to_string();
        assert!(id.parse::<ConnectionId>().is_ok());
        assert!(id.to_lowercase().parse::<ConnectionId>().is_err());
    }

    #[test]
    fn names_are_slugs() {
        assert!("exact-nl".parse::<ApplicationId>().is_ok());
        for bad in ["", "Exact", "a b", "-a", "a-", "a/b", "é", &"a".repeat(41)] {
            assert!(bad.parse::<ApplicationId>().is_err(), "{bad}");
        }
        assert!("Bäckerei Jansen & Söhne".parse::<CustomerReference>().is_ok());
        assert!("two\nlines".parse::<CustomerReference>().is_err());
    }
}
