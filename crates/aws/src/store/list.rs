//! Lists for people, from the indexes of statuses, references and pairs that near their end.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::try_join_all;
use handover_core::{
    application::Application,
    connection::{Connection, Status},
    ports::{Filter, Page, ReadError, Rejected, StoreError, Summary},
    registration::Channel,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    DynamoStore,
    item::{self, n, s},
    key::Key,
    plain::{APPLICATION, CHANNEL},
    state, time,
};
use crate::failure::told;

/// The longest part of a list.
const LONGEST: u32 = 1_000;

/// How far a list was read: everything after the rank `at`, and of `at` itself what is in `seen`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    at: i64,
    seen: BTreeSet<String>,
}

impl Position {
    fn parse(text: &str) -> Result<Self, Rejected> {
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .ok_or_else(|| Rejected {
                item: "the list's position".to_owned(),
                reason: "it is not one that a list has given out".to_owned(),
            })
    }

    fn print(&self) -> Option<String> {
        serde_json::to_vec(self).ok().map(|json| URL_SAFE_NO_PAD.encode(json))
    }
}

/// An entry of an index. The one of the greatest rank is shown first.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    at: i64,
    key: Key,
}

/// One partition of an index, sorted by a time.
struct Partition<'a> {
    index: &'static str,
    by: &'static str,
    of: &'a str,
    sorted_by: &'static str,
    shows: Shows,
}

/// Which entries of a partition are shown, and in what order.
#[derive(Debug, Clone, Copy)]
enum Shows {
    NewestFirst,
    /// In the order of their times, up to this one.
    EarliestFirst {
        until: i64,
    },
}

impl Shows {
    /// The rank of an entry at `time`, and the time of a rank.
    fn rank(self, time: i64) -> i64 {
        match self {
            Self::NewestFirst => time,
            Self::EarliestFirst { .. } => time.saturating_neg(),
        }
    }

    /// The times that are left after `position`, its own included.
    fn left(self, position: Option<&Position>) -> (i64, i64) {
        let at = position.map(|position| self.rank(position.at));
        match self {
            Self::NewestFirst => (i64::MIN, at.unwrap_or(i64::MAX)),
            Self::EarliestFirst { until } => (at.unwrap_or(i64::MIN), until),
        }
    }
}

impl<'a> Partition<'a> {
    fn status(of: &'a str) -> Self {
        Self {
            index: "status",
            by: "status",
            of,
            sorted_by: "created_at",
            shows: Shows::NewestFirst,
        }
    }

    fn reference(of: &'a str) -> Self {
        Self {
            index: "reference",
            by: "reference",
            of,
            sorted_by: "created_at",
            shows: Shows::NewestFirst,
        }
    }

    fn expiring(before: Timestamp) -> Self {
        Self {
            index: "expiring",
            by: "expiring",
            of: state::EXPIRING,
            sorted_by: "pair_ends_at",
            shows: Shows::EarliestFirst {
                until: time::floor(before),
            },
        }
    }
}

impl DynamoStore {
    pub(super) async fn read_list(
        &self,
        filter: &Filter,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<Summary>, ReadError> {
        let after = after.map(Position::parse).transpose()?;
        let wanted = usize::try_from(limit.clamp(1, LONGEST)).unwrap_or(1);
        let partitions = partitions(filter);
        let parts = try_join_all(partitions.iter().map(|part| self.first(part, after.as_ref(), wanted))).await?;
        let (entries, next) = merge(parts.concat(), wanted, after);
        let mut items = self
            .fetch_all(&entries.iter().map(|entry| entry.key.clone()).collect::<Vec<_>>())
            .await?;
        let mut lines = Vec::with_capacity(entries.len());
        for Entry { key, .. } in entries {
            let Some(item) = items.remove(&key) else { continue };
            let connection = state::read(&key, item)?;
            // One index does not tell everything, and may lag behind.
            if shows(filter, &connection) {
                lines.push(summary(connection));
            }
        }
        Ok(Page {
            items: lines,
            next: next.and_then(|position| position.print()),
        })
    }

    /// Of the index only: an item that cannot be used counts too.
    pub(super) async fn count_of(&self, status: Status, up_to: u32) -> Result<u32, ReadError> {
        let wanted = usize::try_from(up_to.clamp(1, LONGEST)).unwrap_or(1);
        let entries = self.first(&Partition::status(status.as_str()), None, wanted).await?;
        Ok(u32::try_from(entries.len().min(wanted)).unwrap_or(up_to))
    }

    pub(super) async fn read_applications(&self) -> Result<Vec<Application>, ReadError> {
        self.read_all(APPLICATION, |application: &Application| application.id.clone())
            .await
    }

    pub(super) async fn read_channels(&self) -> Result<Vec<Channel>, ReadError> {
        self.read_all(CHANNEL, |channel: &Channel| channel.id.clone()).await
    }

    async fn read_all<T: DeserializeOwned, O: Ord>(&self, kind: &str, order: fn(&T) -> O) -> Result<Vec<T>, ReadError> {
        let entries = self.first(&Partition::status(kind), None, usize::MAX).await?;
        let keys: Vec<_> = entries.into_iter().map(|entry| entry.key).collect();
        let mut values = Vec::with_capacity(keys.len());
        for (key, mut item) in self.fetch_all(&keys).await? {
            values.push(item::held(&key, &mut item)?);
        }
        values.sort_by_key(order);
        Ok(values)
    }

    /// The first entries after `after`: one more than `wanted`, which tells whether there are more.
    async fn first(
        &self,
        partition: &Partition<'_>,
        after: Option<&Position>,
        wanted: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let seen = after.map(|position| &position.seen);
        let enough = wanted.saturating_add(seen.map_or(0, BTreeSet::len)).saturating_add(1);
        let (from, to) = partition.shows.left(after);
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.connections)
            .index_name(partition.index)
            .key_condition_expression("#by = :of AND #at BETWEEN :from AND :to")
            .expression_attribute_names("#by", partition.by)
            .expression_attribute_names("#at", partition.sorted_by)
            .expression_attribute_values(":of", s(partition.of))
            .expression_attribute_values(":from", n(from))
            .expression_attribute_values(":to", n(to))
            .scan_index_forward(matches!(partition.shows, Shows::EarliestFirst { .. }))
            .limit(i32::try_from(enough).unwrap_or(i32::MAX))
            .into_paginator()
            .items()
            .send();
        let mut entries = Vec::new();
        let mut read = 0;
        while read < enough {
            let Some(item) = pages.next().await else { break };
            let item = item.map_err(|error| StoreError {
                what: format!("list {} `{}`", partition.index, partition.of),
                reason: told(&error),
            })?;
            read += 1;
            // Of the keys nothing can be malformed: DynamoDB puts no other item into an index.
            let Some(key) = Key::of(&item) else { continue };
            let Ok(time) = item::number(&key, &item, partition.sorted_by) else {
                continue;
            };
            let at = partition.shows.rank(time);
            if !after.is_some_and(|position| position.at == at && position.seen.contains(&key.pk)) {
                entries.push(Entry { at, key });
            }
        }
        Ok(entries)
    }
}

/// The fewest partitions that hold all that `filter` asks for.
fn partitions(filter: &Filter) -> Vec<Partition<'_>> {
    match (&filter.reference, filter.expiring_before, filter.status) {
        (Some(reference), _, _) => vec![Partition::reference(reference.as_str())],
        (None, Some(before), _) => vec![Partition::expiring(before)],
        (None, None, Some(status)) => vec![Partition::status(status.as_str())],
        (None, None, None) => Status::ALL
            .iter()
            .map(|status| Partition::status(status.as_str()))
            .collect(),
    }
}

fn shows(filter: &Filter, connection: &Connection) -> bool {
    let of_status = |status| connection.state.status() == status;
    let expires = |before| state::expiring(connection).is_some_and(|ends_at| ends_at < before);
    filter.status.is_none_or(of_status) && filter.expiring_before.is_none_or(expires)
}

/// The first of all, and how to go on after them.
fn merge(mut entries: Vec<Entry>, wanted: usize, after: Option<Position>) -> (Vec<Entry>, Option<Position>) {
    entries.sort_by(|a, b| (b.at, &b.key.pk).cmp(&(a.at, &a.key.pk)));
    // What moved between two queries is in both; its newer entry comes first.
    let mut met = BTreeSet::new();
    entries.retain(|entry| met.insert(entry.key.pk.clone()));
    let more = entries.len() > wanted;
    entries.truncate(wanted);
    let next = entries.last().filter(|_| more).map(|last| {
        let mut seen: BTreeSet<String> = entries
            .iter()
            .filter(|entry| entry.at == last.at)
            .map(|entry| entry.key.pk.clone())
            .collect();
        if let Some(earlier) = after.filter(|earlier| earlier.at == last.at) {
            seen.extend(earlier.seen);
        }
        Position { at: last.at, seen }
    });
    (entries, next)
}

fn summary(connection: Connection) -> Summary {
    Summary {
        connection: connection.id,
        status: connection.state.status(),
        due_at: connection.due_at(),
        pair_ends_at: connection.pair.as_ref().map(|pair| pair.refresh_ends_at),
        problem: connection
            .attention
            .map(|attention| attention.problem.as_str().to_owned()),
        updated_at: connection.updated_at,
        reference: connection.reference,
        application: connection.application,
        database: connection.registration.database,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: i64, pk: &str) -> Entry {
        Entry {
            at,
            key: Key {
                pk: pk.into(),
                sk: "STATE".into(),
            },
        }
    }

    #[test]
    fn parts_of_a_list_show_each_entry_once_whatever_their_times() {
        let all = [(5, "a"), (5, "b"), (5, "c"), (5, "d"), (3, "e")].map(|(at, pk)| entry(at, pk));
        let mut shown = Vec::new();
        let mut after: Option<Position> = None;
        loop {
            let rest = all.iter().filter(|entry| match &after {
                Some(position) => {
                    entry.at < position.at || entry.at == position.at && !position.seen.contains(&entry.key.pk)
                }
                None => true,
            });
            let (part, next) = merge(rest.cloned().collect(), 2, after.take());
            shown.extend(part.into_iter().map(|entry| entry.key.pk));
            let Some(next) = next else { break };
            after = Some(Position::parse(&next.print().unwrap()).unwrap());
        }
        assert_eq!(shown, ["d", "c", "b", "a", "e"]);
    }

    #[test]
    fn an_entry_that_moved_is_shown_once_where_it_is_newest() {
        let (part, next) = merge(vec![entry(3, "a"), entry(7, "a"), entry(5, "b")], 5, None);
        assert_eq!(part, [entry(7, "a"), entry(5, "b")]);
        assert_eq!(next, None);
    }

    #[test]
    fn what_is_left_begins_where_the_last_part_ended() {
        let after = |at| Position {
            at,
            seen: BTreeSet::new(),
        };
        let earliest = Shows::EarliestFirst { until: 9 };
        assert_eq!(Shows::NewestFirst.left(None), (i64::MIN, i64::MAX));
        assert_eq!(Shows::NewestFirst.left(Some(&after(5))), (i64::MIN, 5));
        assert_eq!(earliest.left(None), (i64::MIN, 9));
        assert_eq!(earliest.left(Some(&after(earliest.rank(5)))), (5, 9));
        assert!(earliest.rank(5) > earliest.rank(6));
    }

    #[test]
    fn a_position_that_nobody_gave_out_is_refused() {
        assert!(Position::parse("AAAA").is_err());
        assert!(Position::parse("no base64!").is_err());
    }
}
