//! DynamoDB's operations over [`Tables`].

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};

use crate::{
    serve::{Asked, Reply, Service},
    table::{self, Change, Item, Range, Tables, read_units, size},
    tally::Units,
};

/// Write units by what was written: the beginning of the key, and `index` for all indexes.
pub type Written = BTreeMap<String, f64>;

#[derive(Debug, Default)]
struct Inner {
    tables: Tables,
    written: Written,
}

/// The table service.
#[derive(Debug, Default)]
pub struct DynamoDb(Mutex<Inner>);

impl DynamoDb {
    /// All that is stored at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Tables {
        self.lock().tables.clone()
    }

    /// Back to what was stored then.
    pub fn restore(&self, tables: &Tables) {
        self.lock().tables.clone_from(tables);
    }

    /// Puts an item as it is.
    pub fn put(&self, table: &str, item: Item) {
        self.lock().tables.put(table, item, false);
    }

    /// What was written since the last time this was asked, in units.
    #[must_use]
    pub fn take_written(&self) -> Written {
        std::mem::take(&mut self.lock().written)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for DynamoDb {
    async fn answer(&self, asked: Asked) -> Reply {
        let target = asked.header("x-amz-target").to_owned();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let mut inner = self.lock();
        let Some((answer, units)) = perform(&mut inner, &operation, &body) else {
            let message = format!("{operation} is not played here");
            let refusal =
                json!({ "__type": "com.amazonaws.dynamodb.v20120810#UnknownOperationException", "message": message });
            return Reply::json(operation, &refusal).with_status(400);
        };
        Reply {
            units,
            ..Reply::json(operation, &answer)
        }
    }
}

fn perform(inner: &mut Inner, operation: &str, body: &Value) -> Option<(Value, Units)> {
    let writes = |writes| Units {
        writes,
        ..Units::default()
    };
    let tables = &mut inner.tables;
    Some(match operation {
        "GetItem" => {
            let (table, key) = (string(body, "TableName"), object(body, "Key"));
            let consistent = body.get("ConsistentRead").and_then(Value::as_bool).unwrap_or_default();
            let found = tables.get(table, &key);
            let units = Units {
                reads: read_units(found.as_deref().map_or(0, size), consistent),
                items: usize::from(found.is_some()),
                ..Units::default()
            };
            (found.map_or_else(|| json!({}), |item| json!({ "Item": &*item })), units)
        }
        "BatchGetItem" => batch(tables, body),
        "PutItem" | "DeleteItem" | "UpdateItem" => {
            let (units, before, after) = write(inner, operation, body, false);
            let returned = match string(body, "ReturnValues") {
                "ALL_OLD" => json!({ "Attributes": before }),
                "ALL_NEW" => json!({ "Attributes": after }),
                _ => json!({}),
            };
            (returned, writes(units))
        }
        "TransactWriteItems" => {
            let steps = body.get("TransactItems")?.as_array()?.iter();
            let steps = steps.filter_map(Value::as_object).flatten();
            let units: f64 = steps.map(|(kind, step)| write(inner, kind, step, true).0).sum();
            (json!({}), writes(units))
        }
        "Query" => query(tables, body)?,
        _ => return None,
    })
}

fn batch(tables: &Tables, body: &Value) -> (Value, Units) {
    let mut responses = json!({});
    let mut units = Units::default();
    for (table, asked) in object(body, "RequestItems") {
        let keys = asked.get("Keys").and_then(Value::as_array).into_iter().flatten();
        let keys: Vec<Item> = keys.filter_map(|key| key.as_object().cloned()).collect();
        let consistent = asked.get("ConsistentRead").and_then(Value::as_bool).unwrap_or_default();
        let found: Vec<Cow<'_, Item>> = keys.iter().filter_map(|key| tables.get(&table, key)).collect();
        units.items += found.len();
        units.reads += found.iter().map(|item| read_units(size(item), consistent)).sum::<f64>();
        responses
            .as_object_mut()
            .map(|responses| responses.insert(table, found.iter().map(|item| json!(&**item)).collect()));
    }
    (json!({ "Responses": responses, "UnprocessedKeys": {} }), units)
}

/// Write units, and the item before and after.
fn write(inner: &mut Inner, kind: &str, step: &Value, transaction: bool) -> (f64, Item, Item) {
    let tables = &mut inner.tables;
    let (table, key) = (string(step, "TableName"), object(step, "Key"));
    let (units, before, after) = match kind {
        "Put" | "PutItem" => {
            let item = object(step, "Item");
            let before = tables.get(table, &item).map(Cow::into_owned).unwrap_or_default();
            (tables.put(table, item.clone(), transaction), before, item)
        }
        "Delete" | "DeleteItem" => {
            let before = tables.get(table, &key).map(Cow::into_owned).unwrap_or_default();
            (tables.delete(table, &key, transaction), before, key)
        }
        "Update" | "UpdateItem" => tables.update(table, &key, &change(step), transaction),
        // A check of a condition costs what a write of the item would.
        _ => {
            let checked = table::Written {
                item: 2.0,
                indexes: 0.0,
            };
            (checked, key.clone(), key)
        }
    };
    *inner.written.entry(kind_of(&after)).or_default() += units.item;
    *inner.written.entry("index".to_owned()).or_default() += units.indexes;
    (units.all(), before, after)
}

/// What an item is: the beginning of its key.
fn kind_of(item: &Item) -> String {
    let part = |name: &str| {
        let text = item.get(name).and_then(|value| value.get("S")).and_then(Value::as_str);
        text.unwrap_or_default().split('#').next().unwrap_or_default()
    };
    match part("pk") {
        "CONN" => format!("connection: {}", part("sk").to_lowercase()),
        other => other.to_lowercase(),
    }
}

/// Reads `SET a = :a, #b = :b REMOVE c`: all that is used.
fn change(step: &Value) -> Change {
    let expression = string(step, "UpdateExpression");
    let (set, remove) = expression.split_once("REMOVE").unwrap_or((expression, ""));
    let assignments = set.trim().trim_start_matches("SET").split(',');
    let set = assignments.filter_map(|assignment| {
        let (name, value) = assignment.split_once('=')?;
        let value = step.get("ExpressionAttributeValues")?.get(value.trim())?;
        Some((named(step, name.trim()), value.clone()))
    });
    let remove = remove.split(',').map(str::trim).filter(|name| !name.is_empty());
    Change {
        set: set.collect(),
        remove: remove.map(|name| named(step, name)).collect(),
    }
}

/// An attribute's name, which may stand behind a placeholder.
fn named(body: &Value, name: &str) -> String {
    let names = body.get("ExpressionAttributeNames");
    let real = names.and_then(|names| names.get(name)).and_then(Value::as_str);
    real.unwrap_or(name).to_owned()
}

fn query(tables: &Tables, body: &Value) -> Option<(Value, Units)> {
    let range = range(body)?;
    let index = body.get("IndexName").and_then(Value::as_str);
    let limit = body
        .get("Limit")
        .and_then(Value::as_u64)
        .and_then(|limit| usize::try_from(limit).ok());
    let items = tables.query(string(body, "TableName"), index, &range, limit.unwrap_or(usize::MAX));
    let consistent = body.get("ConsistentRead").and_then(Value::as_bool).unwrap_or_default();
    let units = read_units(items.iter().map(size).sum(), consistent);
    let read = items.len();
    let answer = json!({ "Count": read, "ScannedCount": read, "Items": items });
    Some((
        answer,
        Units {
            reads: units,
            entries: if index.is_some() { read } else { 0 },
            items: if index.is_some() { 0 } else { read },
            ..Units::default()
        },
    ))
}

/// Reads `a = :a`, alone or with `AND b <= :b`, `AND b BETWEEN :low AND :high` or `AND begins_with(b, :b)`.
fn range(body: &Value) -> Option<Range> {
    let condition = string(body, "KeyConditionExpression").replace(['(', ')', ','], " ");
    let words: Vec<&str> = condition.split_whitespace().collect();
    let value = |placeholder: &str| {
        let typed = body.get("ExpressionAttributeValues")?.get(placeholder)?;
        typed.get("S").or_else(|| typed.get("N"))?.as_str().map(str::to_owned)
    };
    let (partition, rest) = match words.as_slice() {
        [name, "=", of, rest @ ..] => ((named(body, name), value(of)?), rest),
        _ => return None,
    };
    let mut range = Range {
        partition,
        backwards: body.get("ScanIndexForward").and_then(Value::as_bool) == Some(false),
        ..Range::default()
    };
    match rest {
        [] => {}
        ["AND", name, "<" | "<=", high] => range.between = Some((named(body, name), None, value(high))),
        ["AND", name, ">" | ">=", low] => range.between = Some((named(body, name), value(low), None)),
        ["AND", name, "BETWEEN", low, "AND", high] => {
            range.between = Some((named(body, name), value(low), value(high)));
        }
        ["AND", "begins_with", name, beginning] => range.beginning = Some((named(body, name), value(beginning)?)),
        _ => return None,
    }
    Some(range)
}

fn string<'a>(body: &'a Value, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn object(body: &Value, name: &str) -> Item {
    body.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_read() {
        let step = json!({
            "UpdateExpression": "SET a = :a, #b = :b REMOVE c",
            "ExpressionAttributeNames": { "#b": "bee" },
            "ExpressionAttributeValues": { ":a": { "N": "1" }, ":b": { "S": "x" } },
        });
        let read = change(&step);
        assert_eq!(
            read.set,
            [("a".into(), json!({ "N": "1" })), ("bee".into(), json!({ "S": "x" }))]
        );
        assert_eq!(read.remove, ["c"]);
    }

    #[test]
    fn key_conditions_are_read() {
        let with = |condition: &str| {
            json!({
                "KeyConditionExpression": condition,
                "ExpressionAttributeValues": { ":a": { "S": "x" }, ":b": { "N": "3" }, ":c": { "N": "5" } },
            })
        };
        assert_eq!(range(&with("a = :a")).unwrap().partition, ("a".into(), "x".into()));
        let up_to = range(&with("a = :a AND b <= :b")).unwrap().between.unwrap();
        assert_eq!(up_to, ("b".into(), None, Some("3".into())));
        let between = range(&with("a = :a AND b BETWEEN :b AND :c")).unwrap().between.unwrap();
        assert_eq!(between, ("b".into(), Some("3".into()), Some("5".into())));
        let beginning = range(&with("a = :a AND begins_with(b, :b)"))
            .unwrap()
            .beginning
            .unwrap();
        assert_eq!(beginning, ("b".into(), "3".into()));
    }
}
