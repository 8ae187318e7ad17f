//! The http channel as the core's port.

use std::{fmt, time::Duration};

use handover_core::{
    connection::{LookUpRule, Problem},
    event::{LookUpAnswer, Outcome},
    ids::{AuthorisationId, ConnectionId, CustomerReference, Segment},
    ports::{NotPrepared, Registrar, Submission},
    secret::Plaintext,
};
use handover_platform::{HttpClient, http::Request};

use crate::{
    Profile, ProfileError,
    answer::{self, Judge},
    key::idempotency_key,
    request,
};

/// The http channel.
#[derive(Debug, Clone)]
pub struct HttpRegistrar {
    http: HttpClient,
}

/// A request, ready to go, with what its answer is judged by.
pub struct Prepared {
    request: Request,
    judge: Judge,
    look_up: Option<LookUpRule>,
    needs_fresh_access_token: bool,
    limit: Duration,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prepared(hidden)")
    }
}

impl HttpRegistrar {
    /// The http channel, spoken to through `http`.
    #[must_use]
    pub fn new(http: HttpClient) -> Self {
        Self { http }
    }

    fn sendable(&self, request: Request) -> Result<Request, NotPrepared> {
        let address = request.uri().to_string().parse();
        if address.is_ok_and(|address| self.http.allows(&address)) {
            return Ok(request);
        }
        Err(configuration(
            "the channel's address is not https, which this deployment does not allow",
        ))
    }
}

impl Registrar for HttpRegistrar {
    type Prepared = Prepared;

    fn prepare(&self, profile: &Plaintext, submission: &Submission<'_>) -> Result<Prepared, NotPrepared> {
        let profile = read(profile)?;
        let key = idempotency_key(submission.connection, submission.authorisation);
        let request = request::registration(&profile, submission, &key).map_err(configuration)?;
        Ok(Prepared {
            request: self.sendable(request)?,
            look_up: profile.look_up_rule(),
            needs_fresh_access_token: profile.needs_fresh_access_token(),
            limit: profile.time_limit(),
            judge: Judge {
                key,
                database: submission.database.clone(),
                pair_if_refused: profile.pair_if_refused,
                exists_only_for_our_key: profile.exists_only_for_our_key,
                secrets: request::secrets(&profile, submission),
                limit_seconds: profile.timeout_seconds.into(),
                answers: profile.answers,
            },
        })
    }

    fn look_up_rule(&self, prepared: &Prepared) -> Option<LookUpRule> {
        prepared.look_up
    }

    fn needs_fresh_access_token(&self, prepared: &Prepared) -> bool {
        prepared.needs_fresh_access_token
    }

    fn time_limit(&self, prepared: &Prepared) -> Duration {
        prepared.limit
    }

    async fn submit(&self, prepared: Prepared) -> Outcome {
        let came = self.http.send(prepared.request, prepared.limit).await;
        prepared.judge.outcome(came)
    }

    async fn look_up(
        &self,
        profile: &Plaintext,
        connection: ConnectionId,
        authorisation: &AuthorisationId,
        reference: &CustomerReference,
        database: &Segment,
    ) -> Result<LookUpAnswer, NotPrepared> {
        let profile = read(profile)?;
        let look_up = profile
            .look_up
            .as_ref()
            .ok_or_else(|| configuration("the channel's profile has no `look_up`"))?;
        let key = idempotency_key(connection, authorisation);
        let values = [key.as_str(), reference.as_str(), database.as_str()];
        let request = self.sendable(request::look_up(&profile, look_up, values).map_err(configuration)?)?;
        let came = self
            .http
            .send(request, Duration::from_secs(look_up.timeout_seconds.into()))
            .await;
        Ok(answer::looked_up(&look_up.answers, &key, database, came))
    }
}

fn read(profile: &Plaintext) -> Result<Profile, NotPrepared> {
    Profile::read(profile).map_err(|error: ProfileError| configuration(error.to_string()))
}

fn configuration(reason: impl Into<String>) -> NotPrepared {
    NotPrepared {
        problem: Problem::Configuration,
        reason: reason.into(),
    }
}
