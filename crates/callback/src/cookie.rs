//! The cookie that binds a trip through the consent screen to one browser.
//!
//! One per trip, named after it, so that several customers can be connected in several tabs. Beside the browser's
//! secret it carries the connection's id: so everything that a callback needs is read side by side. Nobody trusts that
//! id before the stored authorisation has confirmed it.

use handover_core::{
    authorisation::AUTHORISATION_LIFE,
    browser::{BrowserSecret, authorisation_of},
    ids::{AuthorisationId, ConnectionId},
};

use crate::gateway::Request;

/// `__Host-`: only over TLS, only from this very host, for all its paths.
const PREFIX: &str = "__Host-handover-";
/// Characters of the authorisation's hash in the name: enough to tell trips apart.
const SHORT: usize = 12;
/// Cookies of one name that are looked at: a browser sends one.
const LOOKED_AT: usize = 4;

pub(crate) struct TripCookie {
    pub connection: ConnectionId,
    pub secret: BrowserSecret,
}

impl TripCookie {
    /// As `Set-Cookie`. `Lax`, since the way back from the platform starts at another site.
    pub(crate) fn set(&self, trip: &AuthorisationId) -> String {
        format!(
            "{name}={connection}.{secret}; Path=/; Max-Age={life}; Secure; HttpOnly; SameSite=Lax",
            name = name_of(trip),
            connection = self.connection,
            secret = self.secret.expose_text().as_str(),
            life = AUTHORISATION_LIFE.as_secs(),
        )
    }

    /// The cookie of `trip`, if this browser holds it: its secret leads to that very trip.
    pub(crate) fn find(request: &Request, trip: &AuthorisationId) -> Option<Self> {
        let wanted = name_of(trip);
        request
            .cookies()
            .filter(|(name, _)| *name == wanted)
            .take(LOOKED_AT)
            .filter_map(|(_, value)| Self::read(value))
            .find(|cookie| authorisation_of(&cookie.secret.state()) == *trip)
    }

    fn read(value: &str) -> Option<Self> {
        let (connection, secret) = value.split_once('.')?;
        Some(Self {
            connection: connection.parse().ok()?,
            secret: BrowserSecret::read(secret)?,
        })
    }
}

fn name_of(trip: &AuthorisationId) -> String {
    let hash = trip.as_str().strip_prefix("auth_").unwrap_or_default();
    PREFIX.chars().chain(hash.chars().take(SHORT)).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn cookie(seed: u8) -> (TripCookie, AuthorisationId) {
        let secret = BrowserSecret::new([seed; 32]);
        let trip = authorisation_of(&secret.state());
        (
            TripCookie {
                connection: ConnectionId::new(Timestamp::UNIX_EPOCH, 7),
                secret,
            },
            trip,
        )
    }

    fn browser(cookies: &[String]) -> Request {
        serde_json::from_value(serde_json::json!({ "cookies": cookies })).unwrap()
    }

    fn kept(set: &str) -> String {
        set.split(';').next().unwrap().to_owned()
    }

    #[test]
    fn a_browser_keeps_several_trips_apart() {
        let (first, first_trip) = cookie(1);
        let (second, second_trip) = cookie(2);
        let request = browser(&[
            kept(&first.set(&first_trip)),
            "other=x".into(),
            kept(&second.set(&second_trip)),
        ]);
        for trip in [&first_trip, &second_trip] {
            let found = TripCookie::find(&request, trip).unwrap();
            assert_eq!(authorisation_of(&found.secret.state()), *trip);
            assert_eq!(found.connection, first.connection);
        }
        let (_, third_trip) = cookie(3);
        assert!(TripCookie::find(&request, &third_trip).is_none());
    }

    #[test]
    fn a_cookie_of_the_right_name_with_another_secret_is_none_of_this_trip() {
        let (_, trip) = cookie(1);
        let (other, _) = cookie(2);
        assert!(TripCookie::find(&browser(&[kept(&other.set(&trip))]), &trip).is_none());
    }

    #[test]
    fn its_attributes_are_those_of_a_host_cookie() {
        let (cookie, trip) = cookie(1);
        let set = cookie.set(&trip);
        let name = set.split('=').next().unwrap();
        assert_eq!(name.len(), "__Host-handover-".len() + 12);
        assert!(
            set.ends_with("; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax"),
            "{set}"
        );
    }

    #[test]
    fn rubbish_is_no_cookie() {
        let (_, trip) = cookie(1);
        for value in [
            "",
            ".",
            "conn_x.y",
            &"a".repeat(9_000),
            "conn_00000000000000000000000007.",
        ] {
            assert!(TripCookie::find(&browser(&[format!("{}={value}", name_of(&trip))]), &trip).is_none());
        }
    }
}
