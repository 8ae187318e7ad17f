//! Where items lie.

use std::{collections::HashMap, fmt};

use aws_sdk_dynamodb::types::AttributeValue;
use handover_core::{
    connection::PairKey,
    ids::{ApplicationId, AuthorisationId, ChannelId, ConnectionId, LinkHash},
    ports::{IdentityKey, Place},
};

use super::item::Item;

/// An item's primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub pk: String,
    pub sk: String,
}

pub(super) const CONNECTION: &str = "CONN#";
pub(super) const EVENT: &str = "EVT#";
const STATE: &str = "STATE";

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    pub fn state(id: ConnectionId) -> Self {
        Self::new(format!("{CONNECTION}{id}"), STATE)
    }

    /// Padded, so that a history sorts by its numbers.
    pub fn event(id: ConnectionId, number: u64) -> Self {
        Self::new(format!("{CONNECTION}{id}"), format!("{EVENT}{number:020}"))
    }

    pub fn link(hash: &LinkHash) -> Self {
        Self::new(format!("LINK#{hash}"), "LINK")
    }

    pub fn authorisation(id: &AuthorisationId) -> Self {
        Self::new(format!("AUTH#{id}"), "AUTH")
    }

    pub fn application(id: &ApplicationId) -> Self {
        Self::new(format!("APP#{id}"), "APP")
    }

    pub fn channel(id: &ChannelId) -> Self {
        Self::new(format!("CHAN#{id}"), "CHAN")
    }

    pub fn identity(key: &IdentityKey) -> Self {
        // A client id may hold the separator; nothing else before the user can.
        let client_id = key.client_id.as_str().replace('%', "%25").replace('#', "%23");
        Self::new(format!("IDENT#{}#{client_id}#{}", key.platform, key.user), "IDENT")
    }

    pub fn pair(key: &PairKey) -> Self {
        Self::new(format!("PAIR#{}", key.authorisation), format!("{:010}", key.generation))
    }

    /// In the vault's table.
    pub fn sealed(place: &Place) -> Self {
        match place {
            Place::Pair(key) => Self::pair(key),
            Place::Application(id) => Self::application(id),
            Place::Channel(id) => Self::channel(id),
        }
    }

    pub fn attributes(&self) -> Item {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }

    /// The key of an item that was read.
    pub fn of(item: &Item) -> Option<Self> {
        let text = |name| item.get(name).and_then(|value| value.as_s().ok());
        Some(Self::new(text("pk")?.clone(), text("sk")?))
    }

    /// The connection whose state this is.
    pub fn connection(&self) -> Option<ConnectionId> {
        if self.sk != STATE {
            return None;
        }
        self.pk.strip_prefix(CONNECTION)?.parse().ok()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pk, self.sk)
    }
}

#[cfg(test)]
mod tests {
    use handover_core::application::PlatformKind;

    use super::*;

    #[test]
    fn keys_are_as_the_readme_says() {
        let id = ConnectionId::new(jiff::Timestamp::UNIX_EPOCH, 1);
        assert_eq!(Key::state(id).to_string(), "CONN#conn_00000000000000000000000001/STATE");
        assert_eq!(Key::event(id, 7).sk, "EVT#00000000000000000007");
        assert_eq!(Key::state(id).connection(), Some(id));
        assert_eq!(Key::event(id, 7).connection(), None);
        let pair = PairKey {
            authorisation: AuthorisationId::from_digest(&[0; 32]),
            generation: 2,
        };
        assert_eq!(Key::pair(&pair).sk, "0000000002");
    }

    #[test]
    fn a_separator_in_a_client_id_makes_no_other_identity() {
        let identity = |client_id: &str, user: &str| {
            let client_id = client_id.parse().unwrap();
            Key::identity(&IdentityKey {
                platform: PlatformKind::ExactOnline,
                client_id,
                user: user.into(),
            })
        };
        assert_ne!(identity("a#b", "c"), identity("a", "b#c"));
        assert_ne!(identity("a#", "c"), identity("a%23", "c"));
    }
}
