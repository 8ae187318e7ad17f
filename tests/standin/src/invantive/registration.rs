//! What is submitted, and how that can end.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    books::{Channel, Submission},
    exact::grants::TokenRequest,
};

/// The fields that the form and the interface take. Empty is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// The app's client id.
    pub client_id: String,
    /// The app's client secret.
    pub client_secret: String,
    /// The app's redirect URL.
    pub redirect_url: String,
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// The authorisation code, instead of a pair.
    pub authorization_code: String,
    /// The country, as the end of the host's name: `nl`, `be`, …
    pub country: String,
    /// The URL segment that is wanted.
    pub database: String,
    /// The OEM's own reference.
    pub reference: String,
}

/// How a submission ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The database is there.
    Created {
        /// Its URL segment.
        segment: String,
    },
    /// It was there already, under this very idempotency key.
    Exists {
        /// Its URL segment.
        segment: String,
    },
    /// It was refused.
    Refused {
        /// Invantive's code.
        code: &'static str,
        /// Invantive's words.
        message: String,
    },
    /// A field is missing or wrong.
    Invalid {
        /// Which.
        field: &'static str,
    },
    /// The key does not fit.
    WrongKey,
    /// Nothing was done; come back later.
    Busy,
}

impl Verdict {
    /// The status of the interface's answer.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Created { .. } => 201,
            Self::Exists { .. } => 409,
            Self::Refused { .. } => 422,
            Self::Invalid { .. } => 400,
            Self::WrongKey => 401,
            Self::Busy => 503,
        }
    }

    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Exists { .. } => "exists",
            Self::Refused { code, .. } => code,
            Self::Invalid { .. } => "invalid",
            Self::WrongKey => "wrong_key",
            Self::Busy => "busy",
        }
    }

    pub(super) fn segment(&self) -> Option<&str> {
        match self {
            Self::Created { segment } | Self::Exists { segment } => Some(segment),
            _ => None,
        }
    }
}

impl Registration {
    /// The first field that is missing.
    pub(super) fn missing(&self) -> Option<&'static str> {
        let empty = |value: &str| value.trim().is_empty();
        let pair = !empty(&self.access_token) && !empty(&self.refresh_token);
        [
            ("client_id", empty(&self.client_id)),
            ("client_secret", empty(&self.client_secret)),
            ("redirect_url", empty(&self.redirect_url)),
            ("country", empty(&self.country)),
            ("refresh_token", !pair && empty(&self.authorization_code)),
        ]
        .into_iter()
        .find_map(|(field, absent)| absent.then_some(field))
    }

    /// How Exact Online is asked for a pair.
    pub(super) fn token_request(&self) -> TokenRequest {
        let by_code = !self.authorization_code.is_empty();
        TokenRequest {
            grant_type: if by_code { "authorization_code" } else { "refresh_token" }.to_owned(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            code: self.authorization_code.clone(),
            redirect_uri: self.redirect_url.clone(),
            code_verifier: None,
            refresh_token: self.refresh_token.clone(),
        }
    }

    /// The entry in the books, before anything is known of the outcome.
    pub(super) fn note(&self, channel: Channel, idempotency_key: Option<&str>, at: Timestamp) -> Submission {
        Submission {
            at,
            channel,
            idempotency_key: idempotency_key.map(str::to_owned),
            reference: given(&self.reference),
            client_id: self.client_id.clone(),
            redirect_url: self.redirect_url.clone(),
            country: self.country.clone(),
            access_token: given(&self.access_token),
            refresh_token: given(&self.refresh_token),
            authorization_code: given(&self.authorization_code),
            status: None,
            outcome: "unheard".to_owned(),
            segment: None,
            spent: false,
            fault: None,
        }
    }
}

/// Empty is absent.
pub(super) fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
