//! `list`.

use handover_core::{
    connection::Status,
    ids::{ApplicationId, ConnectionId, CustomerReference, Segment},
    ports::{Clock, Filter, Queue, Randomness, Store, Summary, Vault},
};
use jiff::Timestamp;
use serde::Serialize;

use super::House;
use crate::{
    args::List,
    failure::Failure,
    output::{Answer, Cell, Page, Tone},
};

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
    pub problem: Option<String>,
    pub updated_at: Timestamp,
}

impl From<Summary> for SummaryView {
    fn from(summary: Summary) -> Self {
        Self {
            id: summary.connection,
            reference: summary.reference,
            status: summary.status,
            database: summary.database,
            application: summary.application,
            due_at: summary.due_at,
            pair_ends_at: summary.pair_ends_at,
            problem: summary.problem,
            updated_at: summary.updated_at,
        }
    }
}

/// Connections.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Last changed first; of one customer, last made first.
    pub connections: Vec<SummaryView>,
    /// Whether there are more.
    pub more: bool,
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
                vec![
                    Cell::new(&line.id.to_string()),
                    Cell::new(line.reference.as_str()),
                    Cell::new(line.status.as_str()),
                    Cell::new(line.database.as_str()),
                    Cell::new(&moment(line.due_at)),
                    Cell::new(&moment(line.pair_ends_at)),
                    Cell::toned(Tone::Alert, line.problem.as_deref().unwrap_or_default()),
                ]
            })
            .collect();
        page.table(
            &["id", "customer", "status", "database", "due", "pair ends", "problem"],
            &rows,
        );
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
        let filter = Filter {
            status: args.status,
            reference: args.reference,
        };
        let mut connections: Vec<SummaryView> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let got = u32::try_from(connections.len()).unwrap_or(u32::MAX);
            let wanted = args.limit.saturating_sub(got);
            if wanted == 0 {
                break;
            }
            let page = self.store.list(&filter, wanted, after.as_deref()).await?;
            connections.extend(page.items.into_iter().map(SummaryView::from));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(Listed {
            connections,
            more: after.is_some(),
        })
    }
}
