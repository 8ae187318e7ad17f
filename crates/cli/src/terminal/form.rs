//! What is entered at Invantive Cloud, for one registration.

use handover_core::connection::Connection;
use handover_invantive::assisted::{self, Assignment, Field, Step};
use jiff::Timestamp;

use crate::time::Zone;

/// What is entered, and what to know beside it. `Debug` shows no secret.
#[derive(Debug)]
pub struct Form {
    /// Whose database it is.
    pub heading: String,
    /// What is known of the pair.
    pub facts: String,
    /// What its person should know before anything is entered.
    pub attention: Option<String>,
    /// The steps of Invantive's form, in order.
    pub steps: Vec<Step>,
    /// What else the form is known to ask.
    pub beside: Vec<Field>,
}

impl Form {
    /// The form for `connection`.
    #[must_use]
    pub fn new(connection: &Connection, assignment: &Assignment<'_>, zone: &Zone, now: Timestamp) -> Self {
        let who = connection
            .identity
            .as_ref()
            .map_or("who consented is not known", |identity| identity.name.as_str());
        let ends = connection.pair.as_ref().map(|pair| {
            let access = if pair.access_ends_at > now {
                format!("access token ends {}", zone.clock(pair.access_ends_at))
            } else {
                // Nobody is to stop at that: after days it always has, and the refresh token is what counts.
                "access token has ended, as is usual".into()
            };
            format!("; {access}; refresh token ends {}", zone.with_utc(pair.refresh_ends_at))
        });
        Self {
            heading: format!(
                "{}: database {} ({})",
                connection.reference, connection.registration.database, connection.id
            ),
            facts: format!("{who}{}", ends.unwrap_or_default()),
            attention: connection
                .attention
                .as_ref()
                .map(|attention| format!("{}: {}", attention.problem.as_str(), attention.text)),
            steps: assisted::steps(assignment),
            beside: assisted::beside(assignment),
        }
    }

    /// All fields, in order.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.steps.iter().flat_map(|step| &step.fields).chain(&self.beside)
    }
}
