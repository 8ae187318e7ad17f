//! `forget`: what names a customer goes at once.

use handover_core::{
    connection::{Connection, State},
    decide::{Why, decide},
    event::Event,
    ids::{ConnectionId, CustomerReference},
    ports::{Clock, Filter, Queue, Randomness, Store, Vault},
};
use serde::Serialize;

use super::{House, rotation};
use crate::{
    args::{Forget, Whom},
    console::{self, Console},
    failure::Failure,
    output::{Answer, Cell, Page, Tone},
    view::ConnectionView,
};

/// Connections of a customer that are read at a time.
const PAGE: u32 = 100;

/// A customer that was forgotten.
#[derive(Debug, Serialize)]
pub struct Forgot {
    /// What was done, in words.
    pub message: String,
    /// What is left of each connection.
    pub connections: Vec<ConnectionView>,
    /// What did not work all the same, or is worth a second look.
    pub warnings: Vec<String>,
}

impl Answer for Forgot {
    fn tell(&self, page: &mut Page) {
        page.line(&self.message);
        if self.connections.is_empty() {
            return;
        }
        let rows: Vec<Vec<Cell>> = self
            .connections
            .iter()
            .map(|left| vec![Cell::new(&left.id.to_string()), Cell::new(left.status.as_str())])
            .collect();
        page.table(&["id", "status"], &rows);
        page.toned(
            Tone::Quiet,
            "What is left: id, state and times, and whose chain a later consent of the same user ends, so that you are told \
             then. It goes with the retention. What is at Exact Online and at Invantive Cloud stays there.",
        );
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl<S: Store, V: Vault, Q: Queue, C: Clock, R: Randomness> House<'_, S, V, Q, C, R> {
    pub(super) async fn forget(&self, args: Forget, console: &mut impl Console) -> Result<Forgot, Failure> {
        let (found, mut warnings) = match &args.whom {
            Whom::Connection(id) => {
                let connection = self.load(*id).await?;
                let others = self.others(&connection).await?;
                (vec![connection], others.into_iter().collect())
            }
            Whom::Customer(reference) => (self.all_of(reference).await?, Vec::new()),
        };
        self.must_be_at_rest(&found)?;
        let to_forget: Vec<&Connection> = found.iter().filter(|one| one.forgotten_at.is_none()).collect();
        if !to_forget.is_empty() {
            console::meant(console, args.yes, &what_goes(&to_forget))?;
        }
        let mut connections = Vec::new();
        for connection in &found {
            let left = self.forget_one(connection, &mut warnings).await.map_err(|failure| {
                failure.and(&format!(
                    "{} of {} are forgotten; say it again for the rest",
                    connections.len(),
                    found.len()
                ))
            })?;
            connections.push(ConnectionView::of(&left, self.clock.now()));
        }
        Ok(Forgot {
            message: message(&args.whom, to_forget.len()),
            connections,
            warnings,
        })
    }

    /// All connections of a customer, as they stand now. The list may be behind, so what it names is read again.
    async fn all_of(&self, reference: &CustomerReference) -> Result<Vec<Connection>, Failure> {
        let filter = Filter {
            reference: Some(reference.clone()),
            ..Filter::default()
        };
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.store.list(&filter, PAGE, after.as_deref()).await?;
            for line in page.items {
                let connection = self.store.connection(line.connection).await?;
                found.extend(connection.filter(|connection| connection.reference == *reference));
            }
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Who names one connection may mean the customer.
    async fn others(&self, connection: &Connection) -> Result<Option<String>, Failure> {
        if connection.forgotten_at.is_some() {
            return Ok(None);
        }
        let all = self.all_of(&connection.reference).await?;
        let others: Vec<ConnectionId> = all.iter().map(|one| one.id).filter(|id| *id != connection.id).collect();
        Ok((!others.is_empty()).then(|| {
            format!(
                "the same customer has {}, which keep the name; forget the customer by its reference to erase all",
                joined(&others)
            )
        }))
    }

    /// All of them or none: somebody who is told "no" has erased nothing.
    fn must_be_at_rest(&self, found: &[Connection]) -> Result<(), Failure> {
        let in_the_way: Vec<String> = found.iter().filter_map(|one| self.in_the_way(one)).collect();
        if in_the_way.is_empty() {
            return Ok(());
        }
        Err(Failure::Refused(format!(
            "nothing was erased: {}",
            in_the_way.join("; and ")
        )))
    }

    /// Decided without being written.
    fn in_the_way(&self, connection: &Connection) -> Option<String> {
        let id = connection.id;
        let refused = decide(connection, Event::ForgetAsked, &self.actor(), self.clock.now()).err()?;
        let until = |until| self.zone.with_utc(until);
        match refused.why {
            // Forgotten already.
            Why::NothingToDo => None,
            Why::UnderWay { until: end } if rotation(connection).is_some() => Some(format!(
                "a renewal of the token pair of {id} is under way until {} at the latest; try again then",
                until(end)
            )),
            Why::UnderWay { until: end } => Some(format!(
                "something is under way on {id} until {} at the latest; try again then",
                until(end)
            )),
            Why::InDoubt => Some(format!(
                "an attempt at {id} may have succeeded; settle it first with `handover resolve {id}`"
            )),
            other => Some(format!("{id}: {other}")),
        }
    }

    async fn forget_one(&self, connection: &Connection, warnings: &mut Vec<String>) -> Result<Connection, Failure> {
        let forgotten = if connection.forgotten_at.is_none() {
            self.ask(connection.id, Event::ForgetAsked).await?
        } else {
            connection.clone()
        };
        let left = match self.desk().erase(&forgotten, &self.actor()).await {
            Ok(left) => left,
            Err(error) => {
                warnings.push(format!(
                    "{}: the history is still to be erased ({}); the functions do it within minutes",
                    forgotten.id,
                    Failure::from(error)
                ));
                forgotten
            }
        };
        warnings.extend(self.point(&left).await);
        Ok(left)
    }
}

fn what_goes(connections: &[&Connection]) -> String {
    let told: Vec<String> = connections.iter().map(|one| told(one)).collect();
    format!(
        "names, addresses and history are erased for good of: {}",
        told.join(", ")
    )
}

fn told(connection: &Connection) -> String {
    let (id, status) = (connection.id, connection.state.status());
    match &connection.state {
        State::Registered(done) => format!("{id} ({status} as {}, where the database stays)", done.segment),
        State::Cancelled => format!("{id} ({status})"),
        _ if connection.pair.is_some() => format!("{id} ({status}: given up, its token pair destroyed)"),
        _ => format!("{id} ({status}: given up)"),
    }
}

fn message(whom: &Whom, forgotten: usize) -> String {
    match (whom, forgotten) {
        (Whom::Customer(reference), 0) => format!(
            "Nothing is known of a customer {reference}: there is nothing to erase. `handover list` shows whom there is."
        ),
        (Whom::Connection(id), 0) => format!("{id} is forgotten already."),
        (_, 1) => "1 connection is forgotten.".into(),
        (_, count) => format!("{count} connections are forgotten."),
    }
}

fn joined(ids: &[ConnectionId]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(", ")
}
