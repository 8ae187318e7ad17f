//! The item of a connection.
//!
//! The indexes' attributes stand beside the document, and what they say is not said in it again: an item over 1 KB
//! costs twice.

use aws_sdk_dynamodb::types::AttributeValue;
use handover_core::{
    connection::Connection,
    ids::{ConnectionId, WriterId},
    ports::Rejected,
};
use jiff::Timestamp;

use super::{
    compact,
    item::{self, Item, n, s},
    key::Key,
    time,
};

/// Said by key and index attributes.
const ELSEWHERE: [&str; 4] = ["id", "revision", "reference", "wake_at"];
/// Said by an attribute beside the document, where a number is shorter, if it is in whole milliseconds.
const TIMES: [&str; 2] = ["created_at", "updated_at"];

/// The one partition of the index of pairs that near their end: few at a time.
pub(super) const EXPIRING: &str = "pair";

/// When the pair ends of which the OEM was warned.
pub(super) fn expiring(connection: &Connection) -> Option<Timestamp> {
    let pair = connection.pair.as_ref()?;
    pair.warned_days.map(|_| pair.refresh_ends_at)
}

pub(super) fn shard(id: ConnectionId, shards: u32) -> u32 {
    // The remainder is smaller than `shards`.
    u32::try_from(id.randomness() % u128::from(shards.max(1))).unwrap_or_default()
}

pub(super) fn shard_name(shard: u32) -> String {
    format!("wake#{shard}")
}

pub(super) fn write(connection: &Connection, writer: WriterId, shards: u32) -> Result<Item, Rejected> {
    let key = Key::state(connection.id);
    let mut document = item::document(&key, connection)?;
    for name in ELSEWHERE {
        document.remove(name);
    }
    for (name, moment) in TIMES.into_iter().zip([connection.created_at, connection.updated_at]) {
        if time::is_whole(moment) {
            document.remove(name);
        }
    }
    compact::fold(&mut document);
    let mut item = item::start(&key);
    item.insert("revision".to_owned(), n(connection.revision.0));
    item.insert("writer".to_owned(), s(writer));
    item.insert("status".to_owned(), s(connection.state.status().as_str()));
    item.insert("updated_at".to_owned(), n(time::floor(connection.updated_at)));
    item.insert("reference".to_owned(), s(connection.reference.as_str()));
    item.insert("created_at".to_owned(), n(time::floor(connection.created_at)));
    if let Some(wake_at) = connection.wake_at {
        item.insert("wake_shard".to_owned(), s(shard_name(shard(connection.id, shards))));
        item.insert("wake_at".to_owned(), n(time::ceil(wake_at)));
    }
    if let Some(ends_at) = expiring(connection) {
        item.insert("expiring".to_owned(), s(EXPIRING));
        item.insert("pair_ends_at".to_owned(), n(time::floor(ends_at)));
    }
    item.insert("doc".to_owned(), AttributeValue::M(document));
    Ok(item)
}

/// Reads what [`write`] wrote; the version was checked.
pub(super) fn read(key: &Key, mut item: Item) -> Result<Connection, Rejected> {
    let id = key
        .connection()
        .ok_or_else(|| item::malformed(key, "its key is no connection's"))?;
    let mut document = item::take_document(key, &mut item)?;
    compact::unfold(&mut document);
    document.insert("id".to_owned(), s(id));
    document.insert("reference".to_owned(), s(item::text(key, &item, "reference")?));
    document.insert("revision".to_owned(), n(item::number(key, &item, "revision")?));
    if item.contains_key("wake_at") {
        document.insert("wake_at".to_owned(), moment(key, &item, "wake_at")?);
    }
    for name in TIMES {
        if !document.contains_key(name) {
            document.insert(name.to_owned(), moment(key, &item, name)?);
        }
    }
    item::parse(key, document)
}

fn moment(key: &Key, item: &Item, name: &str) -> Result<AttributeValue, Rejected> {
    let moment: Timestamp = time::moment(item::number(key, item, name)?);
    Ok(s(moment.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use handover_core::{
        connection::{
            Attempter, Attention, Cause, Done, Doubt, Effect, EffectKind, Failure, LookUpRule, PairFate, Problem,
            State, Status, Wishes,
        },
        registration::Due,
    };

    use super::*;
    use crate::contract::scene::{self, at};

    fn states() -> Vec<State> {
        let look_up = Some(LookUpRule {
            delay_seconds: 900,
            pair_if_absent: PairFate::Unspent,
        });
        let doubt = |look_up, looked_at| Doubt {
            attempt: scene::effect(),
            authorisation: scene::authorisation(),
            since: at(5),
            reason: "the answer was lost".into(),
            look_up,
            looked: 1,
            looked_at,
            absent: 0,
        };
        vec![
            State::Invited,
            State::Authorized,
            State::AwaitingOperator,
            State::Registering,
            State::InDoubt(doubt(None, None)),
            State::InDoubt(doubt(look_up, Some(at(6)))),
            State::Failed(Failure::new("")),
            State::Reauthorize(Cause::Expired),
            State::Reauthorize(Cause::Lost { generation: 2 }),
            State::Reauthorize(Cause::Superseded {
                by: Some(scene::id(at(0))),
            }),
            State::Registered(Done {
                segment: "acme".parse().unwrap(),
                at: at(9),
                superseded_by: None,
                authorisation_uncertain: false,
                to_alarm: false,
            }),
            State::Registered(Done {
                segment: "acme".parse().unwrap(),
                at: at(9),
                superseded_by: Some(scene::id(at(0))),
                authorisation_uncertain: true,
                to_alarm: true,
            }),
            State::Cancelled,
        ]
    }

    fn assert_reads_back(connection: &Connection) {
        let key = Key::state(connection.id);
        let item = write(connection, scene::writer(), 4).unwrap();
        item::check_version(&key, &item).unwrap();
        assert_eq!(read(&key, item).unwrap(), *connection);
    }

    #[test]
    fn every_state_reads_back() {
        let mut connection = scene::invited(at(0)).0.connection;
        let states = states();
        let statuses: BTreeSet<Status> = states.iter().map(State::status).collect();
        assert_eq!(statuses, Status::ALL.into());
        for state in states {
            connection.state = state;
            assert_reads_back(&connection);
        }
    }

    #[test]
    fn every_optional_part_reads_back() {
        let mut connection = scene::invited(at(0)).0.connection;
        connection.wishes = Wishes {
            cancel: true,
            reschedule: Some(Due::At(at(77))),
            superseded_by: Some(scene::id(at(0))),
            ..Wishes::default()
        };
        connection.attention = Some(Attention {
            problem: Problem::Tampered,
            text: "a \"text\"\nwith two lines".into(),
            since: at(3),
        });
        connection.registration.due = Due::At(at(8));
        connection.effect = Some(Effect {
            id: scene::effect(),
            kind: EffectKind::Exchange {
                authorisation: scene::authorisation(),
            },
            began_at: at(1),
            lease_ends_at: at(2),
        });
        assert_reads_back(&connection);
        let attempt = EffectKind::Attempt {
            number: 3,
            by: Attempter::Person("arn:aws:sts::1:assumed-role/operator/jan".into()),
            authorisation: scene::authorisation(),
            look_up: None,
        };
        connection.effect = connection.effect.map(|effect| Effect {
            kind: attempt,
            ..effect
        });
        connection.return_url = None;
        connection.link = None;
        connection.wake_at = None;
        connection.retry_at = Some(at(12));
        assert_reads_back(&connection);
    }

    #[test]
    fn a_shard_is_stable_and_exists() {
        for shards in [0, 1, 4, 7] {
            let id = scene::id(at(0));
            assert!(shard(id, shards) < shards.max(1));
            assert_eq!(shard(id, shards), shard(id, shards));
        }
    }
}
