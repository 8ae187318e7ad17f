//! Very many connections that nobody has touched yet, in little memory: real items, stored a few times, and of each
//! clone only what its key and the indexes say of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::table::{Index, Item, Range, bounds, text};

/// Digits of an id, as ULIDs are written.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a ULID.
const LETTERS: u32 = 26;
/// The beginning of a connection's partition key.
const PREFIX: &str = "CONN#conn_";

/// One of very many.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clone {
    /// Its id's number.
    pub id: u128,
    /// Which item it is like.
    pub like: usize,
    /// When it is looked at next, in milliseconds since 1970.
    pub wake_at: i64,
    /// When it was made.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
    /// When its pair ends, if the item that it is like says that of itself.
    pub pair_ends_at: i64,
}

/// Very many connections. Never changes: what is written lies over it.
#[derive(Debug, Default)]
pub struct Stock {
    templates: Vec<Item>,
    /// By id.
    clones: Vec<Clone>,
    shards: u32,
    /// Numbers of clones in order, by index and partition.
    indexes: BTreeMap<(&'static str, String), Vec<u32>>,
}

impl Stock {
    /// Clones of `templates`, in an index of wake-ups with so many parts.
    #[must_use]
    pub fn new(templates: Vec<Item>, mut clones: Vec<Clone>, shards: u32) -> Self {
        clones.sort_by_key(|clone| clone.id);
        let mut stock = Self {
            templates,
            clones,
            shards,
            indexes: BTreeMap::new(),
        };
        for index in Index::ALL {
            let mut parts: BTreeMap<String, Vec<(i64, u32)>> = BTreeMap::new();
            for (number, clone) in (0..).zip(&stock.clones) {
                if let Some((partition, at)) = stock.place(clone, number, &index) {
                    parts.entry(partition).or_default().push((at, number));
                }
            }
            for (partition, mut entries) in parts {
                entries.sort_unstable();
                let numbers = entries.into_iter().map(|(_, number)| number).collect();
                stock.indexes.insert((index.name, partition), numbers);
            }
        }
        stock
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.clones.len()
    }

    /// The item with this key.
    #[must_use]
    pub fn get(&self, pk: &str, sk: &str) -> Option<Item> {
        if sk != "STATE" {
            return None;
        }
        let id = read_id(pk.strip_prefix(PREFIX)?)?;
        let number = self.clones.binary_search_by_key(&id, |clone| clone.id).ok()?;
        self.item(number)
    }

    /// The items of a partition of an index that lie within `range`, in its order.
    pub fn query<'a>(&'a self, index: Index, range: &'a Range) -> impl Iterator<Item = Item> + 'a {
        let (_, partition) = &range.partition;
        let numbers = self.indexes.get(&(index.name, partition.clone()));
        let numbers = numbers.map(Vec::as_slice).unwrap_or_default();
        let (low, high) = bounds(range);
        let at = |number: &u32| {
            let clone = usize::try_from(*number).ok().and_then(|number| self.clones.get(number));
            clone.map_or(0, |clone| sorted_by(clone, &index))
        };
        let from = numbers.partition_point(|number| at(number) < low);
        let to = numbers.partition_point(|number| at(number) <= high);
        let found = numbers.get(from..to).unwrap_or_default();
        let (length, backwards) = (found.len(), range.backwards);
        (0..length).filter_map(move |step| {
            let step = if backwards { length - 1 - step } else { step };
            self.item(usize::try_from(*found.get(step)?).ok()?)
        })
    }

    fn item(&self, number: usize) -> Option<Item> {
        let clone = self.clones.get(number)?;
        let mut item = self.templates.get(clone.like)?.clone();
        let mut put = |name: &str, value: Value| {
            if item.contains_key(name) {
                item.insert(name.to_owned(), value);
            }
        };
        put("pk", json!({ "S": format!("{PREFIX}{}", print_id(clone.id)) }));
        put("reference", json!({ "S": reference(number) }));
        put("wake_shard", json!({ "S": self.shard(clone) }));
        for (name, time) in [
            ("wake_at", clone.wake_at),
            ("created_at", clone.created_at),
            ("updated_at", clone.updated_at),
            ("pair_ends_at", clone.pair_ends_at),
        ] {
            put(name, json!({ "N": time.to_string() }));
        }
        Some(item)
    }

    fn shard(&self, clone: &Clone) -> String {
        // A ULID's last 80 bits are its random part.
        let random = clone.id & ((1 << 80) - 1);
        format!("wake#{}", random % u128::from(self.shards.max(1)))
    }

    /// Where a clone stands in an index, if it does.
    fn place(&self, clone: &Clone, number: u32, index: &Index) -> Option<(String, i64)> {
        let like = self.templates.get(clone.like)?;
        if !like.contains_key(index.by) || !like.contains_key(index.sort) {
            return None;
        }
        let partition = match index.by {
            "wake_shard" => self.shard(clone),
            "reference" => reference(usize::try_from(number).ok()?),
            by => text(like, by)?.to_owned(),
        };
        Some((partition, sorted_by(clone, index)))
    }
}

fn sorted_by(clone: &Clone, index: &Index) -> i64 {
    match index.sort {
        "wake_at" => clone.wake_at,
        "created_at" => clone.created_at,
        "updated_at" => clone.updated_at,
        _ => clone.pair_ends_at,
    }
}

fn reference(number: usize) -> String {
    format!("Customer {number}")
}

fn print_id(id: u128) -> String {
    let digit = |place: u32| {
        let digit = usize::try_from((id >> (5 * place)) & 31).unwrap_or_default();
        char::from(DIGITS.get(digit).copied().unwrap_or(b'0'))
    };
    (0..LETTERS).rev().map(digit).collect()
}

fn read_id(text: &str) -> Option<u128> {
    text.bytes().try_fold(0_u128, |id, letter| {
        let digit = DIGITS.iter().position(|digit| *digit == letter)?;
        Some((id << 5) | u128::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{CONNECTIONS, Change, Tables};

    fn item(json: Value) -> Item {
        json.as_object().unwrap().clone()
    }

    fn template() -> Item {
        item(json!({
            "pk": { "S": "CONN#conn_0" }, "sk": { "S": "STATE" }, "status": { "S": "authorized" },
            "updated_at": { "N": "1" }, "wake_shard": { "S": "wake#0" }, "wake_at": { "N": "1" }, "doc": { "M": {} },
        }))
    }

    fn tables() -> Tables {
        let clone = |n: u128| Clone {
            id: n << 80 | n,
            wake_at: i64::try_from(n * 10).unwrap(),
            updated_at: 1_000 - i64::try_from(n).unwrap(),
            ..Clone::default()
        };
        let stock = Stock::new(vec![template()], (0..100).map(clone).collect(), 4);
        Tables::default().over(stock.into())
    }

    fn due(tables: &Tables, until: &str, limit: usize) -> Vec<Item> {
        let range = Range {
            partition: ("wake_shard".into(), "wake#1".into()),
            between: Some(("wake_at".into(), None, Some(until.into()))),
            ..Range::default()
        };
        tables.query(CONNECTIONS, Some("wake"), &range, limit)
    }

    #[test]
    fn an_id_reads_back() {
        for id in [0, 1, 31, 32, u128::MAX >> 1] {
            assert_eq!(read_id(&print_id(id)), Some(id));
        }
        assert_eq!(print_id(33).len(), 26);
    }

    #[test]
    fn a_part_of_an_index_is_found_in_order() {
        let entries = due(&tables(), "130", 3);
        let times: Vec<_> = entries.iter().map(|entry| text(entry, "wake_at").unwrap()).collect();
        assert_eq!(times, ["10", "50", "90"]);
        assert!(entries.iter().all(|entry| !entry.contains_key("doc")), "keys only");
        assert_eq!(due(&tables(), "130", 10).len(), 4);
    }

    #[test]
    fn what_is_written_lies_over_it() {
        let mut tables = tables();
        let first = due(&tables, "10", 1).remove(0);
        let change = Change {
            set: vec![("wake_at".into(), json!({ "N": "95" }))],
            ..Change::default()
        };
        let (units, before, after) = tables.update(CONNECTIONS, &first, &change, false);
        assert!(before.contains_key("doc") && after.contains_key("doc"));
        assert!((units.indexes - 2.0).abs() < 0.01);
        let entries = due(&tables, "100", 10);
        let times: Vec<_> = entries.iter().map(|entry| text(entry, "wake_at").unwrap()).collect();
        assert_eq!(times, ["50", "90", "95"]);
        tables.delete(CONNECTIONS, &first, false);
        assert!(tables.get(CONNECTIONS, &first).is_none());
        assert_eq!(due(&tables, "100", 10).len(), 2);
    }
}
