//! What can be set: apps, users, lifetimes, limits, and Invantive Cloud's side.
//!
//! Each setting is one where what is published leaves something open, or one that a demonstration has to shorten.

use serde::{Deserialize, Serialize};

/// An app registration at Exact Online; the body of `PUT /__standin/apps/{client_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct App {
    /// What the consent page calls it.
    pub name: String,
    /// The client secret.
    pub client_secret: String,
    /// The registered redirect URIs; one that is presented must equal one of them exactly.
    pub redirect_uris: Vec<String>,
    /// Whether a code challenge is checked (unknown of the real one).
    pub pkce: Pkce,
    /// How `Me` answers.
    pub me_shape: MeShape,
    /// When a refresh token dies after its exchange.
    pub old_token_dies: OldTokenDies,
    /// From which answer the earliest refresh is counted.
    pub early_counts_from: EarlyCountsFrom,
    /// What a used code or another redirect URI is answered with.
    pub spent_code_answer: SpentCodeAnswer,
    /// 400 was seen, 401 is documented.
    pub too_early_status: u16,
    /// 401 was seen, and 400.
    pub used_token_status: u16,
    /// 400 today; 401 was seen for a bad secret in 2015.
    pub bad_client_status: u16,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How often things may be asked.
    pub limits: Limits,
}

impl Default for App {
    fn default() -> Self {
        Self {
            name: String::new(),
            client_secret: String::new(),
            redirect_uris: Vec::new(),
            pkce: Pkce::default(),
            me_shape: MeShape::default(),
            old_token_dies: OldTokenDies::default(),
            early_counts_from: EarlyCountsFrom::default(),
            spent_code_answer: SpentCodeAnswer::default(),
            too_early_status: 400,
            used_token_status: 401,
            bad_client_status: 400,
            lifetimes: Lifetimes::default(),
            limits: Limits::default(),
        }
    }
}

/// Whether the verifier has to fit the challenge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// Parameters are tolerated and not looked at.
    #[default]
    Ignored,
    /// A code with a challenge needs its verifier.
    Enforced,
}

/// How `Me` wraps its one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeShape {
    /// `{"d":{"results":[{…}]}}`
    #[default]
    Results,
    /// `{"d":{…}}`
    Bare,
}

/// When the old refresh token of an exchange stops working.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OldTokenDies {
    /// At the exchange, by most reports.
    #[default]
    AtExchange,
    /// When the new refresh token is first exchanged (Invantive, 2021).
    WhenNewIsUsed,
}

/// From which answer the earliest refresh is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyCountsFrom {
    /// From the chain's last token answer, one that was lost on its way included.
    #[default]
    LastAnswer,
    /// From the answer that carried the presented token.
    PresentedToken,
}

/// The body of the 400 for a used code or a redirect URI that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpentCodeAnswer {
    /// The plain text `Bad Request`.
    #[default]
    Plain,
    /// `{"error":"invalid_grant"}`
    Json,
}

/// How long things live, in seconds. The defaults are the rules that Exact Online publishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lifetimes {
    /// An access token, used or not.
    pub access_seconds: i64,
    /// A refresh token that is not used.
    pub refresh_seconds: i64,
    /// How long after a token answer the next refresh is allowed.
    pub earliest_refresh_seconds: i64,
    /// An authorisation code.
    pub code_seconds: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access_seconds: 600,
            refresh_seconds: 30 * 86_400,
            earliest_refresh_seconds: 570,
            code_seconds: 180,
        }
    }
}

/// How often things may be asked. The defaults are the limits that Exact Online publishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Token calls per app, user and day.
    pub token_calls_a_day: u32,
    /// Answers of 400, 401, 403 or 404 per key, user, endpoint and hour; the last of them blocks the key.
    pub errors_an_hour: u32,
    /// How long the first block lasts; each further one twice as long.
    pub block_seconds: i64,
    /// API calls a minute per app and company.
    pub api_calls_a_minute: u32,
    /// API calls a day per app and company.
    pub api_calls_a_day: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            token_calls_a_day: 200,
            errors_an_hour: 10,
            block_seconds: 3_600,
            api_calls_a_minute: 60,
            api_calls_a_day: 5_000,
        }
    }
}

/// A user of Exact Online; the body of `PUT /__standin/users/{name}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct User {
    /// What the user types to log in.
    pub password: String,
    /// `FullName`.
    pub full_name: String,
    /// `Email`.
    pub email: String,
    /// `UserID`, a GUID; one is made up, and kept, when none is given.
    pub user_id: Option<String>,
    /// `CurrentDivision`, which follows the user's own choice in the UI; 0 means 100000.
    pub division: i64,
}

/// Invantive Cloud's side; the body of `PUT /__standin/invantive`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InvantiveSettings {
    /// The key that `POST` and `GET /api/databases` ask for as `Authorization: Bearer …`.
    pub api_key: String,
    /// Answers 503 and does nothing.
    pub busy: bool,
    /// Exchanges the refresh token at once wherever that is allowed, instead of using the access token while it
    /// lives: what a refusal then leaves behind is a spent pair (unknown of the real one).
    pub exchange_first: bool,
    /// Whether a registered database exchanges its refresh token of itself as soon as that is allowed.
    pub opens_databases: bool,
}

impl Default for InvantiveSettings {
    fn default() -> Self {
        Self {
            api_key: "sample-invantive-key".to_owned(),
            busy: false,
            exchange_first: false,
            opens_databases: true,
        }
    }
}
