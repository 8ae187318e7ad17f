//! `GET /callback/{application}`: the way back from the consent screen.
//!
//! What does not fit its cookie is turned away here, before anything is read. All else happens in a task that outlives
//! the answer, and the browser goes on to `/connected/…` without the code in its address bar.

use std::{sync::Arc, time::Duration};

use handover_core::{
    apply::{Along, ApplyError},
    authorisation::Authorisation,
    browser::authorisation_of,
    budget::Budget,
    event::{Actor, Event},
    ids::{ApplicationId, AuthorisationId, ConnectionId},
    ports::{Clock, Platform, Queue, Randomness, Store, Vault},
    secret::{AuthorizationCode, PkceVerifier},
};
use handover_platform::{CallbackError, CallbackQuery};
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::{Answer, Callback, Request, claim::NotClaimed, cookie::TripCookie, pages, told};

/// One browser's way back. Its secret fits its `state`; what else it says is still to be confirmed.
pub(crate) struct Return {
    pub trip: AuthorisationId,
    /// From the path.
    pub application: ApplicationId,
    /// From the cookie.
    pub connection: ConnectionId,
    pub verifier: PkceVerifier,
}

impl Return {
    /// Whether `authorisation` is of the path's application and the cookie's connection. Once it is, both are true.
    pub(crate) fn fits(&self, authorisation: &Authorisation) -> bool {
        authorisation.application == self.application && authorisation.connection == self.connection
    }

    /// To the page that shows the outcome. 303: a reload of it asks nothing of the platform.
    pub(crate) fn outcome(&self) -> Answer {
        Answer::redirect(303, format!("/connected/{}", self.trip))
    }
}

impl<S, V, Q, P, C, R> Callback<S, V, Q, P, C, R>
where
    S: Store + 'static,
    V: Vault + 'static,
    Q: Queue + 'static,
    P: Platform + 'static,
    C: Clock + 'static,
    R: Randomness + 'static,
{
    pub(crate) async fn callback(self: &Arc<Self>, application: &str, request: &Request, budget: Budget) -> Answer {
        let Ok(application) = application.parse::<ApplicationId>() else {
            return pages::not_found();
        };
        let query = match CallbackQuery::read(request.query()) {
            Ok(query) => query,
            Err(CallbackError::TooLong) => return pages::too_long(),
            Err(_) => return pages::malformed(),
        };
        let trip = authorisation_of(query.state());
        let cookie = TripCookie::find(request, &trip).filter(|cookie| cookie.secret.state().same_as(query.state()));
        let Some(cookie) = cookie else {
            tracing::info!(authorisation.id = %trip, "handover.other_browser");
            return pages::other_browser();
        };
        let back = Return {
            trip,
            application,
            connection: cookie.connection,
            verifier: cookie.secret.verifier(),
        };
        match query {
            CallbackQuery::Error { error, .. } => self.refused(&back, error).await,
            CallbackQuery::Code { code, .. } => self.took(back, code, budget).await,
        }
    }

    /// Everything that may not be dropped because a browser or the gateway went away. The customer goes on as soon as the
    /// pair is safe.
    async fn took(self: &Arc<Self>, back: Return, code: AuthorizationCode, budget: Budget) -> Answer {
        let outcome = back.outcome();
        let trip = back.trip.clone();
        let callback = Arc::clone(self);
        let (safe, stored) = oneshot::channel();
        let work = self
            .background
            .spawn(async move { callback.take(&back, code, budget, safe).await });
        let panicked = trip.clone();
        // Told whether or not the customer has gone on by then.
        let work = self.background.spawn(async move {
            work.await
                .inspect_err(|error| {
                    tracing::error!(authorisation.id = %panicked, error = %told(error), "handover.panicked");
                })
                .ok()
        });
        tokio::select! {
            biased;
            ended = work => ended.ok().flatten().unwrap_or(outcome),
            Ok(()) = stored => outcome,
            () = tokio::time::sleep(self.patience(&budget)) => {
                tracing::info!(authorisation.id = %trip, "handover.still_working");
                outcome
            }
        }
    }

    /// What is left of the time after which a customer is told that the work goes on. In real time, like the gateway's
    /// limit, and from the arrival of the request.
    fn patience(&self, budget: &Budget) -> Duration {
        let passed = self.settings.timeout.saturating_sub(budget.left(&self.ports.clock));
        self.settings.still_working_after.saturating_sub(passed)
    }

    async fn take(
        self: &Arc<Self>,
        back: &Return,
        code: AuthorizationCode,
        budget: Budget,
        safe: oneshot::Sender<()>,
    ) -> Answer {
        match self.claim(back, &budget).await {
            Ok(claim) => {
                self.exchange(back, claim, code, &budget, safe).await;
                back.outcome()
            }
            Err(reason) => self.not_claimed(back, reason).await,
        }
    }

    async fn not_claimed(&self, back: &Return, reason: NotClaimed) -> Answer {
        match reason {
            NotClaimed::Used => back.outcome(),
            NotClaimed::Unknown => pages::other_browser(),
            NotClaimed::Lapsed => pages::lapsed_trip(),
            NotClaimed::UnderWay => pages::under_way(self.brand(&back.application).await.as_deref()),
            NotClaimed::Closed => pages::closed_link(self.brand(&back.application).await.as_deref()),
            NotClaimed::NotReady => pages::misconfigured(self.brand(&back.application).await.as_deref()),
            NotClaimed::Unavailable => pages::unavailable(),
        }
    }

    /// The customer, or the platform, said no. Uses the trip up, so that it is said once; the link stays open.
    async fn refused(&self, back: &Return, error: String) -> Answer {
        let (found, brand) = tokio::join!(
            self.ports.store.authorisation(&back.trip),
            self.brand(&back.application)
        );
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(authorisation.id = %back.trip, error = %told(&error), "handover.trip_not_read");
                return pages::unavailable();
            }
        };
        if let Err(reason) = usable(back, found, self.ports.clock.now()) {
            return self.not_claimed(back, reason).await;
        }
        let along = Along {
            consume: Some(back.trip.clone()),
            ..Along::default()
        };
        let event = Event::ConsentRefused { error };
        match self
            .desk()
            .apply(back.connection, &event, &Actor::Customer, &along)
            .await
        {
            Ok(connection) => {
                tracing::info!(connection.id = %connection.id, authorisation.id = %back.trip, "handover.consent_refused");
                self.point(&connection).await;
                pages::consent_refused(brand.as_deref())
            }
            // The state has no use for it (finished, cancelled): what the customer did is the same.
            Err(ApplyError::Refused(_)) => pages::consent_refused(brand.as_deref()),
            // Used in another window meanwhile.
            Err(ApplyError::Conflict(_)) => back.outcome(),
            Err(error) => {
                tracing::error!(connection.id = %back.connection, error = %told(&error), "handover.refusal_not_recorded");
                pages::unavailable()
            }
        }
    }
}

/// Whether the trip that was found may be used by this browser now.
pub(crate) fn usable(back: &Return, found: Option<Authorisation>, now: Timestamp) -> Result<Authorisation, NotClaimed> {
    let authorisation = found.filter(|found| back.fits(found)).ok_or(NotClaimed::Unknown)?;
    if authorisation.is_open(&back.application, now) {
        Ok(authorisation)
    } else if authorisation.consumed_at.is_some() {
        Err(NotClaimed::Used)
    } else {
        Err(NotClaimed::Lapsed)
    }
}
