//! Items of a later version, or of no form: refused, and untouched.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use handover_aws::contract::scene::{self, at};
use handover_core::{
    event::Event,
    ports::{Change, Filter, Place, ReadError, Rejected, Store, WriteError},
    registration::{Channel, ChannelKind},
};

use crate::cloud::{CONNECTIONS, Cloud, VAULT, cloud};

type Item = HashMap<String, AttributeValue>;

impl Cloud {
    pub async fn item(&self, table: &str, pk: &str, sk: &str) -> Option<Item> {
        let get = self.raw.get_item().table_name(table).consistent_read(true);
        let get = get
            .key("pk", AttributeValue::S(pk.into()))
            .key("sk", AttributeValue::S(sk.into()));
        get.send().await.unwrap().item
    }

    async fn put(&self, table: &str, item: Item) {
        self.raw
            .put_item()
            .table_name(table)
            .set_item(Some(item))
            .send()
            .await
            .unwrap();
    }

    /// Makes the item one of version 2; says what it is now.
    async fn upgrade(&self, table: &'static str, pk: &str, sk: &str) -> Upgraded<'_> {
        let mut item = self.item(table, pk, sk).await.unwrap_or_else(|| panic!("{pk}/{sk}"));
        item.insert("v".into(), AttributeValue::N("2".into()));
        self.put(table, item.clone()).await;
        Upgraded {
            cloud: self,
            table,
            item,
        }
    }
}

struct Upgraded<'a> {
    cloud: &'a Cloud,
    table: &'static str,
    item: Item,
}

impl Upgraded<'_> {
    async fn assert_untouched(&self) {
        let text = |name: &str| self.item[name].as_s().unwrap().clone();
        let now = self.cloud.item(self.table, &text("pk"), &text("sk")).await;
        assert_eq!(now.as_ref(), Some(&self.item));
    }
}

fn assert_unreadable<T: std::fmt::Debug>(result: Result<T, ReadError>, item: &str) {
    match result {
        Err(ReadError::Rejected(Rejected { item: named, reason })) => {
            assert!(named.starts_with(item), "{named} is not {item}");
            assert!(reason.contains("version"), "{reason}");
        }
        other => panic!("{item}: {other:?}"),
    }
}

fn assert_unwritable(result: Result<(), WriteError>, item: &str) {
    match result {
        Err(WriteError::Rejected(rejected)) => assert!(rejected.item.starts_with(item), "{rejected}"),
        other => panic!("{item}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_and_its_history() {
    let cloud = cloud().await;
    let store = cloud.store().await;
    let (change, _) = scene::invited(at(0));
    store.write(&change).await.unwrap();
    let connection = change.connection;
    let pk = format!("CONN#{}", connection.id);

    let state = cloud.upgrade(CONNECTIONS, &pk, "STATE").await;
    assert_unreadable(store.connection(connection.id).await, &pk);
    assert_unwritable(store.write(&scene::any_change(&connection, at(1))).await, &pk);
    assert_unwritable(
        store
            .write(&Change {
                writer: scene::writer(),
                ..scene::invited(at(0)).0.for_id(&connection)
            })
            .await,
        &pk,
    );
    let moved = store.postpone(connection.id, connection.wake_at.unwrap(), at(9)).await;
    assert_unwritable(moved.map(drop), &pk);
    assert_unwritable(store.remove(&connection).await, &pk);
    assert_unreadable(store.list(&Filter::default(), 10, None).await, &pk);
    state.assert_untouched().await;

    let record = cloud.upgrade(CONNECTIONS, &pk, "EVT#00000000000000000001").await;
    assert_unreadable(store.history(connection.id).await, &pk);
    record.assert_untouched().await;
}

trait ForId {
    fn for_id(self, connection: &handover_core::connection::Connection) -> Change;
}

impl ForId for Change {
    fn for_id(mut self, connection: &handover_core::connection::Connection) -> Change {
        self.connection.id = connection.id;
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_authorisations_and_identities() {
    let cloud = cloud().await;
    let store = cloud.store().await;
    let (change, link) = scene::invited(at(0));
    store.write(&change).await.unwrap();
    let (opened, trip) = scene::trip(&link, at(1));
    store.open_authorisation(&link, &opened, &trip).await.unwrap();

    let later_link = cloud.upgrade(CONNECTIONS, &format!("LINK#{}", link.hash), "LINK").await;
    assert_unreadable(store.link(&link.hash).await, "LINK#");
    let (again, second) = scene::trip(&opened, at(2));
    assert_unwritable(store.open_authorisation(&opened, &again, &second).await, "LINK#");
    later_link.assert_untouched().await;

    let later_trip = cloud.upgrade(CONNECTIONS, &format!("AUTH#{}", trip.id), "AUTH").await;
    assert_unreadable(store.authorisation(&trip.id).await, "AUTH#");
    assert_unwritable(
        store.write(&scene::consent(&change.connection, &trip, at(3))).await,
        "AUTH#",
    );
    later_trip.assert_untouched().await;

    let mut claim = scene::any_change(&change.connection, at(3));
    claim.identity = Some(handover_core::ports::IdentityClaim {
        key: scene::identity_key("user"),
        held: handover_core::ports::Claimed {
            connection: change.connection.id,
            authorisation: trip.id.clone(),
            sent_at: at(3),
            answered_at: at(4),
        },
        instead_of: None,
    });
    store.write(&claim).await.unwrap();
    let pk = "IDENT#exact-online#2f5f1a0e-0000-4000-8000-000000000001#user";
    let later_identity = cloud.upgrade(CONNECTIONS, pk, "IDENT").await;
    assert_unreadable(store.identity(&scene::identity_key("user")).await, pk);
    let next = Change {
        identity: claim.identity,
        ..scene::any_change(&claim.connection, at(4))
    };
    assert_unwritable(store.write(&next).await, pk);
    let relying = Change {
        requires: Some(handover_core::ports::LiveChain {
            key: scene::identity_key("user"),
            authorisation: trip.id.clone(),
        }),
        ..scene::any_change(&claim.connection, at(4))
    };
    assert_unwritable(store.write(&relying).await, pk);
    later_identity.assert_untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_channels_and_sealed_values() {
    let cloud = cloud().await;
    let store = cloud.store().await;
    let application = scene::application("exact-nl");
    let channel = Channel {
        id: "invantive".parse().unwrap(),
        kind: ChannelKind::Http,
        description: "Invantive Cloud".into(),
    };
    let sealed = scene::sealed();
    store.put_application(&application, &sealed).await.unwrap();
    store.put_channel(&channel, Some(&sealed)).await.unwrap();

    let later = cloud.upgrade(VAULT, "APP#exact-nl", "APP").await;
    assert_unreadable(store.sealed(&Place::Application(application.id.clone())).await, "APP#");
    assert_unwritable(store.put_application(&application, &sealed).await, "APP#");
    later.assert_untouched().await;

    let later = cloud.upgrade(CONNECTIONS, "APP#exact-nl", "APP").await;
    assert_unreadable(store.application(&application.id).await, "APP#");
    assert_unreadable(store.applications().await, "APP#");
    assert_unreadable(store.pace(&application.id).await, "APP#");
    assert_unwritable(
        store
            .take_slots(&application.id, application.pace_per_minute, at(0))
            .await,
        "APP#",
    );
    later.assert_untouched().await;

    let later = cloud.upgrade(CONNECTIONS, "CHAN#invantive", "CHAN").await;
    assert_unreadable(store.channel(&channel.id).await, "CHAN#");
    assert_unwritable(store.put_channel(&channel, None).await, "CHAN#");
    later.assert_untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_form_is_refused_and_says_so() {
    let cloud = cloud().await;
    let store = cloud.store().await;
    let (change, link) = scene::invited(at(0));
    store.write(&change).await.unwrap();
    let (pk, id) = (format!("CONN#{}", change.connection.id), change.connection.id);
    let good = cloud.item(CONNECTIONS, &pk, "STATE").await.unwrap();
    for (name, value) in [
        ("v", None),
        ("v", Some(AttributeValue::S("1".into()))),
        ("doc", None),
        ("doc", Some(AttributeValue::S("{}".into()))),
        ("doc", Some(AttributeValue::M(HashMap::new()))),
        ("revision", None),
        ("revision", Some(AttributeValue::N("-1".into()))),
        ("revision", Some(AttributeValue::N("1.5".into()))),
    ] {
        let mut bad = good.clone();
        match value {
            Some(value) => bad.insert(name.into(), value),
            None => bad.remove(name),
        };
        cloud.put(CONNECTIONS, bad.clone()).await;
        let refusal = store.connection(id).await;
        assert!(matches!(&refusal, Err(ReadError::Rejected(_))), "{name}: {refusal:?}");
        assert_eq!(cloud.item(CONNECTIONS, &pk, "STATE").await, Some(bad));
    }
    cloud.put(CONNECTIONS, good).await;
    assert_eq!(store.connection(id).await.unwrap().unwrap(), change.connection);

    let mut bad = cloud
        .item(CONNECTIONS, &format!("LINK#{}", link.hash), "LINK")
        .await
        .unwrap();
    bad.remove("doc");
    cloud.put(CONNECTIONS, bad).await;
    assert_unreadable(store.link(&link.hash).await, "LINK#");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_unreadable_entry_stops_no_sweep() {
    let cloud = cloud().await;
    let store = cloud.store().await;
    let (mut change, _) = scene::invited(at(0));
    change.connection.wake_at = Some(at(100));
    store.write(&change).await.unwrap();
    let good = cloud
        .item(CONNECTIONS, &format!("CONN#{}", change.connection.id), "STATE")
        .await
        .unwrap();
    let mut bad = good.clone();
    bad.insert("pk".into(), AttributeValue::S("CONN#nobody".into()));
    bad.insert("wake_at".into(), AttributeValue::N("1".into()));
    cloud.put(CONNECTIONS, bad).await;
    let mut due = Vec::new();
    for shard in 0..store.shards() {
        due.extend(store.due(shard, at(200), 1).await.unwrap());
    }
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].connection, change.connection.id);
    let cancelled = scene::next(&change.connection, Event::CancelAsked, at(10));
    store.write(&cancelled).await.unwrap();
}
