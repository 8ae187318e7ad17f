//! A connection's document as it is stored: what it says twice is said once, since size is what a write costs.

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::Item;

/// What a chain says of its beginning, and where its pair says the same: all of it until the first rotation.
const SHARED: [(&str, &[&str]); 4] = [
    ("authorisation", &["key", "authorisation"]),
    ("generation", &["key", "generation"]),
    ("sent_at", &["sent_at"]),
    ("answered_at", &["answered_at"]),
];
/// Lifetimes are a list, in this order.
const LIFETIMES: [&str; 3] = ["access_seconds", "refresh_seconds", "earliest_refresh_seconds"];

pub(super) fn fold(document: &mut Item) {
    let pair = document.get("pair").cloned();
    if let Some(AttributeValue::M(chain)) = document.get_mut("chain") {
        for (name, path) in SHARED {
            if chain
                .get(name)
                .is_some_and(|value| found(pair.as_ref(), path) == Some(value))
            {
                chain.remove(name);
            }
        }
    }
    if let Some(AttributeValue::M(lifetimes)) = document.get("lifetimes")
        && lifetimes.len() == LIFETIMES.len()
        && let Some(list) = LIFETIMES.map(|name| lifetimes.get(name).cloned()).into_iter().collect()
    {
        document.insert("lifetimes".to_owned(), AttributeValue::L(list));
    }
}

/// The reverse of [`fold`]; what was never folded stays.
pub(super) fn unfold(document: &mut Item) {
    let pair = document.get("pair").cloned();
    if let Some(AttributeValue::M(chain)) = document.get_mut("chain") {
        for (name, path) in SHARED {
            if !chain.contains_key(name)
                && let Some(value) = found(pair.as_ref(), path)
            {
                chain.insert(name.to_owned(), value.clone());
            }
        }
    }
    if let Some(AttributeValue::L(list)) = document.get("lifetimes") {
        let names = LIFETIMES.map(str::to_owned);
        let lifetimes = names.into_iter().zip(list.iter().cloned()).collect();
        document.insert("lifetimes".to_owned(), AttributeValue::M(lifetimes));
    }
}

fn found<'a>(value: Option<&'a AttributeValue>, path: &[&str]) -> Option<&'a AttributeValue> {
    path.iter()
        .try_fold(value?, |value, name| value.as_m().ok()?.get(*name))
}

#[cfg(test)]
mod tests {
    use serde_dynamo::aws_sdk_dynamodb_1::to_item;
    use serde_json::{Value, json};

    use super::*;

    fn item(value: &Value) -> Item {
        to_item(value).unwrap()
    }

    fn assert_folds(whole: &Value, folded: &Value) {
        let mut document = item(whole);
        fold(&mut document);
        assert_eq!(document, item(folded));
        unfold(&mut document);
        assert_eq!(document, item(whole));
    }

    #[test]
    fn a_chain_is_as_its_first_pair_says_and_then_itself() {
        let key = json!({ "authorisation": "auth_a", "generation": 1 });
        let chain = json!({
            "authorisation": "auth_a", "generation": 1, "sent_at": "10", "answered_at": "11", "client_id": "c",
        });
        assert_folds(
            &json!({ "pair": { "key": key, "sent_at": "10", "answered_at": "11" }, "chain": chain }),
            &json!({ "pair": { "key": key, "sent_at": "10", "answered_at": "11" }, "chain": { "client_id": "c" } }),
        );
        assert_folds(
            &json!({ "pair": { "key": key, "sent_at": "20", "answered_at": "21" }, "chain": chain }),
            &json!({
                "pair": { "key": key, "sent_at": "20", "answered_at": "21" },
                "chain": { "sent_at": "10", "answered_at": "11", "client_id": "c" },
            }),
        );
        assert_folds(&json!({ "chain": chain }), &json!({ "chain": chain }));
    }

    #[test]
    fn lifetimes_are_a_list_unless_more_is_said_of_them() {
        let three = json!({ "access_seconds": 600, "refresh_seconds": 9, "earliest_refresh_seconds": 570 });
        assert_folds(&json!({ "lifetimes": three }), &json!({ "lifetimes": [600, 9, 570] }));
        let other = json!({ "access_seconds": 600, "refresh_seconds": 9, "another": 1 });
        assert_folds(&json!({ "lifetimes": other }), &json!({ "lifetimes": other }));
    }
}
