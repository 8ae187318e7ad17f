//! `list`.

use std::time::Duration;

use handover_core::{
    connection::Status,
    ids::{ApplicationId, ConnectionId, CustomerReference, Segment},
    ports::{Clock, Filter, Queue, Randomness, Store, Summary, Vault},
    registration::later,
};
use jiff::Timestamp;
use serde::Serialize;

use super::House;
use crate::{
    args::List,
    failure::Failure,
    output::{Answer, Cell, Page, Tone},
    time,
};

/// Connections of one customer that are looked at, to put those first that end soonest.
const LOOKED_AT: usize = 1_000;

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names are those of Summary's own fields")]
pub struct SummaryView {
    pub id: ConnectionId,
    pub reference: CustomerReference,
    pub status: Status,
    pub database: Segment,
    pub application: ApplicationId,
    pub due_at: Option<Timestamp>,
    pub pair_ends_at: Option<Timestamp>,
    /// Of the pair, the begun one counted.
    pub days_left: Option<u64>,
    pub problem: Option<String>,
    pub updated_at: Timestamp,
}

impl SummaryView {
    fn of(summary: Summary, now: Timestamp) -> Self {
        Self {
            id: summary.connection,
            reference: summary.reference,
            status: summary.status,
            database: summary.database,
            application: summary.application,
            due_at: summary.due_at,
            pair_ends_at: summary.pair_ends_at,
            days_left: summary.pair_ends_at.map(|at| time::days_left(at, now)),
            problem: summary.problem,
            updated_at: summary.updated_at,
        }
    }
}

/// Connections.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Last made first; expiring ones soonest first.
    pub connections: Vec<SummaryView>,
    /// Whether there are more.
    pub more: bool,
    /// Whether it is of expiring ones.
    #[serde(skip)]
    pub expiring: bool,
}

impl Answer for Listed {
    fn tell(&self, page: &mut Page) {
        if self.connections.is_empty() {
            page.line("There is no such connection.");
            return;
        }
        let zone = page.look().zone.clone();
        let moment = |at: Option<Timestamp>| at.map(|at| zone.briefly(at)).unwrap_or_default();
        let rows: Vec<Vec<Cell>> = self
            .connections
            .iter()
            .map(|line| {
                let mut row = vec![
                    Cell::new(&line.id.to_string()),
                    Cell::new(line.reference.as_str()),
                    Cell::new(line.status.as_str()),
                    Cell::new(line.database.as_str()),
                    Cell::new(&moment(line.due_at)),
                    Cell::new(&moment(line.pair_ends_at)),
                ];
                if self.expiring {
                    let left = line.days_left.map(|days| days.to_string());
                    row.push(Cell::toned(Tone::Alert, &left.unwrap_or_default()));
                }
                row.push(Cell::toned(Tone::Alert, line.problem.as_deref().unwrap_or_default()));
                row
            })
            .collect();
        let mut headings = vec!["id", "customer", "status", "database", "due", "pair ends"];
        headings.extend(self.expiring.then_some("days left"));
        headings.push("problem");
        page.table(&headings, &rows);
        page.toned(Tone::Quiet, &format!("Times are {}.", zone.name()));
        if self.more {
            page.toned(
                Tone::Quiet,
                "There are more: raise --limit, or narrow with --status or --reference.",
            );
        }
    }
}

impl<S: Store, V: Vault, Q: Queue, C: Clock, R: Randomness> House<'_, S, V, Q, C, R> {
    pub(super) async fn list(&self, args: List) -> Result<Listed, Failure> {
        let now = self.clock.now();
        let filter = Filter {
            status: args.status,
            reference: args.reference,
            expiring_before: args
                .expiring
                .map(|within| later(now, Duration::from_secs(within.seconds()))),
        };
        let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
        let expiring = filter.expiring_before.is_some();
        // Of one customer they come as they were made: which ones end soonest is known only when all were seen.
        let unordered = expiring && filter.reference.is_some();
        let wanted = if unordered { LOOKED_AT.max(limit) } else { limit };
        let (mut lines, mut more) = self.lines(&filter, wanted).await?;
        if expiring {
            lines.sort_by_key(|line| (line.pair_ends_at, line.connection));
            more |= lines.len() > limit;
            lines.truncate(limit);
        }
        Ok(Listed {
            connections: lines.into_iter().map(|line| SummaryView::of(line, now)).collect(),
            more,
            expiring,
        })
    }

    /// As many lines, and whether there are more.
    async fn lines(&self, filter: &Filter, wanted: usize) -> Result<(Vec<Summary>, bool), Failure> {
        let mut lines = Vec::new();
        let mut after: Option<String> = None;
        while lines.len() < wanted {
            let left = u32::try_from(wanted - lines.len()).unwrap_or(u32::MAX);
            let page = self.store.list(filter, left, after.as_deref()).await?;
            lines.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok((lines, after.is_some()))
    }
}
