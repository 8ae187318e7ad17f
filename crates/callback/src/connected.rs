//! `GET /connected/{authorisation}`: how it turned out, for the browser that took the trip.

use handover_core::{
    application::Application,
    authorisation::Authorisation,
    connection::{Connection, EffectKind, Problem, State},
    ids::AuthorisationId,
    ports::{Clock, Platform, Queue, Randomness, ReadError, Store, Vault},
};
use jiff::Timestamp;
use url::Url;

use crate::{Answer, Callback, Request, cookie::TripCookie, pages, told};

/// How a trip stands, as far as its customer is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Its code has not come, or is about to be claimed.
    Waiting,
    /// Its code never came in time.
    Lapsed,
    /// Its code is being exchanged.
    Working,
    /// The consent has arrived.
    Connected,
    /// It came to nothing; another try may help.
    Failed,
    /// It came to nothing, and only the OEM can help.
    Misconfigured,
    /// It had arrived, and is of no use any more.
    Ended,
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
    pub(crate) async fn connected(&self, trip: &str, request: &Request) -> Answer {
        let Ok(trip) = trip.parse::<AuthorisationId>() else {
            return pages::not_found();
        };
        let Some(cookie) = TripCookie::find(request, &trip) else {
            return pages::other_browser();
        };
        match self.outcome(&trip, &cookie).await {
            Ok(Some((authorisation, connection, application))) => {
                let standing = standing(&authorisation, &connection, self.ports.clock.now());
                page(standing, &connection, application.as_ref())
            }
            Ok(None) => pages::other_browser(),
            Err(error) => {
                tracing::error!(authorisation.id = %trip, error = %told(&error), "handover.outcome_not_read");
                pages::unread(&error)
            }
        }
    }

    /// The authorisation first: one that was used has its claim on the connection already, so that what is read after
    /// it can only be that or later.
    async fn outcome(
        &self,
        trip: &AuthorisationId,
        cookie: &TripCookie,
    ) -> Result<Option<(Authorisation, Connection, Option<Application>)>, ReadError> {
        let found = self.ports.store.authorisation(trip).await?;
        let Some(authorisation) = found.filter(|found| found.connection == cookie.connection) else {
            return Ok(None);
        };
        let (connection, application) = tokio::join!(
            self.ports.store.connection(authorisation.connection),
            self.ports.store.application(&authorisation.application)
        );
        let application = application?;
        Ok(connection?.map(|connection| (authorisation, connection, application)))
    }
}

fn standing(authorisation: &Authorisation, connection: &Connection, now: Timestamp) -> Standing {
    if authorisation.consumed_at.is_none() {
        let waiting = now < authorisation.expires_at;
        return if waiting { Standing::Waiting } else { Standing::Lapsed };
    }
    let exchanging = connection.effect.as_ref().is_some_and(|effect| {
        matches!(&effect.kind, EffectKind::Exchange { authorisation: under_way } if *under_way == authorisation.id)
    });
    if exchanging {
        return Standing::Working;
    }
    let kept = connection
        .pair
        .as_ref()
        .is_some_and(|pair| pair.key.authorisation == authorisation.id);
    if kept {
        return Standing::Connected;
    }
    // No pair of this trip: it failed, or what it brought has served or ended.
    match (
        &connection.state,
        connection.attention.as_ref().map(|attention| attention.problem),
    ) {
        (State::Cancelled, _) => Standing::Ended,
        (State::Registered(_) | State::Registering | State::InDoubt(_), _) => Standing::Connected,
        (_, Some(Problem::Configuration | Problem::Tampered)) => Standing::Misconfigured,
        (_, Some(Problem::ConsentFailed | Problem::PairUncertain)) | (State::Invited, _) => Standing::Failed,
        (State::Authorized | State::AwaitingOperator, _) => Standing::Connected,
        (State::Failed(_) | State::Reauthorize(_), _) => Standing::Ended,
    }
}

fn page(standing: Standing, connection: &Connection, application: Option<&Application>) -> Answer {
    let brand = application.map(|application| application.display_name.as_str());
    match standing {
        Standing::Waiting => pages::waiting(brand),
        Standing::Lapsed => pages::lapsed_trip(),
        Standing::Working => pages::still_working(brand),
        Standing::Connected => pages::connected(brand, onward(connection, application)),
        Standing::Failed => pages::failed(brand),
        Standing::Misconfigured => pages::misconfigured(brand),
        Standing::Ended => pages::ended(brand),
    }
}

/// Where the browser goes afterwards: asked once more, since the list may have changed.
fn onward<'a>(connection: &'a Connection, application: Option<&Application>) -> Option<&'a Url> {
    connection
        .return_url
        .as_ref()
        .filter(|url| application.is_some_and(|application| application.allows_return_to(url)))
}
