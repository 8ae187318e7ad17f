//! Log-in and consent: what stands between an authorise URL and a code.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    books::{Challenge, Code, Consent, Presented},
    exact::Exact,
    random::Randomness,
};

/// What an authorise URL asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthRequest {
    /// The app.
    pub client_id: String,
    /// Where the browser goes afterwards.
    pub redirect_uri: String,
    /// Comes back as it was.
    pub state: Option<String>,
    /// PKCE, tolerated.
    pub challenge: Option<Challenge>,
}

/// Trips under way, and who is logged in in which browser.
#[derive(Clone, Debug, Default)]
pub struct Logins {
    trips: BTreeMap<String, Trip>,
    sessions: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
struct Trip {
    request: AuthRequest,
    user: Option<String>,
}

/// Why an authorise URL leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthRefused {
    /// `Client with identifier '…' not found`.
    UnknownClient,
    /// Not the registered redirect URI.
    WrongRedirect,
    /// `response_type` is not `code`.
    NotCode,
}

impl Exact {
    /// Begins a trip; the answer is its id, the hidden field `request` of both forms.
    ///
    /// # Errors
    /// When the app is unknown or the redirect URI is not one of its own, exactly.
    pub fn begin(&mut self, request: AuthRequest, random: &mut Randomness) -> Result<String, AuthRefused> {
        let app = self.apps.get(&request.client_id).ok_or(AuthRefused::UnknownClient)?;
        if !app.redirect_uris.contains(&request.redirect_uri) {
            return Err(AuthRefused::WrongRedirect);
        }
        let id = random.text(32);
        self.logins.trips.insert(id.clone(), Trip { request, user: None });
        Ok(id)
    }

    /// What a trip asks for.
    pub fn trip(&self, id: &str) -> Option<&AuthRequest> {
        self.logins.trips.get(id).map(|trip| &trip.request)
    }

    /// Logs a user in on a trip; the answer is the browser's session, `None` for a wrong name or password.
    pub fn log_in(&mut self, id: &str, name: &str, password: &str, random: &mut Randomness) -> Option<String> {
        self.users.get(name).filter(|user| user.password == password)?;
        self.logins.trips.get_mut(id)?.user = Some(name.to_owned());
        let session = random.text(32);
        self.logins.sessions.insert(session.clone(), name.to_owned());
        Some(session)
    }

    /// Goes on with who is logged in in this browser already (`force_login=0`); the answer is whether someone is.
    pub fn resume(&mut self, id: &str, session: &str) -> bool {
        let user = self
            .logins
            .sessions
            .get(session)
            .filter(|user| self.users.contains_key(*user));
        match (user, self.logins.trips.get_mut(id)) {
            (Some(user), Some(trip)) => {
                trip.user = Some(user.clone());
                true
            }
            _ => false,
        }
    }

    /// Who is logged in on a trip.
    pub fn traveller(&self, id: &str) -> Option<&str> {
        self.logins.trips.get(id)?.user.as_deref()
    }

    /// Ends a trip with the user's answer: where the browser goes. A trip ends once.
    pub fn decide(&mut self, id: &str, allowed: bool, now: Timestamp, random: &mut Randomness) -> Option<String> {
        self.traveller(id)?;
        let Trip { request, user } = self.logins.trips.remove(id)?;
        let user = user?;
        self.consents.push(Consent {
            at: now,
            client_id: request.client_id.clone(),
            user: user.clone(),
            allowed,
            state: request.state.clone(),
        });
        let (name, value) = if allowed {
            ("code", self.issue_code(&request, user, now, random))
        } else {
            ("error", "access_denied".to_owned())
        };
        Some(back(&request, name, &value))
    }

    fn issue_code(&mut self, request: &AuthRequest, user: String, now: Timestamp, random: &mut Randomness) -> String {
        let value = random.code();
        let code = Code {
            value: value.clone(),
            client_id: request.client_id.clone(),
            user,
            redirect_uri: request.redirect_uri.clone(),
            challenge: request.challenge.clone(),
            issued_at: now,
            presented: Presented::default(),
        };
        self.codes.push(&value, code);
        value
    }
}

/// The redirect URI with an answer and the state. Form encoding sends `!` as `%21`, as Exact Online does.
pub fn back(request: &AuthRequest, name: &str, value: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair(name, value);
    if let Some(state) = &request.state {
        query.append_pair("state", state);
    }
    let joint = if request.redirect_uri.contains('?') { '&' } else { '?' };
    format!("{}{joint}{}", request.redirect_uri, query.finish())
}
