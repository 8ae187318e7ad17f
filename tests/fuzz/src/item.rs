//! Items of both tables, in the form that they have on the wire.

use handover_aws::{DynamoStore, config::Tables};
use handover_core::{
    application::{Application, PlatformKind},
    authorisation::{Authorisation, Link},
    connection::{Connection, PairKey},
    event::Record,
    ids::{ApplicationId, AuthorisationId, ChannelId, ConnectionId, LinkHash},
    ports::{Change, Claimed, IdentityClaim, IdentityKey, Place, ReadError, Sealed, Store, WriteError},
    registration::Channel,
};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::{
    Verdict,
    case::invited,
    leak::{is_one_short_line, tells_nothing},
    network::OneItem,
};

/// An item; its key says of what kind it is read.
///
/// One of another version is refused. One that is taken is what is read again after it was written. A refusal is one
/// line, without anything of a sealed value.
pub fn item(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else {
        return Verdict::Refused;
    };
    // That the answer is JSON is DynamoDB's business; the item in it is what others may have written.
    let Ok(item) = serde_json::from_str::<Value>(text) else {
        return Verdict::Refused;
    };
    let Some(key) = Key::of(&item) else {
        return Verdict::Refused;
    };
    DESK.with(|desk| desk.runtime.block_on(desk.comes_back(&key, &item, text)))
}

/// The items that `write` writes, for the corpus.
#[must_use]
pub fn written(write: impl AsyncFnOnce(&DynamoStore) -> Result<(), WriteError>) -> Vec<Value> {
    DESK.with(|desk| {
        desk.runtime.block_on(write(&desk.store)).unwrap();
        desk.table.written()
    })
}

/// What is asked for.
enum Key {
    Connection(ConnectionId),
    History(ConnectionId),
    Link(LinkHash),
    Authorisation(AuthorisationId),
    Application(ApplicationId),
    Channel(ChannelId),
    Identity,
    Pair(AuthorisationId),
}

/// What is there.
#[derive(Debug, PartialEq)]
enum Stored {
    Connection(Box<Connection>),
    History(Vec<Record>),
    Link(Link),
    Authorisation(Authorisation),
    Application(Application),
    Channel(Channel),
    Identity(Claimed),
    Pair(Sealed),
}

impl Key {
    fn of(item: &Value) -> Option<Self> {
        let text = |name| item.get(name)?.get("S")?.as_str();
        let (kind, id) = text("pk")?.split_once('#')?;
        match kind {
            "CONN" if text("sk")?.starts_with("EVT#") => id.parse().ok().map(Self::History),
            "CONN" => id.parse().ok().map(Self::Connection),
            "LINK" => id.parse().ok().map(Self::Link),
            "AUTH" => id.parse().ok().map(Self::Authorisation),
            "APP" => id.parse().ok().map(Self::Application),
            "CHAN" => id.parse().ok().map(Self::Channel),
            "IDENT" => Some(Self::Identity),
            "PAIR" => id.parse().ok().map(Self::Pair),
            _ => None,
        }
    }

    /// What the key of its item begins with.
    fn item(&self) -> &'static str {
        match self {
            Self::Connection(_) => "CONN#",
            Self::History(_) => "EVT#",
            Self::Link(_) => "LINK#",
            Self::Authorisation(_) => "AUTH#",
            Self::Application(_) => "APP#",
            Self::Channel(_) => "CHAN#",
            Self::Identity => "IDENT#",
            Self::Pair(_) => "PAIR#",
        }
    }
}

struct Desk {
    runtime: Runtime,
    table: OneItem,
    store: DynamoStore,
}

thread_local! {
    static DESK: Desk = Desk::new();
}

impl Desk {
    fn new() -> Self {
        let table = OneItem::default();
        let tables = Tables {
            connections: "connections".into(),
            vault: "vault".into(),
            shards: 4,
        };
        Self {
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            store: DynamoStore::new(table.client(), tables),
            table,
        }
    }

    async fn comes_back(&self, key: &Key, item: &Value, text: &str) -> Verdict {
        self.table.hold(text);
        let read = self.read(key).await;
        match &read {
            Ok(stored) => {
                assert_eq!(item["v"]["N"], "1", "an item of another version was read");
                self.write(stored).await.unwrap();
                let written = self.table.written();
                let again = written.iter().find(|written| is_at(written, key.item())).unwrap();
                self.table.hold(&again.to_string());
                assert_eq!(self.read(key).await.unwrap(), *stored);
            }
            Err(error) => {
                is_one_short_line(&error.to_string(), 900);
                let sealed = item.pointer("/sealed/B").and_then(Value::as_str).unwrap_or_default();
                tells_nothing(sealed.as_bytes(), &format!("{error} {error:?}"));
            }
        }
        Verdict::of(&read)
    }

    async fn read(&self, key: &Key) -> Result<Stored, ReadError> {
        let store = &self.store;
        let read = match key {
            Key::Connection(id) => store.connection(*id).await?.map(Box::new).map(Stored::Connection),
            Key::History(id) => Some(Stored::History(store.history(*id).await?)),
            Key::Link(hash) => store.link(hash).await?.map(Stored::Link),
            Key::Authorisation(id) => store.authorisation(id).await?.map(Stored::Authorisation),
            Key::Application(id) => store.application(id).await?.map(Stored::Application),
            Key::Channel(id) => store.channel(id).await?.map(Stored::Channel),
            Key::Identity => store.identity(&identity()).await?.map(Stored::Identity),
            Key::Pair(id) => store.sealed(&Place::Pair(first(id))).await?.map(Stored::Pair),
        };
        Ok(read.unwrap())
    }

    async fn write(&self, stored: &Stored) -> Result<(), WriteError> {
        let store = &self.store;
        let sealed = Sealed(vec![1]);
        let change = match stored {
            Stored::Authorisation(trip) => {
                let link = invited().link.unwrap();
                return store.open_authorisation(&link, &link, trip).await;
            }
            Stored::Application(application) => return store.put_application(application, &sealed).await,
            Stored::Channel(channel) => return store.put_channel(channel, Some(&sealed)).await,
            Stored::Connection(connection) => Change {
                connection: connection.as_ref().clone(),
                ..change()
            },
            Stored::History(records) => Change {
                records: records.clone(),
                ..change()
            },
            Stored::Link(link) => Change {
                link: Some(link.clone()),
                ..change()
            },
            Stored::Identity(held) => Change {
                identity: Some(IdentityClaim {
                    key: identity(),
                    held: held.clone(),
                    instead_of: None,
                }),
                ..change()
            },
            Stored::Pair(sealed) => Change {
                pair: Some((first(&AuthorisationId::from_digest(&[1; 32])), sealed.clone())),
                ..change()
            },
        };
        store.write(&change).await
    }
}

fn is_at(item: &Value, beginning: &str) -> bool {
    let begins = |name| item[name]["S"].as_str().is_some_and(|text| text.starts_with(beginning));
    begins("pk") || begins("sk")
}

fn first(authorisation: &AuthorisationId) -> PairKey {
    PairKey {
        authorisation: authorisation.clone(),
        generation: 1,
    }
}

fn identity() -> IdentityKey {
    IdentityKey {
        platform: PlatformKind::ExactOnline,
        client_id: "client-1".parse().unwrap(),
        user: "0a1b2c3d-0000-4000-8000-000000000001".into(),
    }
}

/// A change that does nothing but write a connection.
fn change() -> Change {
    Change {
        records: Vec::new(),
        link: None,
        ..invited()
    }
}
