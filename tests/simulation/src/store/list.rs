//! Lists for people.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    fmt::{self, Display},
    str::FromStr,
};

use handover_core::{
    connection::Connection,
    ids::ConnectionId,
    ports::{Filter, Page, Rejected, Summary},
};
use jiff::Timestamp;

use super::time;

/// The longest part of a list.
const LONGEST: u32 = 1_000;

/// How far a list was read: everything after the rank `at`, and of `at` itself what is in `seen`.
#[derive(Debug, PartialEq, Eq)]
struct Position {
    at: i64,
    seen: BTreeSet<ConnectionId>,
}

impl Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at)?;
        self.seen.iter().try_for_each(|id| write!(f, ".{id}"))
    }
}

impl FromStr for Position {
    type Err = Rejected;

    fn from_str(text: &str) -> Result<Self, Rejected> {
        let read = || {
            let mut parts = text.split('.');
            let at = parts.next()?.parse().ok()?;
            let seen = parts.map(|id| id.parse().ok()).collect::<Option<_>>()?;
            Some(Self { at, seen })
        };
        read().ok_or_else(|| Rejected {
            item: "the list's position".to_owned(),
            reason: "it is not one that a list has given out".to_owned(),
        })
    }
}

impl Position {
    /// Whether what stands at `at` is still to be shown.
    fn is_before(&self, at: i64, id: ConnectionId) -> bool {
        at < self.at || at == self.at && !self.seen.contains(&id)
    }
}

/// The part of a list that comes after `after`.
///
/// What is asked for beside a customer, or beside the end of a pair, is looked at after a part was cut off, as there is no
/// index of both: a part may be short, even empty, and still not be the last.
pub(super) fn page<'a>(
    connections: impl Iterator<Item = &'a Connection>,
    filter: &Filter,
    limit: u32,
    after: Option<&str>,
) -> Result<Page<Summary>, Rejected> {
    let after: Option<Position> = after.map(str::parse).transpose()?;
    let wanted = usize::try_from(limit.clamp(1, LONGEST)).unwrap_or(1);
    let mut entries: Vec<_> = connections
        .filter_map(|connection| Some((rank(filter, connection)?, connection)))
        .filter(|(at, connection)| {
            after
                .as_ref()
                .is_none_or(|position| position.is_before(*at, connection.id))
        })
        .collect();
    entries.sort_by_key(|(at, connection)| Reverse((*at, connection.id)));
    let more = entries.len() > wanted;
    entries.truncate(wanted);
    let next = more.then(|| position(&entries, after)).flatten();
    let shown = entries.into_iter().map(|(_, connection)| connection);
    Ok(Page {
        items: shown
            .filter(|connection| shows(filter, connection))
            .map(summary)
            .collect(),
        next: next.map(|position| position.to_string()),
    })
}

/// Where `connection` stands in the index that the list is read from, the greatest first; `None`: it is not in it.
fn rank(filter: &Filter, connection: &Connection) -> Option<i64> {
    let created_at = time::floor(connection.created_at);
    if let Some(reference) = &filter.reference {
        return (connection.reference == *reference).then_some(created_at);
    }
    if let Some(before) = filter.expiring_before {
        let ends_at = time::floor(expiring(connection)?);
        return (ends_at <= time::floor(before)).then_some(ends_at.saturating_neg());
    }
    shows(filter, connection).then_some(created_at)
}

/// When the pair ends of which the OEM was warned.
fn expiring(connection: &Connection) -> Option<Timestamp> {
    let pair = connection.pair.as_ref()?;
    pair.warned_days.map(|_| pair.refresh_ends_at)
}

fn shows(filter: &Filter, connection: &Connection) -> bool {
    let of_status = |status| connection.state.status() == status;
    let expires = |before| expiring(connection).is_some_and(|ends_at| ends_at < before);
    filter.status.is_none_or(of_status) && filter.expiring_before.is_none_or(expires)
}

/// After the last of `entries`.
fn position(entries: &[(i64, &Connection)], after: Option<Position>) -> Option<Position> {
    let at = entries.last()?.0;
    let mut seen: BTreeSet<_> = entries
        .iter()
        .filter(|entry| entry.0 == at)
        .map(|(_, connection)| connection.id)
        .collect();
    // A moment that several parts share: what the earlier ones showed of it counts too.
    seen.extend(
        after
            .filter(|earlier| earlier.at == at)
            .into_iter()
            .flat_map(|earlier| earlier.seen),
    );
    Some(Position { at, seen })
}

fn summary(connection: &Connection) -> Summary {
    Summary {
        connection: connection.id,
        reference: connection.reference.clone(),
        application: connection.application.clone(),
        status: connection.state.status(),
        database: connection.registration.database.clone(),
        due_at: connection.due_at(),
        pair_ends_at: connection.pair.as_ref().map(|pair| pair.refresh_ends_at),
        problem: connection
            .attention
            .as_ref()
            .map(|attention| attention.problem.as_str().to_owned()),
        updated_at: connection.updated_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_and_no_other_is_taken() {
        let id = |n| ConnectionId::new(Timestamp::UNIX_EPOCH, n);
        for seen in [vec![], vec![id(1)], vec![id(1), id(2)]] {
            let position = Position {
                at: -7,
                seen: seen.into_iter().collect(),
            };
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        for text in ["", ".", "7.", "not a position", "7.conn_1", "7 "] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }
}
