//! The http channel to Invantive Cloud.

use std::time::Duration;

use crate::{
    application::ApplicationSecret,
    connection::{LookUpRule, Problem},
    event::{LookUpAnswer, Outcome},
    ids::{AuthorisationId, ConnectionId, CustomerReference, Segment},
    ports::Received,
    secret::Plaintext,
};

/// What is submitted.
#[derive(Debug)]
pub struct Submission<'a> {
    /// The application, as its secret was sealed.
    pub application: &'a ApplicationSecret,
    /// The pair.
    pub tokens: &'a Received,
    /// The database to make.
    pub database: &'a Segment,
    /// What the OEM calls its customer.
    pub reference: &'a CustomerReference,
    /// With the authorisation: the idempotency key, the same for every attempt.
    pub connection: ConnectionId,
    /// With the connection: the idempotency key.
    pub authorisation: &'a AuthorisationId,
    /// The attempt, from 1; no part of the key.
    pub attempt: u32,
}

/// Nothing was sent: the profile cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct NotPrepared {
    /// [`Problem::Configuration`], or [`Problem::Tampered`].
    pub problem: Problem,
    /// What is wrong with it and what to do.
    pub reason: String,
}

/// The http channel. A profile says where to, in what form, and what the answers mean.
pub trait Registrar: Send + Sync {
    /// A request, ready to go.
    type Prepared: Send;

    /// Reads `profile` (as it was sealed) and builds the request. Sends nothing; all that can fail fails here, before
    /// the claim.
    ///
    /// # Errors
    /// [`NotPrepared`] when the profile cannot be used.
    fn prepare(&self, profile: &Plaintext, submission: &Submission<'_>) -> Result<Self::Prepared, NotPrepared>;

    /// How a doubt about this request can be settled.
    fn look_up_rule(&self, prepared: &Self::Prepared) -> Option<LookUpRule>;

    /// Whether the channel wants an access token that still lives.
    fn needs_fresh_access_token(&self, prepared: &Self::Prepared) -> bool;

    /// How long the request may take.
    fn time_limit(&self, prepared: &Self::Prepared) -> Duration;

    /// Submits. **Irreversible**, never repeated: one request, no redirect, no retry.
    /// Every answer that the profile does not list is [`Outcome::Unanswered`].
    fn submit(&self, prepared: Self::Prepared) -> impl Future<Output = Outcome> + Send;

    /// Asks whether the database is there under our key. Harmless; may be repeated.
    ///
    /// # Errors
    /// [`NotPrepared`] when the profile cannot be used or has no look-up.
    fn look_up(
        &self,
        profile: &Plaintext,
        connection: ConnectionId,
        authorisation: &AuthorisationId,
        reference: &CustomerReference,
        database: &Segment,
    ) -> impl Future<Output = Result<LookUpAnswer, NotPrepared>> + Send;
}
