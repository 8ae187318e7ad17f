//! A connection's history: one item per record.

use aws_sdk_dynamodb::types::AttributeValue;
use handover_core::{
    event::Record,
    ids::{ConnectionId, WriterId},
    ports::{ReadError, Rejected, StoreError},
};

use super::{
    DynamoStore,
    item::{self, Item, s},
    key::{EVENT, Key},
};
use crate::failure::told;

/// A record's fields stand beside the key, where a filter on the table's stream can see them.
pub(super) fn write(id: ConnectionId, record: &Record, writer: WriterId) -> Result<Item, Rejected> {
    let key = Key::event(id, record.number);
    let mut item = item::document(&key, record)?;
    item.extend(item::start(&key));
    item.insert("writer".to_owned(), s(writer));
    Ok(item)
}

fn read(item: Item) -> Result<Record, Rejected> {
    let key = Key::of(&item).ok_or_else(|| Rejected {
        item: "a record".to_owned(),
        reason: "it has no key".to_owned(),
    })?;
    item::check_version(&key, &item)?;
    item::parse(&key, item)
}

impl DynamoStore {
    pub(super) async fn read_history(&self, id: ConnectionId) -> Result<Vec<Record>, ReadError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.connections)
            .key_condition_expression("pk = :pk AND begins_with(sk, :event)")
            .expression_attribute_values(":pk", s(Key::state(id).pk))
            .expression_attribute_values(":event", AttributeValue::S(EVENT.to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut records = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| StoreError {
                what: format!("read the history of {id}"),
                reason: told(&error),
            })?;
            records.push(read(item)?);
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use handover_core::{
        connection::{PairFate, Problem},
        event::{Actor, What},
        registration::Due,
    };

    use super::*;
    use crate::contract::scene::{self, at};

    #[test]
    fn every_kind_of_record_reads_back() {
        let (reason, segment) = ("no \"reason\"".to_owned(), "acme".parse().unwrap());
        let authorisation = scene::authorisation();
        let all = [
            What::Created {
                due: Due::AfterConsent { seconds: 3 },
            },
            What::Created { due: Due::At(at(3)) },
            What::LinkLapsed,
            What::ExchangeBegan {
                effect: scene::effect(),
                authorisation: authorisation.clone(),
            },
            What::Authorized {
                authorisation,
                due_at: at(1),
                ends_at: at(2),
            },
            What::Identified {
                user: "u".into(),
                name: String::new(),
            },
            What::ChainReplaced {
                connection: scene::id(at(0)),
            },
            What::NotReady {
                problem: Problem::Configuration,
                reason: reason.clone(),
            },
            What::AttemptBegan {
                effect: scene::effect(),
                number: 7,
            },
            What::AttemptPutOff {
                reason: reason.clone(),
                retry_at: at(4),
            },
            What::Failed {
                reason,
                pair: PairFate::Unknown,
            },
            What::Registered {
                segment,
                late_seconds: Some(-5),
            },
            What::Registered {
                segment: "b".parse().unwrap(),
                late_seconds: None,
            },
            What::Expiring {
                days_left: 3,
                ends_at: at(5),
            },
            What::Cancelled,
        ];
        for (number, what) in (1..).zip(all) {
            let by = if number % 2 == 0 {
                Actor::Customer
            } else {
                Actor::Person("jan".into())
            };
            let record = Record {
                number,
                at: at(number),
                by,
                what,
            };
            let item = write(scene::id(at(0)), &record, scene::writer()).unwrap();
            assert_eq!(read(item).unwrap(), record);
        }
    }
}
