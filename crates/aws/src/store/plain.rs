//! Links, authorisations, applications and channels.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::BuildError,
    primitives::Blob,
    types::{AttributeValue, Delete, Put, ReturnValuesOnConditionCheckFailure::AllOld},
};
use handover_core::{
    application::{Application, DEFAULT_PACE_PER_MINUTE},
    authorisation::{Authorisation, Link},
    ids::{ApplicationId, WriterId},
    ports::{Place, ReadError, Rejected, Sealed, WriteError},
    registration::{Channel, later},
};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    DynamoStore,
    failed::Failed,
    item::{self, Item, n, s, version},
    key::Key,
    time,
    transact::{Step, patiently},
};

/// Where items are written that may be there already: never over one of an unknown version.
pub(super) const NEW_OR_KNOWN: &str = "attribute_not_exists(pk) OR v = :v";
pub(super) const NEW: &str = "attribute_not_exists(pk)";

/// How long a link or a trip through the consent screen is kept after it has lapsed: whoever comes late is told so, and
/// people look for what went wrong.
const KEPT_AFTER: Duration = Duration::from_secs(30 * 24 * 3_600);

/// The attribute that the table's TTL reads, in seconds.
fn gone_at(lapses_at: Timestamp) -> (String, AttributeValue) {
    ("gone_at".to_owned(), n(later(lapses_at, KEPT_AFTER).as_second()))
}

pub(super) fn link(link: &Link, writer: Option<WriterId>) -> Result<Item, Rejected> {
    let mut item = item::holding(&Key::link(&link.hash), link)?;
    item.extend([gone_at(link.expires_at)]);
    item.extend(writer.map(|writer| ("writer".to_owned(), s(writer))));
    Ok(item)
}

fn authorisation(authorisation: &Authorisation) -> Result<Item, Rejected> {
    let key = Key::authorisation(&authorisation.id);
    let mut document = item::document(&key, authorisation)?;
    let mut item = item::start(&key);
    // Beside the document, where a condition compares it and an update sets it.
    item.insert("expires_at".to_owned(), n(time::floor(authorisation.expires_at)));
    item.extend([gone_at(authorisation.expires_at)]);
    item.extend(document.remove_entry("consumed_at"));
    item.insert("doc".to_owned(), AttributeValue::M(document));
    Ok(item)
}

pub(super) fn read_authorisation(key: &Key, mut item: Item) -> Result<Authorisation, Rejected> {
    let mut document = item::take_document(key, &mut item)?;
    document.extend(item.remove_entry("consumed_at"));
    item::parse(key, document)
}

/// A sealed value's item.
pub(super) fn sealed(place: &Place, sealed: &Sealed) -> Item {
    let mut item = item::start(&Key::sealed(place));
    item.insert("sealed".to_owned(), AttributeValue::B(Blob::new(sealed.0.as_slice())));
    item
}

/// An item that a list of its kind finds in the index of statuses.
fn listed<T: Serialize>(key: &Key, kind: &str, value: &T) -> Result<Item, Rejected> {
    let mut item = item::holding(key, value)?;
    item.insert("status".to_owned(), s(kind));
    // It has no time of its own; without one it would not be in the index.
    item.insert("created_at".to_owned(), n(0));
    Ok(item)
}

pub(super) const APPLICATION: &str = "application";
pub(super) const CHANNEL: &str = "channel";

/// Beside an application's document: nothing that a listing or the OEM sees.
pub(super) const TAKEN_UNTIL: &str = "taken_until";

impl DynamoStore {
    pub(super) async fn write_authorisation(
        &self,
        read: &Link,
        opened: &Link,
        trip: &Authorisation,
    ) -> Result<(), WriteError> {
        let steps = self.authorisation_steps(read, opened, trip)?;
        // The id is as unique as a writer's: it names this one trip. The token takes 36 characters of it.
        let token = trip.id.as_str().chars().skip("auth_".len()).take(36).collect();
        let found = match self.transact(steps, Some(token)).await {
            Ok(()) => return Ok(()),
            Err(Failed::Condition(found)) => found,
            Err(other) => return Err(other.into_error(format!("write {}", Key::authorisation(&trip.id)))),
        };
        if self.was_opened(trip).await? {
            return Ok(());
        }
        refuse_unknown(&found)?;
        Err(WriteError::Conflict(trip.connection))
    }

    /// Whether an earlier try took effect: it has left the authorisation. Used since or not makes no difference.
    async fn was_opened(&self, trip: &Authorisation) -> Result<bool, WriteError> {
        let unused = |stored| Authorisation {
            consumed_at: None,
            ..stored
        };
        match self.read_authorisation(&trip.id).await {
            Ok(stored) => Ok(stored.is_some_and(|stored| unused(stored) == *trip)),
            Err(ReadError::Unavailable(error)) => Err(error.into()),
            Err(ReadError::Rejected(error)) => Err(error.into()),
        }
    }

    fn authorisation_steps(&self, read: &Link, opened: &Link, trip: &Authorisation) -> Result<Vec<Step>, WriteError> {
        let link_key = Key::link(&read.hash);
        let unchanged = Put::builder()
            .table_name(&self.tables.connections)
            .set_item(Some(link(opened, None)?))
            .condition_expression("doc = :read AND v = :v")
            .expression_attribute_values(":read", AttributeValue::M(item::document(&link_key, read)?))
            .expression_attribute_values(":v", version())
            .return_values_on_condition_check_failure(AllOld)
            .build();
        let new = Put::builder()
            .table_name(&self.tables.connections)
            .set_item(Some(authorisation(trip)?))
            .condition_expression(NEW)
            .return_values_on_condition_check_failure(AllOld)
            .build();
        let never = |error| Failed::from(error).into_error(format!("write {}", Key::authorisation(&trip.id)));
        Ok(vec![
            Step::Put(unchanged.map_err(never)?),
            Step::Put(new.map_err(never)?),
        ])
    }

    pub(super) async fn write_application(&self, application: &Application, secret: &Sealed) -> Result<(), WriteError> {
        let key = Key::application(&application.id);
        let place = Place::Application(application.id.clone());
        let shown = listed(&key, APPLICATION, application)?;
        let secret = self.put_over(&self.tables.vault, sealed(&place, secret));
        self.overwrite(&key, shown, secret).await
    }

    pub(super) async fn write_taken(
        &self,
        id: &ApplicationId,
        per_minute: u32,
        until: Timestamp,
    ) -> Result<(), WriteError> {
        let key = Key::application(id);
        // The usual pace is left out of the document.
        let unless_it_says = match per_minute {
            DEFAULT_PACE_PER_MINUTE => "attribute_not_exists(doc.pace_per_minute) OR ",
            _ => "",
        };
        let call = self
            .client
            .update_item()
            .table_name(&self.tables.connections)
            .set_key(Some(key.attributes()))
            .update_expression(format!("SET {TAKEN_UNTIL} = :until"))
            .condition_expression(format!("v = :v AND ({unless_it_says}doc.pace_per_minute = :pace)"))
            .expression_attribute_values(":pace", n(per_minute))
            .expression_attribute_values(":until", n(time::ceil(until)))
            .expression_attribute_values(":v", version())
            .return_values_on_condition_check_failure(AllOld);
        match patiently(|| async { call.clone().send().await.map(drop).map_err(Failed::of_update) }).await {
            Ok(()) => Ok(()),
            Err(Failed::Condition(found)) => Ok(refuse_unknown(&found)?),
            Err(other) => Err(other.into_error(format!("write {key}"))),
        }
    }

    pub(super) async fn write_channel(&self, channel: &Channel, profile: Option<&Sealed>) -> Result<(), WriteError> {
        let key = Key::channel(&channel.id);
        let place = Place::Channel(channel.id.clone());
        let shown = listed(&key, CHANNEL, channel)?;
        let secret = match profile {
            Some(profile) => self.put_over(&self.tables.vault, sealed(&place, profile)),
            None => self.remove_sealed(&Key::sealed(&place)),
        };
        self.overwrite(&key, shown, secret).await
    }

    /// Writes what is shown with what is sealed. The last one to write wins; the same twice is the same.
    async fn overwrite(&self, key: &Key, shown: Item, secret: Result<Step, BuildError>) -> Result<(), WriteError> {
        let what = || format!("write {key}");
        let steps = [self.put_over(&self.tables.connections, shown), secret]
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Failed::from(error).into_error(what()))?;
        self.transact(steps, None).await.map_err(|failed| match failed {
            Failed::Condition(_) => item::rejected(key, "what is there is of a version that is not known here").into(),
            other => other.into_error(what()),
        })
    }
}

impl DynamoStore {
    fn put_over(&self, table: &str, item: Item) -> Result<Step, BuildError> {
        Put::builder()
            .table_name(table)
            .set_item(Some(item))
            .condition_expression(NEW_OR_KNOWN)
            .expression_attribute_values(":v", version())
            .build()
            .map(Step::Put)
    }

    fn remove_sealed(&self, sealed: &Key) -> Result<Step, BuildError> {
        Delete::builder()
            .table_name(&self.tables.vault)
            .set_key(Some(sealed.attributes()))
            .condition_expression(NEW_OR_KNOWN)
            .expression_attribute_values(":v", version())
            .build()
            .map(Step::Delete)
    }
}

/// A condition failed on an item of an unknown version: it will for ever.
pub(super) fn refuse_unknown(found: &[Item]) -> Result<(), Rejected> {
    for item in found {
        if let Some(key) = Key::of(item) {
            item::check_version(&key, item)?;
        }
    }
    Ok(())
}
