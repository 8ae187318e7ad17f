//! Items and what touching them costs. Just as much of DynamoDB as is needed: conditions are not judged, they hold.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use crate::stock::Stock;

/// An item: attribute names and typed values, as they go over the wire.
pub type Item = Map<String, Value>;

/// Table, partition key, sort key.
pub type Key = (String, String, String);

/// The table that has the indexes.
pub const CONNECTIONS: &str = "connections";

/// An index of the table of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// Its partition key.
    pub by: &'static str,
    /// Its sort key, a number.
    pub sort: &'static str,
}

impl Index {
    /// As the template has them, all of keys only.
    pub const ALL: [Self; 4] = [
        Self::of("wake", "wake_shard", "wake_at"),
        Self::of("status", "status", "created_at"),
        Self::of("reference", "reference", "created_at"),
        Self::of("expiring", "expiring", "pair_ends_at"),
    ];

    const fn of(name: &'static str, by: &'static str, sort: &'static str) -> Self {
        Self { name, by, sort }
    }

    /// An item's entry; `None` where it has none.
    fn entry(&self, item: &Item) -> Option<Item> {
        (item.contains_key(self.by) && item.contains_key(self.sort)).then(|| {
            let kept = |name: &str| [self.by, self.sort, "pk", "sk"].contains(&name);
            let kept = item.iter().filter(|(name, _)| kept(name));
            kept.map(|(name, value)| (name.clone(), value.clone())).collect()
        })
    }

    /// Where an item stands; `None` where it does not.
    fn place(&self, item: &Item) -> Option<Place> {
        Some(Place {
            index: self.name,
            partition: text(item, self.by)?.to_owned(),
            at: text(item, self.sort)?.parse().ok()?,
            key: key_of(CONNECTIONS, item),
        })
    }
}

/// Where an item stands in an index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    index: &'static str,
    partition: String,
    at: i64,
    key: Key,
}

/// All tables. A clone is a snapshot.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    items: BTreeMap<Key, Item>,
    indexed: BTreeSet<Place>,
    /// Connections that lie below all that was written.
    stock: Arc<Stock>,
    /// Those of them that were written over, or deleted.
    covered: BTreeSet<Key>,
}

/// An attribute's text, whatever its type.
#[must_use]
pub fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    let typed = item.get(name)?;
    typed.get("S").or_else(|| typed.get("N"))?.as_str()
}

fn key_of(table: &str, item: &Item) -> Key {
    let part = |name| text(item, name).unwrap_or_default().to_owned();
    (table.to_owned(), part("pk"), part("sk"))
}

/// The bytes of an item, as DynamoDB counts them.
#[must_use]
pub fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &Value) -> usize {
    let Some((kind, inner)) = value.as_object().and_then(|typed| typed.iter().next()) else {
        return 1;
    };
    match (kind.as_str(), inner) {
        ("S", Value::String(text)) => text.len(),
        ("N", Value::String(number)) => number.trim_start_matches('-').len().div_ceil(2) + 1,
        ("B", Value::String(bytes)) => STANDARD.decode(bytes).map_or(0, |bytes| bytes.len()),
        ("M", Value::Object(map)) => {
            3 + map
                .iter()
                .map(|(name, value)| name.len() + value_size(value) + 1)
                .sum::<usize>()
        }
        ("L", Value::Array(list)) => 3 + list.iter().map(|value| value_size(value) + 1).sum::<usize>(),
        ("SS" | "NS" | "BS", Value::Array(set)) => set.iter().filter_map(Value::as_str).map(str::len).sum(),
        _ => 1,
    }
}

fn kilobytes(bytes: usize, each: usize) -> f64 {
    let units = bytes.div_ceil(each).max(1);
    f64::from(u32::try_from(units).unwrap_or(u32::MAX))
}

/// The read units of `bytes` read strongly consistently; half of them otherwise.
#[must_use]
pub fn read_units(bytes: usize, consistent: bool) -> f64 {
    kilobytes(bytes, 4_096) * if consistent { 1.0 } else { 0.5 }
}

impl Tables {
    /// The same over very many other connections.
    #[must_use]
    pub fn over(self, stock: Arc<Stock>) -> Self {
        Self { stock, ..self }
    }

    /// The item at `key`.
    #[must_use]
    pub fn get(&self, table: &str, key: &Item) -> Option<Cow<'_, Item>> {
        let key = key_of(table, key);
        self.items.get(&key).map(Cow::Borrowed).or_else(|| {
            let below = table == CONNECTIONS && !self.covered.contains(&key);
            let found = below.then(|| self.stock.get(&key.1, &key.2)).flatten();
            found.map(Cow::Owned)
        })
    }

    /// Puts an item; answers write units.
    pub fn put(&mut self, table: &str, item: Item, transaction: bool) -> Written {
        let old = self.take(table, &item);
        let units = write_units(table, old.as_ref(), Some(&item), transaction);
        if table == CONNECTIONS {
            self.indexed
                .extend(Index::ALL.iter().filter_map(|index| index.place(&item)));
        }
        self.items.insert(key_of(table, &item), item);
        units
    }

    /// Deletes an item; answers write units.
    pub fn delete(&mut self, table: &str, key: &Item, transaction: bool) -> Written {
        let old = self.take(table, key);
        write_units(table, old.as_ref(), None, transaction)
    }

    /// Takes an item out.
    fn take(&mut self, table: &str, key: &Item) -> Option<Item> {
        let old = self.get(table, key)?.into_owned();
        if table == CONNECTIONS {
            for place in Index::ALL.iter().filter_map(|index| index.place(&old)) {
                self.indexed.remove(&place);
            }
        }
        let key = key_of(table, key);
        if self.items.remove(&key).is_none() {
            self.covered.insert(key);
        }
        Some(old)
    }

    /// Writes `set` and removes `remove`; answers write units, the item before and the item after.
    pub fn update(&mut self, table: &str, key: &Item, change: &Change, transaction: bool) -> (Written, Item, Item) {
        let before = self.get(table, key).map(Cow::into_owned);
        let mut item = before.clone().unwrap_or_else(|| key.clone());
        for (name, value) in &change.set {
            item.insert(name.clone(), value.clone());
        }
        for name in &change.remove {
            item.remove(name);
        }
        let units = self.put(table, item.clone(), transaction);
        (units, before.unwrap_or_default(), item)
    }

    /// The first that a query finds, in order; entries of an index hold keys only.
    #[must_use]
    pub fn query(&self, table: &str, index: Option<&str>, range: &Range, limit: usize) -> Vec<Item> {
        let index = index.and_then(|name| Index::ALL.into_iter().find(|known| known.name == name));
        match index {
            Some(index) => self.query_index(index, range, limit),
            None => self.query_table(table, range, limit),
        }
    }

    fn query_table(&self, table: &str, range: &Range, limit: usize) -> Vec<Item> {
        let (_, partition) = &range.partition;
        let from = (table.to_owned(), partition.clone(), String::new());
        let items = self.items.range((Bound::Included(from), Bound::Unbounded));
        let items = items.take_while(|((of, pk, _), _)| of == table && pk == partition);
        let mut found: Vec<Item> = items
            .map(|(_, item)| item)
            .filter(|item| range.holds(item))
            .cloned()
            .collect();
        found.sort_by(|a, b| compare(text(a, "sk"), text(b, "sk")));
        if range.backwards {
            found.reverse();
        }
        found.truncate(limit);
        found
    }

    fn query_index(&self, index: Index, range: &Range, limit: usize) -> Vec<Item> {
        let (low, high) = bounds(range);
        let at = |at| Place {
            index: index.name,
            partition: range.partition.1.clone(),
            at,
            key: Key::default(),
        };
        let ends = (
            Bound::Included(at(low)),
            high.checked_add(1)
                .map_or(Bound::Unbounded, |high| Bound::Excluded(at(high))),
        );
        let within = |place: &&Place| place.index == index.name && place.partition == range.partition.1;
        let places: Vec<&Place> = if range.backwards {
            let places = self.indexed.range(ends).rev();
            // With no upper end what is in other partitions comes first.
            places
                .skip_while(|place| !within(place))
                .take_while(within)
                .take(limit)
                .collect()
        } else {
            self.indexed.range(ends).take_while(within).take(limit).collect()
        };
        let written = places
            .into_iter()
            .filter_map(|place| index.entry(self.items.get(&place.key)?));
        let below = self.stock.query(index, range);
        let below = below.filter(|item| self.covered.is_empty() || !self.covered.contains(&key_of(CONNECTIONS, item)));
        let mut found: Vec<Item> = written
            .chain(below.take(limit).filter_map(|item| index.entry(&item)))
            .collect();
        found.sort_by(|a, b| compare(text(a, index.sort), text(b, index.sort)));
        if range.backwards {
            found.reverse();
        }
        found.truncate(limit);
        found
    }

    /// The one connection of a customer.
    #[must_use]
    pub fn of_customer(&self, reference: &str) -> Option<Item> {
        let range = Range {
            partition: ("reference".into(), reference.into()),
            ..Range::default()
        };
        let entry = self.query(CONNECTIONS, Some("reference"), &range, 1).pop()?;
        self.get(CONNECTIONS, &entry).map(Cow::into_owned)
    }

    /// The largest item whose partition key begins so, in bytes.
    #[must_use]
    pub fn largest(&self, beginning: &str) -> usize {
        let items = self.items.iter().filter(|((_, pk, _), _)| pk.starts_with(beginning));
        items.map(|(_, item)| size(item)).max().unwrap_or_default()
    }

    /// The partition keys that begin so, each once.
    #[must_use]
    pub fn partitions(&self, beginning: &str) -> BTreeSet<String> {
        let keys = self.items.keys().map(|(_, pk, _)| pk);
        keys.filter(|pk| pk.starts_with(beginning)).cloned().collect()
    }

    /// All bytes of the items of one table that stay until somebody removes them, and of those that its TTL removes by
    /// `ttl`.
    #[must_use]
    pub fn bytes(&self, table: &str, ttl: &str) -> [usize; 2] {
        let items = self.items.iter().filter(|((of, _, _), _)| of == table);
        let (passing, staying): (Vec<_>, Vec<_>) = items.partition(|(_, item)| item.get(ttl).is_some());
        [staying, passing].map(|items| items.into_iter().map(|(_, item)| size(item)).sum())
    }
}

fn compare(a: Option<&str>, b: Option<&str>) -> std::cmp::Ordering {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.cmp(&b),
    }
}

/// Write units of one write.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Written {
    /// The table's.
    pub item: f64,
    /// Its indexes'.
    pub indexes: f64,
}

impl Written {
    /// All of them.
    #[must_use]
    pub fn all(self) -> f64 {
        self.item + self.indexes
    }
}

/// What an update does.
#[derive(Debug, Default, PartialEq)]
pub struct Change {
    /// Attributes and their new values.
    pub set: Vec<(String, Value)>,
    /// Attributes that go.
    pub remove: Vec<String>,
}

/// What a query asks for.
#[derive(Debug, Default)]
pub struct Range {
    /// Attribute and value.
    pub partition: (String, String),
    /// Attribute, lowest and highest.
    pub between: Option<(String, Option<String>, Option<String>)>,
    /// Attribute and beginning.
    pub beginning: Option<(String, String)>,
    /// The last comes first.
    pub backwards: bool,
}

impl Range {
    fn holds(&self, item: &Item) -> bool {
        let (by, of) = &self.partition;
        text(item, by) == Some(of)
            && self.between.as_ref().is_none_or(|(name, low, high)| {
                let value = text(item, name);
                low.as_deref().is_none_or(|low| compare(Some(low), value).is_le())
                    && high.as_deref().is_none_or(|high| compare(value, Some(high)).is_le())
            })
            && self
                .beginning
                .as_ref()
                .is_none_or(|(name, beginning)| text(item, name).is_some_and(|value| value.starts_with(beginning)))
    }
}

/// The lowest and the highest number that a query of an index asks for.
#[must_use]
pub fn bounds(range: &Range) -> (i64, i64) {
    let (low, high) = range
        .between
        .as_ref()
        .map_or((None, None), |(_, low, high)| (low.as_deref(), high.as_deref()));
    let number = |text: Option<&str>| text.and_then(|text| text.parse().ok());
    (number(low).unwrap_or(i64::MIN), number(high).unwrap_or(i64::MAX))
}

/// A transaction pays the table twice; what its indexes follow with is written as ever.
fn write_units(table: &str, old: Option<&Item>, new: Option<&Item>, transaction: bool) -> Written {
    let larger = old.map_or(0, size).max(new.map_or(0, size));
    let item = kilobytes(larger, 1_024) * if transaction { 2.0 } else { 1.0 };
    let indexes = Index::ALL.iter().filter(|_| table == CONNECTIONS).map(|index| {
        let entries = (
            old.and_then(|item| index.entry(item)),
            new.and_then(|item| index.entry(item)),
        );
        match entries {
            (None, None) => 0.0,
            (Some(old), Some(new)) if old == new => 0.0,
            // An entry whose key changes goes, and comes anew.
            (Some(_), Some(_)) => 2.0,
            _ => 1.0,
        }
    });
    Written {
        item,
        indexes: indexes.sum(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(json: Value) -> Item {
        json.as_object().unwrap().clone()
    }

    #[test]
    fn an_item_is_as_large_as_dynamodb_says() {
        let item = item(json!({ "pk": { "S": "abc" }, "n": { "N": "1234" }, "m": { "M": { "a": { "S": "xy" } } } }));
        assert_eq!(size(&item), 5 + 4 + 1 + (3 + 1 + 2 + 1));
    }

    #[test]
    fn an_index_pays_for_what_changes_in_it() {
        let mut tables = Tables::default();
        let at = |time: &str| {
            item(json!({
                "pk": { "S": "CONN#1" }, "sk": { "S": "STATE" }, "wake_shard": { "S": "wake#0" }, "wake_at": { "N": time },
            }))
        };
        assert!((tables.put(CONNECTIONS, at("1"), false).all() - 2.0).abs() < 0.01);
        assert!((tables.put(CONNECTIONS, at("1"), true).all() - 2.0).abs() < 0.01);
        assert!((tables.put(CONNECTIONS, at("2"), false).all() - 3.0).abs() < 0.01);
    }

    #[test]
    fn a_query_finds_what_is_due_in_order() {
        let mut tables = Tables::default();
        for time in ["30", "9", "100"] {
            let item = item(json!({
                "pk": { "S": format!("CONN#{time}") }, "sk": { "S": "STATE" },
                "wake_shard": { "S": "wake#0" }, "wake_at": { "N": time },
            }));
            tables.put(CONNECTIONS, item, false);
        }
        let range = Range {
            partition: ("wake_shard".into(), "wake#0".into()),
            between: Some(("wake_at".into(), None, Some("30".into()))),
            ..Range::default()
        };
        let due = tables.query(CONNECTIONS, Some("wake"), &range, 10);
        let keys: Vec<_> = due.iter().map(|item| text(item, "pk").unwrap()).collect();
        assert_eq!(keys, ["CONN#9", "CONN#30"]);
    }
}
