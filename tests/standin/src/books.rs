//! The books: everything that happened, as `GET /__standin/books` tells it.
//!
//! Tokens and codes stand here in the clear: a test looks in logs, tables and pages for exactly these values.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::faults::FaultKind;

/// Everything that happened, each list oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// The clock when this was written.
    pub now: Timestamp,
    /// How far that is from real time.
    pub offset_seconds: i64,
    /// Trips through the consent page that ended.
    pub consents: Vec<Consent>,
    /// Authorisation codes.
    pub codes: Vec<Code>,
    /// Calls of the token endpoint, refused ones included.
    pub exchanges: Vec<Exchange>,
    /// Refresh tokens.
    pub refresh_tokens: Vec<RefreshToken>,
    /// Access tokens.
    pub access_tokens: Vec<AccessToken>,
    /// Calls of `Me`.
    pub me_calls: Vec<MeCall>,
    /// What Invantive Cloud was sent, refused submissions included.
    pub submissions: Vec<Submission>,
    /// Look-ups at Invantive Cloud.
    pub lookups: Vec<Lookup>,
    /// Databases at Invantive Cloud.
    pub databases: Vec<Database>,
    /// Errors that Exact Online answered.
    pub errors: Vec<ErrorAnswered>,
}

impl Books {
    /// How many refresh tokens `peer` has really exchanged.
    pub fn refresh_tokens_spent_by(&self, peer: Peer) -> usize {
        self.exchanges
            .iter()
            .filter(|exchange| exchange.by == peer && exchange.grant == Grant::RefreshToken && exchange.accepted())
            .count()
    }

    /// The entry of one refresh token.
    pub fn refresh_token(&self, value: &str) -> Option<&RefreshToken> {
        self.refresh_tokens.iter().find(|token| token.value == value)
    }

    /// The entry of one code.
    pub fn code(&self, value: &str) -> Option<&Code> {
        self.codes.iter().find(|code| code.value == value)
    }

    /// The database under `segment`.
    pub fn database(&self, segment: &str) -> Option<&Database> {
        self.databases.iter().find(|database| database.segment == segment)
    }

    /// Every code and token ever issued: what no log, table, page or URL may show.
    pub fn secrets(&self) -> Vec<&str> {
        let codes = self.codes.iter().map(|code| code.value.as_str());
        let refresh = self.refresh_tokens.iter().map(|token| token.value.as_str());
        let access = self.access_tokens.iter().map(|token| token.value.as_str());
        codes.chain(refresh).chain(access).collect()
    }
}

/// Who presents a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// The OEM's own application: whatever calls over the network.
    Oem,
    /// Invantive Cloud.
    Invantive,
}

/// One trip through the consent page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// When the user clicked.
    pub at: Timestamp,
    /// For which app.
    pub client_id: String,
    /// Which user.
    pub user: String,
    /// Allowed or refused.
    pub allowed: bool,
    /// The `state` that came along.
    pub state: Option<String>,
}

/// An authorisation code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// The code, decoded.
    pub value: String,
    /// For which app.
    pub client_id: String,
    /// Of which user.
    pub user: String,
    /// The redirect URI it was asked with.
    pub redirect_uri: String,
    /// The PKCE challenge it was asked with.
    pub challenge: Option<Challenge>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// How often it was presented.
    pub presented: Presented,
}

/// A PKCE challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// `code_challenge`.
    pub challenge: String,
    /// `code_challenge_method`; absent means `plain`.
    pub method: Option<String>,
}

/// How often a value was presented, and how that went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presented {
    /// Exchanged.
    pub accepted: u32,
    /// Refused.
    pub refused: u32,
    /// Arrived, and met a fault before it had any effect.
    pub unheard: u32,
}

impl Presented {
    /// However it went.
    pub const fn times(self) -> u32 {
        self.accepted.saturating_add(self.refused).saturating_add(self.unheard)
    }
}

/// What was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// An authorisation code.
    AuthorizationCode,
    /// A refresh token.
    RefreshToken,
    /// Anything else.
    Other,
}

/// One call of the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// When its effect was.
    pub at: Timestamp,
    /// By whom.
    pub by: Peer,
    /// The client id that was sent.
    pub client_id: String,
    /// Whose token or code it was, when it was known at all.
    pub user: Option<String>,
    /// What was presented.
    pub grant: Grant,
    /// The code or refresh token that was presented.
    pub presented: String,
    /// How it went.
    pub outcome: ExchangeOutcome,
    /// The fault that spoiled the answer or prevented the effect.
    pub fault: Option<FaultKind>,
}

impl Exchange {
    /// Whether a pair was issued.
    pub const fn accepted(&self) -> bool {
        matches!(self.outcome, ExchangeOutcome::Issued { .. })
    }
}

/// How a call of the token endpoint went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum ExchangeOutcome {
    /// A pair was issued.
    Issued {
        /// The chain it belongs to.
        chain: usize,
        /// The number of answers in that chain.
        generation: u32,
        /// The new access token.
        access_token: String,
        /// The new refresh token.
        refresh_token: String,
    },
    /// It was refused.
    Refused {
        /// The status of the answer.
        status: u16,
        /// Which rule refused it.
        rule: String,
    },
    /// A fault came first: nothing happened.
    Unheard,
}

/// A refresh token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    /// The token.
    pub value: String,
    /// For which app.
    pub client_id: String,
    /// Of which user.
    pub user: String,
    /// The chain it belongs to.
    pub chain: usize,
    /// Which answer of that chain carried it, from 1.
    pub generation: u32,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// To whom.
    pub issued_to: Peer,
    /// Who has presented it, in order, however that went.
    pub presented_by: Vec<Peer>,
    /// Who has exchanged it, in order.
    pub exchanged_by: Vec<Peer>,
    /// How often it was presented.
    pub presented: Presented,
}

impl RefreshToken {
    /// How often `peer` has presented it, however that went.
    pub fn times_presented_by(&self, peer: Peer) -> usize {
        self.presented_by.iter().filter(|by| **by == peer).count()
    }
}

/// An access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    /// The token.
    pub value: String,
    /// For which app.
    pub client_id: String,
    /// Of which user.
    pub user: String,
    /// The chain it belongs to.
    pub chain: usize,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends, used or not.
    pub ends_at: Timestamp,
    /// How often it was used.
    pub presented: Presented,
}

/// One call of `Me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeCall {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Peer,
    /// For which app, when the token was known.
    pub client_id: Option<String>,
    /// Of which user, when the token was known.
    pub user: Option<String>,
    /// The status of the answer; absent when a fault came first.
    pub status: Option<u16>,
    /// The fault that spoiled the answer or prevented it.
    pub fault: Option<FaultKind>,
}

/// One error that Exact Online answered of itself (a fault that was asked for is none).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorAnswered {
    /// When.
    pub at: Timestamp,
    /// By which endpoint: `token` or `me`.
    pub endpoint: String,
    /// To whom.
    pub to: Peer,
    /// The client id, when one was known.
    pub client_id: String,
    /// The user, when one was known.
    pub user: Option<String>,
    /// The status.
    pub status: u16,
    /// Which rule.
    pub rule: String,
}

/// How a submission came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The form, by a person.
    Form,
    /// `POST /api/databases`.
    Http,
}

/// One submission that Invantive Cloud received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// When.
    pub at: Timestamp,
    /// How it came.
    pub channel: Channel,
    /// The `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// The OEM's reference.
    pub reference: Option<String>,
    /// The client id.
    pub client_id: String,
    /// The redirect URL.
    pub redirect_url: String,
    /// The country.
    pub country: String,
    /// The access token.
    pub access_token: Option<String>,
    /// The refresh token.
    pub refresh_token: Option<String>,
    /// The authorisation code, instead of a pair.
    pub authorization_code: Option<String>,
    /// The status of the answer; absent when a fault came first.
    pub status: Option<u16>,
    /// `created`, `exists`, or the code of the refusal.
    pub outcome: String,
    /// The database's URL segment.
    pub segment: Option<String>,
    /// Whether the refresh token or the code was spent on the way.
    pub spent: bool,
    /// The fault that spoiled the answer or prevented the effect.
    pub fault: Option<FaultKind>,
}

/// One look-up at Invantive Cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// When.
    pub at: Timestamp,
    /// By which idempotency key.
    pub idempotency_key: Option<String>,
    /// By which reference.
    pub reference: Option<String>,
    /// The status of the answer; absent when a fault came first.
    pub status: Option<u16>,
    /// What was found.
    pub segment: Option<String>,
}

/// A database at Invantive Cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Its URL segment.
    pub segment: String,
    /// The app it uses.
    pub client_id: String,
    /// The user it acts for.
    pub user: String,
    /// The OEM's reference.
    pub reference: Option<String>,
    /// The idempotency key it was registered under.
    pub idempotency_key: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// The refresh token it holds now.
    pub refresh_token: String,
    /// How many refresh tokens it has spent.
    pub refresh_tokens_spent: u32,
    /// When it will exchange its refresh token.
    pub refresh_at: Option<Timestamp>,
    /// Why it no longer works, in Invantive's words.
    pub broken: Option<String>,
}
