//! A customer, with a browser.

use handover_callback::Answer;
use handover_core::{
    browser::authorisation_of,
    ids::{AuthorisationId, ConnectionId},
    secret::State,
};
use serde_json::json;
use url::{Url, form_urlencoded};

use crate::exact::User;

/// A customer of the OEM.
#[derive(Debug, Default)]
pub struct Customer {
    /// Who they are at the platform.
    pub user: User,
    /// Connects several at once, and wants each registered at once.
    pub hurried: bool,
    /// Their connection, once the OEM knows it.
    pub connection: Option<ConnectionId>,
    /// The latest link.
    pub link: Option<String>,
    /// Times through the consent screen, in tabs of their own.
    pub trips: Vec<Trip>,
    /// Times that the link was opened.
    pub opened: u32,
}

/// One tab.
#[derive(Debug)]
pub struct Trip {
    /// Its authorisation.
    pub authorisation: AuthorisationId,
    /// As the platform got it.
    pub state: String,
    /// As the platform got it.
    pub challenge: String,
    /// The browser keeps it.
    cookie: String,
    /// What the platform sends back.
    pub code: Option<String>,
    /// Times that it came back.
    pub returned: u32,
}

impl Trip {
    /// From the answer that sends the browser to the consent screen.
    #[must_use]
    pub fn depart(answer: &Answer) -> Option<Self> {
        let consent = Url::parse(answer.headers.get("location")?).ok()?;
        let parameter = |wanted: &str| {
            let found = consent.query_pairs().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.into_owned())
        };
        let state = parameter("state")?;
        Some(Self {
            authorisation: authorisation_of(&State::new(state.as_str())),
            state,
            challenge: parameter("code_challenge")?,
            cookie: answer.cookies.first()?.split(';').next()?.to_owned(),
            code: None,
            returned: 0,
        })
    }

    /// The way back from the consent screen: with a code, or without.
    #[must_use]
    pub fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        match &self.code {
            Some(code) => query.append_pair("code", code),
            None => query.append_pair("error", "access_denied"),
        };
        query.append_pair("state", &self.state).finish()
    }

    /// What the browser asks for.
    #[must_use]
    pub fn request(&self, path: &str, query: &str) -> serde_json::Value {
        request(path, query, &[self.cookie.as_str()])
    }
}

/// A request as API Gateway hands it over.
#[must_use]
pub fn request(path: &str, query: &str, cookies: &[&str]) -> serde_json::Value {
    json!({
        "rawPath": path,
        "rawQueryString": query,
        "cookies": cookies,
        "requestContext": { "http": { "method": "GET" } },
    })
}
