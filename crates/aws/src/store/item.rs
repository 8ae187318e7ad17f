//! Items as such: their version, their writer, and documents inside them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use handover_core::ports::Rejected;
use serde::{Serialize, de::DeserializeOwned};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};

use super::key::Key;
use crate::telemetry::one_line;

pub(super) type Item = HashMap<String, AttributeValue>;

/// The schema version of every item. A later one is refused and kept.
pub(super) const VERSION: &str = "1";

pub(super) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(super) fn version() -> AttributeValue {
    n(VERSION)
}

/// An item with its key and version.
pub(super) fn start(key: &Key) -> Item {
    let mut item = key.attributes();
    item.insert("v".to_owned(), version());
    item
}

/// An item that holds nothing but `value`, in `doc`.
pub(super) fn holding<T: Serialize>(key: &Key, value: &T) -> Result<Item, Rejected> {
    let mut item = start(key);
    item.insert("doc".to_owned(), AttributeValue::M(document(key, value)?));
    Ok(item)
}

/// `value` as attributes; what is `None` is left out, since size is what a write costs.
pub(super) fn document<T: Serialize>(key: &Key, value: &T) -> Result<Item, Rejected> {
    let mut document: Item = to_item(value).map_err(|error| rejected(key, &format!("it cannot be stored: {error}")))?;
    drop_nulls(&mut document);
    Ok(document)
}

fn drop_nulls(document: &mut Item) {
    document.retain(|_, value| !value.is_null());
    document.values_mut().for_each(drop_nulls_inside);
}

fn drop_nulls_inside(value: &mut AttributeValue) {
    match value {
        AttributeValue::M(document) => drop_nulls(document),
        // Elements stay: their position means something.
        AttributeValue::L(list) => list.iter_mut().for_each(drop_nulls_inside),
        _ => {}
    }
}

/// The value in `doc`.
pub(super) fn held<T: DeserializeOwned>(key: &Key, item: &mut Item) -> Result<T, Rejected> {
    parse(key, take_document(key, item)?)
}

pub(super) fn take_document(key: &Key, item: &mut Item) -> Result<Item, Rejected> {
    match item.remove("doc") {
        Some(AttributeValue::M(document)) => Ok(document),
        _ => Err(malformed(key, "it has no `doc`")),
    }
}

pub(super) fn parse<T: DeserializeOwned>(key: &Key, document: Item) -> Result<T, Rejected> {
    // `serde_dynamo` panics at what the SDK has no type for.
    if !document.values().all(is_known) {
        return Err(malformed(key, "it holds a value of an unknown type"));
    }
    from_item(document).map_err(|error| malformed(key, &error.to_string()))
}

fn is_known(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::M(document) => document.values().all(is_known),
        AttributeValue::L(list) => list.iter().all(is_known),
        other => !other.is_unknown(),
    }
}

/// Refuses an item of another version than this code writes.
pub(super) fn check_version(key: &Key, item: &Item) -> Result<(), Rejected> {
    match item.get("v") {
        Some(AttributeValue::N(version)) if version == VERSION => Ok(()),
        Some(AttributeValue::N(version)) => Err(rejected(key, &format!("its version {version} is not known here"))),
        _ => Err(rejected(key, "it has no version")),
    }
}

pub(super) fn text<'a>(key: &Key, item: &'a Item, name: &str) -> Result<&'a str, Rejected> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value
        .map(String::as_str)
        .ok_or_else(|| malformed(key, &format!("it has no text `{name}`")))
}

pub(super) fn number(key: &Key, item: &Item, name: &str) -> Result<i64, Rejected> {
    let value = item
        .get(name)
        .and_then(|value| value.as_n().ok())
        .and_then(|number| number.parse().ok());
    value.ok_or_else(|| malformed(key, &format!("it has no number `{name}`")))
}

pub(super) fn has_text(item: &Item, name: &str, expected: &str) -> bool {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .is_some_and(|text| text == expected)
}

pub(super) fn malformed(key: &Key, reason: &str) -> Rejected {
    rejected(key, &format!("it is not of the form of version {VERSION}: {reason}"))
}

pub(super) fn rejected(key: &Key, reason: &str) -> Rejected {
    Rejected {
        item: key.to_string(),
        reason: one_line(reason, 300),
    }
}
